"""What Numba lacks: a bit mask of 64 comparisons, prefetching, atomic counters, borrowed arrays."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 64
"""Neurons tested at once; arrays over neurons are padded to a multiple of it."""


_intrinsic: Any = intrinsic  # its calls lack an argument, as the type checker sees them


def _borrowing(**options: Any) -> Any:
    """Compile without counting references to arrays, for functions that allocate none.

    A call that is given arrays counts them up and down, atomically: more than the work of the
    functions that handle a single event.
    """
    return njit(cache=True, error_model="numpy", _nrt=False, **options)  # type: ignore[call-overload]


borrowing, inlined = _borrowing(), _borrowing(forceinline=True)


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.gep(data, [index])


@_intrinsic
def above_zero(typing: Any, array: Any, start: Any) -> Any:
    """Bit j is set where array[start + j] > 0, for j in 0..63; a NaN is not."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(array.dtype)
        vector = ir.VectorType(element, BLOCK)
        place = _address(context, builder, array, args[0], args[1])
        values = builder.load(
            builder.bitcast(place, vector.as_pointer()), align=array.dtype.bitwidth // 8
        )
        zero = ir.Constant(vector, [0.0] * BLOCK)
        return builder.bitcast(builder.fcmp_ordered(">", values, zero), ir.IntType(64))

    return types.uint64(array, types.intp), generate


@_intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Index of the lowest set bit of a mask that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@_intrinsic
def prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of array[index]; any index is allowed."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        i32 = ir.IntType(32)
        place = builder.bitcast(_address(context, builder, array, args[0], args[1]), pointer)
        kind = ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [place, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


@_intrinsic
def atomic_add(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Add to an int64 counter that other threads read; the value before."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _address(context, builder, array, args[0], args[1])
        return builder.atomic_rmw("add", place, args[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), generate


def padded(n: int) -> int:
    """Length of the arrays over n neurons."""
    return -(-n // BLOCK) * BLOCK

"""What Numba lacks: a bit mask of 64 comparisons, rows of a matrix product held in registers,
bounds of 16 windows at once, prefetching, arrays by address, atomic counters, borrowed arrays."""

import platform
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 64
"""Neurons tested at once; arrays over neurons are padded to a multiple of it."""

LANES = 16
"""float32 values added at once by `add_rows`."""


_compiler: Any = njit  # its stubs lack options that it has
_intrinsic: Any = intrinsic  # its calls lack an argument, as the type checker sees them


def _borrowing(**options: Any) -> Any:
    """Compile without counting references to arrays, for functions that allocate none.

    A call that is given arrays counts them up and down, atomically: more than the work of the
    functions that handle a single event. A wrapper for C, which nothing here calls, would take
    time to compile.
    """
    given = {"error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}
    return _compiler(cache=True, **given, **options)


# Kernels alone may call the last two, Python would crash: its wrappers take long to compile.
borrowing = _borrowing()
inner, inlined = (_borrowing(no_cpython_wrapper=True, forceinline=force) for force in (False, True))

entry = _compiler(cache=True, nogil=True, no_cfunc_wrapper=True, error_model="numpy")
"""For what Python calls for a long time."""
allocating = _compiler(
    cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy"
)
"""As `inner`, for functions that allocate arrays."""

expanded = njit(inline="always")
"""For an expression or a part of a long function that has a name: its source takes the place of the
call, so that it costs no compilation of its own."""


@expanded
def zero() -> int:
    """0 as a number of 64 bits: for a literal argument a function is compiled once more.

    So it is for True and False, unless they are np.bool_.
    """
    return np.int64(0)  # type: ignore[return-value]


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.gep(data, [index])


def _everywhere(builder: Any, value: Any, vector: Any) -> Any:
    """A vector that holds the value in every lane."""
    none, i32 = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(none, value, i32(0))
    lanes = ir.Constant(ir.VectorType(i32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, none, lanes)


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
def add_rows(typing: Any, out: Any, row: Any, matrix: Any, first: Any, factors: Any) -> Any:
    """out[row + r] += sum over k of factors[r][k] * matrix[first + k], for every r.

    float32 arrays (m, n) and (l, n), contiguous, n a multiple of LANES; factors: a tuple of tuples.
    Each value of the matrix is loaded once for all r, each sum once for all k: LLVM, which must
    allow that the rows overlap, would load them again for each.
    """
    n_rows, n_terms = len(factors), len(factors[0])
    vector = ir.VectorType(ir.FloatType(), LANES)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value=value)
            for kind, value in zip(signature.args[0:3:2], args[0:3:2], strict=True)
        ]
        width = builder.extract_value(arrays[0].shape, 1)

        def begin(array: Any, index: Any, offset: int) -> Any:
            at = builder.add(index, index.type(offset))
            return builder.gep(array.data, [builder.mul(at, width)])

        def place(begin: Any, column: Any) -> Any:
            return builder.bitcast(builder.gep(begin, [column]), vector.as_pointer())

        sums_at = [begin(arrays[0], args[1], r) for r in range(n_rows)]
        values_at = [begin(arrays[1], args[3], k) for k in range(n_terms)]
        rows = [builder.extract_value(args[4], r) for r in range(n_rows)]
        spread = [
            [_everywhere(builder, builder.extract_value(row, k), vector) for k in range(n_terms)]
            for row in rows
        ]  # fmt: skip
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
        )
        steps = (width.type(0), width, width.type(LANES))
        with cgutils.for_range_slice(builder, *steps) as (column, _):
            sums = [builder.load(place(at, column), align=4) for at in sums_at]
            for k, at in enumerate(values_at):
                value = builder.load(place(at, column), align=4)
                sums = [
                    builder.call(fused, [spread[r][k], value, total])
                    for r, total in enumerate(sums)
                ]
            for total, at in zip(sums, sums_at, strict=True):
                builder.store(total, place(at, column), align=4)
        return context.get_dummy_value()

    return types.none(out, types.intp, matrix, types.intp, factors), generate


@_intrinsic
def bounds(
    typing: Any, out: Any, low: Any, rows: Any, v: Any, q: Any, c: Any, slack: Any, tilt: Any
) -> Any:
    """out[low:low + LANES]: bounds of a potential in windows side by side.

    As in `sim_margins.raise_to`.

    v, q, c: its state; rows: the windows' table; slack, tilt: added to the bounds, and to the
    first and last changes. LLVM unrolls a loop over so few before it would make a vector of it.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(out.dtype)
        vector = ir.VectorType(element, LANES)
        made = context.make_array(signature.args[2])(context, builder, value=args[2])
        width = builder.extract_value(made.shape, 1)

        def row(index: int) -> Any:
            start = builder.add(builder.mul(width, width.type(index)), args[1])
            place = builder.bitcast(builder.gep(made.data, [start]), vector.as_pointer())
            return builder.load(place, align=out.dtype.bitwidth // 8)

        *state, margin, lean = (_everywhere(builder, value, vector) for value in args[3:8])

        def of(first: int) -> Any:
            terms = [builder.fmul(row(first + i), value) for i, value in enumerate(state)]
            return builder.fadd(terms[0], builder.fadd(terms[1], terms[2]))

        zero = ir.Constant(vector, [0.0] * LANES)
        first, last = of(0), of(3)
        left, right = builder.fadd(of(6), lean), builder.fsub(of(9), lean)
        inside = builder.and_(
            builder.fcmp_ordered(">", left, zero), builder.fcmp_ordered("<", right, zero)
        )
        rise = builder.select(inside, builder.fmul(row(12), left), zero)
        higher = builder.select(builder.fcmp_ordered(">", first, last), first, last)
        place = _address(context, builder, signature.args[0], args[0], args[1])
        builder.store(
            builder.fadd(builder.fadd(higher, rise), margin),
            builder.bitcast(place, vector.as_pointer()), align=out.dtype.bitwidth // 8,
        )  # fmt: skip
        return context.get_dummy_value()

    return types.none(out, types.intp, rows, *[out.dtype] * 5), generate


@_intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Index of the lowest set bit of a mask that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@_intrinsic
def pointer(typing: Any, address: Any) -> Any:
    """What `carray` makes an array of, from an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate


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


@_intrinsic
def atomic_load(typing: Any, array: Any, index: Any) -> Any:
    """An int64 counter that other threads add to; reading does not take its line from them."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _address(context, builder, array, args[0], args[1])
        return builder.load_atomic(place, "seq_cst", align=8)

    return types.int64(array, types.intp), generate


@_intrinsic
def relax(typing: Any) -> Any:
    """Tell an x86 core that this is a loop that waits; others are told nothing."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if platform.machine() in ("x86_64", "AMD64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            pause = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause")
            builder.call(pause, [])
        return context.get_dummy_value()

    return types.none(), generate


def padded(n: int) -> int:
    """Length of the arrays over n neurons."""
    return -(-n // BLOCK) * BLOCK

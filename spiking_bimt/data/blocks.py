"""Long arrays that stay in files: mapped, and worked on block by block.

So memory is bounded by a block, however long the array is. Memory that is mapped is the file's own,
which the system takes back when it needs it.
"""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BLOCK = 2**21
"""Bytes that are worked on at a time: a processor's cache holds them."""


def blocks(array: Any) -> Iterator[slice]:
    """Slices of the first axis, of about BLOCK bytes each; array: anything with shape and dtype."""
    row = int(np.prod(array.shape[1:], dtype=np.int64)) * array.dtype.itemsize
    rows = max(1, BLOCK // max(1, row))
    for start in range(0, array.shape[0], rows):
        yield slice(start, min(start + rows, array.shape[0]))


def is_mapped(array: Array) -> bool:
    """Whether an array is one in a file, or a view of one."""
    part: Any = array
    while isinstance(part, np.ndarray):
        if isinstance(part, np.memmap):
            return True
        part = part.base
    return False


def scratch(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Zeros in a file without a name, in the system's folder for temporary files (TMPDIR)."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        made: Array = np.memmap(file, dtype, "r+", shape=shape)
    return made


def empty_like(array: Array, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """An array to be filled: in a file where `array` is in one, else in memory."""
    return scratch(shape, dtype) if is_mapped(array) else np.empty(shape, dtype)


def as_type(array: Array, dtype: npt.DTypeLike) -> Array:
    """The array with numbers of a type, in a file where it is in one."""
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    made = empty_like(array, array.shape, dtype)
    with np.errstate(over="ignore"):
        for part in blocks(array):
            made[part] = array[part]
    return made


def first_not_finite(array: Array) -> tuple[int, ...] | None:
    """Place of the first NaN or infinite entry, or None."""
    if array.dtype.kind != "f":
        return None
    if not array.ndim:
        return None if np.isfinite(array) else ()
    for part in blocks(array):
        wrong = ~np.isfinite(array[part])
        if wrong.any():
            first, *rest = (int(i) for i in np.argwhere(wrong)[0])
            return (part.start + first, *rest)
    return None


def groups(offsets: npt.NDArray[np.int64], row_bytes: int) -> Iterator[slice]:
    """Slices of sequences, whole ones, that have about BLOCK bytes of rows each."""
    n, first = len(offsets) - 1, 0
    while first < n:
        end = int(np.searchsorted(offsets, offsets[first] + BLOCK // max(1, row_bytes), "right"))
        last = min(max(end - 1, first + 1), n)
        yield slice(first, last)
        first = last


def rows_of_part(
    values: Array, offsets: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]
) -> Iterator[Array]:
    """Blocks of the rows of the chosen sequences.

    values (S, ..): rows of sequences end to end; offsets (n + 1,); chosen (n,).
    """
    for part in blocks(values):
        yield values[part][chosen[sequence_of(offsets, part)]]


def sequence_of(offsets: npt.NDArray[np.int64], part: slice) -> npt.NDArray[np.int64]:
    """The sequence of each row of a slice."""
    rows = np.arange(part.start, part.stop)
    found: npt.NDArray[np.int64] = np.searchsorted(offsets, rows, side="right") - 1
    return found

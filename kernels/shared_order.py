"""Sorting: Numba's own takes two seconds to compile."""

from typing import Any

import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import borrowing

Array = npt.NDArray[Any]


@borrowing
def sort_first(values: Array, count: int) -> None:
    """Sort the first `count` values in place (Shell 1959): they are few."""
    gap = 1
    while 3 * gap < count:
        gap = 3 * gap + 1
    while gap:
        for i in range(gap, count):
            value, place = values[i], i
            while place >= gap and values[place - gap] > value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value
        gap //= 3

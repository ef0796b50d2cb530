"""Gathering the rows of a batch from a pool of trials, each trial turned around its rings."""

from typing import Any

import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def gather(source: Array, rows: Array, turn: Array, ring: int, n_rings: int, out: Array) -> None:
    """out[p] = source[rows[p]], with each ring turned by turn[p] places.

    source (S, C); rows, turn (P,); out (P, at least C): what lies beyond C is left alone. Channel 0
    and those after the rings are copied; ring m holds channels 1 + m * ring and on.
    """
    n_channels = source.shape[1]
    for p in range(rows.size):
        row, shift, to = source[rows[p]], turn[p], out[p]
        to[0] = row[0]
        for m in range(n_rings):
            first = 1 + m * ring
            for c in range(ring - shift):
                to[first + shift + c] = row[first + c]
            for c in range(shift):
                to[first + c] = row[first + ring - shift + c]
        for c in range(1 + n_rings * ring, n_channels):
            to[c] = row[c]

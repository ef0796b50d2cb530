"""Gathering the rows of a batch from a pool of trials, each trial turned around its rings."""

from typing import Any

import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def gather(
    source: Array, rows: Array, counts: Array, turn: Array, ring: int, n_rings: int, out: Array
) -> None:
    """out[p] = source[rows[p]], with each ring turned by the places of its trial.

    source (S, C), a trial's rows one after another; rows (P,) packed by time, counts of live trials
    at each step; turn (counts[0],) places of each trial; out (P, at least C): what lies beyond C is
    left alone. Channel 0 and those after the rings are copied; ring m holds `ring` channels from
    1 + m * ring on. Trial by trial, because a pool is far larger than a cache.
    """
    n_channels = source.shape[1]
    for trial in range(counts[0]):
        p, shift = trial, turn[trial]
        for count in counts:
            if trial >= count:
                break
            row, to = source[rows[p]], out[p]
            to[0] = row[0]
            for m in range(n_rings):
                first = 1 + m * ring
                for c in range(ring - shift):
                    to[first + shift + c] = row[first + c]
                for c in range(shift):
                    to[first + c] = row[first + ring - shift + c]
            for c in range(1 + n_rings * ring, n_channels):
                to[c] = row[c]
            p += count

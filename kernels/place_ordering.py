"""An order of a core's neurons in which blocks of them share sources."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def rows_needed(
    order: Array, width: int, pre_indptr: Array, pre: Array, seen: Array, stamp: int
) -> int:
    """Distinct sources of each block of `width` neurons of `order`, added up.

    `seen` remembers by source the stamp of the block that met it last; stamps up to
    stamp + number of blocks are used.
    """
    rows = 0
    for start in range(0, order.size, width):
        stamp += 1
        for neuron in order[start : start + width]:
            for k in range(pre_indptr[neuron], pre_indptr[neuron + 1]):
                if seen[pre[k]] != stamp:
                    seen[pre[k]] = stamp
                    rows += 1
    return rows


@njit(cache=True)
def shared_order(
    members: Array, width: int, pre_indptr: Array, pre: Array, indptr: Array, targets: Array,
    place: Array, seen: Array, stamp: int,
) -> Array:  # fmt: skip
    """`members` in blocks of `width`, grown one neuron at a time by the fewest new sources.

    A block starts with the first member that is left; ties go to the first member. place (N,) is
    -1 but for the index of each member within `members`. `seen` and stamps as in `rows_needed`.
    """
    n = members.size
    order = np.empty(n, members.dtype)
    left = np.ones(n, np.bool_)
    missing = np.empty(n, np.int64)
    for at in range(n):
        if at % width == 0:
            stamp += 1
            for m in range(n):
                missing[m] = pre_indptr[members[m] + 1] - pre_indptr[members[m]]
        best = -1
        for m in range(n):
            if left[m] and (best < 0 or (at % width and missing[m] < missing[best])):
                best = m
        neuron = members[best]
        order[at] = neuron
        left[best] = False
        for k in range(pre_indptr[neuron], pre_indptr[neuron + 1]):
            source = pre[k]
            if seen[source] != stamp:
                seen[source] = stamp
                for j in range(indptr[source], indptr[source + 1]):
                    if place[targets[j]] >= 0:
                        missing[place[targets[j]]] -= 1
    return order

"""Synapses and spikes of neurons that are stored in another order than they are named in."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_vector import allocating, lowest_bit

Array = npt.NDArray[Any]


@njit(cache=True)
def rows_in_order(
    order: Array, indptr: Array, indices: Array, weights: Array, delays: Array
) -> tuple[Array, Array, Array, Array]:
    """The rows of neurons order[0], order[1], .. with their targets' places in `order`, ascending.

    `delays` may be empty. Parallel synapses keep their order.
    """
    place = np.empty(order.size, np.int32)
    for i in range(order.size):
        place[order[i]] = i
    bounds = np.zeros_like(indptr)
    targets, values, waits = np.empty_like(indices), np.empty_like(weights), np.empty_like(delays)
    for i in range(order.size):
        low, high = indptr[order[i]], indptr[order[i] + 1]
        start = bounds[i]
        bounds[i + 1] = start + high - low
        row = place[indices[low:high]]
        by_place = np.argsort(row, kind="mergesort")
        for t in range(high - low):
            targets[start + t] = row[by_place[t]]
            values[start + t] = weights[low + by_place[t]]
            if delays.size:
                waits[start + t] = delays[low + by_place[t]]
    return bounds, targets, values, waits


@njit(cache=True)
def rows_joined(
    indptr: Array, indices: Array, weights: Array, targets: Array, values: Array
) -> None:
    """Put each row's targets and then its weights in one place, two views of the same memory.

    Synapse t of the row low..high has targets[low + t] and values[high + t]: a row lies on fewer
    cache lines than in two arrays, and both are read in steps of one.
    """
    for i in range(indptr.size - 1):
        low, high = indptr[i], indptr[i + 1]
        for t in range(low, high):
            targets[low + t], values[high + t] = indices[t], weights[t]


@allocating
def ascend(spikes: Array, low: int, high: int, present: Array) -> None:
    """Sort spikes[low:high], numbers that are there once each.

    Sorted by one bit per number in `present`, all 0 before and after: a spike costs a few
    operations, a call a look at every word of it, or a comparison sort where that is less.
    """
    if (high - low) * 64 < present.size:
        spikes[low:high].sort()
        return
    for s in range(low, high):
        number = np.uint64(spikes[s])
        present[number >> np.uint64(6)] |= np.uint64(1) << (number & np.uint64(63))
    for word in range(present.size):
        mask = present[word]
        while mask:
            spikes[low] = 64 * word + lowest_bit(mask)
            low += 1
            mask &= mask - np.uint64(1)
        present[word] = 0


@njit(cache=True)
def name_spikes(spikes: Array, bounds: Array, order: Array, present: Array) -> Array:
    """`spikes` of places in `order` as neurons, ascending within bounds[i]..bounds[i + 1].

    present: a word for each 64 neurons that `order` may name, all 0.
    """
    named = np.empty_like(spikes)
    for i in range(bounds.size - 1):
        for s in range(bounds[i], bounds[i + 1]):
            named[s] = order[spikes[s]]
        ascend(named, bounds[i], bounds[i + 1], present)
    return named

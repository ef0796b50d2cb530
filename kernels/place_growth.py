"""Parts of a network grown neuron by neuron, each time the one that shares most with its part."""

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def grow(
    indptr: Array, targets: Array, pre_indptr: Array, pre: Array, rate: Array, sizes: Array
) -> Array:
    """(N,) part of each neuron; parts are filled one after the other to `sizes` (P,).

    A neuron's claim on a part is the rate of its sources that reach the part already, and its own
    where it drives the part: what the packets of its joining save. A part begins with the neuron
    that has the largest claim on the part before it, or the first that is left.
    """
    n = pre_indptr.size - 1
    part = np.full(n, -1, np.int32)
    claim = np.zeros(n)
    claimed = np.full(n, -1, np.int32)
    reaches = np.full(indptr.size - 1, -1, np.int32)
    first, seed = 0, np.int64(-1)
    for p in range(sizes.size):
        heap = [(0.0, np.int64(-1))]
        heap.clear()
        while first < n and part[first] >= 0:
            first += 1
        v = np.int64(first if seed < 0 or part[seed] >= 0 else seed)
        for _ in range(sizes[p]):
            while len(heap) > 0:
                value, v = heapq.heappop(heap)
                if part[v] < 0 and -value == claim[v]:
                    break
                v = np.int64(-1)
            if v < 0 or part[v] >= 0:
                while part[first] >= 0:
                    first += 1
                v = np.int64(first)
            part[v] = p
            for k in range(pre_indptr[v], pre_indptr[v + 1]):
                source = np.int64(pre[k])
                if reaches[source] == p:
                    continue
                reaches[source] = p
                weight = rate[source] if source < n else 0.0
                if weight == 0.0:
                    continue
                for j in range(indptr[source], indptr[source + 1] + 1):
                    u = source if j == indptr[source + 1] else np.int64(targets[j])
                    if part[u] >= 0:
                        continue
                    claim[u] = weight + (claim[u] if claimed[u] == p else 0.0)
                    claimed[u] = p
                    heapq.heappush(heap, (-claim[u], u))
            v = np.int64(-1)
        seed = np.int64(-1)
        while len(heap) > 0 and seed < 0:
            value, u = heapq.heappop(heap)
            seed = u if part[u] < 0 else np.int64(-1)
    return part

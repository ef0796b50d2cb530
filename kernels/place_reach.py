"""Which cores the sources of a network reach."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def distinct_cores(
    indptr: Array, targets: Array, core: Array, n_cores: int
) -> tuple[Array, Array, Array]:
    """Distinct cores of each source's targets, ascending, and its synapses on each.

    indptr (S + 1,), targets (nnz,): the neurons that each source drives. core (N,). Returns indptr
    (S + 1,), cores (pairs,), synapses (pairs,).
    """
    n_sources = indptr.size - 1
    rows = np.zeros(n_sources + 1, np.int64)
    last = np.full(n_cores, -1, np.int64)  # the last source that was seen to reach each core
    for s in range(n_sources):
        n = rows[s]
        for k in range(indptr[s], indptr[s + 1]):
            c = core[targets[k]]
            n += last[c] != s
            last[c] = s
        rows[s + 1] = n
    cores, synapses = np.empty(rows[n_sources], np.int32), np.empty(rows[n_sources], np.int64)
    counts = np.zeros(n_cores, np.int64)
    for s in range(n_sources):
        begin, n = rows[s], rows[s]
        for k in range(indptr[s], indptr[s + 1]):
            c = core[targets[k]]
            if counts[c] == 0:
                cores[n] = c
                n += 1
            counts[c] += 1
        cores[begin:n].sort()
        for k in range(begin, n):
            synapses[k] = counts[cores[k]]
            counts[cores[k]] = 0
    return rows, cores, synapses


@njit(cache=True)
def transposed(indptr: Array, targets: Array, n: int) -> tuple[Array, Array]:
    """Sources that drive each of n neurons, ascending: indptr (n + 1,) and sources (nnz,)."""
    rows = np.zeros(n + 1, np.int64)
    for target in targets:
        rows[target + 1] += 1
    for j in range(n):
        rows[j + 1] += rows[j]
    at, sources = rows[:n].copy(), np.empty(targets.size, np.int32)
    for s in range(indptr.size - 1):
        for k in range(indptr[s], indptr[s + 1]):
            sources[at[targets[k]]] = s
            at[targets[k]] += 1
    return rows, sources


@njit(cache=True)
def first_descent(indptr: Array, targets: Array) -> tuple[int, int]:
    """The first source whose targets do not rise, and the target where; -1 each where all do."""
    for s in range(indptr.size - 1):
        for k in range(indptr[s] + 1, indptr[s + 1]):
            if targets[k] <= targets[k - 1]:
                return s, targets[k - 1]
    return -1, -1

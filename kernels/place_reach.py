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
    most = 0
    for s in range(n_sources):
        most += min(indptr[s + 1] - indptr[s], n_cores)
    rows = np.zeros(n_sources + 1, np.int64)
    cores, synapses = np.empty(most, np.int32), np.empty(most, np.int64)
    counts = np.zeros(n_cores, np.int64)
    n = 0
    for s in range(n_sources):
        begin = n
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
        rows[s + 1] = n
    return rows, cores[:n].copy(), synapses[:n].copy()

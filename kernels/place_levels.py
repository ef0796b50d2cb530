"""Coarsening of a network: neurons that share sources become pairs, and pairs one neuron."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def paired(
    indptr: Array, targets: Array, pre_indptr: Array, pre: Array, rate: Array, most: int
) -> Array:
    """(N,) pair of each of N neurons, 0 to ceil(N / 2) - 1; where N is odd, one has a single one.

    A neuron joins the free one that saves most: the sum of rate / fan-out over the sources that
    drive both or are one of them (heavy edge matching, Karypis and Kumar 1999,
    doi:10.1109/92.748202). At most about `most` targets of sources are looked at for one neuron.
    Those without a match are paired in order.
    """
    n = pre_indptr.size - 1
    pair = np.full(n, -1, np.int32)
    worth, met = np.zeros(n), np.empty(n, np.int32)
    pairs = 0
    for u in range(n):
        if pair[u] >= 0:
            continue
        n_met, looked = 0, 0
        first, fan_in = pre_indptr[u], pre_indptr[u + 1] - pre_indptr[u]
        for k in range(fan_in + 1):
            source = np.int64(u if k == 0 else pre[first + (k - 1 + u) % fan_in])
            if source >= n or rate[source] == 0.0 or looked > most:
                continue
            if k > 0 and source == u:  # it drives itself, and was the first
                continue
            begin, end = indptr[source], indptr[source + 1]
            if end - begin > most:
                continue
            looked += end - begin
            weight = rate[source] / max(1, end - begin)
            for j in range(begin, end + 1):
                v = source if j == end else np.int64(targets[j])
                if v == u or pair[v] >= 0 or (j < end and v == source):
                    continue
                if worth[v] == 0.0:
                    met[n_met] = v
                    n_met += 1
                worth[v] += weight
        best = np.int64(-1)
        for k in range(n_met):
            if best < 0 or worth[met[k]] > worth[best]:
                best = np.int64(met[k])
        for k in range(n_met):
            worth[met[k]] = 0.0
        if best >= 0:
            pair[u] = pair[best] = pairs
            pairs += 1
    alone = False
    for u in range(n):
        if pair[u] < 0:
            pair[u] = pairs
            pairs += alone
            alone = not alone
    return pair


@njit(cache=True)
def merged(indptr: Array, targets: Array, group: Array, n_groups: int) -> tuple[Array, Array]:
    """Distinct groups that each group and each input channel drives: indptr, groups ascending.

    indptr (N + C + 1,), targets (nnz,): those of N neurons, in groups by group (N,), and C input
    channels. Returns indptr (n_groups + C + 1,) and groups.
    """
    n, n_sources = group.size, indptr.size - 1
    first = np.zeros(n_groups + 1, np.int64)
    for g in group:
        first[g + 1] += 1
    for g in range(n_groups):
        first[g + 1] += first[g]
    member, at = np.empty(n, np.int32), first[:n_groups].copy()
    for i in range(n):
        member[at[group[i]]] = i
        at[group[i]] += 1
    rows = np.zeros(n_groups + n_sources - n + 1, np.int64)
    last = np.full(n_groups, -1, np.int64)
    found = np.empty(0, np.int32)
    for count in (True, False):
        if not count:
            found = np.empty(rows[-1], np.int32)
            last[:] = -1
        for s in range(rows.size - 1):
            begin = rows[s]
            end = begin
            for m in range(first[s] if s < n_groups else 0, first[s + 1] if s < n_groups else 1):
                source = np.int64(member[m]) if s < n_groups else n + s - n_groups
                for k in range(indptr[source], indptr[source + 1]):
                    g = group[targets[k]]
                    if last[g] != s:
                        last[g] = s
                        if not count:
                            found[end] = g
                        end += 1
            if count:
                rows[s + 1] = end
            else:
                found[begin:end].sort()
    return rows, found

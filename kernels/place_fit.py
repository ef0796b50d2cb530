"""Fitting a network into the limits of its cores: moves and swaps that lower what is too much."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.place_annealing import core_for, partner
from spiking_bimt.kernels.place_moves import Int, make, undo
from spiking_bimt.kernels.place_state import (
    AXONS,
    NEURONS,
    Graph,
    Mesh,
    Rules,
    Scratch,
    State,
)
from spiking_bimt.kernels.shared_random import random_below, random_unit
from spiking_bimt.kernels.shared_vector import borrowing, inlined

Array = npt.NDArray[Any]

# Share of proposals that begin at an overfull core, where its neurons have to leave; tries to
# find one; share of swaps among proposals that a move could be.
_FROM_FULL = 0.5
_TRIES = 8
_SWAPS = 0.3


@inlined
def is_full(rules: Rules, state: State, core: Int) -> bool:
    """Whether a core holds more of anything than it may."""
    full = False
    for limit in range(4):
        full |= state.used[limit, core] > rules.allowed[limit]
    return full


@borrowing
def fit(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, usable: Array,
    cores: Array, least: int, rng: Array, temperature: float, thrift: float, n_proposals: int,
) -> float:  # fmt: skip
    """Random moves and swaps between `cores` until no limit is broken; the mean size of a change.

    Metropolis's rule on the excess over the limits plus `thrift` times the input axons of all
    cores: neurons that share sources gather, which no single broken limit asks for. usable (K,):
    whether a core is among `cores`. No core is left with fewer than `least` neurons.
    """
    n, sizes, made = state.core.size, 0.0, 0
    for _ in range(n_proposals):
        if state.excess[0] == 0:
            break
        v = np.int64(random_below(rng, n))
        if random_unit(rng) < _FROM_FULL:
            for _try in range(_TRIES):
                home = np.int64(cores[random_below(rng, cores.size)])
                if is_full(rules, state, home) and state.used[NEURONS, home] > 0:
                    v = np.int64(state.member[home, random_below(rng, state.used[NEURONS, home])])
                    break
        b, a, w = core_for(graph, state, cores, rng, v), np.int64(state.core[v]), np.int64(-1)
        if b == a or not usable[b]:
            continue
        swaps = state.used[NEURONS, b] >= rules.allowed[NEURONS] or state.used[NEURONS, a] <= least
        if state.used[NEURONS, b] > 0 and (swaps or random_unit(rng) < _SWAPS):
            w = np.int64(partner(graph, state, rng, a, b))
        elif swaps:
            continue
        total, excess = state.total[0], state.excess[0]
        axons = state.used[AXONS, a] + state.used[AXONS, b]
        make(graph, mesh, rules, state, scratch, v, b, w)
        rise = float(state.excess[0] - excess)
        rise += thrift * (state.used[AXONS, a] + state.used[AXONS, b] - axons)
        sizes += abs(rise)
        made += 1
        luck = random_unit(rng)
        if rise > 0.0 and not (temperature > 0.0 and luck < math.exp(-rise / temperature)):
            undo(graph, rules, state, scratch, v, a, w, total, excess)
    return sizes / max(made, 1)


@njit(cache=True)
def packed(sizes: Array, allowed: Array, n_bins: int, rng: Array, tries: int, visits: int) -> Array:
    """(items,) bin of each item so that no bin holds too much, -1 each where none was found.

    sizes (items, D), allowed (D,). Bin after bin is filled as full as it goes (minimum bin slack,
    Gupta and Ho 1999, doi:10.1080/095372899233686), by a search of at most `visits` sets from
    the largest item left; another try takes the items in another order.
    """
    n, dims = sizes.shape
    bins = np.full(n, -1, np.int64)
    # An item's size is its largest share of a bin.
    share = np.zeros(n)
    for i in range(n):
        for d in range(dims):
            if allowed[d] > 0:
                share[i] = max(share[i], sizes[i, d] / allowed[d])
            elif sizes[i, d] > 0:
                return bins
    chosen, best = np.empty(n, np.int64), np.empty(n, np.int64)
    for attempt in range(tries):
        key = share.copy()
        for i in range(n):
            if attempt > 0:
                key[i] *= 1.0 + 0.3 * min(1.0, attempt / 10) * (random_unit(rng) - 0.5)
        order = np.argsort(-key)
        bins[:] = -1
        left = n
        for bin_ in range(n_bins):
            size = _fullest(sizes, allowed, share, order, bins, chosen, best, visits)
            for k in range(size):
                bins[best[k]] = bin_
            left -= size
            if left == 0:
                return bins
    bins[:] = -1
    return bins


@njit(cache=True)
def _fullest(
    sizes: Array, allowed: Array, share: Array, order: Array, bins: Array, chosen: Array,
    best: Array, visits: int,
) -> int:  # fmt: skip
    """The items, of those without a bin, that fill one most; the first of them is in it."""
    n, dims = sizes.shape
    rest = np.empty(n, np.int64)
    m = 0
    for k in range(n):
        if bins[order[k]] < 0:
            rest[m] = order[k]
            m += 1
    if m == 0:
        return 0
    used = np.zeros(dims, sizes.dtype)
    depth, filled, most, size = 0, 0.0, -1.0, 0
    at = np.zeros(m + 1, np.int64)  # the next item to try at each depth
    while True:
        k = at[depth]
        fits = False
        while k < m and not fits:
            fits = True
            for d in range(dims):
                fits &= used[d] + sizes[rest[k], d] <= allowed[d]
            k += not fits
        visits -= 1
        if fits and (depth > 0 or k == 0):
            chosen[depth] = k
            filled += share[rest[k]]
            used += sizes[rest[k]]
            depth += 1
            at[depth] = k + 1
            if filled > most + 1e-12:
                most, size = filled, depth
                for j in range(depth):
                    best[j] = rest[chosen[j]]
            for d in range(dims):
                if used[d] == allowed[d]:
                    visits = 0
            continue
        if depth <= 1 or visits <= 0:
            return size
        depth -= 1
        filled -= share[rest[chosen[depth]]]
        used -= sizes[rest[chosen[depth]]]
        at[depth] = chosen[depth] + 1

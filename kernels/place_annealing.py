"""Simulated annealing of a placement: moves and swaps are quoted first, and made if they pay."""

import math

import numpy as np

from spiking_bimt.kernels.place_moves import Array, Int, propose
from spiking_bimt.kernels.place_quote import quote
from spiking_bimt.kernels.place_state import NEURONS, Graph, Mesh, Rules, Scratch, State
from spiking_bimt.kernels.shared_random import random_below, random_unit
from spiking_bimt.kernels.shared_vector import borrowing, inlined

_TRIES = 16
# Share of swaps among proposals that a move could be.
_SWAPS = 0.5
# The same while cores may overfill.
_FEW_SWAPS = 0.2


@inlined
def core_for(graph: Graph, state: State, cores: Array, rng: Array, v: Int) -> Int:
    """A core that neuron v may want to sit on.

    Four times in ten the home of a source of v, four times a core that such a source reaches, once
    a core that v reaches, once any of `cores`.
    """
    luck = random_unit(rng)
    first, fan_in = graph.pre_indptr[v], graph.pre_indptr[v + 1] - graph.pre_indptr[v]
    if luck < 0.8 and fan_in > 0:
        source = np.int64(graph.pre[first + random_below(rng, fan_in)])
        if luck < 0.4 and source < state.core.size:
            return np.int64(state.core[source])
        row = state.reach[source] + random_below(rng, state.reach_size[source])
        return np.int64(state.reached[row])
    if luck < 0.9 and state.reach_size[v] > 0:
        return np.int64(state.reached[state.reach[v] + random_below(rng, state.reach_size[v])])
    return np.int64(cores[random_below(rng, cores.size)])


@inlined
def partner(graph: Graph, state: State, rng: Array, a: Int, b: Int) -> Int:
    """A neuron of core b to send to core a: one that shares a source with a's, or any."""
    for _ in range(_TRIES):
        u = np.int64(state.member[a, random_below(rng, state.used[NEURONS, a])])
        first, fan_in = graph.pre_indptr[u], graph.pre_indptr[u + 1] - graph.pre_indptr[u]
        if fan_in == 0:
            continue
        source = np.int64(graph.pre[first + random_below(rng, fan_in)])
        fan_out = graph.indptr[source + 1] - graph.indptr[source]
        w = np.int64(graph.targets[graph.indptr[source] + random_below(rng, fan_out)])
        if state.core[w] == b:
            return w
    return np.int64(state.member[b, random_below(rng, state.used[NEURONS, b])])


@borrowing
def anneal(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, usable: Array,
    cores: Array, least: int, rng: Array, temperature: float, n_proposals: int, repair: bool,
    pressure: float = 0.0,
) -> int:  # fmt: skip
    """Random moves and swaps between `cores`; returns how many stayed.

    usable (K,): whether a core is among `cores`. No core is left with fewer than `least` neurons.
    Neurons are drawn from one core, as many as it has, before the next, so that what they read is
    in the cache. With `repair` it stops when no limit is broken any more. While none is, a proposal
    is quoted and only one that passes Metropolis's rule on its cost is made; it is undone if it
    breaks a limit. `pressure` prices the square of every core's neurons, for the time that
    `limits.allowed` lets them be more than the core has room for: moves cost half of what swaps do.
    """
    n, stayed, home, left = state.core.size, 0, np.int64(0), np.int64(0)
    for _ in range(n_proposals):
        if repair and state.excess[0] == 0:
            break
        if left == 0 or state.used[NEURONS, home] == 0:
            home = np.int64(state.core[random_below(rng, n)])
            left = np.int64(state.used[NEURONS, home])
        left -= 1
        v = np.int64(state.member[home, random_below(rng, state.used[NEURONS, home])])
        b, a = core_for(graph, state, cores, rng, v), np.int64(state.core[v])
        if b == a or not usable[b]:
            continue
        members, w = state.used[NEURONS, b], np.int64(-1)
        swaps = members >= rules.allowed[NEURONS] or state.used[NEURONS, a] <= least
        if members > 0 and (
            swaps or random_unit(rng) < (_SWAPS if pressure == 0.0 else _FEW_SWAPS)
        ):
            w = np.int64(partner(graph, state, rng, a, b))
        elif swaps:
            continue
        luck = random_unit(rng)
        if state.excess[0] == 0:
            rise = quote(graph, mesh, state, scratch, v, b, w)
            if w < 0:
                rise += 2.0 * pressure * (members - state.used[NEURONS, a] + 1)
            if rise > 0.0 and not (temperature > 0.0 and luck < math.exp(-rise / temperature)):
                continue
            if propose(graph, mesh, rules, state, scratch, v, b, w, np.inf, luck):
                stayed += 1
            continue
        if propose(graph, mesh, rules, state, scratch, v, b, w, temperature, luck):
            stayed += 1
    return stayed

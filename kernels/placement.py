"""Moving neurons between cores: the change of cost and of every core's use, kept incrementally.

The cost of a placement is sum_i rate_i * route_i, where route_i prices the packets and links of one
spike of neuron i to the distinct cores that it reaches. Moving neuron v changes the routes of v and
of the neurons that drive v, and the axons and memory of the two cores only, so a proposal scans
the targets of those sources and nothing else; memory stays proportional to synapses.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.placement_state import (
    AXONS,
    MEMORY,
    NEURONS,
    OUTS,
    Graph,
    Mesh,
    Rules,
    Scratch,
    State,
)
from spiking_bimt.kernels.traffic import path_links, tree_links

Array = npt.NDArray[Any]

Int = int | np.int64


@njit(cache=True)
def random_below(rng: Array, n: Int) -> int:
    """A whole number below n, from rng (1,) uint64 (splitmix64, doi:10.1145/2660193.2660195)."""
    return int(random_unit(rng) * n)


@njit(cache=True)
def random_unit(rng: Array) -> float:
    """A number in [0, 1)."""
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * 2.0**-53


@njit(cache=True)
def axon_memory(n: Int, memory: Array) -> int:
    """Bits of an axon with n synapses (`MemoryFormula`)."""
    bits = 0
    while n > 0:
        synapses = min(n, memory[1])
        bits += -(-(synapses * memory[0] + memory[2]) // memory[3]) * memory[3]
        n -= synapses
    return bits


@njit(cache=True)
def change(rules: Rules, state: State, limit: Int, core: Int, amount: Int) -> None:
    """Add to one count of one core, and keep the sum of excesses."""
    allowed, unit = rules.allowed[limit], rules.unit[limit]
    before = state.used[limit, core]
    after = before + amount
    state.used[limit, core] = after
    state.excess[0] -= -(-max(before - allowed, 0) // unit)
    state.excess[0] += -(-max(after - allowed, 0) // unit)


@njit(cache=True)
def reroute(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, source: Int
) -> None:
    """Bring the route of a neuron up to date with the cores of its targets, and log the old."""
    home = np.int64(state.core[source])
    scratch.clock[0] += 1
    now = scratch.clock[0]
    if not mesh.local:
        scratch.stamp[home] = now
    n = 0
    for k in range(graph.indptr[source], graph.indptr[source + 1]):
        core = state.core[graph.targets[k]]
        if scratch.stamp[core] != now:
            scratch.stamp[core] = now
            scratch.dests[n] = core
            n += 1
    if mesh.multicast:
        packets = min(n, 1)
        x, y = tree_links(home, scratch.dests, n, mesh.x, mesh.y, scratch.low, scratch.high)
    else:
        packets = n
        x, y = path_links(home, scratch.dests, n, mesh.x, mesh.y)
    route = packets * mesh.prices[0] + x * mesh.prices[1] + y * mesh.prices[2]
    entry = scratch.log_size[0]
    scratch.log_source[entry] = source
    scratch.log_cost[entry] = state.cost[source]
    scratch.log_outs[entry] = state.outs[source]
    scratch.log_size[0] = entry + 1
    change(rules, state, OUTS, home, packets - state.outs[source])
    state.outs[source] = packets
    cost = graph.rate[source] * route
    state.total[0] += cost - state.cost[source]
    state.cost[source] = cost


@njit(cache=True)
def tally(graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch) -> None:
    """Cost and use of the whole placement, onto a state where they are 0 (`empty_state`)."""
    n = state.core.size
    for i in range(n):
        change(rules, state, NEURONS, np.int64(state.core[i]), 1)
    for source in range(graph.indptr.size - 1):
        first, end = graph.indptr[source], graph.indptr[source + 1]
        for k in range(first, end):
            scratch.counts[state.core[graph.targets[k]]] += 1
        for k in range(first, end):
            core = np.int64(state.core[graph.targets[k]])
            if scratch.counts[core]:
                change(rules, state, AXONS, core, 1)
                change(rules, state, MEMORY, core, axon_memory(scratch.counts[core], rules.memory))
                scratch.counts[core] = 0
        if source < n:
            scratch.log_size[0] = 0
            reroute(graph, mesh, rules, state, scratch, source)
    scratch.log_size[0] = 0


@njit(cache=True)
def seat(rules: Rules, state: State, v: Int, b: Int) -> None:
    """Take v out of its core's list of members and put it at the end of that of b."""
    a, slot = np.int64(state.core[v]), state.slot[v]
    change(rules, state, NEURONS, a, -1)
    last = state.used[NEURONS, a]
    other = state.member[a, last]
    state.member[a, slot] = other
    state.slot[other] = slot
    state.slot[v] = state.used[NEURONS, b]
    state.member[b, state.slot[v]] = v
    state.core[v] = b
    change(rules, state, NEURONS, b, 1)


@njit(cache=True)
def move(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, v: Int, b: Int
) -> None:
    """Move v from its core to core b, which must be another; the log grows by what it rerouted."""
    a = np.int64(state.core[v])
    seat(rules, state, v, b)
    change(rules, state, OUTS, a, -state.outs[v])
    change(rules, state, OUTS, b, state.outs[v])
    for k in range(graph.pre_indptr[v], graph.pre_indptr[v + 1]):
        source = np.int64(graph.pre[k])
        in_a = in_b = 0
        for j in range(graph.indptr[source], graph.indptr[source + 1]):
            core = state.core[graph.targets[j]]
            in_a += core == a
            in_b += core == b
        if in_a == 0:
            change(rules, state, AXONS, a, -1)
        if in_b == 1:
            change(rules, state, AXONS, b, 1)
        memory = rules.memory
        change(rules, state, MEMORY, a, axon_memory(in_a, memory) - axon_memory(in_a + 1, memory))
        change(rules, state, MEMORY, b, axon_memory(in_b, memory) - axon_memory(in_b - 1, memory))
        # The cores that the source reaches differ only where one was left or entered.
        if (in_a == 0 or in_b == 1) and source < state.core.size and source != v:
            reroute(graph, mesh, rules, state, scratch, source)
    reroute(graph, mesh, rules, state, scratch, v)


@njit(cache=True)
def propose(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, v: Int, b: Int, w: Int,
    temperature: float, luck: float,
) -> bool:  # fmt: skip
    """Move v to core b and, where w is not -1, w from there to v's core; undo it unless it pays.

    It pays when it lowers the excess over the limits, or leaves it and passes Metropolis's rule on
    the cost: exp(-rise / temperature) > luck. The undone state equals the old one bit for bit but
    for the order of a core's members. Returns whether it stays.
    """
    a = np.int64(state.core[v])
    for limit in range(4):
        scratch.log_used[limit, 0] = state.used[limit, a]
        scratch.log_used[limit, 1] = state.used[limit, b]
    total, excess = state.total[0], state.excess[0]
    scratch.log_size[0] = 0
    move(graph, mesh, rules, state, scratch, v, b)
    if w >= 0:
        move(graph, mesh, rules, state, scratch, w, a)
    rise = state.total[0] - total
    if state.excess[0] < excess:
        return True
    if state.excess[0] == excess and (
        rise <= 0.0 or (temperature > 0.0 and luck < math.exp(-rise / temperature))
    ):
        return True
    for entry in range(scratch.log_size[0] - 1, -1, -1):
        source = scratch.log_source[entry]
        state.used[OUTS, state.core[source]] += scratch.log_outs[entry] - state.outs[source]
        state.outs[source] = scratch.log_outs[entry]
        state.cost[source] = scratch.log_cost[entry]
    seat(rules, state, v, a)
    if w >= 0:
        seat(rules, state, w, b)
    for limit in range(4):
        state.used[limit, a] = scratch.log_used[limit, 0]
        state.used[limit, b] = scratch.log_used[limit, 1]
    state.total[0], state.excess[0] = total, excess
    return False


@njit(cache=True)
def anneal(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, cores: Array,
    least: int, rng: Array, temperature: float, n_proposals: int, repair: bool,
) -> int:  # fmt: skip
    """Random moves and swaps between `cores`; returns how many stayed.

    Half of the proposals take a neuron to the core of one that drives it. No core is left with
    fewer than `least` neurons. With `repair` it stops when no limit is broken any more.
    """
    n, stayed = state.core.size, 0
    for _ in range(n_proposals):
        if repair and state.excess[0] == 0:
            break
        v = random_below(rng, n)
        b = np.int64(cores[random_below(rng, cores.size)])
        first, fan_in = graph.pre_indptr[v], graph.pre_indptr[v + 1] - graph.pre_indptr[v]
        if fan_in > 0 and random_unit(rng) < 0.5:
            source = np.int64(graph.pre[first + random_below(rng, fan_in)])
            if source < n:
                b = np.int64(state.core[source])
        a = state.core[v]
        if b == a:
            continue
        members, w = state.used[NEURONS, b], np.int64(-1)
        swaps = members >= rules.allowed[NEURONS] or state.used[NEURONS, a] <= least
        if members > 0 and (swaps or random_unit(rng) < 0.5):
            w = np.int64(state.member[b, random_below(rng, members)])
        elif swaps:
            continue
        luck = random_unit(rng)
        if propose(graph, mesh, rules, state, scratch, v, b, w, temperature, luck):
            stayed += 1
    return stayed

"""Moving neurons between cores: the change of cost and of every core's use, kept incrementally.

The cost of a placement is sum_i rate_i * route_i, where route_i prices the packets and links of one
spike of neuron i to the distinct cores that it reaches. Moving neuron v changes the routes of v and
of the neurons that drive v, and the axons and memory of the two cores only. Each source keeps the
cores that it reaches and its synapses there, so a proposal reads those short rows and nothing else;
memory stays proportional to synapses.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.place_state import (
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
from spiking_bimt.kernels.place_traffic import path_price, tree_price
from spiking_bimt.kernels.shared_vector import borrowing, inlined

Array = npt.NDArray[Any]

Int = int | np.int64


@inlined
def change(rules: Rules, state: State, limit: Int, core: Int, amount: Int) -> None:
    """Add to one count of one core, and keep the sum of excesses."""
    allowed, unit = rules.allowed[limit], rules.unit[limit]
    before = state.used[limit, core]
    after = before + amount
    state.used[limit, core] = after
    if before > allowed:
        state.excess[0] += (allowed - before) // unit
    if after > allowed:
        state.excess[0] -= (allowed - after) // unit


@inlined
def route_price(mesh: Mesh, scratch: Scratch, home: Int, n: Int) -> float:
    """Price of one spike from core `home` to the first n cores of scratch.dests."""
    if not mesh.multicast:
        links = path_price(home, scratch.dests, n, mesh.at_x, mesh.at_y)
        return float(n * mesh.packet + links)
    if n == 0:
        return 0.0
    tree = tree_price(
        home, scratch.dests, n, mesh.x, mesh.at_x, mesh.at_y, scratch.low, scratch.high
    )
    return float(mesh.packet + tree)


@inlined
def reroute(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, source: Int
) -> None:
    """Bring the route of a neuron up to date with the cores of its targets, and log the old."""
    home = np.int64(state.core[source])
    n, first = 0, state.reach[source]
    for k in range(first, first + state.reach_size[source]):
        core = state.reached[k]
        if mesh.local or core != home:
            scratch.dests[n] = core
            n += 1
    packets = min(n, 1) if mesh.multicast else n
    entry = scratch.log_size[0]
    scratch.log_source[entry] = source
    scratch.log_cost[entry] = state.cost[source]
    scratch.log_outs[entry] = state.outs[source]
    scratch.log_dests[entry] = state.dests[source]
    scratch.log_size[0] = entry + 1
    change(rules, state, OUTS, home, packets - state.outs[source])
    state.outs[source] = packets
    state.excess[0] += max(n - rules.most_dests, 0) - max(state.dests[source] - rules.most_dests, 0)
    state.dests[source] = n
    cost = graph.rate[source] * route_price(mesh, scratch, home, n)
    state.total[0] += cost - state.cost[source]
    state.cost[source] = cost


@borrowing
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
            synapses = scratch.counts[core]
            if synapses > 0:
                change(rules, state, AXONS, core, 1)
                change(rules, state, MEMORY, core, rules.memory[synapses])
                entry = state.reach[source] + state.reach_size[source]
                state.reached[entry] = core
                state.synapses[entry] = synapses
                state.reach_size[source] += 1
                if state.table.shape[1] > 0:
                    state.table[source, core] = synapses
                scratch.counts[core] = 0
        if source < n:
            scratch.log_size[0] = 0
            reroute(graph, mesh, rules, state, scratch, source)
    scratch.log_size[0] = 0


@inlined
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


@inlined
def shift(
    reached: Array, synapses: Array, first: Int, end: Int, a: Int, b: Int
) -> tuple[Int, Int, Int]:
    """Take one synapse of a source from core a to core b.

    Its row is first..end of `reached` and `synapses`. Returns the synapses left at a, those now at
    b, and the new end of the row.
    """
    at_a = at_b = end
    for k in range(first, end):
        if reached[k] == a:
            at_a = k
        elif reached[k] == b:
            at_b = k
    in_a, in_b = np.int64(synapses[at_a]) - 1, np.int64(1)
    synapses[at_a] = in_a
    if at_b < end:
        in_b += synapses[at_b]
        if in_a == 0:
            end -= 1
            reached[at_a], synapses[at_a] = reached[end], synapses[end]
            at_b = at_a if at_b == end else at_b
    else:
        at_b = at_a if in_a == 0 else end
        end += in_a > 0
    reached[at_b] = b
    synapses[at_b] = in_b
    return in_a, in_b, end


@inlined
def retarget(
    sources: Array, reach: Array, reached: Array, synapses: Array, reach_size: Array,
    table: Array, memory: Array, a: Int, b: Int, differing: Array,
) -> tuple[Int, Int, Int, Int, Int]:  # fmt: skip
    """Tell all sources of a neuron that it sits on core b and no longer on a.

    The arrays are fields of `Graph`, `State` and `Rules`, loose because taking them out of a tuple
    for every source costs more than the work itself. Sources that left a or entered b, the only
    ones whose route differs, go to `differing`. Returns their number and the change of axons at a,
    axons at b, memory at a, memory at b.
    """
    n = axons_a = axons_b = memory_a = memory_b = np.int64(0)
    for source in sources:
        first = reach[source]
        in_a, in_b, end = shift(reached, synapses, first, first + reach_size[source], a, b)
        reach_size[source] = end - first
        if table.shape[1] > 0:
            table[source, a], table[source, b] = in_a, in_b
        memory_a += memory[in_a] - memory[in_a + 1]
        memory_b += memory[in_b] - memory[in_b - 1]
        axons_a -= in_a == 0
        axons_b += in_b == 1
        if in_a == 0 or in_b == 1:
            differing[n] = source
            n += 1
    return n, axons_a, axons_b, memory_a, memory_b


@inlined
def transfer(
    graph: Graph, rules: Rules, state: State, scratch: Scratch, v: Int, a: Int, b: Int
) -> tuple[Int, Int, Int, Int, Int]:
    """`retarget` for neuron v."""
    found: tuple[Int, Int, Int, Int, Int] = retarget(
        graph.pre[graph.pre_indptr[v] : graph.pre_indptr[v + 1]], state.reach, state.reached,
        state.synapses, state.reach_size, state.table, rules.memory, a, b, scratch.differing,
    )  # fmt: skip
    return found


@borrowing
def move(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, v: Int, b: Int
) -> None:
    """Move v from its core to core b, which must be another; the log grows by what it rerouted."""
    a = np.int64(state.core[v])
    seat(rules, state, v, b)
    change(rules, state, OUTS, a, -state.outs[v])
    change(rules, state, OUTS, b, state.outs[v])
    n, axons_a, axons_b, memory_a, memory_b = transfer(graph, rules, state, scratch, v, a, b)
    change(rules, state, AXONS, a, axons_a)
    change(rules, state, AXONS, b, axons_b)
    change(rules, state, MEMORY, a, memory_a)
    change(rules, state, MEMORY, b, memory_b)
    for k in range(n):
        source = np.int64(scratch.differing[k])
        if source < state.core.size and source != v:
            reroute(graph, mesh, rules, state, scratch, source)
    reroute(graph, mesh, rules, state, scratch, v)


@borrowing
def make(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, v: Int, b: Int, w: Int
) -> None:
    """Move v to core b and, where w is not -1, w from there to v's core, logged for `undo`."""
    a = np.int64(state.core[v])
    for limit in range(4):
        scratch.log_used[limit, 0] = state.used[limit, a]
        scratch.log_used[limit, 1] = state.used[limit, b]
    scratch.log_size[0] = 0
    move(graph, mesh, rules, state, scratch, v, b)
    if w >= 0:
        move(graph, mesh, rules, state, scratch, w, a)


@borrowing
def undo(
    graph: Graph, rules: Rules, state: State, scratch: Scratch, v: Int, a: Int, w: Int,
    total: float, excess: Int,
) -> None:  # fmt: skip
    """Take back the last `make`, which moved v from core a; total, excess: those before it.

    The state then equals the old one bit for bit but for the order of members and reached cores.
    """
    b = np.int64(state.core[v])
    for entry in range(scratch.log_size[0] - 1, -1, -1):
        source = scratch.log_source[entry]
        state.used[OUTS, state.core[source]] += scratch.log_outs[entry] - state.outs[source]
        state.outs[source] = scratch.log_outs[entry]
        state.dests[source] = scratch.log_dests[entry]
        state.cost[source] = scratch.log_cost[entry]
    if w >= 0:
        transfer(graph, rules, state, scratch, w, a, b)
        seat(rules, state, w, b)
    transfer(graph, rules, state, scratch, v, b, a)
    seat(rules, state, v, a)
    for limit in range(4):
        state.used[limit, a] = scratch.log_used[limit, 0]
        state.used[limit, b] = scratch.log_used[limit, 1]
    state.total[0], state.excess[0] = total, excess


@borrowing
def propose(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, v: Int, b: Int, w: Int,
    temperature: float, luck: float,
) -> bool:  # fmt: skip
    """Move v to core b and, where w is not -1, w from there to v's core; undo it unless it pays.

    It pays when it lowers the excess over the limits, or leaves it and passes Metropolis's rule on
    the cost: exp(-rise / temperature) > luck. Returns whether it stays.
    """
    a, total, excess = np.int64(state.core[v]), state.total[0], state.excess[0]
    make(graph, mesh, rules, state, scratch, v, b, w)
    rise = state.total[0] - total
    if state.excess[0] < excess:
        return True
    if state.excess[0] == excess and (
        rise <= 0.0 or (temperature > 0.0 and luck < math.exp(-rise / temperature))
    ):
        return True
    undo(graph, rules, state, scratch, v, a, w, total, excess)
    return False

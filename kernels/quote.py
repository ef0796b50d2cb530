"""What a move or swap of neurons would cost, read from a placement's state without touching it."""

import numpy as np

from spiking_bimt.kernels.placement import Array, Int, route_price
from spiking_bimt.kernels.placement_state import Graph, Mesh, Scratch, State
from spiking_bimt.kernels.vector import borrowing, inlined


@inlined
def tree_rise(
    home: Int, reached: Array, first: Int, end: Int, a: Int, leaves: bool, b: Int, enters: bool,
    x: Array, at_x: Array, at_y: Array, packet: float, local: bool,
) -> float:  # fmt: skip
    """Rise of the price of a multicast tree from core `home` that leaves core a or enters core b.

    Only the row and the two columns can change, by how far a and b stick out of what the other
    cores of the row first..end of `reached` span there.
    """
    west = east = at_x[home]
    south_a = north_a = south_b = north_b = at_y[home]
    x_a, x_b = x[a], x[b]
    others = 0
    for k in range(first, end):
        core = np.int64(reached[k])
        if leaves and core == a:
            continue
        others += local or core != home
        across, along = at_x[core], at_y[core]
        west, east = min(west, across), max(east, across)
        if x[core] == x_a:
            south_a, north_a = min(south_a, along), max(north_a, along)
        if x[core] == x_b:
            south_b, north_b = min(south_b, along), max(north_b, along)
    price = 0.0
    if enters:
        price += max(0.0, west - at_x[b], at_x[b] - east)
        price += max(0.0, south_b - at_y[b], at_y[b] - north_b)
    if leaves:
        price -= max(0.0, west - at_x[a], at_x[a] - east)
        price -= max(0.0, south_a - at_y[a], at_y[a] - north_a)
    if others == 0:
        price += packet * (np.int64(enters) - np.int64(leaves))
    return price


@inlined
def sources_rise(
    drives: Array, other: Array, a: Int, b: Int, v: Int, w: Int, shifted: Array, core: Array,
    rate: Array, reach: Array, reach_size: Array, reached: Array, synapses: Array,
    table: Array, x: Array, at_x: Array, at_y: Array, packet: float, multicast: bool, local: bool,
) -> float:  # fmt: skip
    """Rise of the cost of all neurons but v and w that drive one target which moves from core a to
    b, and do not drive the other, which moves back.

    drives, other: sources of the two targets, ascending. v's and w's own shifts of a synapse from a
    to b are added to shifted (2,). The arrays are fields of `Graph`, `Mesh`, `State` and `Scratch`,
    loose because taking them out of a tuple for every source costs more than the work itself.
    """
    rise, j = 0.0, 0
    for i in range(drives.size):
        source = np.int64(drives[i])
        if source >= core.size:
            break
        home, first = np.int64(core[source]), reach[source]
        end = first + reach_size[source]
        leaves, enters = False, True
        if table.shape[1] > 0:
            leaves, enters = table[source, a] == 1, table[source, b] == 0
        else:
            for k in range(first, end):
                if reached[k] == b:
                    enters = False
                elif reached[k] == a:
                    leaves = synapses[k] == 1
        enters = enters and (local or b != home)
        leaves = leaves and (local or a != home)
        own = source in (v, w)
        if not (leaves or enters or own):
            continue
        while j < other.size and other[j] < source:
            j += 1
        if j < other.size and other[j] == source:
            continue
        if own:
            shifted[0 if source == v else 1] += 1
            continue
        if not multicast:
            price = 0.0
            if enters:
                price += packet + abs(at_x[b] - at_x[home]) + abs(at_y[b] - at_y[home])
            if leaves:
                price -= packet + abs(at_x[a] - at_x[home]) + abs(at_y[a] - at_y[home])
            rise += rate[source] * price
            continue
        rise += rate[source] * tree_rise(
            home, reached, first, end, a, leaves, b, enters, x, at_x, at_y, packet, local
        )
    return rise


@inlined
def home_rise(
    graph: Graph, mesh: Mesh, state: State, scratch: Scratch, v: Int, a: Int, b: Int, shifted: Int
) -> float:
    """Rise of v's cost when v itself moves from core a to b and `shifted` of its targets with it.

    shifted: its synapses that leave a for b, less those that leave b for a: -1, 0 or 1.
    """
    dests, reached, n = scratch.dests, state.reached, 0
    in_a = in_b = False
    first = state.reach[v]
    for k in range(first, first + state.reach_size[v]):
        core, synapses = np.int64(reached[k]), np.int64(state.synapses[k])
        if core == a:
            synapses -= shifted
            in_a = True
        elif core == b:
            synapses += shifted
            in_b = True
        if synapses > 0 and (mesh.local or core != b):
            dests[n] = core
            n += 1
    if shifted > 0 and not in_b and mesh.local:
        dests[n] = b
        n += 1
    if shifted < 0 and not in_a:
        dests[n] = a
        n += 1
    return float(graph.rate[v] * route_price(mesh, scratch, b, n) - state.cost[v])


@borrowing
def quote(
    graph: Graph, mesh: Mesh, state: State, scratch: Scratch, v: Int, b: Int, w: Int
) -> float:
    """Rise of the cost if v moved to core b and, where w is not -1, w from there to v's core.

    A source of both v and w keeps its cores. v's and w's own routes change with their home too.
    """
    a = np.int64(state.core[v])
    of_v = graph.pre[graph.pre_indptr[v] : graph.pre_indptr[v + 1]]
    of_w = graph.pre[0:0] if w < 0 else graph.pre[graph.pre_indptr[w] : graph.pre_indptr[w + 1]]
    shifted, back = scratch.shifted[:2], scratch.shifted[2:]
    scratch.shifted[:] = 0
    rise = sources_rise(
        of_v, of_w, a, b, v, w, shifted, state.core, graph.rate, state.reach, state.reach_size,
        state.reached, state.synapses, state.table, mesh.x, mesh.at_x, mesh.at_y, mesh.packet,
        mesh.multicast, mesh.local,
    )  # fmt: skip
    if w >= 0:
        rise += sources_rise(
            of_w, of_v, b, a, v, w, back, state.core, graph.rate, state.reach, state.reach_size,
            state.reached, state.synapses, state.table, mesh.x, mesh.at_x, mesh.at_y, mesh.packet,
            mesh.multicast, mesh.local,
        )  # fmt: skip
        rise += home_rise(graph, mesh, state, scratch, w, b, a, back[1] - shifted[1])
    rise += home_rise(graph, mesh, state, scratch, v, a, b, shifted[0] - back[0])
    return float(rise)

"""What a move or swap of neurons would cost, read from a placement's state without touching it."""

import numpy as np

from spiking_bimt.kernels.place_moves import Array, Int, route_price
from spiking_bimt.kernels.place_state import Graph, Mesh, Scratch, State
from spiking_bimt.kernels.shared_vector import borrowing, inlined


@inlined
def sticks_out(
    c: Int, home: Int, reached: Array, first: Int, end: Int, without: Int, x: Array, at_x: Array,
    at_y: Array,
) -> float:  # fmt: skip
    """Price of the links that a multicast tree from core `home` needs for core c alone.

    Beside it the tree reaches the cores first..end of `reached` but for `without`. Only the row and
    the column of c can differ, by how far it sticks out of what the others span there.
    """
    row, column = at_y[home], x[c]
    west = east = at_x[home]
    south = north = row
    for k in range(first, end):
        core = home if reached[k] == without else np.int64(reached[k])
        across = at_x[core]
        along = at_y[core] if x[core] == column else row
        west, east = min(west, across), max(east, across)
        south, north = min(south, along), max(north, along)
    return float(
        max(0.0, west - at_x[c], at_x[c] - east) + max(0.0, south - at_y[c], at_y[c] - north)
    )


@inlined
def tree_rise(
    home: Int, reached: Array, first: Int, end: Int, a: Int, leaves: bool, b: Int, enters: bool,
    x: Array, at_x: Array, at_y: Array, packet: float, local: bool,
) -> float:  # fmt: skip
    """Rise of the price of a multicast tree from core `home` that leaves core a or enters core b.

    It reaches the cores first..end of `reached`.
    """
    price, without = 0.0, a if leaves else np.int64(-1)
    if enters:
        price += sticks_out(b, home, reached, first, end, without, x, at_x, at_y)
    if leaves:
        price -= sticks_out(a, home, reached, first, end, without, x, at_x, at_y)
    if enters != leaves and end - first - leaves <= 1:
        others = 0
        for k in range(first, end):
            others += reached[k] != without and (local or reached[k] != home)
        if others == 0:
            price += packet if enters else -packet
    return price


@inlined
def differing(
    drives: Array, a: Int, b: Int, v: Int, w: Int, core: Array, reach: Array, reach_size: Array,
    reached: Array, synapses: Array, table: Array, found: Array,
) -> Int:  # fmt: skip
    """How many neurons that drive a target lose core a or win core b when it moves there.

    4 * source + 2 * (loses a) + (wins b) goes to `found`; v and w are found in any case. Written
    for every source and kept by adding 0 or 1: which source differs is not to be foretold.
    """
    n = np.int64(0)
    for i in range(drives.size):
        source = np.int64(drives[i])
        if source >= core.size:
            break
        if table.shape[1] > 0:
            leaves, enters = table[source, a] == 1, table[source, b] == 0
        else:
            leaves, enters = False, True
            first = reach[source]
            for k in range(first, first + reach_size[source]):
                enters &= reached[k] != b
                leaves |= (reached[k] == a) & (synapses[k] == 1)
        found[n] = 4 * source + 2 * np.int64(leaves) + np.int64(enters)
        n += np.int64(leaves | enters | (source == v) | (source == w))
    return n


@inlined
def sources_rise(
    drives: Array, other: Array, a: Int, b: Int, v: Int, w: Int, shifted: Array, core: Array,
    rate: Array, reach: Array, reach_size: Array, reached: Array, synapses: Array,
    table: Array, x: Array, at_x: Array, at_y: Array, packet: float, multicast: bool, local: bool,
    found: Array,
) -> float:  # fmt: skip
    """Rise of the cost of all neurons but v and w that drive one target which moves from core a to
    b, and do not drive the other, which moves back.

    drives, other: sources of the two targets, ascending. v's and w's own shifts of a synapse from a
    to b are added to shifted (2,). The arrays are fields of `Graph`, `Mesh`, `State` and `Scratch`,
    loose because taking them out of a tuple for every source costs more than the work itself.
    """
    rise, j = 0.0, 0
    n = differing(drives, a, b, v, w, core, reach, reach_size, reached, synapses, table, found)
    for i in range(n):
        source = found[i] >> 2
        while j < other.size and other[j] < source:
            j += 1
        if j < other.size and other[j] == source:
            continue
        if source in (v, w):
            shifted[0 if source == v else 1] += 1
            continue
        home = np.int64(core[source])
        leaves = (found[i] & 2) > 0 and (local or a != home)
        enters = (found[i] & 1) > 0 and (local or b != home)
        price = 0.0
        if multicast:
            first = reach[source]
            price = tree_rise(
                home, reached, first, first + reach_size[source], a, leaves, b, enters, x, at_x,
                at_y, packet, local,
            )  # fmt: skip
        else:
            if enters:
                price += packet + abs(at_x[b] - at_x[home]) + abs(at_y[b] - at_y[home])
            if leaves:
                price -= packet + abs(at_x[a] - at_x[home]) + abs(at_y[a] - at_y[home])
        rise += rate[source] * price
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
        mesh.multicast, mesh.local, scratch.differing,
    )  # fmt: skip
    if w >= 0:
        rise += sources_rise(
            of_w, of_v, b, a, v, w, back, state.core, graph.rate, state.reach, state.reach_size,
            state.reached, state.synapses, state.table, mesh.x, mesh.at_x, mesh.at_y, mesh.packet,
            mesh.multicast, mesh.local, scratch.differing,
        )  # fmt: skip
        rise += home_rise(graph, mesh, state, scratch, w, b, a, back[1] - shifted[1])
    rise += home_rise(graph, mesh, state, scratch, v, a, b, shifted[0] - back[0])
    return float(rise)

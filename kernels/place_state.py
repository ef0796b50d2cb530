"""What a placement's kernels work on: tuples of arrays with names.

Counts of a limit are rows of `State.used`: neurons, input axons, output axons, synapse memory.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NEURONS = 0
AXONS = 1
OUTS = 2
MEMORY = 3
TABLE_SIZE = 2**26
"""Most entries of `State.table`: 128 MiB."""


class Graph(NamedTuple):
    """Sources (N neurons, then input channels) and their targets."""

    indptr: Array
    targets: Array
    pre_indptr: Array
    pre: Array
    rate: Array
    """(N,) weight of each neuron's spikes."""


class Mesh(NamedTuple):
    """The chip's network."""

    x: Array
    """(K,) column of each core's tile."""
    at_x: Array
    """(K,) price of the links along x from column 0 to that tile."""
    at_y: Array
    """(K,) the same along y, from row 0."""
    packet: float
    """Price of a packet."""
    multicast: bool
    local: bool
    """Whether a spike to the own core costs a packet."""


class Rules(NamedTuple):
    """Limits of a core."""

    allowed: Array
    """(4,) most of each count."""
    unit: Array
    """(4,) step in which an excess is counted."""
    memory: Array
    """(F + 1,) synapse memory of an axon with n synapses; F is the largest fan-out."""
    most_dests: int
    """Most cores that one neuron may send packets to."""


class State(NamedTuple):
    """A placement and what follows from it; `empty_state` makes it, `tally` fills it."""

    core: Array
    slot: Array
    member: Array
    """(K, room + 1) neurons of each core by slot; a swap holds one too many for a moment."""
    cost: Array
    """(N,) rate * route of each neuron."""
    dests: Array
    """(N,) cores that each neuron sends packets to."""
    outs: Array
    """(N,) output axons of each neuron."""
    used: Array
    """(4, K) counts of each core."""
    total: Array
    """(1,) sum of cost."""
    excess: Array
    """(1,) sum over cores and limits of the units above the limit, and of a neuron's destinations
    above theirs."""
    reach: Array
    """(S + 1,) start of each source's row in the two below, with room for all its cores."""
    reached: Array
    """Distinct cores that each source reaches, in no order."""
    synapses: Array
    """Synapses of the source on each of those cores."""
    reach_size: Array
    """(S,) cores in each row."""
    table: Array
    """(S, K) synapses of each source on every core, to be looked up where a search of its row would
    take longer; (S, 0) where that is too large."""


class Scratch(NamedTuple):
    """Working memory, and the log from which a proposal is undone."""

    dests: Array
    counts: Array
    differing: Array
    low: Array
    high: Array
    log_source: Array
    log_cost: Array
    log_outs: Array
    log_dests: Array
    log_size: Array
    log_used: Array
    """(4, 2) counts of the proposal's two cores."""
    shifted: Array
    """(4,) synapses onto themselves and each other that two neurons take along, while quoting."""


def empty_state(graph: Graph, core: Array, n_cores: int, room: int) -> State:
    """State of a placement before `tally`; `room` is the most neurons a core may get."""
    widths = np.minimum(np.diff(graph.indptr), n_cores)
    reach = np.concatenate([np.zeros(1, np.int64), np.cumsum(widths)])
    n = len(core)
    order = np.argsort(core, kind="stable")
    slot = np.zeros(n, np.int32)
    slot[order] = np.arange(n) - np.searchsorted(core[order], core[order])
    member = np.full((n_cores, room + 1), -1, np.int32)
    member[core, slot] = np.arange(n)
    # An entry counts neurons of one core.
    small = len(widths) * n_cores <= TABLE_SIZE and room < np.iinfo(np.int16).max
    return State(
        core.astype(np.int32), slot, member, np.zeros(n), np.zeros(n, np.int32),
        np.zeros(n, np.int64),
        np.zeros((4, n_cores), np.int64), np.zeros(1), np.zeros(1, np.int64), reach,
        np.zeros(reach[-1], np.int32), np.zeros(reach[-1], np.int32),
        np.zeros(len(widths), np.int64), np.zeros((len(widths), n_cores if small else 0), np.int16),
    )  # fmt: skip


def scratch(n_cores: int, width: int, most_sources: int) -> Scratch:
    """Working memory; most_sources: the largest fan-in of a neuron."""
    log = 2 * most_sources + 2
    return Scratch(
        np.zeros(n_cores + 1, np.int32), np.zeros(n_cores, np.int64),
        np.zeros(most_sources, np.int64), np.zeros(width), np.zeros(width),
        np.zeros(log, np.int64), np.zeros(log), np.zeros(log, np.int64), np.zeros(log, np.int32),
        np.zeros(1, np.int64), np.zeros((4, 2), np.int64), np.zeros(4, np.int64),
    )  # fmt: skip

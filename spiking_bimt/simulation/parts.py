"""A network in parts: contiguous ranges of neurons with their incoming synapses and states."""

import itertools
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.validate import read_only
from spiking_bimt.kernels.sim_arrivals import Lazy, Swept
from spiking_bimt.kernels.sim_clock import CHUNK
from spiking_bimt.kernels.sim_renumber import rows_joined
from spiking_bimt.kernels.sim_state import MEETINGS
from spiking_bimt.kernels.sim_team import Team
from spiking_bimt.simulation import closed_forms, propagators
from spiking_bimt.simulation.locality import select_neurons

Array = npt.NDArray[Any]

CLOCK = 0
"""Mode: every neuron moves at every step."""
EVENT = 1
"""Mode: neurons that are reached are caught up with the time that has passed."""
SWEPT = 2
"""Mode: as EVENT, but all neurons move when an epoch ends."""


@dataclass
class Part:
    """A contiguous range of neurons: their states, incoming synapses, and recent spikes."""

    low: int
    """First neuron."""
    n: int
    """Number of neurons."""
    cells: Array
    marks: Array
    clock: Array
    head: Array
    """These and `table` as in `sim_state`."""
    table: Array
    synapses: tuple[Array, Array, Array, Array]
    """indptr by presynaptic neuron of the whole network; targets (numbered from `low`) and weights,
    in the layout of `sim_renumber.rows_joined`; delays in steps, empty where all are equal."""
    reach: tuple[int, int]
    """Smallest and largest delay, steps."""
    scratch: Array
    """Work array of the kernels."""
    found: Array
    """Receives the neurons that cross the threshold."""
    history: Array
    """Neurons that spiked in the last steps and whose spikes may not have arrived yet."""
    cursors: Array
    """Next synapse to deliver of each spike in `history`, where each synapse has its delay."""
    first: Array
    """(reach[1] + 1,) first spike in `history` of each step, and the end."""
    beside: Swept
    """Further arrays that mode SWEPT needs."""
    arrivals: float = math.inf
    """Synaptic events and external spikes per step in the last window; inf before the first."""
    mode: int = CLOCK
    """CLOCK, EVENT or SWEPT."""

    def form(self) -> tuple[Lazy, Swept | None]:
        """The arguments by which `sim_advance.advance` is compiled for the mode."""
        return True if self.mode == EVENT else None, self.beside if self.mode == SWEPT else None


def remember(part: Part, spikes: Array, first: Array, rows: int) -> None:
    """Keep the spikes of the last `rows` steps, which later steps still receive."""
    kept = first[-1 - rows :]
    part.history = spikes[kept[0] : kept[-1]].copy()
    if len(part.synapses[3]):
        part.cursors = np.append(part.cursors[kept[0] : kept[-1]], 0)
    part.first = kept - kept[0]


def split_ranges(n: int, threads: int) -> list[tuple[int, int]]:
    """First neuron of each thread's part, and the one after its last."""
    bounds = np.linspace(0, n, min(threads, n) + 1).astype(int)
    return [(int(low), int(high)) for low, high in itertools.pairwise(bounds)]


def make_parts(
    network: SpikingNetwork, threads: int, start: Array, epoch: int, dtype: np.dtype[Any]
) -> list[Part]:
    """The parts of a network, one a thread, at the start of a simulation."""
    delays = None if network.delays is None or not len(network.delays) else network.delays
    given: Any = network.delay if delays is None else delays
    reach = int(np.min(given)), int(np.max(given))
    ranges, n = split_ranges(network.n_neurons, threads), network.n_neurons
    parts = []
    for low, high in ranges:
        own = network if high - low == n else select_neurons(network, slice(low, high))
        indptr, indices, weights = network.indptr, network.indices, network.weights
        waits = delays
        if high - low < n:
            kept = (indices >= low) & (indices < high)
            indptr = np.append(0, np.cumsum(kept))[indptr]
            indices, weights = indices[kept] - np.int32(low), weights[kept]
            waits = None if delays is None else delays[kept]
        synapses = stored_synapses(indptr, indices, weights, waits, dtype)
        parts.append(make_part(own, low, start[low:high], synapses, reach, epoch, dtype))
    return parts


def make_part(
    own: SpikingNetwork, low: int, start: Array, synapses: tuple[Array, Array, Array, Array],
    reach: tuple[int, int], epoch: int, dtype: np.dtype[Any],
) -> Part:  # fmt: skip
    """A part of the neurons of `own`, the first of which is neuron `low`. start (n,): v."""
    cells, marks, clock, head = propagators.start_state(own, start, dtype)
    table = propagators.table(own, epoch, dtype)
    beside = Swept(
        propagators.allocate_aligned((cells.shape[1],), dtype), closed_forms.windows(table),
        np.empty(8 * CHUNK, np.int32),
    )  # fmt: skip
    return Part(
        low=low, n=own.n_neurons, cells=cells, marks=marks, clock=clock, head=head, table=table,
        synapses=synapses, reach=reach, beside=beside,
        scratch=propagators.allocate_aligned((CHUNK,), dtype),
        found=np.empty(cells.shape[1], np.int32),
        history=np.empty(0, np.int32), cursors=np.zeros(int(len(synapses[3]) > 0), np.int64),
        first=np.zeros(reach[1] + 1, np.int64),
    )  # fmt: skip


def stored_synapses(
    indptr: Array, indices: Array, weights: Array, delays: Array | None, dtype: np.dtype[Any]
) -> tuple[Array, Array, Array, Array]:
    """`Part.synapses` of synapses in CSR form, targets numbered from the part's first neuron."""
    if delays is not None:
        row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        order = np.lexsort((delays, row))
        indices, weights, delays = indices[order], weights[order], delays[order]
    none = np.empty(0, np.int32)
    targets = np.empty(2 * len(indices), f"i{np.dtype(dtype).itemsize}")
    values = targets.view(dtype)
    rows_joined(read_only(indptr), read_only(indices), read_only(weights), targets, values)
    if indptr[-1] <= np.iinfo(np.int32).max:  # half the size takes half the cache
        indptr = indptr.astype(np.int32)
    return indptr, targets, values, none if delays is None else delays


def make_teams(parts: list[Part], steps: int) -> list[Team]:
    """Each part's view of the team in the next steps; a part alone exchanges nothing."""
    n, many = sum(part.n for part in parts), len(parts)
    every = max(1, min(parts[0].reach[0], steps))
    board = np.empty((2, every, n if many > 1 else 0), np.int32)
    slots = propagators.allocate_aligned((2, many, -(-(every + 1) // 8) * 8), np.int64)
    lows = np.array([part.low for part in parts], np.int64)
    for part in parts:
        part.clock[MEETINGS] = 0
    return [
        Team(np.array([i, many, part.low, part.n, every]), lows, board, slots)
        for i, part in enumerate(parts)
    ]


def start_apart(i: int, threads: int) -> None:
    """Start thread i of a team on a processor core of its own, which it may leave later.

    Else the scheduler may start two threads on one core, where they run in turns for a while.
    """
    if threads > 1 and hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        if threads <= len(cores):
            os.sched_setaffinity(0, {sorted(cores)[i]})
            os.sched_setaffinity(0, cores)

"""A network cut into contiguous ranges of neurons, each with the synapses onto it."""

import itertools
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.kernels import event
from spiking_bimt.kernels.clock import CHUNK
from spiking_bimt.kernels.renumber import rows_joined
from spiking_bimt.kernels.state import N_HOT, N_SUSPECTS, TWO
from spiking_bimt.kernels.suspects import WIDTH
from spiking_bimt.simulation import rules as parameters
from spiking_bimt.simulation.locality import alone

Array = npt.NDArray[Any]

# What auto compares, ns: one neuron in a sweep; in event mode one synaptic event, one hot neuron
# in a step, one suspect in a window. Only time depends on them.
SWEEP, _EVENT, _HOT, _SUSPECT = 0.2, 20.0, 3.0, 15.0


@dataclass
class Part:
    """A contiguous range of neurons with the synapses onto it, and what it remembers."""

    low: int
    n: int
    cells: Array
    marks: Array
    clock: Array
    head: Array
    """These and `table` as in `kernels.state`."""
    table: Array
    synapses: tuple[Array, Array, Array, Array]
    """indptr by presynaptic neuron of the whole network; targets numbered from `low`
    and weights as in `renumber.rows_joined`; delays."""
    reach: tuple[int, int]
    """Least and largest delay."""
    scratch: Array
    found: Array
    history: Array
    """Spikes of the steps that a delay still reaches back to."""
    cursors: Array
    first: Array
    """(reach[1] + 1,) their bounds by step."""
    lazy: bool = False


def delivery_cost(part: Part) -> float:
    indptr = part.synapses[0]
    return _EVENT * len(part.history) / part.reach[1] * int(indptr[-1]) / (len(indptr) - 1)


def event_cost(part: Part) -> float:
    suspects = float(part.clock[N_SUSPECTS]) / min(part.table.shape[1] - 1, WIDTH)
    return delivery_cost(part) + _HOT * float(part.clock[N_HOT]) + _SUSPECT * suspects


def set_lazy(part: Part, lazy: bool) -> None:
    arrays = part.cells, part.marks, part.clock, part.table
    if lazy and not part.lazy:
        event.enter(*arrays, part.n)
    elif part.lazy and not lazy:
        event.leave(*arrays)
    part.lazy = lazy


def remember(part: Part, spikes: Array, first: Array, rows: int) -> None:
    kept = first[-1 - rows :]
    part.history = spikes[kept[0] : kept[-1]].copy()
    if len(part.synapses[3]):
        part.cursors = np.append(part.cursors[kept[0] : kept[-1]], 0)
    part.first = kept - kept[0]


def ranges(n: int, threads: int) -> list[tuple[int, int]]:
    bounds = np.linspace(0, n, min(threads, n) + 1).astype(int)
    return [(int(low), int(high)) for low, high in itertools.pairwise(bounds)]


def make_part(
    network: SpikingNetwork, low: int, high: int, start: Array, tau_negative: float | None,
    epoch: int, dtype: np.dtype[Any],
) -> Part:  # fmt: skip
    own = network if high - low == network.n_neurons else alone(network, slice(low, high))
    cells, marks, clock, head = parameters.start_state(own, start[low:high], dtype)
    clock[TWO] = tau_negative is not None
    synapses = _synapses(network, low, high, dtype)
    own_delays = network.delays is not None and len(network.delays) > 0
    given: Any = network.delays if own_delays else network.delay
    reach = int(np.min(given)), int(np.max(given))
    return Part(
        low=low, n=high - low, cells=cells, marks=marks, clock=clock, head=head,
        table=parameters.table(own, tau_negative, epoch, dtype), synapses=synapses, reach=reach,
        scratch=parameters.aligned((CHUNK,), dtype), found=np.empty(cells.shape[1], np.int32),
        history=np.empty(0, np.int32), cursors=np.zeros(int(own_delays), np.int64),
        first=np.zeros(reach[1] + 1, np.int64),
    )  # fmt: skip


def _synapses(
    network: SpikingNetwork, low: int, high: int, dtype: np.dtype[Any]
) -> tuple[Array, Array, Array, Array]:
    """The synapses onto neurons low..high, numbered from low."""
    indptr, indices = network.indptr, network.indices
    weights, delays = network.weights, network.delays
    if high - low < network.n_neurons:
        kept = (indices >= low) & (indices < high)
        indptr = np.append(0, np.cumsum(kept))[indptr]
        indices, weights = indices[kept] - np.int32(low), weights[kept]
        delays = None if delays is None else delays[kept]
    if delays is not None:
        row = np.repeat(np.arange(network.n_neurons), np.diff(indptr))
        order = np.lexsort((delays, row))
        indices, weights, delays = indices[order], weights[order], delays[order]
    none = np.empty(0, np.int32)
    targets = np.empty(2 * len(indices), f"i{np.dtype(dtype).itemsize}")
    values = targets.view(dtype)
    rows_joined(indptr, indices, weights, targets, values)
    return indptr, targets, values, none if delays is None else delays


def start_apart(i: int, threads: int) -> None:
    """Start thread i of a team on a core of its own, which it may leave.

    The scheduler may start two on one core, where they take turns for as long as it does not look.
    """
    if threads > 1 and hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        if threads <= len(cores):
            os.sched_setaffinity(0, {sorted(cores)[i]})
            os.sched_setaffinity(0, cores)

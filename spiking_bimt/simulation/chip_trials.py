"""Runs a network in a chip's integers on trials: a batch over threads, the same for any number."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.chip_neuron import DECAY_FIRST
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.data.validate import read_only
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_chip
from spiking_bimt.simulation.run import default_threads, joined, split_trials

Array = npt.NDArray[Any]

_KINDS = {
    "none": sim_chip.NONE, "additive": sim_chip.NONE, "exponential": sim_chip.FACTOR,
    "multiplicative": sim_chip.FACTOR, "shift": sim_chip.SHIFT,
    "towards-zero": sim_chip.TOWARDS_ZERO,
}  # fmt: skip


def simulate_integers(
    network: ChipNetwork,
    trials: Trials,
    events: Array | None = None,
    *,
    threads: int | None = None,
    record_spikes: bool = True,
) -> Recording:
    """Simulate every trial from states of 0, as the chip does it, bit by bit.

    events (steps, C) is the number of spikes of each channel that reach a state in each step, of
    all trials one after the other; for a chip with held input it is None, and the trials' levels
    are taken. `threads` changes the time only. Neurons of the recording are those of the chip.

    Raises InputError where trials or events are not of the network's size.
    """
    held = network.neuron.input == "held"
    n_sub, n_channels = round(network.task_dt / network.dt), len(network.in_indptr) - 1
    steps = len(trials.labels) * n_sub
    if held and trials.n_inputs != n_channels:
        raise InputError(
            f"the trials have {trials.n_inputs} input channels, the network {n_channels}: draw "
            "trials of the network's own tasks"
        )
    if not held and (events is None or events.shape != (steps, n_channels)):
        what = "none" if events is None else f"of shape {events.shape}"
        raise InputError(
            f"events are {what}, expected the spikes of {n_channels} channels in {steps} steps"
        )
    outputs = np.empty((len(trials.labels), len(network.b_out)), np.float32)
    counts = np.zeros((trials.n_trials, network.n_neurons), np.int32)
    arguments = _arguments(network)
    none = np.zeros((steps, 0), np.uint8)

    def simulate(piece: slice) -> tuple[Array, Array, Array]:
        bounds = trials.offsets[piece.start : piece.stop + 1]
        rows = slice(bounds[0], bounds[-1])
        ends = np.zeros(piece.stop - piece.start, np.int64)
        own = none if held or events is None else events
        level = trials.inputs if held else none
        found = sim_chip.run(
            read_only(level[rows].astype(np.float32, copy=False)),
            own[rows.start * n_sub : rows.stop * n_sub].astype(np.uint8, copy=False),
            bounds - bounds[0], n_sub, record_spikes, outputs[rows], counts[piece], ends,
            *arguments,
        )  # fmt: skip
        return *found, np.diff(ends, prepend=0) if record_spikes else 0 * ends

    workers = default_threads() if threads is None else threads
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(simulate, split_trials(trials.n_trials, workers)))
    return joined(parts, outputs, counts, trials.lengths * n_sub, network.dt)


def _arguments(network: ChipNetwork) -> tuple[Any, ...]:
    """What `sim_chip.run` takes of the network, in its order."""
    neuron = network.neuron
    low, high = network.limits
    subtract = network.reset == "subtract"
    rules = sim_chip.Rules(
        _KINDS[neuron.current], _KINDS[neuron.leak], *neuron.decay_bits,
        neuron.order == DECAY_FIRST, subtract, neuron.floor == "reset", neuron.spikes_per_step,
        low, high,
    )  # fmt: skip
    reached = network.v_th + (neuron.threshold == "strict")
    cells = sim_chip.Cells(
        network.decay_syn, network.decay_mem, network.bias, network.v_min,
        reached.astype(np.int32), network.v_th if subtract else np.zeros_like(network.v_th),
        network.hold,
    )  # fmt: skip
    cells = sim_chip.Cells(*(np.array(row, np.int32) for row in cells))
    delays = np.empty(0, np.int32) if network.delays is None else np.array(network.delays)
    n_sub = round(network.task_dt / network.dt)
    fade = np.exp(-np.arange(n_sub + 1) * (network.dt / network.tau_out)).astype(np.float32)
    return (
        rules, cells, *(np.array(part) for part in (network.indptr, network.indices,
        network.weights)), delays, network.delay, *(np.array(part) for part in (network.in_indptr,
        network.in_indices, network.in_weights, network.in_held)),
        fade, read_only(np.ascontiguousarray(network.w_out.T, np.float32)),
        read_only(network.b_out),
    )  # fmt: skip

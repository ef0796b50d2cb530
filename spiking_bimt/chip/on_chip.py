"""Trials of a network as a chip computes them, its spiking sources played by the host."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.integers import to_integers
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.chip_trials import simulate_integers
from spiking_bimt.simulation.run import simulate_trials

Events = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ChipRun:
    """What a network did in a chip's integers."""

    network: ChipNetwork
    recording: Recording
    """Of the chip's own neurons."""
    events: Events | None
    """(steps, C) spikes of the channels that reach a state in each step; None for held input."""


def run_on_chip(
    network: SpikingNetwork, chip: Chip, trials: Trials, *, seed: int = 0,
    threads: int | None = None,
) -> ChipRun:  # fmt: skip
    """Simulate trials in the chip's integers.

    seed: of the sources' potentials at the start, and their random levels. Raises InputError as
    `to_integers` does.
    """
    made = to_integers(network, chip)
    events = None
    if made.neuron.input == "spikes":
        events = source_events(network, made, trials, seed=seed, threads=threads)
    return ChipRun(made, simulate_integers(made, trials, events, threads=threads), events)


def filtered_on_chip(
    network: SpikingNetwork, chip: Chip, trials: Trials, jump: float, *, seed: int = 0,
    threads: int | None = None,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """(S, N) spikes filtered by tau_out at the end of every task step, as `filtered_spikes`.

    The chip's neurons spike in its integers, the sources as the host plays them.
    """
    made, n = to_integers(network, chip), network.n_neurons
    found = np.zeros((len(trials.labels), n), np.float32)
    events = None
    if made.neuron.input == "spikes":
        recording = _play(network, made.channels, trials, jump, seed, threads)
        events = _events(network, made, trials, recording)
        found[:, made.channels] = recording.outputs
    probe = replace(made, **_each_alone(made.n_neurons, jump))
    ours = simulate_integers(probe, trials, events, threads=threads, record_spikes=False)
    found[:, made.neurons] = ours.outputs
    return found


def source_events(
    network: SpikingNetwork, made: ChipNetwork, trials: Trials, *, seed: int = 0,
    threads: int | None = None,
) -> Events:  # fmt: skip
    """(steps, C) spikes of the network's sources, by the step in which the chip gets them."""
    recording = _play(network, made.channels, trials, 1.0, seed, threads)
    return _events(network, made, trials, recording)


def _play(
    network: SpikingNetwork, sources: npt.NDArray[np.int32], trials: Trials, jump: float,
    seed: int, threads: int | None,
) -> Recording:  # fmt: skip
    """The sources on the trials, each with a readout of its own that a spike adds `jump` to."""
    alone = replace(_alone(network, sources), **_each_alone(len(sources), jump))
    return simulate_trials(alone, trials, seed=seed, threads=threads)


def _each_alone(n: int, jump: float) -> dict[str, Any]:
    """A readout of each of n neurons by itself."""
    return {
        "w_out": np.eye(n, dtype=np.float32) * np.float32(jump), "b_out": np.zeros(n, np.float32),
    }  # fmt: skip


def _events(
    network: SpikingNetwork, made: ChipNetwork, trials: Trials, recording: Recording
) -> Events:
    """(steps, C) spikes of the sources by the step in which the chip gets them."""
    sources = made.channels
    steps = len(trials.labels) * round(network.task_dt / network.dt)
    events = np.zeros((steps, len(sources)), np.uint8)
    if not len(sources):
        return events
    delay = _delay(network, sources)
    ends = np.cumsum(recording.lengths)
    for k in range(trials.n_trials):
        at, which = recording.trial(k)
        kept = at + delay < recording.lengths[k]
        events[ends[k] - recording.lengths[k] + at[kept] + delay, which[kept]] += 1
    return events


def _delay(network: SpikingNetwork, sources: npt.NDArray[np.int32]) -> int:
    """Steps from a source's spike to the states that it changes."""
    if network.delays is None:
        return 1 + network.delay
    pre = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    found = np.unique(network.delays[np.isin(pre, sources)])
    if len(found) > 1:
        raise InputError(
            f"synapses of spiking sources have delays of {found[0]} to {found[-1]} steps: input "
            "needs one for all"
        )
    return 1 + int(found[0]) if len(found) else 1


def _alone(network: SpikingNetwork, sources: npt.NDArray[np.int32]) -> SpikingNetwork:
    """The sources without the neurons that they drive."""
    n = len(sources)
    new = np.zeros(network.n_neurons, np.int32)
    new[sources] = np.arange(n)
    kept: Any = network.parameters(sources)
    return replace(
        network.without_codes(), **kept, indptr=np.zeros(n + 1, np.int64),
        indices=np.zeros(0, np.int32), weights=np.zeros(0, np.float32), delays=None,
        in_indices=new[network.in_indices], w_out=np.zeros((len(network.b_out), n), np.float32),
        positions=network.positions[sources], core=None, chip="", populations=(),
    )  # fmt: skip

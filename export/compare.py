"""What the checks of all formats share: two networks on the same trials, and where they part."""

from typing import Any

import numpy as np

from spiking_bimt.battery.drive import trials_of
from spiking_bimt.battery.probe import probe_trials
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError
from spiking_bimt.formats.format import Check
from spiking_bimt.simulation.run import run_trials


def same_spikes(
    rebuilt: SpikingNetwork, network: SpikingNetwork, check: Check, *, probe: bool
) -> dict[str, Any]:
    """Run both on the same trials; what was compared, or CheckError.

    probe: whether random currents drive them even where the network has tasks.
    """
    check_sizes(rebuilt, network)
    pairs = [
        probe_trials(each, check.trials) if probe else trials_of(each, check.trials, "test")
        for each in (rebuilt, network)
    ]
    mine, theirs = (run_trials(*pair, threads=check.threads) for pair in pairs)
    difference = first_difference(mine, theirs, pairs[1][1])
    if difference:
        raise CheckError(difference)
    if not np.array_equal(mine.outputs, theirs.outputs):
        raise CheckError("the readout differs, though every spike is equal")
    spikes = len(theirs.neurons)
    return {
        "found": f"{spikes:,} spikes of {theirs.n_trials} trials equal",
        "spikes": spikes,
        "trials": theirs.n_trials,
    }


def check_sizes(rebuilt: SpikingNetwork, network: SpikingNetwork) -> None:
    """CheckError where a file's network has not the neurons and channels of the other."""
    sizes = [(each.n_neurons, each.n_inputs) for each in (rebuilt, network)]
    if sizes[0] != sizes[1]:
        raise CheckError(
            "the file has {} neurons and {} channels, the network {} and {}: export again".format(
                *sizes[0], *sizes[1]
            )
        )


def first_difference(mine: Recording, theirs: Recording, trials: Trials) -> str:
    """Where two recordings part, in words; empty where every spike is equal."""
    for k in range(trials.n_trials):
        a, b = (_spikes_of(recording, k) for recording in (mine, theirs))
        if np.array_equal(a, b):
            continue
        shared = min(len(a), len(b))
        parted = np.flatnonzero((a[:shared] != b[:shared]).any(1))
        at = int(parted[0]) if len(parted) else shared
        where = f"trial {k} (task {trials.tasks[trials.task[k]]})"
        return f"{where}, {_spike(a, at)} in the file against {_spike(b, at)}"
    return ""


def _spikes_of(recording: Recording, trial: int) -> np.ndarray[Any, Any]:
    return np.stack(recording.trial(trial), axis=1)


def _spike(spikes: np.ndarray[Any, Any], at: int) -> str:
    if at >= len(spikes):
        return "no further spike"
    return f"neuron {spikes[at, 1]} at step {spikes[at, 0]}"

"""What the checks of all formats share: two networks on the same trials, and where they part."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from spiking_bimt.battery.drive import trials_of
from spiking_bimt.battery.probe import probe_currents, probe_trials
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError
from spiking_bimt.formats.format import Check
from spiking_bimt.simulation.run import simulate_trials

LEAST_SPIKES = 10
"""Fewest spikes that a comparison takes, and one a neuron of larger networks."""


@dataclass(frozen=True)
class Compared:
    """Spikes that were found to be equal."""

    recording: Recording
    """Of the network that was rebuilt."""
    trials: Trials

    @property
    def spikes(self) -> int:
        """How many."""
        return len(self.recording.neurons)

    def result(self, found: str = "", **more: Any) -> dict[str, Any]:
        """What `verify` returns; found: words behind what was compared."""
        n = self.trials.n_trials
        what = "runs of random currents" if self.trials.tasks == ("probe",) else "trials"
        text = f"{self.spikes:,} spikes of {n} {what} equal{found}"
        return {"found": text, "spikes": self.spikes, "trials": n, **more}


def same_spikes(
    rebuilt: SpikingNetwork, network: SpikingNetwork, check: Check, *, probe: bool = False
) -> Compared:
    """Run both on the same trials; what was compared, or CheckError.

    Trials are those of the network's tasks. Random currents, for which they get further channels,
    drive networks without tasks, and those whose tasks make too few spikes. probe: random
    currents whatever the tasks.
    """
    check_sizes(rebuilt, network)
    for drive in drives(network, check, probe=probe):
        pairs = drive(rebuilt), drive(network)
        mine, theirs = (simulate_trials(*pair, threads=check.threads) for pair in pairs)
        trials = pairs[1][1]
        difference = first_difference(mine, theirs, trials)
        if difference:
            raise CheckError(difference)
        if not np.array_equal(mine.outputs, theirs.outputs):
            raise CheckError("the readout differs, though every spike is equal")
        if len(theirs.neurons) >= least_spikes(network):
            break
    require_spikes(len(theirs.neurons), network)
    return Compared(mine, trials)


def drives(
    network: SpikingNetwork, check: Check, *, probe: bool = False
) -> Iterator[Callable[[SpikingNetwork], tuple[SpikingNetwork, Trials]]]:
    """Ways to drive a network for a check, the next for where one makes too few spikes.

    Each takes a network and gives it as it is to be run, with the trials: the same for every
    network, whatever its parameters.
    """
    if network.tasks and not probe:
        trials = trials_of(network, check.trials, "test")[1]
        yield lambda each: (each, trials)
    currents = probe_currents(network)
    yield lambda each: probe_trials(each, check.trials, currents=currents)


def least_spikes(network: SpikingNetwork) -> int:
    """Fewest equal spikes that say something of a network."""
    return max(LEAST_SPIKES, network.n_neurons)


def require_spikes(spikes: int, network: SpikingNetwork) -> None:
    """Raise CheckError where so few spikes were compared that their equality says nothing."""
    least = least_spikes(network)
    if spikes < least:
        raise CheckError(
            f"{spikes} spikes were compared, which says nothing of {network.n_neurons} neurons: "
            f"at least {least} are needed; ask for more `trials`"
        )


def check_sizes(rebuilt: SpikingNetwork, network: SpikingNetwork) -> None:
    """CheckError where a file's network has not the neurons and channels of the other."""
    require_sizes((rebuilt.n_neurons, rebuilt.n_inputs), network)


def require_sizes(found: tuple[int, int], network: SpikingNetwork) -> None:
    """CheckError unless the numbers of neurons and channels found are those of a network."""
    sizes = found, (network.n_neurons, network.n_inputs)
    if sizes[0] != sizes[1]:
        raise CheckError(
            "the file has {} neurons and {} channels, the network {} and {}".format(
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

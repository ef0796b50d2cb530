"""`verify`: does an exported file alone give the network's spikes?"""

from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.drive import trials_of
from spiking_bimt.chip.tiling import rebuild
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import PARAMETERS
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.tiles import read_selftest, read_tiles
from spiking_bimt.simulation.golden import replay
from spiking_bimt.simulation.run import run_trials

_COMPARED = ("indptr", "indices", "codes", "weights", "delays", "in_indptr", "in_indices",
             "in_codes", "in_weights", "out_codes", "w_out", "b_out", *PARAMETERS)  # fmt: skip


def verify(
    file: str | Path,
    *,
    against: str | Path | None = None,
    trials: int = 5,
    threads: int | None = None,
) -> dict[str, Any]:
    """Rebuild the network from an exported file alone and compare its spikes with network.h5's.

    file: tiles, another format's file or folder, or a run folder for all that it holds; all but a
    tile file give one row of a table each. against: the network to compare with, network.h5 beside
    the file by default. trials: test trials a task. Raises CheckError, saying where they part,
    unless every spike is equal.
    """
    path = Path(file)
    if trials < 1:
        raise InputError(f"{trials} trials a task: ask for at least 1")
    if against is not None and not Path(against).is_file():
        raise InputError(f"{against} is not a file: name the network.h5 to compare with")
    if path.is_dir() or checks_other(path):
        from spiking_bimt.stages.checks import verify_formats

        return verify_formats(path, None if against is None else Path(against), trials, threads)
    rebuilt, golden = rebuild(read_tiles(path)), read_selftest(path)
    if golden is not None:
        difference = first_difference(*replay(rebuilt, golden))
        if difference:
            raise CheckError(f"{path} does not give the spikes of its self-test: {difference}")
    reference = path.parent / "network.h5" if against is None else Path(against)
    if not reference.is_file():
        raise InputError(f"{reference} does not exist: name the network to compare with --against")
    network = store.load(reference, SpikingNetwork).quantised()
    check_sizes(rebuilt, network)
    driven, test = trials_of(rebuilt, trials, "test")
    mine = run_trials(driven, test, threads=threads)
    theirs = run_trials(trials_of(network, trials, "test")[0], test, threads=threads)
    difference = first_difference(mine, theirs, test)
    difference = difference or first_unequal(rebuilt, network)
    if difference:
        raise CheckError(f"{path} does not give the spikes of {reference}: {difference}")
    return {
        "file": str(path),
        "trials": test.n_trials,
        "spikes": len(mine.steps),
        "integers": len(rebuilt.indices) + len(rebuilt.in_indices),
        "selftest_trials": 0 if golden is None else len(golden.offsets) - 1,
        "equal": True,
        "accuracy": score(mine.outputs, test).accuracy if rebuilt.tasks else None,
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


def first_unequal(mine: SpikingNetwork, theirs: SpikingNetwork) -> str:
    """The first array of synapses, neurons or readout that differs; empty where all are equal."""
    for name in _COMPARED:
        a, b = getattr(mine, name), getattr(theirs, name)
        if (a is None) != (b is None) or (a is not None and not np.array_equal(a, b)):
            return f"{name} is not the same"
    return ""


def checks_other(path: Path) -> bool:
    """Whether a file is of a format other than tiles, by its name."""
    return path.suffix in (".nir", ".net") or path.name == "netx.h5"


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
    rows = slice(recording.offsets[trial], recording.offsets[trial + 1])
    return np.stack([recording.steps[rows], recording.neurons[rows]], axis=1)


def _spike(spikes: np.ndarray[Any, Any], at: int) -> str:
    if at >= len(spikes):
        return "no further spike"
    return f"neuron {spikes[at, 1]} at step {spikes[at, 0]}"

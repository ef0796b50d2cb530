"""The C program and its binary as a format of a run."""

import itertools
from typing import Any

import numpy as np

from spiking_bimt.battery.drive import trials_of
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError
from spiking_bimt.formats.flat import write_flat
from spiking_bimt.formats.flat_run import run_flat
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.simulation.run import run_trials, starts


def _write(export: Export) -> dict[str, Any]:
    write_flat(export.path, export.network)
    return {}


def _verify(check: Check) -> dict[str, Any]:
    network, trials = check.network, check.trials
    test = trials_of(network, trials, "test")[1] if network.tasks else _noise(network, trials)
    levels = [test.inputs[low:high] for low, high in itertools.pairwise(test.offsets)]
    begin = starts(network, 0, slice(0, test.n_trials), np.dtype(np.float32))
    ours = run_trials(network, test, threads=check.threads)
    for k, (steps, neurons) in enumerate(run_flat(check.path, levels, begin)):
        if not all(map(np.array_equal, (steps, neurons), ours.trial(k))):
            raise CheckError(f"trial {k}: {len(steps)} spikes against {len(ours.trial(k)[0])}")
    found = f"{len(ours.neurons):,} spikes of {test.n_trials} trials equal, by the compiled program"
    return {"found": found, "spikes": len(ours.neurons), "trials": test.n_trials}


def _noise(network: SpikingNetwork, trials: int) -> Trials:
    """Random levels of the network's own channels, for a file that can have no others."""
    rows = max(round(500 / network.task_dt), 1)
    levels = np.random.default_rng(0).random((trials * rows, network.n_inputs), np.float32)
    zeros = np.zeros(trials, np.int32)
    return Trials(
        levels, np.zeros(len(levels), np.int32), rows * np.arange(trials + 1), zeros, zeros,
        ("noise",), network.task_dt,
    )  # fmt: skip


FORMAT = Format(path="c", mark="network.json", keeps_codes=True, write=_write, verify=_verify)

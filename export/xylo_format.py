"""Xylo as a format of a run, checked by the vendor's simulator."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.drive import trials_of
from spiking_bimt.chip.on_chip import source_events
from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError
from spiking_bimt.formats.compare import require_spikes
from spiking_bimt.formats.elements import fresh_export, require_equal
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.xylo import read_xylo, run_xylosim, to_layer, write_xylo, xylo_losses
from spiking_bimt.simulation.chip_trials import simulate_integers

Array = npt.NDArray[Any]

STEPS = 400
"""Of a run of random spikes, for a network without tasks."""
RATE = 0.1
"""Spikes of a channel in a step of such a run."""


def _write(export: Export) -> dict[str, Any]:
    made = write_xylo(export.path, export.network)
    return {
        "neurons": made.n_neurons, "channels": len(made.channels), "weight_shift": made.shift,
        "rounded": "; ".join(made.lost),
    }  # fmt: skip


def _verify(check: Check) -> dict[str, Any]:
    layer, made = read_xylo(check.path), to_layer(check.network)[1]
    with fresh_export(check, _write) as fresh:
        require_equal(check.path, fresh, ".h5")
    trials, events = _drive(check.network, made, check)
    ours = simulate_integers(made, trials, events, threads=check.threads)
    bounds = trials.offsets * round(made.task_dt / made.dt)
    for k, counts in enumerate(run_xylosim(layer, events, bounds)):
        mine = np.zeros_like(counts)
        np.add.at(mine, ours.trial(k), 1)
        if not np.array_equal(mine, counts):
            step, neuron = np.argwhere(mine != counts)[0]
            raise CheckError(
                f"trial {k}, step {step}: neuron {made.neurons[neuron]} spikes "
                f"{counts[step, neuron]} times in xylosim, {mine[step, neuron]} times here"
            )
    require_spikes(ours.n_spikes, check.network)
    return {
        "found": f"{ours.n_spikes:,} spikes of {trials.n_trials} trials equal, by xylosim; every "
        "element is that of a fresh export",
        "spikes": ours.n_spikes, "trials": trials.n_trials,
    }  # fmt: skip


def _drive(network: SpikingNetwork, made: ChipNetwork, check: Check) -> tuple[Trials, Array]:
    """Test trials of the tasks and the spikes that they bring; random spikes without tasks."""
    if network.tasks:
        trials = trials_of(network, check.trials, "test")[1]
        return trials, source_events(network, made, trials, threads=check.threads)
    n_sub = round(made.task_dt / made.dt)
    rows = check.trials * -(-STEPS // n_sub)
    random = np.random.default_rng(0)
    events = random.poisson(RATE, (rows * n_sub, len(made.channels))).astype(np.uint8)
    zeros = np.zeros(check.trials, np.int32)
    trials = Trials(
        inputs=np.zeros((rows, 0), np.float32), labels=np.zeros(rows, np.int32),
        offsets=np.arange(check.trials + 1) * (rows // check.trials), decision=zeros, task=zeros,
        tasks=("random spikes",), dt=made.task_dt,
    )  # fmt: skip
    return trials, np.minimum(events, 15)


FORMAT = Format(
    path="xylo.h5", losses=xylo_losses, keeps_codes=True, keeps_poisson=True, write=_write,
    verify=_verify,
)  # fmt: skip

"""What a conversion measures: each network on the same trials, and what the spiking one costs."""

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.probe import RANDOM_INPUT
from spiking_bimt.chip.on_chip import run_on_chip
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.one_to_one import ConversionConfig, delay_steps, with_synapses
from spiking_bimt.converting.recipe import Converted
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.progress import progress
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.simulation.run import simulate_trials

Outputs = dict[str, npt.NDArray[np.float32]]


def measure_conversion(
    rate: RateNetwork,
    made: Converted,
    test: Trials,
    threads: int | None,
    chip: Chip | None = None,
) -> dict[str, Any]:
    """Accuracy and spikes of what a recipe made, as JSON values.

    test: trials of the network's tasks, or of random input, on which its outputs are compared with
    those of the rate network; spikes are then told a second. chip: also measure the network in its
    integers.
    """
    network, config = made.network, made.config
    outputs: Outputs = {}
    coded, on_chip = None, None
    with progress("convert", 4) as advance:
        outputs["rate"] = rate_outputs(rate, test)
        advance(1, "rate network at the simulation step")
        # Without leak it would be another network at a finer step: there the synapse is the leak.
        own = rate if rate.tau >= rate.dt / 2 else with_synapses(rate, config)
        outputs["rate_fine"] = rate_outputs(own, test, config.dt, delay_steps(rate, config))
        advance(2, "spiking network")
        spiking = simulate_trials(network, test, threads=threads, record_spikes=False)
        outputs["spiking"] = spiking.outputs
        if network.codes is not None:
            advance(3, f"{network.weight_bits}-bit network")
            coded = simulate_trials(network.quantised(), test, threads=threads, record_spikes=False)
            outputs["quantised"] = coded.outputs
        if chip is not None:
            on_chip = run_on_chip(network.quantised(), chip, test, threads=threads)
            outputs["integers"] = on_chip.recording.outputs
        advance(4, "")
    seconds = len(test.labels) * test.dt / 1000
    unit, many = ("trial", test.n_trials) if rate.tasks else ("second", seconds)
    return {
        "trials_per_task": test.n_trials // len(test.tasks),
        "neurons": network.n_neurons,
        "synapses": len(network.indices),
        "bits": network.weight_bits,
        **(_scores(outputs, test) if rate.tasks else _agreements(outputs)),
        "mean_rate_hz": spiking.mean_rate_hz,
        "quantised_mean_rate_hz": None if coded is None else coded.mean_rate_hz,
        f"spikes_per_{unit}": spiking.n_spikes / many,
        f"quantised_spikes_per_{unit}": None if coded is None else coded.n_spikes / many,
        "chip": None
        if chip is None or on_chip is None
        else {
            "name": chip.name,
            "neurons": on_chip.network.n_neurons,
            "channels": len(on_chip.network.channels),
            "lost": list(on_chip.network.lost),
        },
        "tau_out_ms": network.tau_out,
        "conversion": plain_settings(config),
    }


def plain_settings(config: ConversionConfig | FinetuneConfig) -> dict[str, Any]:
    """The settings as JSON values, which have no infinity."""
    return {
        key: str(value) if isinstance(value, float) and np.isinf(value) else value
        for key, value in asdict(config).items()
    }


def _scores(outputs: Outputs, test: Trials) -> dict[str, Any]:
    """Accuracy of each network on the trials of its tasks."""
    scores = {name: score(found, test) for name, found in outputs.items()}
    return {
        "accuracy": {name: s.accuracy for name, s in scores.items()},
        "interval": {name: list(s.interval) for name, s in scores.items()},
        "decision_accuracy": {name: s.decision_accuracy for name, s in scores.items()},
        "per_task": {
            name: dict(zip(test.tasks, s.per_task().tolist(), strict=True))
            for name, s in scores.items()
        },
        "measure": scores["rate"].measure,
        "details": {name: s.details for name, s in scores.items() if s.details},
    }


def _agreements(outputs: Outputs) -> dict[str, Any]:
    """R2 of each network's outputs as those of the rate network, where no answer is right."""
    wanted = outputs["rate"].astype(float)
    spread = float(np.square(wanted - wanted.mean(axis=0)).sum())
    found = {
        name: 1 - float(np.square(given - wanted).sum()) / spread if spread else None
        for name, given in outputs.items()
        if name != "rate"
    }
    return {"accuracy": {}, "per_task": {}, "agreement": found, "drive": RANDOM_INPUT}

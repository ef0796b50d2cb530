"""`convert`: rate.h5 to network.h5."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.conversion.convert import (
    ConversionConfig,
    delay_steps,
    to_spiking,
    trained_for,
)
from spiking_bimt.conversion.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs
from spiking_bimt.simulation.run import run_trials
from spiking_bimt.stages import run as runs
from spiking_bimt.stages.progress import progress
from spiking_bimt.tasks.accuracy import Score, score
from spiking_bimt.tasks.battery import draw_trials

CALIBRATION_TRIALS = 20


def convert(
    run: str | Path,
    *,
    bits: int | None = 8,
    trials: int = 200,
    seed: int = 0,
    threads: int | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Convert the run's rate network to spikes and write network.h5; returns what was measured.

    settings: fields of `ConversionConfig`. bits: width of the integer weights, None for none.
    trials: test trials a task, the same for every network scored: the rate network, the rate
    network at the simulation step, the spiking one, and the one with integer weights.
    """
    folder = Path(run)
    source = runs.require(folder, "rate.h5")
    if trials < 1:
        raise InputError(f"{trials} trials a task: ask for at least 1")
    config = ConversionConfig(**settings)
    with runs.writing(folder):
        rate = store.load(source, RateNetwork)
        calibration = draw_trials(
            rate.battery, rate.tasks, CALIBRATION_TRIALS, rate.dt, stream="calibrate", seed=seed
        )
        full_scale = drive_percentile(rate, calibration, config.percentile)
        _agree(rate, settings, trained_for(rate, config))
        config = trained_for(rate, config)
        network = to_spiking(rate, full_scale, config)
        if bits is not None:
            network = quantise(network, bits)
        test = draw_trials(rate.battery, rate.tasks, trials, rate.dt, stream="test")
        measured = _measure(rate, network, test, config, threads)
        store.save(
            replace(network, measured=measured),
            folder / "network.h5",
            settings={"command": "convert", **_plain(config), "bits": bits, "seed": seed},
            inputs={"rate.h5": source},
        )
    return measured


def _agree(rate: RateNetwork, asked: dict[str, Any], config: ConversionConfig) -> None:
    """Refuse neurons other than those that the network was trained for."""
    for name, value in asked.items():
        if rate.curve is not None and name != "percentile" and value != getattr(config, name):
            raise InputError(
                f"the network was trained for neurons with {name} {getattr(config, name)}, not "
                f"{value}: leave the setting out, or train for such neurons"
            )


def _measure(
    rate: RateNetwork,
    network: SpikingNetwork,
    test: Trials,
    config: ConversionConfig,
    threads: int | None,
) -> dict[str, Any]:
    scores: dict[str, Score] = {}
    with progress("convert", 4) as advance:
        scores["rate"] = score(rate_outputs(rate, test), test)
        advance(1, "rate network at the simulation step")
        fine = rate_outputs(rate, test, config.dt, delay_steps(rate, config))
        scores["rate_fine"] = score(fine, test)
        advance(2, "spiking network")
        spiking = run_trials(network, test, threads=threads, record_spikes=False)
        scores["spiking"] = score(spiking.outputs, test)
        if network.codes is not None:
            advance(3, f"{network.bits}-bit network")
            coded = run_trials(network.quantised(), test, threads=threads, record_spikes=False)
            scores["quantised"] = score(coded.outputs, test)
        advance(4, "")
    spikes = int(spiking.spike_counts.sum())
    seconds = len(test.labels) * test.dt / 1000
    return {
        "trials_per_task": test.n_trials // len(test.tasks),
        "neurons": network.n_neurons,
        "synapses": len(network.indices),
        "bits": network.bits,
        "accuracy": {name: s.accuracy for name, s in scores.items()},
        "interval": {name: list(s.interval) for name, s in scores.items()},
        "decision_accuracy": {name: s.decision_accuracy for name, s in scores.items()},
        "per_task": {
            name: dict(zip(test.tasks, s.per_task().tolist(), strict=True))
            for name, s in scores.items()
        },
        "mean_rate_hz": spikes / seconds / network.n_neurons,
        "spikes_per_trial": spikes / test.n_trials,
        "conversion": _plain(config),
    }


def _plain(config: ConversionConfig) -> dict[str, Any]:
    """The settings as JSON values, which have no infinity."""
    return {
        key: "inf" if isinstance(value, float) and np.isinf(value) else value
        for key, value in asdict(config).items()
    }

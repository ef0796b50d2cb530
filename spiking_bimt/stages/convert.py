"""`convert`: rate.h5 to network.h5."""

import time
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt import run_folder
from spiking_bimt.battery.accuracy import Score, score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.converting.one_to_one import ConversionConfig, delay_steps, trained_for
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.converting.routes import (
    Converted,
    Route,
    earlier_trainings,
    follow,
    training_steps,
)
from spiking_bimt.converting.target import FULL_RATES, cheapest
from spiking_bimt.converting.tune_config import TuneConfig
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.progress import progress
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.simulation.run import run_trials
from spiking_bimt.stages.explain import diagnosis


def convert(
    run: str | Path,
    *,
    method: str | None = None,
    target: float | None = None,
    diagnose: bool = False,
    start: str | Path | None = None,
    bits: int | None = 8,
    sources: str | None = None,
    output_neurons: bool = False,
    cores: str | Path | None = None,
    trials: int = 200,
    seed: int = 0,
    threads: int | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Convert the run's rate network to spikes and write network.h5; returns what was measured.

    method: "one-to-one" (the default); "aware" (trained with the spiking neurons' f-I curve) or
    "finetune" (trained in spikes), of the weights that are there; "kim2019" (one factor for all, a
    baseline).
    settings: fields of `ConversionConfig`, `TuneConfig` and `Rounding`. bits: width of the integer
    weights, None for none. sources: bring the input as the spikes of source neurons, "regular" or
    "poisson". output_neurons: the answer is the output neuron with the most spikes. cores:
    placement.h5 of an earlier conversion, for scales `per` core and a `tau_syn` for each (one
    number is for all). trials: test trials a task, the same for every network scored: the rate
    network, the rate network at the simulation step, the spiking one, and the one with integer
    weights. seed: of the calibration trials and of training. start: run folder with an earlier
    conversion of the same rate network (this one, for example), from which training goes on.

    target, in place of a method: the accuracy to be reached, on validation trials, with the fewest
    spikes; CheckError where nothing does, with the most accurate network kept. diagnose: also
    write diagnosis.svg, and return what it shows.
    """
    folder = Path(run)
    source = run_folder.require(folder, "rate.h5")
    if trials < 1:
        raise InputError(f"{trials} trials a task: ask for at least 1")
    if target is not None and method is not None:
        raise InputError("a target chooses the method: give one of the two")
    inputs = {"rate.h5": source}
    route = _route(method or "one-to-one", bits, seed, settings, free=target is not None)
    route = replace(route, sources=sources, output_neurons=output_neurons, threads=threads)
    with run_folder.writing(folder):
        rate = store.load(source, RateNetwork)
        if start is not None:
            before = run_folder.require(Path(start), "network.h5")
            route = replace(route, start=store.load(before, SpikingNetwork))
            inputs["start"] = before
        if cores is not None:
            inputs["placement.h5"] = Path(cores)
            route = replace(route, placed=store.load(Path(cores), Placement))
        _agree(rate, settings, trained_for(rate, route.config))
        begun, began = time.process_time(), time.perf_counter()
        free = rate.curve is None and "full_rate" not in settings
        full_rates = FULL_RATES if free else (route.config.full_rate,)
        made, route, tried = _made(rate, route, target, full_rates, threads)
        seconds, wall_seconds = time.process_time() - begun, time.perf_counter() - began
        test = draw_trials(rate.battery, rate.tasks, trials, rate.dt, stream="test")
        measured = _measure(rate, made, test, threads) | {
            "method": route.method,
            "training": _training(route),
            "seconds": seconds,
            "wall_seconds": wall_seconds,
            "target": target,
            "tried": tried,
        }
        store.save(
            replace(made.network, measured=measured),
            folder / "network.h5",
            settings={"command": "convert", "method": route.method, **_plain(made.config),
                      "rounding": route.rounding and asdict(route.rounding),
                      "training": measured["training"], "bits": bits, "sources": sources,
                      "output_neurons": output_neurons, "seed": seed},
            inputs=inputs,
        )  # fmt: skip
        # A figure of the network that was there before says nothing of this one.
        store.remove(folder / "diagnosis.svg")
        if diagnose:
            measured["diagnosis"] = diagnosis(folder, rate, made, route, threads)
    _check_reached(measured, folder)
    return measured


def _made(
    rate: RateNetwork, route: Route, target: float | None, full_rates: tuple[float, ...],
    threads: int | None,
) -> tuple[Converted, Route, list[dict[str, Any]] | None]:  # fmt: skip
    """What the route makes, or the best route to the target; the route; what was tried."""
    if target is None:
        with progress(route.method, training_steps(route)) as advance:
            return follow(route, rate, route.tuning.seed, advance), route, None
    made, chosen, tried = cheapest(rate, target, route, full_rates, threads)
    return made, replace(route, method=chosen), tried


def _check_reached(measured: dict[str, Any], folder: Path) -> None:
    """CheckError where a target was not reached."""
    tried = measured["tried"]
    if tried is not None and not any(row["reached"] for row in tried):
        best = max(row["accuracy"] for row in tried)
        raise CheckError(
            f"no route reaches {measured['target']} on validation trials: the best of {len(tried)} "
            f"has {best:.4f} and is kept in {folder / 'network.h5'}; allow more --steps or --bits",
            measured,
        )


def _route(
    method: str, bits: int | None, seed: int, settings: dict[str, Any], *, free: bool
) -> Route:
    """The route that the settings describe; free: a target may still choose another method.

    TypeError for one that is no setting, InputError for one that would do nothing.
    """
    known = _names(ConversionConfig) | _names(TuneConfig) | _names(Rounding)
    if unknown := settings.keys() - known:
        raise TypeError(f"convert has no setting {', '.join(sorted(unknown))}")

    for record, idle, why in (
        (TuneConfig, method in ("one-to-one", "kim2019") and not free, f"{method} does not train"),
        (Rounding, bits is None, "there are no integer weights"),
    ):
        if idle and (without := settings.keys() & _names(record)):
            raise InputError(f"{', '.join(sorted(without))} would do nothing: {why}")

    if "tau_syn" in settings:
        settings = settings | {"tau_syn": tuple(np.atleast_1d(settings["tau_syn"]).tolist())}

    def own(record: type) -> dict[str, Any]:
        return {key: value for key, value in settings.items() if key in _names(record)}

    return Route(
        method,
        ConversionConfig(**own(ConversionConfig)),
        TuneConfig(seed=seed, **own(TuneConfig)),
        None if bits is None else Rounding(bits, **own(Rounding)),
    )


def _names(record: type) -> set[str]:
    return {field.name for field in fields(record)}


def _agree(rate: RateNetwork, asked: dict[str, Any], config: ConversionConfig) -> None:
    """Refuse neurons other than those that the network was trained for."""
    for name, value in asked.items():
        if rate.curve is None or name not in ("tau_mem", "t_ref", "full_rate", "reset"):
            continue
        if value != getattr(config, name):
            raise InputError(
                f"the network was trained for neurons with {name} {getattr(config, name)}, not "
                f"{value}: leave the setting out, or train for such neurons"
            )


def _measure(
    rate: RateNetwork, made: Converted, test: Trials, threads: int | None
) -> dict[str, Any]:
    network, config = made.network, made.config
    scores: dict[str, Score] = {}
    of_codes = 0
    with progress("convert", 4) as advance:
        scores["rate"] = score(rate_outputs(rate, test), test)
        advance(1, "rate network at the simulation step")
        fine = rate_outputs(rate, test, config.dt, delay_steps(rate, config))
        scores["rate_fine"] = score(fine, test)
        advance(2, "spiking network")
        spiking = run_trials(network, test, threads=threads, record_spikes=False)
        scores["spiking"] = score(spiking.outputs, test)
        if network.codes is not None:
            advance(3, f"{network.weight_bits}-bit network")
            coded = run_trials(network.quantised(), test, threads=threads, record_spikes=False)
            scores["quantised"] = score(coded.outputs, test)
            of_codes = int(coded.spike_counts.sum())
        advance(4, "")
    spikes = int(spiking.spike_counts.sum())
    seconds = len(test.labels) * test.dt / 1000
    return {
        "trials_per_task": test.n_trials // len(test.tasks),
        "neurons": network.n_neurons,
        "synapses": len(network.indices),
        "bits": network.weight_bits,
        "accuracy": {name: s.accuracy for name, s in scores.items()},
        "interval": {name: list(s.interval) for name, s in scores.items()},
        "decision_accuracy": {name: s.decision_accuracy for name, s in scores.items()},
        "per_task": {
            name: dict(zip(test.tasks, s.per_task().tolist(), strict=True))
            for name, s in scores.items()
        },
        "mean_rate_hz": spikes / seconds / network.n_neurons,
        "quantised_mean_rate_hz": of_codes / seconds / network.n_neurons if of_codes else None,
        "spikes_per_trial": spikes / test.n_trials,
        "conversion": _plain(config),
    }


def _training(route: Route) -> dict[str, Any] | None:
    """Settings of the training on the route, and how many trainings came before it."""
    if not training_steps(route):
        return None
    return _plain(route.tuning) | {"earlier": earlier_trainings(route)}


def _plain(config: ConversionConfig | TuneConfig) -> dict[str, Any]:
    """The settings as JSON values, which have no infinity."""
    return {
        key: str(value) if isinstance(value, float) and np.isinf(value) else value
        for key, value in asdict(config).items()
    }

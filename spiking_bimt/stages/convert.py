"""`convert`: rate.h5 to network.h5."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spiking_bimt import run_folder
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import default_trials, draw_trials
from spiking_bimt.battery.drive import rate_trials
from spiking_bimt.bundle.networks import unpack
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.converting.diagnosis import diagnose, score_full_rates
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.for_chip import fit_to_chip, require_computable
from spiking_bimt.converting.measure import measure_conversion, plain_settings
from spiking_bimt.converting.one_to_one import (
    ConversionConfig,
    delay_notes,
    use_trained_neurons,
)
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.converting.recipe import (
    Converted,
    Recipe,
    earlier_trainings,
    follow,
    training_steps,
)
from spiking_bimt.converting.target_search import FULL_RATES, find_cheapest
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.plot.conversion_figures import conversion_figure
from spiking_bimt.plot.picture import store_figure
from spiking_bimt.progress import progress
from spiking_bimt.simulation.rate import rate_outputs

DIAGNOSIS_TRIALS = 20
"""Validation trials per task of a diagnosis."""


@checked
def convert(
    run: str | Path, *, method: str | None = None, target: float | None = None,
    diagnose: bool = False, start: str | Path | None = None, sources: str | None = None,
    output_neurons: bool = False, cores: str | Path | None = None,
    chip: str | Path | Chip | None = None, trials: int | None = None,
    seed: int = 0, threads: int | None = None,
    dt: float | None = None, full_rate: float | None = None, percentile: float | None = None,
    tau_mem: float | None = None, tau_syn: float | Sequence[float] | None = None,
    t_ref: float | None = None, reset: str | None = None, delay: float | None = None,
    floor: float | None = None,
    aware_steps: int | None = None, steps: int | None = None, lr: float | None = None,
    lr_decay: float | None = None, lr_final: float | None = None, batch: int | None = None,
    focus: float | None = None, distil: float | None = None, average: float | None = None,
    margin: float | None = None, spike_cost: float | None = None, rate_limit: float | None = None,
    noise: float | None = None, softness: float | None = None,
    bits: int | None = 8, edge_bits: int | None = None, per: str | None = None,
    signs: str | None = None, fit: str | None = None, power_of_two: bool | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Convert the run's rate network to spikes and write network.h5; returns what was measured.

    run: a run folder, or the name of a bundled network, which is copied to a folder of that name
    where there is none.

    method: "one-to-one" (the default); "aware" (trained with the spiking neurons' f-I curve) or
    "finetune" (trained in spikes), of the weights that are there; "kim2019" (one factor for all, a
    baseline). target, in place of a method: the accuracy to be reached, on validation trials, with
    the fewest spikes; CheckError where nothing does, with the most accurate network kept. diagnose:
    also write diagnosis.svg, and return what it shows. start: run folder with an earlier conversion
    of the same rate network (this one, for example), from which training goes on. sources: bring
    the input as the spikes of source neurons, "regular" or "poisson". output_neurons: the answer is
    the output neuron with the most spikes. cores: placement.h5 of an earlier conversion, for scales
    `per` core and a `tau_syn` for each (one number is for all). chip: make a network that this chip
    computes, a preset's name, TOML file or record, of the settings that are left open, and score it
    in the chip's integers too; InputError, with all reasons, where none does. trials: test trials a
    task, the same for every network scored (None: 200, and all of a data set): the rate network,
    the rate network at the simulation step, the spiking one, the one with integer weights. seed: of
    the calibration trials and of training.

    dt to floor are settings of the neurons, aware_steps to softness of training (lr_decay and
    lr_final: share and end of the fall of the learning rate, as in `Phase`), and bits (None: no
    integer weights) to power_of_two of rounding: `spiking_bimt convert --help` and
    docs/background/conversion.md say what each is, with its unit; None leaves its default.
    """
    neurons = _given(
        dt=dt, full_rate=full_rate, percentile=percentile, tau_mem=tau_mem, t_ref=t_ref,
        reset=reset, delay=delay, floor=floor,
        tau_syn=None if tau_syn is None else tuple(np.atleast_1d(tau_syn).tolist()),
    )  # fmt: skip
    training = _given(
        aware_steps=aware_steps, steps=steps, lr=lr, lr_decay=lr_decay, lr_final=lr_final,
        batch=batch, focus=focus, distil=distil, average=average, margin=margin,
        spike_cost=spike_cost, rate_limit=rate_limit, noise=noise, softness=softness,
    )  # fmt: skip
    rounding = _given(edge_bits=edge_bits, per=per, signs=signs, fit=fit, power_of_two=power_of_two)
    recipe = _recipe(method, target, bits, seed, neurons, training, rounding)
    recipe = replace(recipe, sources=sources, output_neurons=output_neurons, threads=threads)
    given = set(neurons) | set(rounding)
    on = None if chip is None else _OnChip(load_chip(chip), given)
    if on is not None and (target is not None or diagnose):
        raise InputError("chip does not go with `target` and `diagnose`: leave them out")
    return _converted(Path(run), recipe, neurons, target, start, cores, trials, diagnose, on)


class _OnChip(NamedTuple):
    """A chip to convert for, and the settings that were given all the same."""

    chip: Chip
    given: set[str]


def _given(**settings: Any) -> dict[str, Any]:
    """The settings that are not None."""
    return {name: value for name, value in settings.items() if value is not None}


def _converted(
    folder: Path, recipe: Recipe, asked: dict[str, Any], target: float | None,
    start: str | Path | None, cores: str | Path | None, trials: int | None, diagnose: bool,
    on: _OnChip | None,
) -> dict[str, Any]:  # fmt: skip
    """Convert in the run folder, measure and save; asked: settings of neurons that were given."""
    if trials is not None and trials < 1:
        raise InputError(f"{trials} trials per task: ask for at least 1")
    copied = unpack(folder)
    source = run_folder.require(folder, "rate.h5")
    inputs = {"rate.h5": source}
    with run_folder.writing(folder, "network.h5", "diagnosis.svg"):
        rate = store.load(source, RateNetwork)
        if not rate.tasks:
            _refuse_without_tasks(folder, recipe, target, diagnose)
        if start is not None:
            inputs["start"] = run_folder.require(Path(start), "network.h5")
            recipe = replace(recipe, start=store.load(inputs["start"], SpikingNetwork))
        if cores is not None:
            inputs["placement.h5"] = Path(cores)
            recipe = replace(recipe, placed=store.load(Path(cores), Placement))
        if on is not None:
            recipe = fit_to_chip(recipe, rate, on.chip, on.given)
        _agree(rate, asked, use_trained_neurons(rate, recipe.config))
        begun, began = time.process_time(), time.perf_counter()
        free = rate.lif_curve is None and "full_rate" not in asked
        full_rates = FULL_RATES if free else (recipe.config.full_rate,)
        made, recipe, tried = _made(rate, recipe, target, full_rates)
        if on is not None:
            made = require_computable(made, on.chip)
        seconds, wall_seconds = time.process_time() - begun, time.perf_counter() - began
        many = default_trials(rate.battery) if trials is None else trials
        test = rate_trials(rate, many, "test")
        measured = measure_conversion(
            rate, made, test, recipe.threads, None if on is None else on.chip
        ) | {
            "method": recipe.method,
            "training": _training(recipe),
            "target": target,
            "tried": tried,
        }
        store.save(
            replace(made.network, measured=measured),
            folder / "network.h5",
            settings=_settings(recipe, made),
            inputs=inputs,
        )
        # How long it took is not of the network: the same conversion gives the same file.
        measured |= {"seconds": seconds, "wall_seconds": wall_seconds}
        measured["notes"] = copied + delay_notes(rate, made.config)
        # A figure of the network that was there before says nothing of this one.
        store.remove(folder / "diagnosis.svg")
        if diagnose:
            measured["diagnosis"] = _diagnose(folder, rate, made, recipe)
    _check_reached(measured, folder)
    return measured


def _refuse_without_tasks(
    folder: Path, recipe: Recipe, target: float | None, diagnose: bool
) -> None:
    """InputError for what needs right answers."""
    asked = [f"`method={recipe.method}`"] if recipe.method != "one-to-one" else []
    asked += ["`target`"] * (target is not None) + ["`diagnose`"] * diagnose
    if asked:
        raise InputError(
            f"{folder} holds a network without tasks, and {asked[0]} needs their right answers: "
            "import it with `battery` and `tasks`"
        )


def _settings(recipe: Recipe, made: Converted) -> dict[str, Any]:
    """What network.h5 keeps of the settings that made it."""
    return {
        "command": "convert",
        "method": recipe.method,
        **plain_settings(made.config),
        "rounding": recipe.rounding and asdict(recipe.rounding),
        "training": _training(recipe),
        "bits": recipe.rounding and recipe.rounding.bits,
        "sources": recipe.sources,
        "output_neurons": recipe.output_neurons,
        "seed": recipe.tuning.seed,
    }


def _made(
    rate: RateNetwork, recipe: Recipe, target: float | None, full_rates: tuple[float, ...]
) -> tuple[Converted, Recipe, list[dict[str, Any]] | None]:  # fmt: skip
    """What the recipe makes, or the best recipe to the target; the recipe; what was tried."""
    if target is None:
        with progress(recipe.method, training_steps(recipe)) as advance:
            return follow(recipe, rate, recipe.tuning.seed, advance), recipe, None
    made, chosen, tried = find_cheapest(rate, target, recipe, full_rates, recipe.threads)
    return made, replace(recipe, method=chosen), tried


def _diagnose(folder: Path, rate: RateNetwork, made: Converted, recipe: Recipe) -> dict[str, Any]:
    """What the conversion lost, drawn as diagnosis.svg in the run; as JSON values."""
    trials = draw_trials(
        rate.battery, rate.tasks, DIAGNOSIS_TRIALS, rate.dt, stream="validate",
        seed=recipe.tuning.seed + 1,
    )  # fmt: skip
    found = diagnose(made, trials, recipe.threads)
    full_rates = FULL_RATES if rate.lif_curve is None else (made.config.full_rate,)
    with progress("curve over full scales", len(full_rates)) as advance:
        curve = score_full_rates(rate, recipe, trials, full_rates, recipe.threads, advance)
    accuracy = score(rate_outputs(rate, trials), trials).accuracy
    path = folder / "diagnosis.svg"
    store_figure(path, conversion_figure(found, curve, accuracy))
    advice = found.advice(recipe.method)
    return {"figure": str(path), "advice": advice, "curve": curve, **found.as_dict()}


def _check_reached(measured: dict[str, Any], folder: Path) -> None:
    """CheckError where a target was not reached."""
    tried = measured["tried"]
    if tried is not None and not any(row["reached"] for row in tried):
        best = max(row["accuracy"] for row in tried)
        raise CheckError(
            f"no recipe reaches {measured['target']} on validation trials: the best of "
            f"{len(tried)} has {best:.4f} and is kept in {folder / 'network.h5'}; allow more "
            "`steps` or `bits`",
            measured,
        )


def _recipe(
    method: str | None, target: float | None, bits: int | None, seed: int,
    neurons: dict[str, Any], training: dict[str, Any], rounding: dict[str, Any],
) -> Recipe:  # fmt: skip
    """The recipe of the settings given; InputError for one that would do nothing."""
    if target is not None and method is not None:
        raise InputError("a target chooses the method: give one of the two")
    chosen = method or "one-to-one"
    if training and target is None and chosen in ("one-to-one", "kim2019"):
        raise InputError(f"{', '.join(training)} would do nothing: {chosen} does not train")
    if rounding and bits is None:
        raise InputError(f"{', '.join(rounding)} would do nothing: there are no integer weights")
    return Recipe(
        chosen,
        ConversionConfig(**neurons),
        FinetuneConfig(seed=seed, **training),
        None if bits is None else Rounding(bits, **rounding),
    )


def _agree(rate: RateNetwork, asked: dict[str, Any], config: ConversionConfig) -> None:
    """Refuse neurons other than those that the network was trained for."""
    for name, value in asked.items():
        if rate.lif_curve is None or name not in ("tau_mem", "t_ref", "full_rate", "reset"):
            continue
        if value != getattr(config, name):
            raise InputError(
                f"the network was trained for neurons with {name} {getattr(config, name)}, not "
                f"{value}: leave the setting out, or train for such neurons"
            )


def _training(recipe: Recipe) -> dict[str, Any] | None:
    """Settings of the training on the recipe, and how many trainings came before it."""
    if not training_steps(recipe):
        return None
    return plain_settings(recipe.tuning) | {"earlier": earlier_trainings(recipe)}

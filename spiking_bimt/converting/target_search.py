"""The recipe that reaches an accuracy with the fewest spikes, and what was tried to find it."""

from dataclasses import replace
from typing import Any

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.converting.recipe import Converted, Recipe, follow, training_steps
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.progress import progress
from spiking_bimt.simulation.run import simulate_trials

FULL_RATES = (25.0, 50.0, 100.0, 200.0, 400.0)
"""Full scales that are tried, Hz."""
TRIALS = 50
"""Validation trials per task that the choice is made on."""

Tried = tuple[dict[str, Any], Converted]


def find_cheapest(
    rate: RateNetwork, target: float, base: Recipe, rates: tuple[float, ...], threads: int | None
) -> tuple[Converted, str, list[dict[str, Any]]]:
    """The network, its method and everything tried, scored on validation trials.

    One-to-one goes down the full scales while it reaches the target; fine-tuning goes up from the
    least one, to below the best of one-to-one, until it does. Where nothing reaches the target, the
    most accurate network is kept.
    """
    if not 0 < target <= 1:
        raise InputError(f"target is {target}: an accuracy lies in (0, 1]")
    trials = draw_trials(
        rate.battery, rate.tasks, TRIALS, rate.dt, stream="validate", seed=base.tuning.seed
    )
    possible = [full for full in rates if base.config.t_ref * full < 1000]
    tried: list[Tried] = []
    limit = float("inf")
    for full in reversed(possible):
        tried.append(_try(rate, _at(base, "one-to-one", full), target, trials, threads))
        if not tried[-1][0]["reached"]:
            break
        limit = full
    for full in possible:
        if full >= limit:
            break
        tried.append(_try(rate, _at(base, "finetune", full), target, trials, threads))
        if tried[-1][0]["reached"]:
            break
    reached = [pair for pair in tried if pair[0]["reached"]]
    if reached:
        best = min(reached, key=lambda pair: float(pair[0]["spikes_per_trial"]))
    else:
        best = max(tried, key=lambda pair: float(pair[0]["accuracy"]))
    return best[1], best[0]["method"], [row for row, _ in tried]


def score_conversion(made: Converted, trials: Trials, threads: int | None) -> dict[str, float]:
    """Accuracy and spikes of what a recipe made, with its integer weights where it has them."""
    network = made.network if made.network.codes is None else made.network.quantised()
    found = simulate_trials(network, trials, threads=threads, record_spikes=False)
    return {
        "accuracy": score(found.outputs, trials).accuracy,
        "mean_rate_hz": found.mean_rate_hz,
        "spikes_per_trial": found.n_spikes / trials.n_trials,
    }


def _at(base: Recipe, method: str, full_rate: float) -> Recipe:
    return replace(base, method=method, config=replace(base.config, full_rate=full_rate))


def _try(
    rate: RateNetwork, recipe: Recipe, target: float, trials: Trials, threads: int | None
) -> Tried:
    full_rate = recipe.config.full_rate
    with progress(f"{recipe.method}, {full_rate:g} Hz", training_steps(recipe)) as advance:
        made = follow(recipe, rate, recipe.tuning.seed, advance)
    found = score_conversion(made, trials, threads)
    row = {"method": recipe.method, "full_rate": full_rate, **found}
    return row | {"reached": found["accuracy"] >= target}, made

"""`convert --diagnose`: what each unit, task and moment lost, and what spikes would buy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.converting.diagnosis import diagnose
from spiking_bimt.converting.routes import Converted, Route, follow
from spiking_bimt.converting.target import FULL_RATES, scored
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot.conversion_figures import conversion_figure
from spiking_bimt.plot.files import store_figure
from spiking_bimt.progress import progress
from spiking_bimt.simulation.rate import rate_outputs

TRIALS = 20
"""Validation trials a task."""


def diagnosis(
    folder: Path, rate: RateNetwork, made: Converted, route: Route, threads: int | None
) -> dict[str, Any]:
    """Write diagnosis.svg into the run and return its numbers (JSON values).

    The curve over full scales is that of the one-to-one conversion with the neurons of the route.
    """
    seed = route.tuning.seed
    trials = draw_trials(
        rate.battery, rate.tasks, TRIALS, rate.dt, stream="validate", seed=seed + 1
    )
    network = made.network if made.network.codes is None else made.network.quantised()
    found = diagnose(made.rate, made.full_scale, network, made.config, trials, threads)
    curve: list[dict[str, Any]] = []
    fixed = rate.curve is not None
    full_rates = [made.config.full_rate] if fixed else FULL_RATES
    with progress("curve over full scales", len(full_rates)) as advance:
        for index, full in enumerate(full_rates):
            if route.config.t_ref * full < 1000:
                config = replace(route.config, full_rate=full)
                other = follow(replace(route, method="one-to-one", config=config), rate, seed)
                curve.append({"full_rate": full, **scored(other, trials, threads)})
            advance(index + 1, "")
    accuracy = score(rate_outputs(rate, trials), trials).accuracy
    image = conversion_figure(found, curve, accuracy)
    path = folder / "diagnosis.svg"
    store_figure(path, image)
    advice = found.advice(route.method)
    return {"figure": str(path), "advice": advice, "curve": curve, **found.as_dict()}

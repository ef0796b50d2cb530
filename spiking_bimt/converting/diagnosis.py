"""Why a conversion lost accuracy: units, time, tasks, and which knob helps."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.accuracy import score
from spiking_bimt.converting.one_to_one import spike_jump
from spiking_bimt.converting.recipe import Converted, Recipe, follow
from spiking_bimt.converting.target_search import FULL_RATES, score_conversion
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.progress import Advance
from spiking_bimt.simulation.filtered import filtered_spikes
from spiking_bimt.simulation.rate import rate_steps

Array = npt.NDArray[Any]

DRIFT_BINS = 10
"""Parts of a trial, of equal length, that the drift is given for."""

LEAST_LOSS = 0.01
"""Share of trials lost below which nothing needs to be repaired."""

BIAS_RATIO = 0.5
"""Systematic error relative to the noise above which the f-I curve is blamed, not spike noise."""

DRIFT_RATIO = 2.0
"""Error at the end of a trial, relative to its first half, above which the memory drifts."""


@dataclass(frozen=True)
class Diagnosis:
    """A spiking network beside the rate network that it stands for, on the same trials."""

    rate: Array
    """(N,) mean rate of each unit, shares of full scale."""
    spiking: Array
    """(N,) mean filtered spikes of its neuron, the same."""
    noise: Array
    """(N,) standard deviation over time and trials of what the neuron is off, its mean removed."""
    drift: Array
    """(DRIFT_BINS,) root mean square over units of the mean error in each tenth of a trial."""
    fixation_lost: Array
    """(tasks,) share of trials that only the spiking network fails before the go signal."""
    choice_lost: Array
    """(tasks,) share of trials whose response only the spiking network gets wrong."""
    tasks: tuple[str, ...]

    @property
    def bias(self) -> Array:
        """(N,) systematic error of each neuron, shares of full scale."""
        error: Array = self.spiking - self.rate
        return error

    def advice(self, method: str) -> list[str]:
        """What the numbers say, and the knob that helps, most important first."""
        fixation, choice = float(self.fixation_lost.mean()), float(self.choice_lost.mean())
        lines = []
        if fixation + choice < LEAST_LOSS:
            return ["the spiking network loses less than 0.01: a lower full_rate saves spikes"]
        if fixation > choice:
            lines.append(
                f"fixation breaks in {fixation:.3f} of the trials, choice in {choice:.3f}: spike "
                "noise; raise full_rate, or use method finetune with a margin"
            )
        else:
            lines.append(f"choice fails in {choice:.3f} of the trials, fixation in {fixation:.3f}")
        systematic = float(np.sqrt(np.mean(self.bias**2)))
        random = float(np.sqrt(np.mean(self.noise**2)))
        if systematic > BIAS_RATIO * random:
            lines.append(
                f"rates are off by {systematic:.3f} of full scale on average over time (noise: "
                f"{random:.3f}): the f-I curve is not the activation; "
                + ("train longer" if method != "one-to-one" else "use method aware or finetune")
            )
        else:
            lines.append(f"rates are right on average (off by {systematic:.3f}) and noisy by "
                         f"{random:.3f} of full scale: raise full_rate")  # fmt: skip
        if self.drift[-1] > DRIFT_RATIO * max(self.drift[: DRIFT_BINS // 2].mean(), 1e-6):
            lines.append("the error grows over the trial: memory drifts; more bits, or finetune")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        per_task = zip(self.tasks, self.fixation_lost, self.choice_lost, strict=True)
        return {
            "units": {"rate": self.rate.tolist(), "spiking": self.spiking.tolist(),
                      "noise": self.noise.tolist()},
            "drift": self.drift.tolist(),
            "lost": {name: {"fixation": float(f), "choice": float(c)} for name, f, c in per_task},
        }  # fmt: skip


def diagnose(made: Converted, trials: Trials, threads: int | None = None) -> Diagnosis:
    """Compare a conversion with the rate network that its neurons stand for, on the same trials."""
    source, full_scale = made.rate, made.full_scale
    network = made.network if made.network.codes is None else made.network.quantised()
    expected = np.zeros((len(trials.labels), source.n_units), np.float32)
    for rows, rates, _ in rate_steps(source, trials):
        # A unit that the calibration never drove has a full scale of 0, and a rate of 0.
        expected[rows] = np.divide(
            rates, full_scale, out=np.zeros_like(rates), where=full_scale > 0
        )
    jump = spike_jump(source, made.config)
    filtered, _ = filtered_spikes(network, trials, jump, threads=threads)
    of_rate = score((expected * full_scale) @ source.w_out.T + source.b_out, trials)
    of_spikes = score((filtered / jump) @ network.w_out.T + network.b_out, trials)
    error = filtered - expected
    lost = of_rate.correct & ~of_spikes.correct
    n_tasks = len(trials.tasks)
    per_task = np.bincount(trials.task, minlength=n_tasks)

    def share(flags: Array) -> Array:
        return np.bincount(trials.task, flags, n_tasks) / per_task

    return Diagnosis(
        rate=expected.mean(axis=0),
        spiking=filtered.mean(axis=0),
        noise=error.std(axis=0),
        drift=_drift(error, trials),
        fixation_lost=share(lost & of_spikes.decided),
        choice_lost=share(lost & ~of_spikes.decided),
        tasks=trials.tasks,
    )


def _drift(error: Array, trials: Trials) -> Array:
    """(DRIFT_BINS,) root mean square over units of the error's mean in each part of the trials."""
    lengths = trials.lengths
    within = np.arange(len(error)) - np.repeat(trials.offsets[:-1], lengths)
    part = within * DRIFT_BINS // np.repeat(lengths, lengths)
    means = np.stack([error[part == k].mean(axis=0) for k in range(DRIFT_BINS)])
    drift: Array = np.sqrt(np.mean(means**2, axis=1))
    return drift


def score_full_rates(
    rate: RateNetwork,
    recipe: Recipe,
    trials: Trials,
    full_rates: tuple[float, ...] = FULL_RATES,
    threads: int | None = None,
    advance: Advance = lambda done, note: None,
) -> list[dict[str, Any]]:
    """Accuracy and spikes of the one-to-one conversion at each full scale, Hz, as JSON values.

    The neurons are those of the recipe; full scales that its refractory time does not allow are
    left out. advance(done, note) is called after each.
    """
    curve = []
    for done, full_rate in enumerate(full_rates, start=1):
        if recipe.config.t_ref * full_rate < 1000:
            config = replace(recipe.config, full_rate=full_rate)
            one_to_one = replace(recipe, method="one-to-one", config=config)
            made = follow(one_to_one, rate, recipe.tuning.seed)
            curve.append({"full_rate": full_rate, **score_conversion(made, trials, threads)})
        advance(done, "")
    return curve

"""From a rate network to a spiking one by any method; each ends in the same SpikingNetwork."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.drive import rate_trials
from spiking_bimt.converting.drive_rounding import measure_moments, round_for_drives
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.inverse import recover_rate_network, refuse_other_neurons
from spiking_bimt.converting.normalise import fit_leaky_units, normalise
from spiking_bimt.converting.one_to_one import (
    ConversionConfig,
    floor_full_scale,
    to_spiking,
    use_trained_neurons,
    with_neurons,
    with_synapses,
)
from spiking_bimt.converting.output_neurons import add_output_units
from spiking_bimt.converting.quantise import Rounding, Scales
from spiking_bimt.converting.single_factor import convert_with_single_factor
from spiking_bimt.converting.source_neurons import KINDS, add_source_units
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.progress import Advance
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs, rate_steps

Floats = npt.NDArray[np.float32]

METHODS = ("one-to-one", "aware", "finetune", "kim2019")
CALIBRATION_TRIALS = 20
FITTED_ROWS = 2000
"""Drives of each unit on the calibration trials that leaky units are fitted to."""


@dataclass(frozen=True)
class Recipe:
    """A method with its settings."""

    method: str
    config: ConversionConfig
    tuning: FinetuneConfig
    rounding: Rounding | None
    sources: str | None = None
    """Input as the spikes of source neurons, "regular" or "poisson", not as analogue currents."""
    output_neurons: bool = False
    """Readout by the spike counts of output neurons, in place of weighted spikes."""
    placed: Placement | None = None
    """Cores of the neurons, for what they share on one: scales, synaptic time constants."""
    start: SpikingNetwork | None = None
    """Conversion of the same rate network that training goes on from."""
    threads: int | None = None
    """Threads of training in spikes, which change its time only."""
    chip: Chip | None = None
    """Chip in whose integers training in spikes runs forward."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise unknown_name("method", self.method, METHODS)
        if self.sources is not None and self.sources not in KINDS:
            raise unknown_name("sources", self.sources, KINDS)
        if self.method == "aware" and self.tuning.aware_steps < 1:
            raise InputError("method aware trains for aware_steps: ask for at least 1")
        if self.start is not None and self.method not in ("aware", "finetune"):
            raise InputError("only training starts from a network: choose aware or finetune")
        if self.rounding and self.rounding.fit == "learned" and self.method != "finetune":
            raise InputError("scales are learned in training in spikes: choose method finetune")
        if self.method == "finetune" and self.tuning.steps < 1:
            raise InputError("method finetune trains in spikes: ask for at least 1 of its steps")


@dataclass(frozen=True)
class Converted:
    """What a recipe made."""

    network: SpikingNetwork
    """With its codes, where it was rounded."""
    rate: RateNetwork
    """The rate network that it is the spiking network of: fine-tuned where it was."""
    full_scale: Floats
    """(N,) rate of each unit of `rate` at which its neuron fires at full_rate."""
    config: ConversionConfig


def follow(
    recipe: Recipe, rate: RateNetwork, seed: int, advance: Advance = lambda done, note: None
) -> Converted:
    """Convert the rate network by a recipe; `seed` draws the calibration trials.

    advance(done, note) is called after each step of training.
    """
    # The teacher has the filters of sources and outputs too: without them it would answer earlier
    # than the network can.
    teacher = rate
    rate = with_synapses(rate, recipe.config)
    if recipe.sources:
        signed = np.any(_calibration(rate, seed).inputs < 0, axis=0)
        rate = add_source_units(rate, signed, recipe.sources)
        teacher = add_source_units(teacher, signed)
    if recipe.output_neurons:
        trials = _calibration(teacher, seed)
        outputs, kind = rate_outputs(teacher, trials), trials.answer.kind
        rate, teacher = (add_output_units(each, outputs, kind) for each in (rate, teacher))
    if recipe.placed is not None:
        rate = _on_cores(rate, recipe.placed)
    if recipe.method == "kim2019":
        made = convert_with_single_factor(rate, recipe.config, _calibration(rate, seed))
        network, source, config, scales = made.network, made.rate, made.config, None
        full_scale: Floats = np.ones(rate.n_units, np.float32)
    else:
        config = use_trained_neurons(rate, recipe.config)
        trials = _calibration(rate, seed)
        full_scale = drive_percentile(rate, trials, config.percentile)
        if recipe.output_neurons:
            full_scale[-len(rate.b_out) :] = full_scale[-len(rate.b_out) :].max()
        source, scales = rate, None
        if recipe.method == "one-to-one":
            network = to_spiking(rate, full_scale, config)
        else:
            source, scales = _tuned(recipe, rate, full_scale, config, trials, teacher, advance)
            full_scale = np.ones(rate.n_units, np.float32)
            network = with_neurons(source, full_scale, _floored(rate, config))
    if recipe.rounding is not None:
        network = _rounded(network, recipe, source, full_scale, config, seed, scales)
    return Converted(network, source, full_scale, config)


def _on_cores(rate: RateNetwork, placed: Placement) -> RateNetwork:
    """The rate network with its units on the cores of a placement of its conversion."""
    if len(placed.core) != rate.n_units:
        raise InputError(
            f"the placement is of {len(placed.core)} neurons, and these settings make "
            f"{rate.n_units}: place a conversion with the same settings first"
        )
    return replace(rate, chip=placed.chip, core=placed.core)


def _rounded(
    network: SpikingNetwork, recipe: Recipe, source: RateNetwork, full_scale: Floats,
    config: ConversionConfig, seed: int, scales: Scales | None,
) -> SpikingNetwork:  # fmt: skip
    """The network with its codes; source and full_scale: as in `Converted`; scales: learned."""
    assert recipe.rounding is not None
    # Weights trained with their rounding are rounded as they were in training.
    if recipe.rounding.fit != "drive" or recipe.method == "finetune":
        return recipe.rounding.apply(network, scales)
    per_unit = config.full_rate_per_ms / floor_full_scale(full_scale)
    return round_for_drives(
        network, recipe.rounding, measure_moments(source, _calibration(source, seed), per_unit)
    )


def earlier_trainings(recipe: Recipe) -> int:
    """Number of trainings before this one; their trials are not drawn again."""
    measured = recipe.start.measured if recipe.start is not None else None
    training = (measured or {}).get("training")
    return int(training.get("earlier", 0)) + 1 if training else 0


def training_steps(recipe: Recipe) -> int:
    """Number of training steps of the recipe."""
    tuning = recipe.tuning
    return {"aware": tuning.aware_steps, "finetune": tuning.aware_steps + tuning.steps}.get(
        recipe.method, 0
    )


def _tuned(
    recipe: Recipe, rate: RateNetwork, full_scale: Floats, config: ConversionConfig,
    trials: Trials, teacher: RateNetwork, advance: Advance,
) -> tuple[RateNetwork, Scales | None]:  # fmt: skip
    """Train the normalised network; teacher: the network whose answers it may learn from."""
    from spiking_bimt.converting.finetune import finetune  # needs torch

    start = _start(recipe, rate, full_scale, config, trials)
    tuning = recipe.tuning
    if recipe.method == "aware":
        tuning = replace(tuning, steps=0)
    return finetune(
        start, _floored(rate, config), tuning, recipe.rounding,
        lambda step, loss: advance(step, f"loss {loss:.3f}"), teacher,
        # The readout of output neurons is their spike counts, which are compared as they are.
        ("w_out", "b_out") if recipe.output_neurons else (),
        earlier_trainings(recipe), recipe.threads, recipe.chip,
    )  # fmt: skip


def _start(
    recipe: Recipe, rate: RateNetwork, full_scale: Floats, config: ConversionConfig, trials: Trials
) -> RateNetwork:
    """The normalised network that training starts from; trials: for calibration."""
    softness = recipe.tuning.softness
    if recipe.start is not None:
        refuse_other_neurons(recipe.start, config)
        return recover_rate_network(recipe.start, rate, softness)
    start = normalise(rate, full_scale)
    if start.activation == "relu" and np.isfinite(config.tau_mem):
        drives = np.concatenate([drive for _, _, drive in rate_steps(start, trials)])
        some = np.random.default_rng(recipe.tuning.seed).choice(len(drives), FITTED_ROWS)
        start = fit_leaky_units(start, config, softness, drives[some])
    return start


def _floored(rate: RateNetwork, config: ConversionConfig) -> ConversionConfig:
    """A rectified network's membrane floor, also where leaky units have taken its place."""
    if config.floor is None and rate.activation == "relu":
        return replace(config, floor=0.0)
    return config


def _calibration(rate: RateNetwork, seed: int) -> Trials:
    """Trials for calibration: of every task of the network, or random ones where it has none."""
    return rate_trials(rate, CALIBRATION_TRIALS, "calibrate", seed)

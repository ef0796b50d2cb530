"""Settings of a conversion whose network a chip computes, where its neuron fits one to one."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.computes import cannot_compute
from spiking_bimt.chip.integers import largest_threshold, require_digital
from spiking_bimt.chip.neuron_rules import shift_times
from spiking_bimt.converting.one_to_one import delay_steps
from spiking_bimt.converting.recipe import Converted, Recipe
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.chip_neuron import ChipNeuron
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError

_WIDEST_LEAK = 15
"""Bits of a factor without a stated width: those of S16.15."""
_FORGETTING = 20.0
"""Membrane time constant, ms, of leaky neurons that are trained where no floor forgets inhibition:
without a leak they would remember it for a whole trial."""

_ROOM = 2
"""Thresholds that the membrane of a neuron has room for, where its weights leave it a choice."""


def fit_to_chip(recipe: Recipe, rate: RateNetwork, chip: Chip, given: set[str]) -> Recipe:
    """The recipe with what its user left open set as the chip has it.

    given: names of the settings that the user gave, which stay. Reset, floor, leak, time constant
    of the current, delay, scales and spiking input are the chip's; what it cannot have all the same
    is told by `require_computable`. Raises InputError for a chip without a digital neuron, and
    where there are no integer weights.
    """
    neuron, synapse = require_digital(chip)
    if recipe.rounding is None:
        raise InputError(f"{chip.name} holds integer weights: give their width as `bits`")
    config, settings = recipe.config, dict[str, Any]()
    if config.reset not in neuron.reset:
        settings["reset"] = neuron.reset[0]
    if neuron.floor in ("none", "reset"):
        settings["floor"] = -np.inf
    trains = recipe.method in ("aware", "finetune")
    if not neuron.no_leak or (trains and settings.get("floor") is not None):
        tau_mem = _leak(neuron, config.dt, _FORGETTING if trains else np.inf)
        settings |= {} if tau_mem is None else {"tau_mem": tau_mem}
    if neuron.current == "shift":
        known = shift_times(neuron.current_decay_bits, config.dt)
        settings["tau_syn"] = (_nearest(known, rate.tau),)
    low, high = neuron.delay
    steps = min(max(delay_steps(rate, config), low - 1), high - 1)
    settings["delay"] = steps * config.dt
    rounding = recipe.rounding
    if neuron.thresholds_per_core is not None and not {"per", "power_of_two"} & given:
        exponents = synapse.scales_per_core is not None and synapse.scales_per_core > 1
        rounding = replace(
            rounding, **({"power_of_two": True} if exponents else {"per": "network"})
        )
    rounding = replace(rounding, most_steps=largest_threshold(neuron) / _ROOM)
    settings = {name: value for name, value in settings.items() if name not in given}
    sources = recipe.sources
    if neuron.input == "spikes" and sources is None:
        sources = "regular"
    config = replace(config, **settings)
    return replace(recipe, config=config, rounding=rounding, sources=sources, chip=chip)


def _leak(neuron: ChipNeuron, dt: float, wanted: float) -> float | None:
    """Membrane time constant of a chip's leak that is nearest to the one wanted, ms."""
    if neuron.leak == "shift":
        return _nearest(shift_times(neuron.leak_bits, dt), wanted)
    slowest = dt * 2 ** (neuron.leak_bits or _WIDEST_LEAK)
    return min(wanted, slowest) if neuron.leak == "multiplicative" else None


def _nearest(known: npt.NDArray[np.float64], wanted: float) -> float:
    """The time constant that is nearest to a wanted one, as a factor."""
    return float(known[np.abs(np.log(known) - np.log(min(wanted, known[-1]))).argmin()])


def require_computable(made: Converted, chip: Chip) -> Converted:
    """What a recipe made, if the chip computes it; InputError with all reasons if not."""
    reasons = cannot_compute(made.network.quantised(), chip)
    if reasons:
        raise InputError(
            f"no conversion with these settings gives a network that {chip.name} computes "
            f"({len(reasons)} reasons): {'; '.join(reasons)}"
        )
    return made

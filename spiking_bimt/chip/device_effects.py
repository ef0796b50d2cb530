"""Accuracy of a network on its tiles in memory devices, with each effect of the devices alone."""

from typing import Any

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.chip.analog import EFFECTS, has_effect, ideal, program, with_effects
from spiking_bimt.data import validate
from spiking_bimt.data.crossbars import Crossbars
from spiking_bimt.data.device import Device
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.progress import Advance
from spiking_bimt.simulation.crossbar import run_crossbars


def score_device_effects(
    network: SpikingNetwork,
    tiles: TileSet,
    device: Device,
    trials: Trials,
    *,
    seconds: float,
    seed: int = 0,
    advance: Advance = lambda done, note: None,
) -> dict[str, dict[str, Any]]:
    """Accuracy, its 95% interval and spikes of each variant of the device, by the variant's name.

    network: the one that the tiles hold. Every variant runs the same trials: digital tiles, the
    device without effects, each effect alone, all together. seconds: time since programming. seed:
    of the devices, their noise and the initial potentials. advance(done, name) is called before
    each of `variants(device)`. Raises InputError for a time or seed that is not allowed.
    """
    validate.seed(seed)
    if not 0 <= seconds < np.inf:
        raise InputError(f"seconds is {seconds}: it must be a finite time, least 0")
    rows = {}
    for number, (name, variant) in enumerate(variants(device).items()):
        advance(number, name)
        recording = run_crossbars(
            network, _crossbars(tiles, variant, seed, seconds), trials, seed=seed
        )
        result = score(recording.outputs, trials)
        rows[name] = {
            "accuracy": result.accuracy,
            "interval": list(result.interval),
            "spikes": int(recording.spike_counts.sum()),
        }
    return rows


def variants(device: Device) -> dict[str, Device | None]:
    """The variants of a device by name; None stands for digital tiles."""
    shown = [name for name in EFFECTS if has_effect(device, name)]
    alone = {name: with_effects(device, (name,)) for name in shown}
    return {"digital": None, "no effect": with_effects(device, ())} | alone | {"all": device}


def _crossbars(tiles: TileSet, device: Device | None, seed: int, seconds: float) -> Crossbars:
    """The tiles on digital crossbars, or programmed into the device."""
    if device is None:
        return ideal(tiles)
    return program(tiles, device, np.random.default_rng((seed, 2)), seconds)

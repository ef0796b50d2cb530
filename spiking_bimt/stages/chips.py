"""`chips`: the chip presets, their limits and the sources of their figures."""

from dataclasses import asdict
from typing import Any

from spiking_bimt.chip.presets import chip_names, load_chip


def chips() -> dict[str, Any]:
    """Every field of every preset, by the preset's name."""
    return {name: asdict(load_chip(name)) for name in chip_names()}

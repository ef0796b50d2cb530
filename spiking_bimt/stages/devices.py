"""`devices`: the memory devices that come with the package, and the sources of their figures."""

from dataclasses import asdict
from typing import Any

from spiking_bimt.chip.presets import device_names, load_device


def devices() -> dict[str, Any]:
    """Every field of every device, by the device's name."""
    return {name: asdict(load_device(name)) for name in device_names()}

"""`tasks`: the batteries that are known."""

from typing import Any

from spiking_bimt.battery.draw import BATTERIES


def tasks() -> dict[str, Any]:
    """Tasks of each battery, in the order of their rule channels."""
    return {battery: list(names) for battery, names in BATTERIES.items()}

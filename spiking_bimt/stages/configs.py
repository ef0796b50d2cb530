"""`configs`: the configurations of training that come with the package."""

import tomllib
from importlib import resources
from typing import Any

from spiking_bimt.training.config import presets


def configs() -> dict[str, Any]:
    """What each configuration is for, its phases with their steps, and whether it needs a chip."""
    return {name: _described(name) for name in presets()}


def _described(name: str) -> dict[str, Any]:
    text = (resources.files("spiking_bimt.training") / f"{name}.toml").read_text("utf-8")
    phases = tomllib.loads(text)["phases"]
    return {
        "description": _opening_comment(text),
        "phases": {phase["name"]: phase["steps"] for phase in phases},
        "needs_chip": any(phase.get("packet") for phase in phases),
    }


def _opening_comment(text: str) -> str:
    lines = text.split("\n\n", 1)[0].splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines)

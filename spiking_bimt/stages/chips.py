"""`chips`: the chips by name, their limits, the neurons that they compute, and the sources."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from spiking_bimt.chip.chip_file import to_toml
from spiking_bimt.chip.presets import chip_names, load_chip
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip
from spiking_bimt.errors import InputError


@checked
def chips(chip: str | Path | Chip | None = None, *, toml: bool = False) -> dict[str, Any]:
    """Every field of every preset, or of one chip, by its name.

    chip: a preset's name, a TOML file or a record. toml: give the text of its file instead, under
    "toml", with what each key means: a template for a file of your own. Raises InputError for an
    unknown chip, and for toml without one.
    """
    if chip is None:
        if toml:
            raise InputError("toml is of one chip: name it")
        return {name: asdict(load_chip(name)) for name in chip_names()}
    found = load_chip(chip)
    return {"toml": to_toml(found)} if toml else {found.name: asdict(found)}

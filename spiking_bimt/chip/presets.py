"""Chips and memory devices: one TOML file each, whose keys are the fields of the record."""

import dataclasses
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spiking_bimt.data import gate, validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.device import Device
from spiking_bimt.errors import InputError, unknown_name

_FOLDER = Path(__file__).parent
_DEVICE = ".device"
"""End of the stem of a device's file, as in pcm.device.toml."""


def chip_names() -> list[str]:
    """Names of the presets, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml") if path.suffixes == [".toml"])


def device_names() -> list[str]:
    """Names of the presets of memory devices, sorted."""
    return sorted(path.name.split(".")[0] for path in _FOLDER.glob(f"*{_DEVICE}.toml"))


@checked
def load_device(device: str | Path | Device) -> Device:
    """The memory device of that name, or the one in a user's own TOML file; as `load_chip`."""
    if isinstance(device, Device):
        return device
    name_or_path = str(device)
    path = _find("device", name_or_path, device_names(), _DEVICE)
    given = gate.read_toml(path)[1]
    return Device(name=name_or_path, **_parse("device", name_or_path, given, Device))


@checked
def load_chip(chip: str | Path | Chip) -> Chip:
    """The preset of that name, the chip in a user's own TOML file, or the record as it is.

    The file's keys are the fields of `Chip` (`name` apart: it is the preset's name, or the path as
    given); a limit that the chip does not have is left out, and so is `[energy]` where no figure is
    published. Raises InputError for an unknown chip, an unreadable file, or an unknown, missing or
    mistyped key.
    """
    if isinstance(chip, Chip):
        return chip
    name_or_path = str(chip)
    path = _find("chip", name_or_path, chip_names(), "")
    text, given = gate.read_toml(path)
    try:
        return Chip(name=name_or_path, **_parse("chip", name_or_path, given, Chip))
    except InputError as error:
        said = str(error).removeprefix(f"chip {name_or_path}: ").removeprefix("Chip.")
        raise InputError(f"chip {name_or_path}: {said}{_line_of(said, text)}") from error


def chip_of(placement: Placement) -> Chip:
    """The chip that a placement is of, as it was then; by its name where it holds no other."""
    if placement.profile is None:
        return load_chip(placement.chip)
    return chip_from_profile(placement.chip, placement.profile)


def profile_of(chip: Chip) -> dict[str, Any]:
    """The whole chip as values of TOML and JSON, without its name and what it lacks."""
    fields = dataclasses.asdict(chip)
    return {k: v for k, v in fields.items() if k != "name" and v is not None}


def chip_from_profile(name: str, profile: Mapping[str, Any]) -> Chip:
    """The chip of that name with the fields that a file keeps of it (see `profile_of`)."""
    given = {k: v for k, v in profile.items() if k != "name" and v is not None}
    return Chip(name=name, **_parse("chip", name, given, Chip))


def _find(what: str, name_or_path: str, known: list[str], suffix: str) -> Path:
    if name_or_path in known:
        return _FOLDER / f"{name_or_path}{suffix}.toml"
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        return Path(name_or_path)
    raise unknown_name(what, name_or_path, known, "or the path of your own .toml file")


def _line_of(message: str, text: str) -> str:
    """Where the first key that a message names stands in the file, as " (line 7)"; or nothing."""
    found = re.finditer(r"^\s*\[?\s*([A-Za-z_]\w*)\s*[=\]]", text, re.MULTILINE)
    lines = {match[1]: text.count("\n", 0, match.start(1)) + 1 for match in found}
    for word in re.findall(r"\w+", message):
        if word in lines:
            return f" (line {lines[word]})"
    return ""


def _parse(what: str, name: str, given: dict[str, Any], record: type) -> dict[str, Any]:
    """The fields of a record but its name, checked one by one."""
    name = f"{what} {name}"
    hints = typing.get_type_hints(record)
    optional = {f.name for f in dataclasses.fields(record) if f.default is not dataclasses.MISSING}
    fields = [field.name for field in dataclasses.fields(record) if field.name != "name"]
    for key in given:
        if key not in fields:
            raise InputError(f"{name}: {unknown_name('key', key, fields)}")
    values: dict[str, Any] = {}
    for key in fields:
        if key in given:
            values[key] = validate.typed(name, key, given[key], hints[key])
        elif type(None) in typing.get_args(hints[key]):
            values[key] = None
        elif key not in optional:
            raise InputError(f"{name}: key {key!r} is missing")
    return values

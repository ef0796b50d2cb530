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
    """The memory device of that name, or the one in a user's own TOML file; as `load_chip`.

    Raises InputError for an unknown device and for a file that is none.
    """
    if isinstance(device, Device):
        return device
    name_or_path = str(device)
    path = _find("device", name_or_path, device_names(), _DEVICE)
    given = gate.read_toml(path)[1]
    try:
        return Device(name=name_or_path, **_parse("device", name_or_path, given, Device))
    except InputError as error:
        what = f"device {name_or_path}"
        said = str(error).removeprefix("Device.").removeprefix(what).lstrip(":. ")
        raise InputError(f"{what}: {said}") from error


@checked
def load_chip(chip: str | Path | Chip) -> Chip:
    """The preset of that name, the chip in a user's own TOML file, or the record as it is.

    The file's keys are the fields of `Chip` (`name` apart: it is the preset's name, or the path as
    given); a limit that the chip does not have is left out, so is `[energy]` where no figure is
    published, and `[neuron]` with `[synapse]` where nothing is said of what the chip computes.
    Raises InputError for an unknown chip, an unreadable file, or unknown, missing or mistyped keys.
    """
    if isinstance(chip, Chip):
        return chip
    name_or_path = str(chip)
    path = _find("chip", name_or_path, chip_names(), "")
    text, given = gate.read_toml(path)
    try:
        return Chip(name=name_or_path, **_parse("chip", name_or_path, given, Chip))
    except InputError as error:
        said = str(error).removeprefix(f"chip {name_or_path}: ")
        for record in ("ChipNeuron", "ChipSynapse"):
            said = said.replace(f"{record}.", f"{record.removeprefix('Chip').lower()}.")
        said = said.removeprefix("Chip.")
        raise InputError(f"chip {name_or_path}: {said}{_line_of(said, text)}") from error


def chip_of(placement: Placement) -> Chip:
    """The chip that a placement is of, as it was then; by its name where it holds no other."""
    if placement.profile is None:
        return load_chip(placement.chip)
    return chip_from_profile(placement.chip, placement.profile)


def profile_of(chip: Chip) -> dict[str, Any]:
    """The whole chip as values of TOML and JSON, without its name and what it lacks."""
    given = _present(dataclasses.asdict(chip))
    return {k: v for k, v in given.items() if k != "name"}


def _present(value: Any) -> Any:
    """A value of TOML: without what is None, tuples as lists."""
    if isinstance(value, dict):
        return {key: _present(item) for key, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, list | tuple) else value


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
    """The fields of a record but its name, checked one by one; those of records in it too.

    All unknown and missing keys are named in one InputError.
    """
    wrong, missing = _keys(given, record, "")
    if missing:
        several = len(missing) > 1
        keys = ", ".join(map(repr, missing))
        wrong.append(f"key{'s' * several} {keys} {'are' if several else 'is'} missing")
    if wrong:
        raise InputError(f"{what} {name}: {'; '.join(wrong)}")
    return _values(f"{what} {name}", given, record)


def _keys(given: dict[str, Any], record: type, section: str) -> tuple[list[str], list[str]]:
    """What is wrong with keys that the record does not know, and those that are missing."""
    hints = typing.get_type_hints(record)
    fields = {field.name: field for field in dataclasses.fields(record) if field.name != "name"}
    where = f" in [{section[:-1]}]" if section else ""
    wrong = [f"{unknown_name('key', key, fields)}{where}" for key in given if key not in fields]
    missing: list[str] = []
    for key, field in fields.items():
        inner = record_in(hints[key])
        if key in given and inner is not None and isinstance(given[key], dict):
            more = _keys(given[key], inner, f"{section}{key}.")
            wrong, missing = wrong + more[0], missing + more[1]
        elif key not in given and not (
            type(None) in typing.get_args(hints[key])
            or field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        ):
            missing.append(f"{section}{key}")
    return wrong, missing


def _values(owner: str, given: dict[str, Any], record: type) -> dict[str, Any]:
    hints = typing.get_type_hints(record)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        key = field.name
        inner = record_in(hints[key])
        if key in given and inner is not None and isinstance(given[key], dict):
            values[key] = inner(**_values(f"{owner}: {key}.", given[key], inner))
        elif key in given and key != "name":
            values[key] = validate.typed(owner, key, given[key], hints[key])
        elif type(None) in typing.get_args(hints[key]) and field.default is dataclasses.MISSING:
            values[key] = None
    return values


def record_in(hint: Any) -> type | None:
    """The record that a field may hold."""
    found = [part for part in typing.get_args(hint) if dataclasses.is_dataclass(part)]
    return typing.cast(type, found[0]) if found else None

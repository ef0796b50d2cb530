"""Chips as data: one TOML file a chip, whose keys are the fields of `Chip`."""

import dataclasses
import difflib
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

from spiking_bimt.data.chip import Chip
from spiking_bimt.errors import InputError

_FOLDER = Path(__file__).parent
_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false",
          dict: "a table"}  # fmt: skip


def chip_names() -> list[str]:
    """Names of the presets, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_chip(name_or_path: str) -> Chip:
    """The preset of that name, or the chip in a user's own TOML file.

    The file's keys are the fields of `Chip` (`name` apart: it is the preset's name, or the path as
    given); a limit that the chip does not have is left out, and so is `[energy]` where no figure is
    published. Raises InputError for an unknown chip, an unreadable file, or an unknown, missing or
    mistyped key.
    """
    if name_or_path in chip_names():
        path = _FOLDER / f"{name_or_path}.toml"
    elif name_or_path.endswith(".toml") or "/" in name_or_path:
        path = Path(name_or_path)
    else:
        raise InputError(
            f"unknown chip {name_or_path!r}; known: {', '.join(chip_names())}, "
            "or the path of your own .toml file"
        )
    return _parse(name_or_path, _read(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the chip file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error


def _parse(name: str, given: dict[str, Any]) -> Chip:
    hints = typing.get_type_hints(Chip)
    fields = [field.name for field in dataclasses.fields(Chip) if field.name != "name"]
    for key in given:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(fields)}"
            raise InputError(f"chip {name}: unknown key {key!r}; {hint}")
    values: dict[str, Any] = {}
    for key in fields:
        if key in given:
            values[key] = _typed(name, key, given[key], hints[key])
        elif type(None) in typing.get_args(hints[key]):
            values[key] = None
        else:
            raise InputError(f"chip {name}: key {key!r} is missing")
    return Chip(name=name, **values)


def _typed(name: str, key: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) is types.UnionType:
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise _mistyped(name, key, value, dict)
        item = typing.get_args(hint)[1]
        return {k: _typed(name, f"{key}.{k}", v, item) for k, v in value.items()}
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise _mistyped(name, key, value, hint)
    return value


def _mistyped(name: str, key: str, value: Any, wanted: type) -> InputError:
    return InputError(f"chip {name}: {key} is {value!r}, expected {_WORDS[wanted]}")

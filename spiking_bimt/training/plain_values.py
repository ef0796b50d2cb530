"""Records from the plain values of TOML and JSON: unknown keys and wrong types are errors."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.training.phase import Phase

T = TypeVar("T")

_OF_A_CHIP = ("packet_scale", "packet_groups", "packet_ends")
_OF_LIF_UNITS = ("lif_tau_mem", "lif_t_ref", "lif_full_rate", "lif_softness")


def refuse_idle(config: Any) -> None:
    """InputError for a setting of a training that has no effect with the others."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    without_effect = [
        *((name, "without a chip: name the chip as `chip`, or")
          for name in _OF_A_CHIP if not config.chip),
        *((name, "without `activation` lif:") for name in _OF_LIF_UNITS
          if config.activation != "lif"),
    ]  # fmt: skip
    for name, why in without_effect:
        if getattr(config, name) != defaults[name]:
            raise InputError(
                f"{name} is {getattr(config, name)}, which has no effect {why} leave it out"
            )


def record_of(
    cls: type[T], values: Mapping[str, Any], where: str, overridden: Collection[str] = ()
) -> T:
    """A record from plain values; an InputError names `where` they stand, and the first wrong one.

    overridden: values that do not stand there.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in fields:
            raise InputError(f"{where}: {unknown_name('key', key, fields)}")
        _check_type(fields[key].type, key, value, where)
    missing = [
        name
        for name, field in fields.items()
        if field.default is field.default_factory is dataclasses.MISSING and name not in values
    ]
    if missing:
        raise InputError(f"{where}: {missing[0]!r} is missing")
    try:
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except InputError as error:
        said = str(error).removeprefix(f"{cls.__name__}.")
        if where in said or any(name in said for name in overridden):
            raise
        raise InputError(f"{where}: {said}") from error


def _check_type(hint: Any, key: str, value: Any, where: str) -> None:
    expected: tuple[type, ...]
    if hint is float:
        expected = (int, float)
    elif hint is bool:
        expected = (bool,)
    elif hint in (int, str):
        expected = (hint,)
    elif key == "chip_profile":
        expected = (dict,)
    else:
        expected = (list, tuple)
        item = int if key == "sheet" else str if key == "tasks" else Phase
        wrong = isinstance(value, expected) and any(type(part) is not item for part in value)
        if wrong or (key == "sheet" and isinstance(value, expected) and len(value) != 2):
            what = "two whole numbers" if key == "sheet" else "a list of names"
            raise InputError(f"{where}: {key} is {value!r}, expected {what}")
    if not isinstance(value, expected) or (isinstance(value, bool) and hint is not bool):
        raise InputError(
            f"{where}: {key} is {value!r}, expected {' or '.join(t.__name__ for t in expected)}"
        )

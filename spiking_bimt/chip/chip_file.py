"""A chip as the commented text of its TOML file."""

import dataclasses
import textwrap
import typing
from typing import Any

import tomli_w

from spiking_bimt.chip.presets import profile_of, record_in
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.documented import field_texts

_WIDTH = 98
"""Columns of a comment."""


def to_toml(chip: Chip) -> str:
    """The chip file of a record: every key with what it means; `load_chip` reads the record back.

    A key that the chip does not have stands as a comment.
    """
    given, texts, hints = profile_of(chip), field_texts(Chip), typing.get_type_hints(Chip)
    lines = [f"# Chip {chip.name}. A key that is left out stands as a comment: # key = .."]
    sections: list[str] = []
    for field in dataclasses.fields(Chip):
        key, text = field.name, texts.get(field.name, "")
        inner = record_in(hints[key])
        if inner is not None:
            sections += ["", *_comment(text), *_head(key, given)]
            meanings = field_texts(inner)
            for each in dataclasses.fields(inner):
                sections += [
                    "",
                    *_entry(each.name, meanings.get(each.name, ""), given.get(key, {})),
                ]
        elif "dict[" in str(hints[key]):
            content = tomli_w.dumps(given.get(key, {})).strip()
            sections += ["", *_comment(text), *_head(key, given), *content.splitlines()]
        elif key != "name":
            lines += ["", *_entry(key, text, given)]
    return "\n".join([*lines, *sections]) + "\n"


def _head(key: str, given: dict[str, Any]) -> list[str]:
    return [f"[{key}]" if key in given else f"# [{key}]"]


def _entry(key: str, text: str, given: dict[str, Any]) -> list[str]:
    if key not in given:
        return [*_comment(text), f"# {key} = .."]
    value = given[key]
    if not isinstance(value, list):
        return [*_comment(text), tomli_w.dumps({key: value}).strip()]
    items = [tomli_w.dumps({"x": item}).strip().removeprefix("x = ") for item in value]
    return [*_comment(text), f"{key} = [{', '.join(items)}]"]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )

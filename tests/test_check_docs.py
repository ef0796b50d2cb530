"""The check of the docstrings of public names finds what lacks."""

import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiking_bimt.data.documented import documented

CHECK: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / ".ci" / "check_docs.py"))


@documented
@dataclass
class Half:
    """Half of it is documented."""

    said: int
    """A number."""
    silent: int = 0


def half(first: int, second: int, third: int) -> int:
    """first is what it is about. second: a number."""
    return first + second + third


def test_every_public_name_is_documented() -> None:
    assert CHECK["main"]() == 0
    assert len(CHECK["public"]()) > 60


def test_a_lack_is_found() -> None:
    assert list(CHECK["lacks"]("Half", Half)) == ["Half: silent has no text"]
    assert list(CHECK["lacks"]("half", half)) == [
        "half: its docstring does not name third",
        "half: its docstring names no error",
    ]

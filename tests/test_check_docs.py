"""The check of the docstrings of public names finds what lacks."""

import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.documented import documented
from spiking_bimt.errors import CheckError, InputError

CHECK: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / ".ci" / "check_docs.py"))


@documented
@dataclass
class Half:
    """Half of it is documented."""

    said: int
    """A number."""
    silent: int = 0


@documented
@dataclass
class Bare:
    """Fields without shape or unit."""

    weights: npt.NDArray[np.float64]
    """Weights of the synapses."""
    tau_mem: float
    """Time constant of the membrane."""
    tau_syn: float
    """Time constant of the current, ms."""


def half(first: int, second: int, third: int) -> int:
    """first is what it is about. second: a number."""
    return first + second + third


def test_every_public_name_is_documented() -> None:
    assert CHECK["main"]() == 0
    assert len(CHECK["public"]()) > 60


def measure(first: int, rates: npt.ArrayLike, tau_mem: float, span_ms: float) -> None:
    """Measure the first. rates: how fast; tau_mem: a constant; span_ms: a span. Raises IndexError.

    Nothing more.
    """
    refuse(first)
    raise InputError("no")


def refuse(first: int) -> None:
    """Raise what `measure` does not name, and a kind of what it names."""
    if first:
        raise KeyError("no")
    raise CheckError("no")


def test_a_lack_is_found() -> None:
    assert list(CHECK["lacks"]("Half", Half)) == ["Half: silent has no text"]
    assert list(CHECK["lacks"]("measure", measure)) == [
        "measure: its docstring does not name CheckError",
        "measure: its docstring does not name InputError",
        "measure: its docstring does not name KeyError",
        "measure: rates has no shape",
        "measure: rates has no unit",
        "measure: tau_mem has no unit",
    ]
    assert next(iter(CHECK["lacks"]("train", half))) == (
        "train: its docstring names no source of the method"
    )


def test_records_lack_shapes_and_units() -> None:
    found = list(CHECK["lacks"]("Bare", Bare))
    assert found == [
        "Bare: the text of weights has no shape",
        "Bare: the text of tau_mem has no unit",
    ]
    assert list(CHECK["lacks"]("half", half)) == [
        "half: its docstring does not name third",
        "half: its docstring names no error",
    ]

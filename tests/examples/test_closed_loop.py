"""examples/closed_loop.py reaches the rates that it wants."""

import runpy
from pathlib import Path

import pytest

LOOP = Path(__file__).parents[2] / "examples" / "closed_loop.py"


def test_the_controller_reaches_each_rate() -> None:
    example = runpy.run_path(str(LOOP))
    assert example["main"]() == pytest.approx(example["WANTED_HZ"], rel=0.1)

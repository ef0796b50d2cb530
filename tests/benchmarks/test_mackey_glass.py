"""The benchmark of the Mackey-Glass series: its series is the system's, and it foresees it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script() -> Iterator[Any]:
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import mackey_glass

        yield mackey_glass
    for name in ("mackey_glass", "common", "common.lstm", "common.rows"):
        sys.modules.pop(name, None)


def test_the_series_is_that_of_small_steps(script: Any) -> None:
    h, late = 0.02, round(script.DELAY / 0.02)
    x = np.full(late + 1, script.PAST)

    def slope(now: float, before: float) -> float:
        return float(0.2 * before / (1 + before**10) - 0.1 * now)

    values = list(x)
    for _ in range(round(2 * script.LYAPUNOV / h)):  # Heun's steps
        first = slope(values[-1], values[-1 - late])
        second = slope(values[-1] + h * first, values[-late])
        values.append(values[-1] + h * (first + second) / 2)
    at = np.arange(2 * script.POINTS) * script.LYAPUNOV / script.POINTS
    expected = np.interp(at, h * np.arange(len(values) - late), values[late:])
    np.testing.assert_allclose(script.make_series(len(at)), expected, atol=2e-3)


@pytest.mark.slow
def test_the_rate_and_the_spiking_network_foresee_a_stretch(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.lstm.Lstm.EPOCHS", 2)
    series = script.make_series(script.SETTLING + 2 * script.LENGTH)
    found = script.repeat(series, 0)
    assert found["parameters"] <= found["lstm parameters"]
    assert found["bytes"] < 1e5
    # Points of the series at unrelated times have a sMAPE of about 27, and an LSTM has 15.
    assert found["rate"] < 10, found
    assert found["spiking"] < 18, found
    assert found["lstm"] > found["rate"]

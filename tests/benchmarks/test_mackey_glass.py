"""The benchmark of the Mackey-Glass series: its series is the system's, and it foresees it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spiking_bimt as sb

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
    monkeypatch.setattr(script, "STEP_MS", 100.0)  # a quarter of the spikes, and of the time
    monkeypatch.setattr(script, "SUBSTEPS", 400)
    series = script.make_series(script.SETTLING + 2 * script.LENGTH)
    found = script.repeat(series, 0)
    assert found["parameters"] <= found["lstm parameters"]
    assert found["bytes"] < 1e5
    # Points of the series at unrelated times have a sMAPE of about 27, and an LSTM has 15.
    assert found["rate"] < 10, found
    assert found["spiking"] < 18, found
    assert found["lstm"] > found["rate"]


def test_the_filters_of_a_step_are_those_of_each_simulated_step(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "SUBSTEPS", 20)
    steps = script.OUTPUT_STEPS * 20
    network = sb.from_coo([0], [1], [0.4], 3, tau_mem=np.inf, tau_syn=5, dt=1, bias=[0.3, 0, 0.11])
    running = script.Spiking(network)
    alone = sb.Simulation(network, v_start=np.zeros(3), dtype=np.float64)
    f = np.exp(-1 / steps)
    current, trace = np.zeros((2, 3))
    for _ in range(3):
        found = running.step(np.zeros(network.n_inputs))
        for _ in range(20):
            current *= f
            current[alone.step()] += 1
            trace = f * trace + (1 - f) * current
        full = script.FULL_RATE * script.OUTPUT_STEPS * script.STEP_MS / 1000
        np.testing.assert_allclose(found, trace / full, rtol=1e-12)
    assert (found > 0).sum() >= 2

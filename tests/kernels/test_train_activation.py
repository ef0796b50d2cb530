"""The tabulated activation against the closed form in float64."""

from typing import Any

import numpy as np
import pytest

from spiking_bimt.kernels.train_activation import look_up, table
from spiking_bimt.simulation.rate import lif_rate


@pytest.mark.parametrize("t_ref", [0.0, 2.0])
def test_the_table_is_the_curve_and_its_slope(t_ref: float) -> None:
    curve = np.array([20.0, t_ref, 100.0, 0.1], np.float32)
    x = np.linspace(-12, 15, 5000).astype(np.float32)[None]
    rates, slopes = np.empty_like(x), np.empty_like(x)
    look_up(x, table(curve), rates, slopes)
    wide: Any = x.astype(np.float64)
    of = tuple(float(value) for value in curve)
    np.testing.assert_allclose(rates, lif_rate(wide, *of), rtol=1e-3, atol=1e-5)
    h = 1e-3
    risen = lif_rate(wide + h, *of).astype(float) - lif_rate(wide - h, *of)
    np.testing.assert_allclose(slopes, risen / (2 * h), rtol=2e-2, atol=2e-3)


def test_without_a_curve_it_is_the_rectifier() -> None:
    x = np.array([[-1.0, 0.0, 2.5]], np.float32)
    rates, slopes = np.empty_like(x), np.empty_like(x)
    look_up(x, table(np.empty(0, np.float32)), rates, slopes)
    assert rates.tolist() == [[0.0, 0.0, 2.5]]
    assert slopes.tolist() == [[0.0, 0.0, 1.0]]

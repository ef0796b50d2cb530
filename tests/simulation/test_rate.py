"""The activation against the neuron that it stands for."""

import numpy as np
import pytest

from spiking_bimt.kernels.train_activation import lif_rate_and_slope
from spiking_bimt.simulation.rate import lif_rate


def interval_by_integration(current: float, tau_mem: float, t_ref: float) -> float:
    """Interspike interval (ms) of tau_mem dv/dt = -v + current, threshold 1, by small steps."""
    v, time, dt = 0.0, 0.0, 1e-3
    while v < 1:
        v += dt / tau_mem * (current - v)
        time += dt
    return time + t_ref


@pytest.mark.parametrize("above", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("t_ref", [0.0, 2.0])
def test_a_hard_threshold_gives_the_rate_of_the_neuron(above: float, t_ref: float) -> None:
    x = np.array([above], np.float32)
    rate = float(lif_rate(x, 20.0, t_ref, 200.0, softness=1e-3)[0])
    assert rate == pytest.approx(1 / (0.2 * interval_by_integration(1 + above, 20.0, t_ref)), 1e-3)


def test_training_and_simulation_have_one_curve() -> None:
    curve = np.array([20.0, 2.0, 200.0, 0.1], np.float32)
    x = np.linspace(-5, 20, 2001).astype(np.float32)
    both = np.array([lif_rate_and_slope(value, curve) for value in x])
    np.testing.assert_allclose(both[:, 0], lif_rate(x, 20.0, 2.0, 200.0, 0.1), rtol=2e-4, atol=1e-7)
    fine = lif_rate(np.array([x - 1e-3, x + 1e-3]).astype(np.float64), 20.0, 2.0, 200.0, 0.1)
    slope = np.diff(fine.astype(np.float64), axis=0)[0] / 2e-3
    np.testing.assert_allclose(both[:, 1], slope, rtol=2e-2, atol=2e-4)


def test_far_below_the_threshold_nothing_fires() -> None:
    curve = np.array([20.0, 2.0, 200.0, 0.1], np.float32)
    assert max(lif_rate_and_slope(np.float32(-1e30), curve)) < 1e-29
    assert float(lif_rate(np.array([-1e30], np.float32), 20.0, 2.0, 200.0, 0.1)[0]) < 1e-29

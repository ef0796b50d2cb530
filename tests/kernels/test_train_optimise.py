"""Adam against torch's own, the proximal step against the minimum of its objective."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from spiking_bimt.kernels import train_optimise

Array = npt.NDArray[Any]


def floats(values: Any) -> Array:
    return np.asarray(values, np.float32)


def step(
    weights: Array, m: Array, v: Array, gradient: Array, mask: Array, strength: Array,
    count: int = 1, lr: float = 1e-2, scale: float = 1.0,
) -> None:  # fmt: skip
    numbers = (scale, lr, 1 - 0.9**count, 1 - 0.999**count, 0.9, 0.999, 1e-8)
    train_optimise.adam_shrink(
        weights, m, v, gradient, mask, strength, *(np.float32(number) for number in numbers)
    )


def test_without_a_penalty_it_is_adam() -> None:
    rng = np.random.default_rng(0)
    weights = floats(rng.normal(size=50))
    theirs = torch.tensor(weights, requires_grad=True)
    optimiser = torch.optim.Adam([theirs], lr=1e-2)
    m, v, none = np.zeros((3, 50), np.float32)
    for count in range(1, 20):
        gradient = floats(rng.normal(size=50))
        theirs.grad = torch.tensor(0.5 * gradient)
        optimiser.step()
        step(weights, m, v, gradient, np.ones_like(m), none, count, scale=0.5)
    np.testing.assert_allclose(weights, theirs.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_shrinking_minimises_its_proximal_objective() -> None:
    before = floats(np.linspace(-2, 2, 41))
    weights, strength, lr, second = before.copy(), 0.4, 0.5, 0.3
    # A gradient of zero leaves Adam's step at zero and v at what it is.
    m, v = np.zeros_like(before), np.full_like(before, second * (1 - 0.999) / 0.999)
    step(weights, m, v, m.copy(), np.ones_like(m), np.full_like(m, strength), lr=lr)
    metric = np.sqrt(second + strength**2 / 4)
    grid = np.linspace(-3, 3, 60001)
    for old, new in zip(before, weights, strict=True):
        objective = metric / (2 * lr) * (grid - old) ** 2 + strength * np.abs(grid)
        assert new == pytest.approx(grid[objective.argmin()], abs=2e-4)
    assert (weights == 0).sum() > 1


def test_shrinking_moves_no_weight_by_more_than_twice_lr() -> None:
    weights, m, v = np.ones(3, np.float32), np.zeros(3, np.float32), floats([0, 1e-15, 1e-3])
    step(weights, m, v, m.copy(), np.ones_like(m), floats([0.1] * 3), lr=1e-3)
    assert float(weights.min()) >= 1 - 2e-3 - 1e-7
    assert float(weights.max()) < 1


def test_masked_weights_stay_at_zero() -> None:
    weights, m, v = np.zeros((3, 4), np.float32)
    step(weights, m, v, np.ones(4, np.float32), np.zeros_like(m), np.zeros_like(m))
    np.testing.assert_array_equal(weights, 0)

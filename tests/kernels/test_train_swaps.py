"""Swap deltas and their bookkeeping against the recomputed wiring cost."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.kernels import train_swaps

Doubles = npt.NDArray[np.float64]


def random_case(seed: int, n: int) -> tuple[Doubles, Doubles]:
    """Symmetric costs with zero diagonal, and distances between n points."""
    rng = np.random.default_rng(seed)
    weights = np.abs(rng.normal(size=(n, n))) * (rng.random((n, n)) < 0.4)
    np.fill_diagonal(weights, 0)
    points = rng.normal(size=(n, 2))
    return weights + weights.T, np.linalg.norm(points[:, None] - points[None], axis=-1)


def wiring(cost: Doubles, distances: Doubles, place: npt.NDArray[np.int64]) -> float:
    return 0.5 * sum(
        float(cost[i, j] * distances[place[i], place[j]])
        for i, j in itertools.product(range(len(place)), repeat=2)
    )


@given(st.integers(0, 2**31), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_best_swap_is_the_best_of_all_pairs(seed: int, n: int) -> None:
    cost, distances = random_case(seed, n)
    identity = np.arange(n)
    changes = [0.0]
    for i, j in itertools.combinations(range(n), 2):
        swapped = identity.copy()
        swapped[[i, j]] = swapped[[j, i]]
        changes.append(wiring(cost, distances, swapped) - wiring(cost, distances, identity))
    i, j, delta = train_swaps.best_swap(cost, distances, cost @ distances)
    assert delta == pytest.approx(min(changes), abs=1e-9)
    assert (i < j) == (delta < 0)


@given(st.integers(0, 2**31), st.integers(2, 9))
@settings(max_examples=30, deadline=None)
def test_bookkeeping_equals_recomputation_after_every_swap(seed: int, n: int) -> None:
    cost, distances = random_case(seed, n)
    rng = np.random.default_rng(seed)
    place = np.arange(n)
    separation, product = distances.copy(), cost @ distances
    for _ in range(6):
        i, j = rng.choice(n, 2, replace=False)
        place[[i, j]] = place[[j, i]]
        train_swaps.exchange(cost, separation, product, i, j)
        np.testing.assert_allclose(separation, distances[np.ix_(place, place)])
        np.testing.assert_allclose(product, cost @ separation, atol=1e-9)

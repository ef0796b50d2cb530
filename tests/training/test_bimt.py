"""Swaps against brute force."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.training import bimt

Array = npt.NDArray[Any]


def random_case(seed: int, rows: int, cols: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    n = rows * cols
    w_rec = rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.4)
    return w_rec, rng.permutation(n), bimt.sheet_distances(rows, cols)


def cost_at(w_rec: Array, place: Array, distances: Array) -> float:
    return sum(
        float(abs(w_rec[i, j]) * distances[place[i], place[j]])
        for i, j in itertools.product(range(len(place)), repeat=2)
    )


@given(st.integers(0, 2**31), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_each_swap_is_the_best_pair(seed: int, max_swaps: int) -> None:
    w_rec, place, distances = random_case(seed, 3, 3)
    # Step by step from our own places: pairs of equal gain may be taken in either order.
    now = place
    for _ in range(max_swaps):
        costs = [cost_at(w_rec, now, distances)]
        for i, j in itertools.combinations(range(9), 2):
            trial = now.copy()
            trial[[i, j]] = trial[[j, i]]
            costs.append(cost_at(w_rec, trial, distances))
        now = bimt.swap_places(w_rec, now, distances, 1)
        assert cost_at(w_rec, now, distances) == pytest.approx(min(costs))
    together = bimt.swap_places(w_rec, place, distances, max_swaps)
    assert sorted(now) == sorted(together) == list(range(9))
    assert cost_at(w_rec, together, distances) <= cost_at(w_rec, place, distances) + 1e-9


def test_swapping_nothing_is_the_identity() -> None:
    _, place, distances = random_case(0, 3, 3)
    result = bimt.swap_places(np.zeros((9, 9)), place, distances, 10)
    np.testing.assert_array_equal(result, place)


def test_distances_of_both_metrics() -> None:
    euclidean = bimt.sheet_distances(2, 3)
    manhattan = bimt.sheet_distances(2, 3, "manhattan")
    assert euclidean[0, 5] == pytest.approx(np.sqrt(5))
    assert manhattan[0, 5] == 3
    assert euclidean[1, 4] == manhattan[1, 4] == 1

"""Variance within clusters against its definition, its shuffle null against every permutation."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.analysis.spread import place_index, variance_null, variance_within
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]


def by_definition(labels: Array, points: Array) -> float:
    total = 0.0
    for cluster in set(labels[labels >= 0].tolist()):
        own = points[labels == cluster]
        total += float(((own - own.mean(0)) ** 2).sum())
    return total / int((labels >= 0).sum())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 2))
def test_it_is_the_mean_squared_distance_to_the_own_centre(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 4, n).astype(np.int32)
    labels[0] = 0
    points = rng.integers(0, 20, (n, d)).astype(np.float64)
    assert variance_within(labels, points) == pytest.approx(by_definition(labels, points))


def test_shuffles_have_the_mean_over_all_permutations() -> None:
    labels = np.array([0, 0, 1, -1, 1, 2], np.int32)
    points = np.array([[0, 0], [0, 1], [5, 5], [9, 9], [5, 6], [2, 7]], np.float64)
    kept = labels >= 0
    exact = []
    for order in itertools.permutations(labels[kept]):
        shuffled = labels.copy()
        shuffled[kept] = order
        exact.append(by_definition(shuffled, points))
    null = variance_null(labels, points, shuffles=20_000)
    assert set(np.round(null, 6)) <= set(np.round(exact, 6))
    assert null.mean() == pytest.approx(np.mean(exact), abs=5 * np.std(exact) / 20_000**0.5)


def test_the_index_counts_places_row_after_row() -> None:
    positions = np.array([[0, 0], [0, 3], [2, 1]], np.int32)
    np.testing.assert_array_equal(place_index(positions, (3, 4)), [[0], [3], [9]])


def test_ten_thousand_shuffles_of_a_whole_sheet() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 400).astype(np.int32)
    null = variance_null(labels, rng.random((400, 2)))
    assert null.shape == (10_000,)


def test_no_cluster_is_refused() -> None:
    with pytest.raises(InputError, match="no unit belongs to a cluster"):
        variance_within(np.full(3, -1, np.int32), np.zeros((3, 2)))

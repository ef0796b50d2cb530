"""Clusters that are known, and ratios of isolated units against brute force."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.analysis.clusters import functional_clusters, isolated_null, isolated_ratio
from spiking_bimt.errors import InputError

Ints = npt.NDArray[np.int32]


def blobs(sizes: list[int], seed: int = 0) -> npt.NDArray[np.float64]:
    """Rows around the corners of a cube, `sizes` of them at each."""
    rng = np.random.default_rng(seed)
    corners = np.eye(len(sizes))
    rows = [corners[i] + 0.02 * rng.normal(size=(n, len(sizes))) for i, n in enumerate(sizes)]
    return np.concatenate(rows)


def sheet_of(labels: list[list[int]]) -> tuple[Ints, Ints, tuple[int, int]]:
    """Labels, positions and shape of a sheet drawn as rows; -9 for an empty place."""
    grid = np.array(labels, np.int32)
    places = np.argwhere(grid != -9).astype(np.int32)
    return grid[grid != -9].copy(), places, (len(labels), len(labels[0]))


def brute_force(labels: Ints, positions: Ints, neighbourhood: int) -> float:
    alone = active = 0
    for label, place in zip(labels, positions, strict=True):
        if label < 0:
            continue
        active += 1
        gaps = np.abs(positions - place)
        near = (gaps.sum(1) == 1) if neighbourhood == 4 else (gaps.max(1) == 1)
        alone += not (near & (labels == label)).any()
    return alone / active


def test_silhouette_finds_the_number_of_separate_clusters() -> None:
    points = blobs([8, 20, 12, 5])
    responsive = np.ones(45, bool)
    found = functional_clusters(points, responsive)
    assert found.k == 4
    assert np.bincount(found.labels).tolist() == [20, 12, 8, 5]
    for rows in (slice(0, 8), slice(8, 28), slice(28, 40), slice(40, 45)):
        assert len(set(found.labels[rows].tolist())) == 1
    np.testing.assert_allclose(found.centres[0], points[8:28].mean(0))
    assert max(found.silhouettes, key=found.silhouettes.__getitem__) == 4


def test_silent_units_belong_to_no_cluster() -> None:
    points = blobs([6, 6, 6])
    responsive = np.arange(18) % 6 != 0
    points[~responsive] = 0
    found = functional_clusters(points, responsive)
    assert (found.labels[~responsive] == -1).all()
    assert sorted(np.bincount(found.labels[responsive]).tolist()) == [5, 5, 5]


def test_a_given_number_of_clusters_is_kept_and_repeats_itself() -> None:
    points, all_of_them = blobs([9, 9, 9]), np.ones(27, bool)
    first = functional_clusters(points, all_of_them, k=5, seed=3)
    assert first.k == 5
    assert set(first.silhouettes) == {5}
    again = functional_clusters(points, all_of_them, k=5, seed=3)
    np.testing.assert_array_equal(first.labels, again.labels)


def test_too_few_different_units_are_one_cluster() -> None:
    points = np.repeat(np.eye(2), 4, axis=0)
    found = functional_clusters(points, np.ones(8, bool))
    assert (found.k, found.labels.tolist()) == (1, [0] * 8)


def test_what_cannot_be_clustered_is_refused() -> None:
    with pytest.raises(InputError, match="no unit responds"):
        functional_clusters(np.zeros((3, 2)), np.zeros(3, bool))
    with pytest.raises(InputError, match="9 clusters of 3 responsive units"):
        functional_clusters(np.eye(3), np.ones(3, bool), k=9)


def test_isolated_units_of_a_drawn_sheet() -> None:
    labels, positions, shape = sheet_of([[0, 0, -9], [1, -9, 1], [-9, 1, -1]])
    # By sides only the two of cluster 0 touch; by corners all of cluster 1 do as well.
    assert isolated_ratio(labels, positions, shape, 4) == 3 / 5
    assert isolated_ratio(labels, positions, shape, 8) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 7), st.sampled_from([4, 8]))
def test_the_ratio_equals_brute_force(seed: int, rows: int, cols: int, near: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, rows * cols + 1))
    places = rng.permutation(rows * cols)[:n]
    positions = np.stack(np.divmod(places, cols), axis=1).astype(np.int32)
    labels = rng.integers(-1, 4, n).astype(np.int32)
    labels[0] = 0
    expected = brute_force(labels, positions, near)
    assert isolated_ratio(labels, positions, (rows, cols), near) == pytest.approx(expected)


@pytest.mark.parametrize("near", [4, 8])
def test_label_shuffles_have_the_mean_over_all_permutations(near: int) -> None:
    labels, positions, shape = sheet_of([[0, 0, -9, 1], [1, 2, -9, -1], [-9, -9, 0, -9]])
    active = labels >= 0
    exact = []
    for order in itertools.permutations(labels[active]):
        shuffled = labels.copy()
        shuffled[active] = order
        exact.append(brute_force(shuffled, positions, near))
    null = isolated_null(labels, positions, shape, neighbourhood=near, shuffles=20_000)
    assert set(np.round(null, 9)) <= set(np.round(exact, 9))
    assert null.mean() == pytest.approx(np.mean(exact), abs=5 * np.std(exact) / 20_000**0.5)


def test_place_shuffles_meet_the_chance_that_two_places_touch() -> None:
    labels, positions, shape = sheet_of([[0, -9, -9], [-9, 0, -9], [-9, -9, -9], [-9, -9, -9]])
    # 4 x 3 places: 9 + 8 pairs side by side, 2 * 6 over corners, of 66.
    null = isolated_null(labels, positions, shape, shuffled="places", shuffles=20_000)
    assert null.mean() == pytest.approx(1 - 29 / 66, abs=0.02)


def test_ten_thousand_shuffles_of_a_whole_sheet() -> None:
    rng = np.random.default_rng(0)
    positions = np.stack(np.divmod(np.arange(400), 20), axis=1).astype(np.int32)
    labels = rng.integers(0, 7, 400).astype(np.int32)
    null = isolated_null(labels, positions, (20, 20))
    assert null.shape == (10_000,)
    # 324 inner places with 8 neighbours, 72 on the edge with 5, 4 corners with 3.
    chance = sum(n * (6 / 7) ** m for n, m in ((324, 8), (72, 5), (4, 3))) / 400
    assert null.mean() == pytest.approx(chance, abs=0.01)
    np.testing.assert_array_equal(null, isolated_null(labels, positions, (20, 20)))


def test_unknown_neighbourhoods_and_shuffles_are_refused() -> None:
    labels, positions, shape = sheet_of([[0, 1]])
    with pytest.raises(InputError, match="neighbourhood is 6; known: 4"):
        isolated_ratio(labels, positions, shape, 6)
    with pytest.raises(InputError, match="shuffled is 'rows'; known: labels, places"):
        isolated_null(labels, positions, shape, shuffled="rows")
    with pytest.raises(InputError, match="no unit belongs to a cluster"):
        isolated_ratio(labels * 0 - 1, positions, shape)

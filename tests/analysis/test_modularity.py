"""Measures of modularity on networks whose modules are known, and against other libraries."""

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import pearsonr

from spiking_bimt.analysis.chance import (
    against,
    agreement_p,
    mantel,
    mass_by_labels,
    mass_by_rewiring,
    mass_within,
    rewired,
)
from spiking_bimt.analysis.lesion import narrowness, patches
from spiking_bimt.analysis.modularity import (
    Effort,
    gain_free,
    locality_by_clusters,
    measure_halves,
    measure_modularity,
)
from spiking_bimt.analysis.spread import scattered_variance, variance_within
from spiking_bimt.analysis.structure import agreement, communities
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import rate_outputs
from tests.analysis.test_structure import one_channel_a_task, two_modules

Array = npt.NDArray[Any]
F32 = np.float32

LABELS = np.repeat(np.arange(4, dtype=np.int32), 8)


def planted(seed: int, inside: float = 0.7, outside: float = 0.08) -> Array:
    """Weights of 4 groups of 8 units, denser within groups."""
    rng = np.random.default_rng(seed)
    chance = np.where(LABELS[:, None] == LABELS[None], inside, outside)
    weights = rng.random((32, 32)) * (rng.random((32, 32)) < chance)
    np.fill_diagonal(weights, 0)
    return weights


def test_mass_within_clusters_counts_pairs_of_one_cluster() -> None:
    weights, labels = planted(0), LABELS.copy()
    labels[5] = -1
    inside = sum(weights[i, j] for i in range(32) for j in range(32) if labels[i] == labels[j] >= 0)
    counted = sum(weights[i, j] for i in range(32) for j in range(32) if min(labels[[i, j]]) >= 0)
    assert mass_within(labels, weights) == pytest.approx(inside / counted)
    rng = np.random.default_rng(3)
    own = rng.permuted(np.tile(labels[labels >= 0], (4, 1)), axis=1)[2]
    whole = labels.copy()
    whole[labels >= 0] = own
    assert mass_by_labels(labels, weights, 4, 3)[2] == pytest.approx(mass_within(whole, weights))


def test_planted_modules_are_far_from_chance_and_random_ones_are_not() -> None:
    for weights, found in ((planted(1), True), (planted(1, 0.2, 0.2), False)):
        observed = mass_within(LABELS, weights)
        for null in (
            mass_by_labels(LABELS, weights, 500, 0),
            mass_by_rewiring(LABELS, weights, 30, 0),
        ):
            result = against(observed, null, "high")
            assert (result.p < 0.05) == found
            assert result.chance == pytest.approx(0.22, abs=0.05)


def test_rewiring_keeps_the_connections_of_each_unit() -> None:
    weights = planted(2)
    post, pre = np.nonzero(weights)
    rng = np.random.default_rng(0)
    for _ in range(3):
        other = rewired(post, pre, len(weights), rng)
        again = np.zeros_like(weights)
        again[other, pre] = weights[post, pre]
        assert (again != 0).sum() == len(post)
        for axis in (0, 1):
            np.testing.assert_array_equal((again != 0).sum(axis), (weights != 0).sum(axis))
        np.testing.assert_allclose(again.sum(0), weights.sum(0))
        assert not np.diag(again).any()
        assert ((again != 0) != (weights != 0)).mean() > 0.1


def test_rewirings_reach_every_network_of_the_same_degrees_alike() -> None:
    """Four units with one connection in and one out: the nine permutations without fixed points."""
    post, pre = np.array([1, 2, 3, 0]), np.array([0, 1, 2, 3])
    rng = np.random.default_rng(1)
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(450):
        key = tuple(rewired(post, pre, 4, rng).tolist())
        seen[key] = seen.get(key, 0) + 1
    derangements = [p for p in itertools.permutations(range(4)) if all(p[i] != i for i in range(4))]
    assert sorted(seen) == sorted(derangements)
    assert min(seen.values()) > 0.5 * 450 / len(derangements)


def test_p_of_an_agreement_is_the_share_of_shuffles_with_as_much() -> None:
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    rng = np.random.default_rng(7)
    first, second = (rng.integers(0, k, 24, dtype=np.int32) for k in (3, 4))
    second[:12] = first[:12]
    shuffled = np.random.default_rng(5).permuted(np.tile(second, (150, 1)), axis=1)
    for p, score in zip(
        agreement_p(first, second, 150, 5),
        (adjusted_rand_score, adjusted_mutual_info_score),
        strict=True,
    ):
        observed = score(first, second)
        as_much = sum(score(first, other) >= observed - 1e-12 for other in shuffled)
        assert p == pytest.approx((1 + as_much) / 151)


def test_units_scattered_over_the_sheet_are_as_far_apart_as_its_places() -> None:
    labels = np.zeros(6, np.int32)
    labels[2] = -1
    null = scattered_variance(labels, (4, 5), shuffles=4000, seed=0)
    rows, cols = np.divmod(np.arange(20), 5)
    # Without replacement: the variance within a sample of 5 is 4/5 of the sheet's, times 20/19.
    expected = (rows.var() + cols.var()) * 20 / 19 * 4 / 5
    assert null.mean() == pytest.approx(expected, rel=0.02)
    everywhere = np.stack([rows, cols], 1).astype(float)
    full = scattered_variance(np.zeros(20, np.int32), (4, 5), shuffles=3)
    np.testing.assert_allclose(full, variance_within(np.zeros(20, np.int32), everywhere))


def test_modules_of_one_task_each_are_narrower_than_random_groups() -> None:
    network, trials = two_modules(), one_channel_a_task()
    labels = np.repeat(np.arange(2, dtype=np.int32), 5)
    least = rate_outputs(network, trials)[-1].max()
    tight = replace(network, b_out=np.array([0.95 * least, 0, 0], F32))  # each unit is needed
    found = narrowness(tight, labels, trials, 20, 0)
    assert found.observed == 1
    assert found.chance > 1.9
    assert found.p < 0.1
    mixed = narrowness(tight, labels[[0, 5, 1, 6, 2, 7, 3, 8, 4, 9]], trials, 20, 0)
    assert mixed.observed == 2
    assert mixed.p > 0.5


def test_patches_are_groups_of_neighbours() -> None:
    places = np.stack(np.divmod(np.arange(40), 20), 1).astype(np.int32)
    labels = (np.arange(40) % 2).astype(np.int32)
    labels[7] = -1
    found = patches(places, labels)
    assert found[7] == -1
    left = places[:, 1] < 10
    assert len(np.unique(found[left & (labels >= 0)])) == 1
    assert set(found[labels >= 0].tolist()) == {0, 1}


def test_all_measures_of_a_network_are_json_numbers() -> None:
    network = two_modules()
    inputs = np.zeros((10, 35), F32)
    inputs[:, 1:3] = network.w_in
    network = replace(network, w_in=inputs, w_out=np.ones((17, 10), F32), b_out=np.zeros(17, F32))
    halves = measure_halves(network, 4)
    effort = Effort(shuffles=99, rewirings=99, resolutions=(1.0,), lesions=2)
    cores = np.repeat(np.array([3, 8], np.int32), 5)
    measured = measure_modularity(network, 20, halves=halves, cores=cores, effort=effort)
    found = json.loads(json.dumps(measured))
    assert found["k"] == found["responsive"] == 10  # no more clusters than units
    assert [row["method"] for row in found["communities"]] == ["louvain", "greedy"]
    assert set(found["lesions"]) == {"cluster", "patch", "core"}
    rows = locality_by_clusters(network, halves, shuffles=99)
    assert [row["k"] for row in rows] == list(range(4, 11))
    assert all(0 < row["variance_2d_scattered"]["p"] <= 1 for row in rows)


def test_gain_of_units_does_not_count() -> None:
    rng = np.random.default_rng(4)
    w, rates, gain = rng.normal(size=(6, 6)), rng.random(6), rng.random(6) + 0.5

    def of(w_rec: Array) -> RateNetwork:
        return RateNetwork(
            w_rec=w_rec.astype(F32), w_in=np.zeros((6, 1), F32), b=np.zeros(6, F32),
            w_out=np.zeros((1, 6), F32), b_out=np.zeros(1, F32),
            positions=np.stack([np.arange(6), np.zeros(6)], 1).astype(np.int32),
            sheet=(6, 1), tau=100.0, dt=20.0, battery="yang19", tasks=("go",),
        )  # fmt: skip

    scaled = of(w * gain[:, None] / gain[None])
    np.testing.assert_allclose(gain_free(of(w), rates), gain_free(scaled, rates * gain), rtol=1e-5)
    silent = gain_free(of(w), np.array([0, 1, 1, 1, 1, 1.0]))
    assert not silent[0].any()
    assert not silent[:, 0].any()


def test_mantel_is_the_correlation_over_pairs() -> None:
    rng = np.random.default_rng(5)
    places = rng.random((20, 2))
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    alike = np.exp(-3 * distances)
    found = mantel(alike, distances, 200, 0)
    pairs = np.triu_indices(20, 1)
    assert found.observed == pytest.approx(pearsonr(alike[pairs], distances[pairs])[0])
    assert found.p == pytest.approx(1 / 201)
    assert abs(found.chance) < 0.05
    shuffled = mantel(rng.permutation(alike.ravel()).reshape(20, 20), distances, 200, 0)
    assert shuffled.p > 0.01


@pytest.mark.parametrize("method", ["louvain", "greedy"])
def test_planted_communities_are_found(method: str) -> None:
    found = communities(planted(6), method=method)
    assert agreement(LABELS, found).adjusted_rand > 0.9
    finer = communities(planted(6), method=method, resolution=4.0)
    assert finer.max() > found.max()


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(InputError, match="unknown method 'leuvain'; did you mean 'louvain'"):
        communities(planted(0), method="leuvain")

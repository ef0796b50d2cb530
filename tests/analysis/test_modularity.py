"""Measures of modularity on networks whose modules are known, and against other libraries."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import pearsonr

from spiking_bimt.analysis.modularity import (
    against,
    gain_free,
    mantel,
    mass_by_labels,
    mass_by_rewiring,
    mass_within,
)
from spiking_bimt.analysis.structure import agreement, communities
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError

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


def test_rewiring_keeps_the_connections_of_each_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    from spiking_bimt.analysis import modularity

    weights, seen = planted(2), []

    def keep(_labels: Array, again: Array) -> float:
        seen.append(again)
        return 0.0

    monkeypatch.setattr(modularity, "mass_within", keep)
    mass_by_rewiring(LABELS, weights, 3, 0)
    for again in seen:
        for axis in (0, 1):
            np.testing.assert_array_equal((again != 0).sum(axis), (weights != 0).sum(axis))
        np.testing.assert_allclose(again.sum(0), weights.sum(0))
        assert not np.diag(again).any()
        assert ((again != 0) != (weights != 0)).mean() > 0.1


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

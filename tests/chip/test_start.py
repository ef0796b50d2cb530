"""Starts of the placer: each is balanced, and does what its name says."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.simulation.build import from_sparse
from spiking_bimt.simulation.locality import hilbert_index


def test_a_hilbert_curve_visits_every_place_one_step_at_a_time() -> None:
    for side in (1, 2, 8, 16):
        xy = np.array(list(itertools.product(range(side), repeat=2)), np.int32)
        index = hilbert_index(xy)
        assert sorted(index) == list(range(side * side))
        steps = np.abs(np.diff(xy[np.argsort(index)], axis=0)).sum(axis=1)
        assert (steps == 1).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 100), st.integers(1, 12), st.integers(0, 10**6))
def test_hilbert_fills_cores_evenly(n: int, cores: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy = np.array(list(itertools.product(range(4), range(3))), np.int32)
    used = np.sort(rng.permutation(12)[:cores]).astype(np.int32)
    core = start.hilbert(rng.integers(-5, 20, (n, 2)).astype(np.int32), used, xy)
    counts = np.bincount(core, minlength=12)
    assert counts[used].sum() == n
    assert counts[used].max() - counts[used].min() <= 1


def test_parts_grow_along_what_neurons_share() -> None:
    """Four groups of five that only know each other, in shuffled order, are found again."""
    import scipy.sparse

    group = np.random.default_rng(3).permutation(np.repeat(np.arange(4), 5))
    matrix = scipy.sparse.csr_array((group[:, None] == group).astype(np.float32))
    graph = axon_graph(from_sparse(matrix))
    part = start.grown(graph, np.ones(20), 4)
    assert np.bincount(part).tolist() == [5, 5, 5, 5]
    assert len({(p, g) for p, g in zip(part, group, strict=True)}) == 4


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 10**6))
def test_grown_parts_are_even_whatever_the_network(n: int, parts: int, seed: int) -> None:
    import scipy.sparse

    rng = np.random.default_rng(seed)
    matrix = scipy.sparse.csr_array((rng.random((n, n)) < rng.uniform(0, 0.3)).astype(np.float32))
    rates = rng.random(n) * (rng.random(n) < 0.7)
    part = start.grown(axon_graph(from_sparse(matrix)), rates, parts)
    counts = np.bincount(part, minlength=parts)
    assert part.min() >= 0
    assert counts.max() - counts.min() <= 1


def test_poor_cores_are_topped_up() -> None:
    core = np.array([2, 2, 2, 2, 2, 5, 7, 7], np.int32)
    found = start.topped_up(core, np.array([2, 3, 5, 7], np.int32), 2)
    assert np.bincount(found, minlength=8).tolist() == [0, 0, 2, 2, 0, 2, 0, 2]
    assert (found == core).sum() == 5

"""Pairs of neurons and their targets, against sums over Python sets."""

import itertools
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.graph import AxonGraph, axon_graph
from spiking_bimt.kernels.place_levels import merged, paired
from tests.chip.networks import random_network

MANY = 10**6


def pairs_of(graph: AxonGraph, rates: Any, most: int = MANY) -> Any:
    return paired(graph.indptr, graph.targets, graph.pre_indptr, graph.pre, rates, most)


def worth(graph: AxonGraph, rates: Any, u: int, v: int) -> float:
    """What the packets of u and v save when they are one: each sender of both, by its targets."""
    rows = [
        set(graph.targets[a:b].tolist())
        for a, b in zip(graph.indptr[:-1], graph.indptr[1:], strict=True)
    ]
    total = 0.0
    for sender in range(graph.n_neurons):
        if {u, v} <= rows[sender] | {sender}:
            total += rates[sender] / max(1, len(rows[sender]))
    return total


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 17), st.floats(0, 0.6), st.sampled_from([3, MANY]))
def test_every_neuron_has_one_partner(seed: int, n: int, density: float, most: int) -> None:
    graph = axon_graph(random_network(seed, n=n, density=density))
    sizes = np.bincount(pairs_of(graph, np.ones(n), most))
    assert sorted(sizes.tolist()) == [1] * (n % 2) + [2] * (n // 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 14), st.floats(0.1, 0.6))
@example(seed=3675, n=6, density=0.5)
@example(seed=1627, n=3, density=0.5)
def test_the_first_neuron_gets_the_partner_that_saves_most(
    seed: int, n: int, density: float
) -> None:
    graph = axon_graph(random_network(seed, n=n, density=density))
    rates = np.random.default_rng(seed).lognormal(0, 1, n)
    pair = pairs_of(graph, rates)
    most = max(worth(graph, rates, 0, v) for v in range(1, n))
    partners = np.flatnonzero(pair == pair[0])[1:]
    found = [worth(graph, rates, 0, int(v)) for v in partners] or [0.0]  # the single one of odd n
    np.testing.assert_allclose(found, [most])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 14), st.floats(0, 0.6), st.integers(1, 5))
def test_a_group_drives_what_its_neurons_drive(
    seed: int, n: int, density: float, groups: int
) -> None:
    graph = axon_graph(random_network(seed, n=n, density=density))
    group = np.random.default_rng(seed).integers(0, groups, n).astype(np.int32)
    indptr, found = merged(graph.indptr, graph.targets, group, groups)
    expected: list[set[int]] = [set() for _ in range(groups + graph.n_sources - n)]
    for source in range(graph.n_sources):
        own = group[source] if source < n else groups + source - n
        row = graph.targets[graph.indptr[source] : graph.indptr[source + 1]]
        expected[own] |= set(group[row].tolist())
    rows = [found[a:b].tolist() for a, b in itertools.pairwise(indptr)]
    assert rows == [sorted(row) for row in expected]

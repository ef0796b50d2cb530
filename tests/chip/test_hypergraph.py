"""Parts of Mt-KaHyPar: the same for a seed, whatever the process cut before."""

import numpy as np
import pytest

from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.hypergraph import hypergraph_parts, packets_between
from spiking_bimt.simulation.build import random_sheet


def test_parts_repeat_in_a_process_and_differ_by_seed() -> None:
    pytest.importorskip("mtkahypar")
    graph = axon_graph(random_sheet(20, seed=0))
    rates = np.random.default_rng(0).random(400)
    first = hypergraph_parts(graph, rates, 8, 50, 0)
    other = hypergraph_parts(graph, rates, 8, 50, 1)
    assert (hypergraph_parts(graph, rates, 8, 50, 0) == first).all()
    assert (other != first).any()
    assert np.bincount(first).max() <= 50


def test_packets_between_parts_equal_a_count_of_sets() -> None:
    graph = axon_graph(random_sheet(20, seed=0))
    rng = np.random.default_rng(1)
    rates, part = rng.random(400), rng.integers(0, 6, 400).astype(np.int32)
    count = sum(
        rates[i] * len(set(part[graph.targets[graph.indptr[i] : graph.indptr[i + 1]]]) - {part[i]})
        for i in range(400)
    )
    assert packets_between(graph, part, rates) == pytest.approx(count)

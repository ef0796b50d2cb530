"""Slots are distinct, and never take more rows than the order of the neurons."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.order import packed_slots
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.tiling import cut
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.chip import Placement
from spiking_bimt.simulation.build import random_sheet
from tests.chip.networks import random_network


def rows(network: object, core: object, slot: object, width: int) -> int:
    """Distinct sources of every block of slots, added up pair by pair."""
    graph = axon_graph(network)  # type: ignore[arg-type]
    pairs = set()
    for neuron in range(graph.n_neurons):
        for k in range(graph.pre_indptr[neuron], graph.pre_indptr[neuron + 1]):
            pairs.add((core[neuron], slot[neuron] // width, graph.pre[k]))  # type: ignore[index]
    return len(pairs)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_slots_are_distinct_and_take_no_more_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, width = int(rng.integers(1, 30)), int(rng.integers(1, 8))
    network = random_network(seed, n=n, density=0.2)
    core = rng.integers(0, 3, n).astype(np.int32)
    slot = packed_slots(axon_graph(network), core, width)
    for one in np.unique(core):
        own = np.sort(slot[core == one])
        np.testing.assert_array_equal(own, np.arange(len(own)))
    assert rows(network, core, slot, width) <= rows(network, core, slots(core), width)


def test_a_sheet_takes_fewer_tiles_in_the_packed_order() -> None:
    """Cores of 32 x 32 neurons with several crossbars: squares beat strips."""
    network = quantise(random_sheet(64, seed=0), 8).quantised()
    x, y = np.divmod(np.arange(64**2), 64)
    core = (x // 32 * 2 + y // 32).astype(np.int32)
    chip = replace(load_chip("loihi"), width=2, height=2, cores_per_tile=1,
                   crossbar_rows=64, crossbar_cols=64)  # fmt: skip
    natural, packed = (
        cut(network, Placement("sheet", 4, core, slot), chip).n_tiles
        for slot in (slots(core), packed_slots(axon_graph(network), core, 64))
    )
    assert packed <= 0.8 * natural

"""The block of cores follows what its links cost; time and limits do not jump."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.limits import usage
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.price import links_between
from spiking_bimt.chip.refine import refinements
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.build import from_coo
from tests.chip.networks import random_network

GRID = replace(
    load_chip("grid16"), width=8, height=8, cores_per_tile=1, neurons_per_core=5, input_axons=None,
    output_axons=None, synapse_bits=None, hop_cost_x=1.0, hop_cost_y=1.0,
)  # fmt: skip
BOARD = replace(GRID, chip_width=2, chip_height=4, chip_hop_cost=10.0)


def spanned(chip: Chip, core: Any) -> tuple[int, ...]:
    """Tiles along x and y of the rectangle that holds the cores in use."""
    return tuple(np.ptp(chip.core_xy()[np.unique(core)], axis=0) + 1)


@pytest.mark.parametrize(("x", "y", "shape"), [(1.0, 10.0, (8, 1)), (10.0, 1.0, (1, 8))])
def test_cores_lie_in_a_row_where_hops_across_are_dear(
    x: float, y: float, shape: tuple[int, int]
) -> None:
    network, chip = random_network(1, n=40), replace(GRID, hop_cost_x=x, hop_cost_y=y)
    assert spanned(chip, place(network, chip, np.ones(40), effort=0.02).core) == shape


def test_cores_fill_whole_chips_of_a_board() -> None:
    network = random_network(1, n=40)
    placement = place(network, BOARD, np.ones(40), effort=0.02)
    assert spanned(BOARD, placement.core) == (2, 4)


def hub() -> SpikingNetwork:
    """Five groups of which the first drives the other four, and no other talks outside."""
    group = np.repeat(np.arange(5), 5)
    source, target = np.nonzero((group[:, None] == group) | (group[:, None] == 0))
    return from_coo(source, target, np.ones(len(source), np.float32), 25)


def test_cores_leave_the_rectangle_for_a_place_that_costs_less() -> None:
    """A core that drives four others wants them all around it: a cross of 3 x 3 tiles."""
    chip = replace(GRID, routing="unicast", local_packets=False)
    placement = place(hub(), chip, np.full(25, 1000.0), effort=0.05)
    measured: Any = placement.measured
    assert measured["unicast_hops"] == 5 * 4
    assert spanned(chip, placement.core) == (3, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 64), st.sampled_from([GRID, BOARD]), st.floats(0.1, 10), st.integers(1, 2))
def test_blocks_are_sets_of_cores_in_the_order_of_their_links(
    cores: int, chip: Chip, dear: float, per_tile: int
) -> None:
    chip = replace(chip, hop_cost_y=dear, cores_per_tile=per_tile)
    blocks = start.blocks(chip, cores)
    prices = []
    for block in blocks:
        assert len(set(block.tolist())) == cores
        assert 0 <= block.min() <= block.max() < chip.n_cores
        price = links_between(chip, block).mean()
        np.testing.assert_allclose(start.mean_price(chip, block), price, atol=1e-9)
        prices.append(price)
    assert prices == pytest.approx(sorted(prices))
    square = start.mean_price(chip, start.compact_cores(chip, cores))
    assert prices[0] <= square * (1 + 1e-12)


def test_a_limit_that_the_free_search_keeps_changes_nothing() -> None:
    network = random_network(3, n=40, density=0.1)
    chip = replace(GRID, width=4, height=4)
    free = place(network, chip, np.ones(40), effort=0.05)
    used = usage(chip, axon_graph(network), free.core)
    most = {
        "input_axons": int(used.input_axons.max()),
        "destinations": int(used.destinations.max()),
    }
    same = place(network, replace(chip, **most), np.ones(40), effort=0.05)  # type: ignore[arg-type]
    np.testing.assert_array_equal(same.core, free.core)
    tight = replace(chip, input_axons=most["input_axons"] - 1)
    measured: Any = place(network, tight, np.ones(40), effort=0.05).measured
    other: Any = free.measured
    assert measured["cost"] >= other["cost"] * (1 - 1e-9)


def test_proposals_grow_with_the_network_without_steps() -> None:
    """Sparse rings: neither the proposals nor the share of further refinements jump."""
    most = 0.0
    for n in (100, 190, 210, 299, 301, 399, 401, 499, 501, 700):
        source = np.repeat(np.arange(n), 4)
        target = (source + np.tile([1, 2, 3, 4], n)) % n
        source, target = source[np.lexsort((target, source))], target[np.lexsort((target, source))]
        network = from_coo(source, target, np.ones(4 * n, np.float32), n)
        chip = replace(GRID, neurons_per_core=-(-n // 16), width=4, height=4)
        measured: Any = place(network, chip, np.ones(n), effort=0.002).measured
        assert measured["proposals"] > most / 1.1
        most = max(most, measured["proposals"])
        assert 1.0 <= refinements(axon_graph(network)) <= 4.0

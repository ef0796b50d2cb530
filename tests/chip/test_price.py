"""Prices and energies of random chips and boards, against routes walked link by link."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.energy import PARTS, nj_each, of_network
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.price import (
    core_prices,
    least_link_price,
    links_between,
    packet_price,
    prices_between,
    routes,
    with_dearer_hops,
)
from spiking_bimt.chip.search import Problem, search_from
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.timeline import timeline
from spiking_bimt.chip.traffic import flow, traffic
from spiking_bimt.data.chip import Chip, Placement
from tests.chip.boards import chips, link_price, spike_prices, tile_of
from tests.chip.networks import random_network
from tests.kernels.test_place_traffic import path


@settings(max_examples=100, deadline=None)
@given(chips())
def test_prices_between_cores_are_those_of_walked_paths(chip: Chip) -> None:
    cores = np.arange(chip.n_cores)
    tiles = [tile_of(chip, core) for core in range(chip.n_cores)]
    walked = np.array(
        [[sum(link_price(chip, e) for e in path(a, b)) for b in tiles] for a in tiles]
    )
    np.testing.assert_allclose(links_between(chip, cores), walked, rtol=1e-12)
    np.testing.assert_allclose(prices_between(chip, cores), chip.packet_cost + walked, rtol=1e-12)
    at_x, at_y = core_prices(chip)
    potential = abs(at_x[:, None] - at_x) + abs(at_y[:, None] - at_y)
    np.testing.assert_allclose(potential, walked, rtol=1e-9, atol=1e-9)
    every = [link_price(chip, e) for a in tiles for b in tiles for e in path(a, b)]
    assert least_link_price(chip) == min(every, default=0.0)


@settings(max_examples=80, deadline=None)
@given(chips(), st.integers(0, 10**6))
def test_search_cost_flow_traffic_and_timeline_agree_with_walked_routes(
    chip: Chip, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 16))
    network = random_network(seed, n=n, density=float(rng.uniform(0, 0.4)))
    graph, core = axon_graph(network), rng.integers(0, chip.n_cores, n).astype(np.int32)
    counts = rng.integers(0, 5, n).astype(float)
    each = spike_prices(chip, network, core)
    route = routes(chip, graph, core)
    assert packet_price(chip) * route.packets + route.link_price == pytest.approx(each, abs=1e-9)
    cost = pytest.approx(counts @ each, abs=1e-9)
    assert flow(chip, graph, core, counts).cost(chip) == cost
    problem = Problem(chip, graph, counts, network.positions, n, 0, 0)
    assert search_from(problem, core).cost == cost
    placement = Placement("x", chip.n_cores, core, slots(core))
    total = traffic(network, placement, chip, counts, 7)
    assert total.energy_pj is not None
    assert set(total.energy_pj) == set(PARTS)
    assert of_network(total.energy_pj) == cost
    who = np.repeat(np.arange(n), counts.astype(int))
    course = timeline(network, placement, chip, rng.integers(0, 7, len(who)), who, 7)
    assert course.energy_pj is not None
    assert course.energy_pj.sum() == pytest.approx(sum(total.energy_pj.values()))
    assert total.hops == course.hops.sum()


def test_hops_are_made_dearer_all_alike_or_left() -> None:
    board = load_chip("board64")
    dearer = with_dearer_hops(replace(board, packet_cost=30.0), 0.1)
    assert (dearer.hop_cost_x, dearer.hop_cost_y, dearer.chip_hop_cost) == (3.0, 3.0, 30.0)
    free = replace(board, hop_cost_x=0.0, hop_cost_y=0.0)
    assert with_dearer_hops(free, 0.1) == free
    assert with_dearer_hops(board, 0.1) == board


def test_the_network_takes_packets_and_hops() -> None:
    found = nj_each({"soma": 6e3, "spike": 0.0, "packet": 4e3, "hop": 2e3}, 2)
    assert found == {"soma": 3.0, "spike": 0.0, "packet": 2.0, "hop": 1.0}
    assert of_network(found) == 3.0

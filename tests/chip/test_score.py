"""No placement costs less than its lower bound."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.score import lower_bound, score
from spiking_bimt.chip.search import Problem
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from tests.chip.boards import chips, spike_prices
from tests.chip.networks import random_network

BOARD = load_chip("board64")


def problem_of(chip: Chip, network: SpikingNetwork, rates: npt.NDArray[Any]) -> Problem:
    n = network.n_neurons
    return Problem(chip, axon_graph(network), rates, network.positions, n, 0, 0)


@settings(max_examples=150, deadline=None)
@given(chips(), st.integers(0, 10**6))
def test_no_placement_costs_less_than_its_bound(chip: Chip, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 20))
    network = random_network(seed, n=n, density=float(rng.uniform(0, 0.4)))
    problem = problem_of(chip, network, rng.lognormal(0, 1, n))
    core = rng.integers(0, chip.n_cores, n).astype(np.int32)
    bound, found = lower_bound(problem, core), score(problem, core)
    assert bound["cost"] <= found["cost"]
    hops = "multicast_hops" if chip.routing == "multicast" else "unicast_hops"
    assert bound["hops"] <= found[hops] * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(chips(most_tiles=5), st.integers(0, 10**6))
def test_no_arrangement_of_the_tiles_costs_less_than_the_bound(chip: Chip, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(seed, n=8, density=0.3)
    rates, core = rng.random(8), rng.integers(0, chip.n_cores, 8).astype(np.int32)
    tile, within = np.divmod(core, chip.cores_per_tile)
    best = min(
        rates @ spike_prices(chip, network, np.array(at)[tile] * chip.cores_per_tile + within)
        for at in itertools.permutations(range(chip.width * chip.height))
    )
    bound = lower_bound(problem_of(chip, network, rates), core)["cost"]
    assert bound <= best * (1 + 1e-12)


def test_a_cheap_link_between_chips_is_in_the_bound() -> None:
    """Two neurons, one synapse, one link of 0.1 between two chips of one tile: 1.1 in all."""
    network = replace(
        random_network(0, n=2), indptr=np.array([0, 1, 1]), indices=np.array([1], np.int32),
        weights=np.ones(1, np.float32), codes=np.ones(1, np.int16), delays=None,
    )  # fmt: skip
    chip = replace(
        BOARD, width=2, height=1, chip_width=1, chip_height=1, chip_hop_cost=0.1, packet_cost=1.0
    )
    problem, core = problem_of(chip, network, np.ones(2)), np.array([0, 1], np.int32)
    assert score(problem, core)["cost"] == 1.1
    assert 1.1 * (1 - 1e-8) < lower_bound(problem, core)["cost"] <= 1.1

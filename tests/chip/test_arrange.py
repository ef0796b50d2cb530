"""Arrangements of parts on a mesh, against all permutations; lower bounds."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from spiking_bimt.chip.arrange import arranged, least_links
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.traffic import flow
from spiking_bimt.simulation.build import random_sheet
from tests.chip.networks import random_network


@pytest.mark.parametrize("routing", ["unicast", "multicast"])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_of_all_arrangements_is_found(seed: int, routing: str) -> None:
    chip = replace(load_chip("loihi"), width=3, height=2, cores_per_tile=1, routing=routing)
    network = random_network(seed, n=20, density=0.15)
    graph, rng = axon_graph(network), np.random.default_rng(seed)
    rates = rng.random(20)
    core = rng.integers(0, 6, 20).astype(np.int32)
    cores = np.arange(6, dtype=np.int32)

    def price(at: npt.NDArray[Any]) -> float:
        return flow(chip, graph, at[core].astype(np.int32), rates).hop_cost(chip)

    best = min(price(np.array(at)) for at in itertools.permutations(range(6)))
    found = arranged(chip, graph, core, rates, cores, np.array([seed], np.uint64))
    assert sorted(found) == list(range(6))
    assert price(found) == pytest.approx(best)
    if routing == "unicast":
        bound = least_links(chip, graph, core, rates, cores)
        assert 0.92 * best < bound <= best * (1 + 1e-12)


def test_cores_of_one_tile_and_silent_networks_are_left_alone() -> None:
    chip = replace(load_chip("loihi"), width=1, height=1)
    graph, core = axon_graph(random_network(0)), np.arange(12, dtype=np.int32) % 4
    cores, rng = np.arange(4, dtype=np.int32), np.array([0], np.uint64)
    np.testing.assert_array_equal(arranged(chip, graph, core, np.ones(12), cores, rng), cores)


def test_a_sheet_on_4_x_4_cores_ends_near_the_bound() -> None:
    chip = replace(
        load_chip("loihi"), width=4, height=4, cores_per_tile=1, neurons_per_core=32,
        synapse_bits=None, output_axons=None,
    )  # fmt: skip
    rates = np.random.default_rng(0).lognormal(0, 1, 484)
    measured = place(random_sheet(22, fan_out=20), chip, rates, effort=0.3).measured or {}
    bound: dict[str, float] = measured["lower_bound"]  # type: ignore[assignment]
    assert bound["cost"] <= float(str(measured["cost"])) <= 1.1 * bound["cost"]

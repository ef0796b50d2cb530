"""Large networks are placed by levels, and cores pass on neurons that are too many."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip import begin
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.levels import coarsened
from spiking_bimt.chip.limits import check
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.search import Problem, neighbours, search_from
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.build import from_coo
from tests.chip.networks import random_network

GRID = replace(
    load_chip("grid16"), width=3, height=3, cores_per_tile=1, neurons_per_core=32,
    input_axons=None, output_axons=None, synapse_bits=None, hop_cost_x=1.0, hop_cost_y=1.0,
)  # fmt: skip


def modules(n: int, modules: int, seed: int = 0) -> SpikingNetwork:
    """Groups that talk within themselves, numbered at random; their places tell nothing."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.arange(n) % modules)
    source, target = np.nonzero((group[:, None] == group) & (rng.random((n, n)) < 0.4))
    return from_coo(source, target, np.ones(len(source), np.float32), n)


def problem(network: SpikingNetwork, chip: Any, least: int = 0) -> Problem:
    n = network.n_neurons
    return Problem(chip, axon_graph(network), np.ones(n), network.positions, 32, least, 0)


def test_levels_find_modules_that_the_sheet_does_not_show() -> None:
    network = modules(288, 9)
    levels, blocks = (
        place(network, GRID, np.ones(288), starts=[name], effort=1e-6).measured
        for name in ("levels", "blocks")
    )
    assert levels is not None
    assert blocks is not None
    assert levels["packets"] < 0.2 * blocks["packets"]  # type: ignore[operator]


@pytest.mark.parametrize("cores", [None, 9])
def test_a_large_network_is_placed_by_levels(
    cores: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begin, "ALL_TRIED", 100)
    network = modules(260, 9)
    given: Any = {"network": network, "chip": GRID, "rates_hz": np.ones(260), "cores": cores}
    placed = place(**given, effort=0.001)
    measured: Any = placed.measured
    assert set(measured["starts"]) == {"blocks", "levels"}
    check(GRID, axon_graph(network), placed)
    if cores is not None:
        assert np.bincount(placed.core).min() >= 260 // 9
    np.testing.assert_array_equal(placed.core, place(**given, effort=0.001).core)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 200))
def test_groups_halve_until_a_core_has_room_for_few(seed: int, n: int, room: int) -> None:
    given = replace(problem(random_network(seed, n=n), GRID), room=room)
    coarse, group = coarsened(given)
    size = next(2**k for k in range(8) if -(-room // 2**k) < 32)
    assert coarse.room == -(-room // size)
    assert coarse.graph.n_neurons == len(np.unique(group)) == -(-n // size)
    assert np.bincount(group).max() <= size
    np.testing.assert_allclose(coarse.rates, np.bincount(group, given.rates))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_neurons_that_are_too_many_are_passed_on(seed: int, multicast: bool) -> None:
    """Every core ends within its room; what the state counts is what a new count gives."""
    rng = np.random.default_rng(seed)
    n, room = 30, int(rng.integers(4, 8))
    chip = replace(GRID, routing="multicast" if multicast else "unicast", cores_per_tile=1)
    network = random_network(seed, n=n, density=0.2)
    used = np.sort(rng.permutation(9)[: int(rng.integers(2, 10))]).astype(np.int32)
    given = replace(problem(network, chip), room=room)
    core = rng.choice(used, n).astype(np.int32)
    search, before = search_from(given, core), np.bincount(core, minlength=9)
    fits = search.drained(used, np.array([seed], np.uint64))
    after = np.bincount(search.core, minlength=9)
    assert fits == (after.max() <= room)
    assert set(search.core.tolist()) <= set(used.tolist())
    # A core gives no more than what was too many, beside what it passes on.
    assert (after >= np.minimum(before, room)).all()
    assert (after <= np.maximum(before, room)).all()
    again = search_from(given, search.core)
    np.testing.assert_allclose(search.cost, again.cost)
    np.testing.assert_array_equal(search.state.used, again.state.used)
    assert search.excess == again.excess
    if used.size == 9:
        assert fits == (n <= 9 * room)


def test_neighbours_are_one_tile_apart() -> None:
    chip = replace(GRID, width=4, height=3, cores_per_tile=2)
    indptr, near = neighbours(chip)
    xy = chip.core_xy()
    for core in range(chip.n_cores):
        found = near[indptr[core] : indptr[core + 1]]
        apart = abs(xy - xy[core]).sum(axis=1)
        expected = [k for k in range(chip.n_cores) if k != core and apart[k] <= 1]
        assert sorted(found.tolist()) == expected

"""Placements keep every limit, beat their baselines, and repeat for a seed."""

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from spiking_bimt.chip import start
from spiking_bimt.chip.begin import STARTS
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.limits import check
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.refine import ROUNDS
from spiking_bimt.chip.traffic import flow
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from tests.chip.networks import random_network
from tests.chip.test_limits import counted

GRID = replace(load_chip("grid16"), width=4, height=4, neurons_per_core=5, input_axons=None)


def rates(seed: int, n: int) -> Any:
    """(N,) Hz."""
    return 20 * np.random.default_rng(seed).lognormal(0, 1, n)


@pytest.mark.parametrize("routing", ["unicast", "multicast"])
@pytest.mark.parametrize("seed", [0, 1])
def test_refining_beats_start_and_baselines(seed: int, routing: str) -> None:
    network, chip = random_network(seed, n=40, density=0.1), replace(GRID, routing=routing)
    placement = place(network, chip, rates(seed, 40), seed=seed, effort=0.2)
    measured: Any = placement.measured
    assert measured["cost"] < measured["start"]["cost"]
    assert measured["cost"] < 0.9 * measured["baselines"]["random"]["cost"]
    assert measured["cost"] < measured["baselines"]["sequential"]["cost"]
    assert measured["lower_bound"]["cost"] <= measured["cost"] * (1 + 1e-12)
    assert measured["cores"] == len(np.unique(placement.core)) == 8
    used = check(chip, axon_graph(network), placement)
    assert measured["limits"]["input_axons"] == {"used": used.input_axons.max(), "allowed": None}
    again = flow(chip, axon_graph(network), placement.core, rates(seed, 40) / 1000)
    assert measured["cost"] == again.cost(chip)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.integers(0, 10**6))
def test_any_legal_placement_keeps_every_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    network = random_network(seed, n=n, density=float(rng.uniform(0.05, 0.4)))
    room = int(rng.integers(max(4, -(-n // 6)), 9))
    chip = replace(
        load_chip(str(rng.choice(["grid16", "loihi"]))), width=2, height=3, cores_per_tile=1,
        neurons_per_core=room, chip_width=1, chip_height=3,
        chip_hop_cost=float(rng.integers(0, 300)),
    )  # fmt: skip
    # Limits with a little more than what neurons in order take: they bind, and can be kept.
    core = np.arange(n, dtype=np.int32) * 6 // n
    slack = float(rng.uniform(1, 1.4))
    limits: Any = {
        limit: max(1, int(slack * max(used)))
        for limit, used in counted(chip, network, core).items()
    }
    chip = replace(chip, **limits | {"neurons_per_core": room})
    try:
        placement = place(network, chip, rates(seed, n), effort=0.02)
    except InputError:
        assume(False)
    check(chip, axon_graph(network), placement)
    for limit, used in counted(chip, network, placement.core).items():
        assert max(used) <= getattr(chip, limit)
    measured: Any = placement.measured
    assert not measured["start"]["fits"] or measured["cost"] <= measured["start"]["cost"]


def test_the_same_seed_gives_the_same_placement() -> None:
    network = random_network(4, n=40, density=0.1)
    first, second, other = (
        place(network, GRID, rates(4, 40), seed=seed, effort=0.1) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first.core, second.core)
    np.testing.assert_array_equal(first.slot, second.slot)
    assert first.measured == second.measured
    assert (first.core != other.core).any()


@pytest.mark.parametrize("routing", ["unicast", "multicast"])
def test_cores_that_were_too_full_for_a_while_end_within_their_limits(routing: str) -> None:
    network = random_network(15, n=510, density=0.01)
    graph, rate = axon_graph(network), rates(15, 510)
    chip = replace(GRID, neurons_per_core=34, routing=routing)  # 15 full cores
    free = place(network, chip, rate, effort=0.004)
    axons = int(check(chip, graph, free).input_axons.max())
    tight = replace(chip, input_axons=axons - 2)
    first, again = (place(network, tight, rate, effort=0.004) for _ in range(2))
    np.testing.assert_array_equal(first.core, again.core)
    for limit, used in counted(tight, network, first.core).items():
        assert getattr(tight, limit) is None or max(used) <= getattr(tight, limit)
    for placement in (free, first):
        measured: Any = placement.measured
        assert measured["cost"] <= min(measured["starts"].values()) * (1 + 1e-9)


def test_axons_that_need_more_cores_get_them() -> None:
    network = random_network(6, n=20, inputs=2, density=0.15)
    chip = replace(GRID, neurons_per_core=20, input_axons=12)
    placement = place(network, chip, rates(6, 20), effort=0.1)
    assert check(chip, axon_graph(network), placement).input_axons.max() <= 12
    assert len(np.unique(placement.core)) > 1


def test_a_network_that_cannot_fit_is_refused() -> None:
    network = random_network(7, n=20, inputs=2, density=0.3)
    chip = replace(GRID, width=2, height=2, name="g", destinations=1)
    with pytest.raises(
        InputError, match=r"a higher limit: no grid of up to \d x \d such tiles held"
    ):
        place(network, chip, rates(7, 20))
    with pytest.raises(InputError, match=r"20 neurons, g holds 16 \(4 too many\)"):
        place(network, replace(chip, neurons_per_core=4, destinations=None), rates(7, 20))


def test_spreading_fills_that_many_cores_evenly() -> None:
    network = random_network(8, n=30, density=0.1)
    placement = place(network, GRID, rates(8, 30), cores=12, effort=0.1)
    counts = np.bincount(placement.core, minlength=GRID.n_cores)
    assert sorted(counts[counts > 0].tolist()) == [2] * 6 + [3] * 6
    for cores in (5, 17, 31):
        with pytest.raises(InputError, match="30 neurons cannot spread over"):
            place(network, GRID, rates(8, 30), cores=cores)


def test_a_network_that_fits_one_core_stays_there() -> None:
    placement = place(random_network(9), load_chip("loihi"), rates(9, 12))
    assert set(placement.core) == {0}
    np.testing.assert_array_equal(np.sort(placement.slot), np.arange(12))


def test_silent_networks_and_lone_neurons_are_placed() -> None:
    place(random_network(10, n=20), GRID, np.zeros(20), effort=0.05)
    place(random_network(10, n=1, inputs=0, density=0.0), GRID, np.ones(1))


def test_bad_arguments_are_named() -> None:
    network = random_network(11)
    for bad, message in (
        ({"rates_hz": np.ones(3)}, r"place.rates_hz has shape \(3,\), expected \(12\)"),
        ({"rates_hz": -np.ones(12)}, "rates_hz must not be negative; neuron 0"),
        ({"rates_hz": np.full(12, np.nan)}, r"place.rates_hz\[0\] is nan"),
        ({"effort": 0.0}, "effort is 0.0"),
        ({"seed": -1}, "seed is -1"),
        ({"time_limit": 0.0}, "time_limit is 0.0"),
        ({"starts": ["spiral"]}, "unknown start 'spiral'; known: blocks, hilbert, sequential"),
        ({"starts": []}, "starts is empty: name at least one of blocks"),
    ):
        with pytest.raises(InputError, match=message):
            place(network, GRID, **({"rates_hz": np.ones(12)} | bad))


@pytest.mark.parametrize("name", STARTS)
def test_every_start_alone_gives_a_legal_placement(name: str) -> None:
    if name == "km1":
        pytest.importorskip("mtkahypar")
    network = random_network(13, n=40, density=0.1)
    network = replace(network, chip=GRID.name, core=start.sequential(40, 5))
    placement = place(network, GRID, rates(13, 40), starts=[name], effort=0.02)
    measured: Any = placement.measured
    assert set(measured["starts"]) == {name}
    assert measured["cost"] <= measured["starts"][name]
    check(GRID, axon_graph(network), placement)


def test_a_missing_extra_is_named() -> None:
    if importlib.util.find_spec("mtkahypar"):
        pytest.skip("mtkahypar is installed")
    with pytest.raises(InputError, match=r"pip install 'spiking-bimt\[mtkahypar\]'"):
        place(random_network(0), GRID, np.ones(12), starts=["km1"])


def test_a_time_limit_keeps_the_best_so_far() -> None:
    network = random_network(14, n=60, density=0.2)
    given: Any = {"network": network, "chip": GRID, "rates_hz": rates(14, 60)}
    place(**given, effort=0.01)
    cut = place(**given, effort=1e4, time_limit=0.3)
    measured: Any = cut.measured
    assert measured["proposals"] < 1e4 * 60
    assert measured["cost"] <= measured["start"]["cost"]
    check(GRID, axon_graph(network), cut)


def test_progress_counts_the_rounds() -> None:
    seen: list[int] = []
    place(random_network(12, n=20), GRID, np.ones(20), effort=0.01,
          progress=lambda done, _: seen.append(done))  # fmt: skip
    assert seen == list(range(1, ROUNDS + 1))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 200), st.integers(1, 30), st.integers(0, 1000))
def test_sheet_blocks_are_balanced(n: int, cores: int, seed: int) -> None:
    chip = replace(GRID, width=4, height=4, cores_per_tile=2)
    used = start.compact_cores(chip, cores)
    assert len(set(used)) == cores
    assert set(used) <= set(start.surrounding_cores(chip, used))
    positions = np.random.default_rng(seed).integers(0, 20, (n, 2)).astype(np.int32)
    counts = np.bincount(start.sheet_blocks(positions, used, chip.core_xy()), minlength=32)[used]
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_sheet_neighbours_are_chip_neighbours() -> None:
    side = 8
    positions = np.stack(np.divmod(np.arange(side * side), side), axis=1).astype(np.int32)
    cores = start.compact_cores(GRID, 16)
    core = start.sheet_blocks(positions, cores, GRID.core_xy())
    np.testing.assert_array_equal(GRID.core_xy()[core], positions // 2)


@pytest.mark.parametrize(("cores", "shape"), [(1, (1, 1)), (8, (3, 3)), (13, (4, 4)), (30, (8, 4))])
def test_the_cores_in_use_form_a_block(cores: int, shape: tuple[int, int]) -> None:
    chip: Chip = replace(GRID, width=8, height=4)
    xy = chip.core_xy()[start.compact_cores(chip, cores)]
    assert tuple(xy.max(axis=0) + 1) == shape


def hidden_modules() -> tuple[SpikingNetwork, Any]:
    """Four cores' worth of neurons, each module talking within itself only, in shuffled order."""
    network = random_network(3, n=40, density=1.0)
    core = np.random.default_rng(3).permutation(np.repeat(np.arange(8, dtype=np.int32), 5))
    source = np.repeat(np.arange(40), np.diff(network.indptr))
    kept = core[source] == core[network.indices]
    counts = np.bincount(source[kept], minlength=40)
    changes = {name: getattr(network, name)[kept] for name in ("indices", "weights", "codes")}
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return replace(network, indptr=indptr, **changes), core


def test_a_network_trained_against_the_chip_starts_where_training_left_it() -> None:
    network, core = hidden_modules()
    known = replace(network, chip=GRID.name, core=core)

    def measured(of: SpikingNetwork, starts: tuple[str, ...] | None = None) -> Any:
        return place(of, GRID, np.ones(40), effort=0.001, starts=starts).measured

    assert measured(known, ("blocks",))["packets"] > 0
    assert measured(known, ("trained",))["packets"] == 0
    assert "trained" in measured(known)["starts"]
    assert "trained" not in measured(replace(known, chip="another"))["starts"]
    with pytest.raises(InputError, match="not trained against this chip"):
        measured(network, ("trained",))


@pytest.mark.parametrize("seed", range(3))
def test_heat_does_not_spoil_a_start_that_is_nearly_the_best(seed: int) -> None:
    network, core = hidden_modules()
    rng = np.random.default_rng(seed)
    loud = np.where(rng.random(40) < 0.1, 50.0, 1.0)
    swapped = core.copy()
    a, b = np.flatnonzero(core == 0)[0], np.flatnonzero(core == 7)[0]
    swapped[[a, b]] = swapped[[b, a]]
    known, graph = replace(network, chip=GRID.name, core=swapped), axon_graph(network)
    begun = flow(GRID, graph, swapped, loud).cost(GRID)
    measured: Any = place(known, GRID, loud, seed=seed, effort=0.02).measured
    assert measured["starts"]["trained"] <= begun * (1 + 1e-9)
    assert measured["cost"] <= min(measured["starts"].values()) * (1 + 1e-9)


def test_groups_beyond_the_cores_in_use_join_the_emptiest() -> None:
    core = np.array([7, 7, 7, 2, 2, 4], np.int32)
    cores = np.array([10, 11], np.int32)
    np.testing.assert_array_equal(start.compacted(core, cores), [10, 10, 10, 11, 11, 11])

"""What fits is placed: known assignments are found again, and refusals say what is known."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.begin import STARTS
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.limits import check, least_cores, refuse_hopeless, too_much, usage
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.place_fit import packed
from spiking_bimt.simulation.build import from_coo
from tests.chip.networks import random_network

GRID = replace(load_chip("grid16"), width=2, height=2, neurons_per_core=8, input_axons=8, name="g")


def joined(same: npt.NDArray[np.bool_]) -> SpikingNetwork:
    """The network of all synapses where `same` [source, target] holds."""
    source, target = np.nonzero(same)
    return from_coo(source, target, np.ones(len(source), np.float32), len(same))


def residues(groups: int, each: int) -> SpikingNetwork:
    """Neurons i and j are joined if i = j modulo `groups`."""
    of = np.arange(groups * each) % groups
    return joined(of[:, None] == of)


@pytest.mark.parametrize("slack", [0, 4])
@pytest.mark.parametrize("side", [2, 4])
def test_groups_that_fill_their_cores_exactly_are_found(side: int, slack: int) -> None:
    network = residues(side**2, 8)
    chip = replace(GRID, width=side, height=side, input_axons=8 + slack)
    placement = place(network, chip, np.ones(8 * side**2), effort=0.01)
    assert check(chip, axon_graph(network), placement).input_axons.max() == 8
    assert len(np.unique(placement.core)) == side**2


@pytest.mark.parametrize("seed", range(3))
def test_groups_of_many_sizes_are_packed_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [rng.permutation([7, 5, 4]) if rng.random() < 0.5 else [9, 7] for _ in range(9)]
    group = rng.permutation(np.repeat(np.arange(len(np.hstack(sizes))), np.hstack(sizes)))
    network = joined(group[:, None] == group)
    chip = replace(GRID, width=3, height=3, neurons_per_core=16, input_axons=16)
    check(chip, axon_graph(network), place(network, chip, np.ones(144), effort=0.01))


def test_sources_that_every_core_reads_do_not_hide_the_groups() -> None:
    """Planted groups with a common source, which takes one axon of every core."""
    group = np.random.default_rng(0).permutation(np.arange(48) % 9)
    same = group[:, None] == group
    same[0] = True
    network = joined(same)
    chip = replace(GRID, width=2, height=2, neurons_per_core=17, input_axons=18)
    check(chip, axon_graph(network), place(network, chip, np.ones(48), effort=0.01))


@pytest.mark.parametrize("name", [name for name in STARTS if name not in ("trained", "km1")])
def test_any_start_alone_finds_what_fits(name: str) -> None:
    network = residues(4, 8)
    placement = place(network, GRID, np.ones(32), starts=[name], effort=0.01)
    check(GRID, axon_graph(network), placement)


def test_a_refusal_without_a_proof_says_so_and_its_grid_holds_the_network() -> None:
    network = random_network(7, n=30, inputs=2, density=0.3)
    fan_in = int(np.diff(axon_graph(network).pre_indptr).max())
    chip = replace(GRID, neurons_per_core=16, input_axons=fan_in + 1)
    message = (
        "no placement was found on 4 cores of g, which does not prove that there is none: in the "
        rf"best one core \d takes \d+ input axons, {fan_in + 1} are allowed \(\d+ too many\): .* "
        r"or use a grid of (\d) x \1 such tiles, on which it fits"
    )
    with pytest.raises(InputError, match=message) as caught:
        place(network, chip, np.ones(30), effort=0.01)
    side = int(str(caught.value).split("a grid of ")[1].split()[0])
    place(network, replace(chip, width=side, height=side), np.ones(30), effort=0.01)


def test_a_proof_names_the_limit_and_the_smallest_grid() -> None:
    network = residues(9, 8)
    message = r"the network has 72 neurons, g holds 32 \(40 too many\): prune it, or use a grid of "
    with pytest.raises(InputError, match=message + "3 x 3 such tiles, on which it fits"):
        place(network, GRID, np.ones(72), effort=0.01)
    # 7 neurons of a group fill a core's memory and axons, the eighth takes another core.
    message = (
        r"needs at least 4608 bits of synapse memory, g holds 4599 \(9 too many\): prune it, or "
        "use a grid of 5 x 5 such tiles, on which it fits"
    )
    chip = replace(GRID, width=3, height=3, synapse_bits=511)
    with pytest.raises(InputError, match=message):
        place(network, chip, np.ones(72), effort=0.01)


def test_a_board_is_suggested_in_whole_chips() -> None:
    chip = replace(GRID, width=2, chip_width=2, chip_height=2, chip_hop_cost=10.0)
    with pytest.raises(InputError, match="use a board of 4 x 4 such tiles, on which it fits"):
        place(residues(9, 8), chip, np.ones(72), effort=0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"destinations": 1}, "at least 2 destination cores of one neuron, a neuron of g has 1 "),
        ({"output_axons": 1}, "at least 2 output axons, a core of g has 1 "),
        ({"input_axons": 23}, "24 input axons, a core of g has 23 "),
    ],
)
def test_limits_that_no_grid_meets_are_named_at_once(changes: Any, message: str) -> None:
    chip = replace(GRID, input_axons=None, routing="unicast", local_packets=False, width=9)
    with pytest.raises(InputError, match=r"neuron \d+ alone needs " + message + r"\(1 too many\)"):
        place(residues(1, 24), replace(chip, **changes), np.ones(24))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6))
def test_no_placement_breaks_a_bound_of_its_own_limits(seed: int) -> None:
    """A chip whose limits are just what some placement uses is never refused by a bound."""
    rng = np.random.default_rng(seed)
    chip: Chip = replace(
        load_chip(str(rng.choice(["grid16", "loihi"]))), width=2, height=3, cores_per_tile=1,
        neurons_per_core=8, local_packets=bool(rng.random() < 0.5),
        routing=str(rng.choice(["unicast", "multicast"])),
    )  # fmt: skip
    network = random_network(seed, n=int(rng.integers(1, 25)), density=float(rng.uniform(0, 0.6)))
    graph, n = axon_graph(network), network.n_neurons
    core = rng.permutation(np.repeat(np.arange(6, dtype=np.int32), 8))[:n]
    used = usage(chip, graph, core)
    limits: Any = {
        name: max(int(getattr(used, name).max()), 1)
        for name in ("input_axons", "output_axons", "synapse_bits", "destinations")
    }
    tight = replace(chip, **limits)
    refuse_hopeless(tight, graph)
    assert too_much(tight, graph) is None
    assert least_cores(tight, graph) <= tight.n_cores


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=7), st.integers(9, 14), st.integers(1, 4))
def test_packing_finds_bins_where_there_are_some(sizes: list[int], room: int, bins: int) -> None:
    items, rng = np.array(sizes)[:, None], np.array([0], np.uint64)
    found = packed(items, np.array([room]), bins, rng, 50, 500)
    possible = any(
        np.bincount(each, weights=sizes, minlength=bins).max() <= room
        for each in itertools.product(range(bins), repeat=len(sizes))
    )
    assert (found.min() >= 0) == possible
    if possible:
        assert np.bincount(found, weights=sizes).max() <= room

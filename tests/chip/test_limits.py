"""What a core uses, against a count with plain Python sets; and every limit is enforced."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.graph import axon_graph, destinations
from spiking_bimt.chip.limits import axon_bits, check, least_cores, memory_formula, usage
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from tests.chip.networks import random_network

SMALL = replace(load_chip("grid16"), name="small", width=2, height=2, input_axons=None)


def placed(chip: Chip, core: npt.NDArray[Any]) -> Placement:
    core = core.astype(np.int32)
    return Placement(chip.name, chip.n_cores, core, slots(core))


def synapses_of(network: SpikingNetwork) -> list[tuple[Any, int]]:
    """(source, target); a source is ("neuron", i) or ("input", c)."""
    pairs = []
    for kind, indptr, indices in (
        ("neuron", network.indptr, network.indices),
        ("input", network.in_indptr, network.in_indices),
    ):
        for i in range(len(indptr) - 1):
            pairs += [((kind, i), int(t)) for t in indices[indptr[i] : indptr[i + 1]]]
    return pairs


def loihi_axon_bits(n: int, word: int) -> int:
    """nengo-loihi's SynapseConfig.bits_per_axon with n_synapses = 63."""
    bits = 0
    for i in range(0, n, 64):
        block = min(n - i, 64) * word + 4 + 6
        bits += 64 * math.ceil(block / 64)
    return bits


def counted(chip: Chip, network: SpikingNetwork, core: npt.NDArray[Any]) -> dict[str, list[int]]:
    longest = network.delay if network.delays is None else int(network.delays.max(initial=1))
    delay_bits = math.ceil(math.log2(longest))
    index_bits = max(6, math.ceil(math.log2(chip.neurons_per_core)))
    counts: dict[str, list[int]] = {
        name: [0] * chip.n_cores
        for name in (
            "neurons_per_core",
            "input_axons",
            "output_axons",
            "synapse_bits",
            "destinations",
        )
    }
    axons = Counter((int(core[target]), source) for source, target in synapses_of(network))
    reached: dict[int, set[int]] = {}
    for home in core:
        counts["neurons_per_core"][home] += 1
    for (c, (kind, i)), n in axons.items():
        counts["input_axons"][c] += 1
        if chip.synapse_formula == "flat":
            counts["synapse_bits"][c] += n * chip.weight_bits
        else:
            word = chip.weight_bits + delay_bits + index_bits
            counts["synapse_bits"][c] += loihi_axon_bits(n, word)
        if kind == "neuron":
            reached.setdefault(i, set()).add(c)
    for neuron, home in enumerate(core):
        dests = reached.get(neuron, set())
        if not chip.local_packets:
            dests = dests - {int(home)}
        packets = min(len(dests), 1) if chip.routing == "multicast" else len(dests)
        counts["output_axons"][home] += packets
        counts["destinations"][home] = max(counts["destinations"][home], len(dests))
    return counts


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["loihi", "grid16"]), st.booleans(), st.booleans())
def test_usage_equals_a_count_with_sets(seed: int, name: str, multi: bool, local: bool) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(seed, n=int(rng.integers(1, 15)), delays=bool(rng.random() < 0.5))
    chip = replace(
        load_chip(name), width=2, height=2, local_packets=local, cores_per_tile=2,
        routing="multicast" if multi else "unicast",
    )  # fmt: skip
    core = rng.integers(0, chip.n_cores, network.n_neurons).astype(np.int32)
    found = usage(chip, axon_graph(network), core)
    for limit, expected in counted(chip, network, core).items():
        np.testing.assert_array_equal(getattr(found, limit), expected, err_msg=limit)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["loihi", "grid16"]))
def test_no_placement_that_keeps_the_limits_has_fewer_than_the_least_cores(
    seed: int, name: str
) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(seed, n=int(rng.integers(1, 30)), density=rng.random())
    chip, graph = replace(load_chip(name), width=2, height=3, cores_per_tile=1), axon_graph(network)
    core = rng.integers(0, rng.integers(1, 7), network.n_neurons).astype(np.int32)
    used = usage(chip, graph, core)
    just: dict[str, Any] = {field: int(getattr(used, field).max()) or None for field in
                            ("neurons_per_core", "input_axons", "synapse_bits")}  # fmt: skip
    assert 1 <= least_cores(replace(chip, **just), graph) <= len(np.unique(core))


def test_the_least_cores_of_a_dense_network_are_those_of_its_memory() -> None:
    graph = axon_graph(random_network(3, n=12, inputs=0, density=1.0))
    assert len(graph.targets) == 144
    assert least_cores(replace(SMALL, synapse_bits=144 * 8 // 3), graph) == 3
    assert least_cores(replace(SMALL, synapse_bits=144 * 8 // 3 - 1), graph) == 4
    assert least_cores(replace(SMALL, neurons_per_core=3, input_axons=12), graph) == 4


@given(st.lists(st.integers(0, 300), min_size=1, max_size=20), st.integers(1, 40))
def test_loihis_block_formula(synapses: list[int], delay: int) -> None:
    network = replace(random_network(0), delay=delay)
    formula = memory_formula(load_chip("loihi"), axon_graph(network))
    assert formula.word == 8 + 10 + math.ceil(math.log2(delay))
    expected = [loihi_axon_bits(n, formula.word) for n in synapses]
    assert axon_bits(np.array(synapses), formula).tolist() == expected


def test_a_loihi_axon_of_65_synapses_takes_two_blocks() -> None:
    formula = memory_formula(load_chip("loihi"), axon_graph(replace(random_network(0), delay=10)))
    # 22 bits per synapse: ceil((64 * 22 + 10) / 64) = 23 words, then ceil((22 + 10) / 64) = 1.
    assert axon_bits(np.array([64, 65]), formula).tolist() == [23 * 64, 24 * 64]


def test_the_transpose_holds_the_same_synapses() -> None:
    network = random_network(5, n=15)
    graph = axon_graph(network)
    forward = {(s, t) for s in range(graph.n_sources)
               for t in graph.targets[graph.indptr[s] : graph.indptr[s + 1]]}  # fmt: skip
    backward = {(s, t) for t in range(15)
                for s in graph.pre[graph.pre_indptr[t] : graph.pre_indptr[t + 1]]}  # fmt: skip
    assert forward == backward
    assert len(forward) == len(graph.targets) == len(synapses_of(network))
    _, _, counts = destinations(graph, np.zeros(15, np.int32), 4)
    np.testing.assert_array_equal(counts, np.diff(graph.indptr)[np.diff(graph.indptr) > 0])


@pytest.mark.parametrize(
    ("limit", "word"),
    [
        ("neurons_per_core", "neurons"),
        ("input_axons", "input axons"),
        ("output_axons", "output axons"),
        ("synapse_bits", "bits of synapse memory"),
        ("destinations", "destination cores of one neuron"),
    ],
)
def test_a_placement_that_breaks_a_limit_is_refused(limit: str, word: str) -> None:
    network = random_network(1, n=12, inputs=3)
    graph = axon_graph(network)
    core = np.array([0, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3])
    most: Any = getattr(usage(SMALL, graph, core.astype(np.int32)), limit)
    used, where = int(most.max()), int(most.argmax())
    changes: list[Any] = [{limit: used}, {limit: used - 1}]
    chips = [replace(SMALL, **change) for change in changes]
    check(chips[0], graph, placed(SMALL, core))
    with pytest.raises(InputError) as caught:
        check(chips[1], graph, placed(SMALL, core))
    expected = f"core {where} takes {used} {word}, small allows {used - 1} (1 too many)"
    assert str(caught.value).startswith(expected)


def test_hopeless_networks_are_refused_before_placing() -> None:
    network = random_network(2, n=12, inputs=3, density=0.6)
    graph = axon_graph(network)
    placement = placed(SMALL, np.arange(12) // 4)
    tight = replace(SMALL, neurons_per_core=2)
    with pytest.raises(InputError, match=r"12 neurons, small holds 8 \(4 too many\).*3 x 3"):
        check(tight, graph, placement)
    fan_in = int(np.diff(graph.pre_indptr).max())
    neuron = int(np.diff(graph.pre_indptr).argmax())
    message = rf"neuron {neuron} alone needs {fan_in} input axons, a core of small has 2 "
    with pytest.raises(InputError, match=message):
        check(replace(SMALL, input_axons=2), graph, placement)
    with pytest.raises(InputError, match=rf"neuron {neuron} alone needs {fan_in * 8} bits"):
        check(replace(SMALL, synapse_bits=fan_in * 8 - 1), graph, placement)
    message = rf"neuron {neuron} has {fan_in} synapses, small allows 5 \({fan_in - 5} too many; "
    with pytest.raises(InputError, match=message + r"\d+ neurons have too many\)"):
        check(replace(SMALL, synapses_per_neuron=5), graph, placement)
    check(replace(SMALL, synapses_per_neuron=fan_in), graph, placement)
    with pytest.raises(
        InputError, match=r"8-bit weights, small holds 4: `quantise` it, .* with `bits=4`"
    ):
        check(replace(SMALL, weight_bits=4), graph, placement)


def test_placements_of_something_else_are_refused() -> None:
    graph = axon_graph(random_network(2, n=12))
    with pytest.raises(InputError, match="placement is of 5 neurons on 4 cores, the network has"):
        check(SMALL, graph, placed(SMALL, np.arange(5) // 2))
    high = Placement("small", 4, np.zeros(12, np.int32), np.arange(12, dtype=np.int32) + 8)
    with pytest.raises(InputError, match=r"neuron 11 sits in slot 19 of core 0.*slots 0 to 15"):
        check(SMALL, graph, high)


def test_two_synapses_of_one_pair_are_refused() -> None:
    network = random_network(3, n=6)
    indices = network.indices.copy()
    row = int(np.argmax(np.diff(network.indptr) >= 2))
    indices[network.indptr[row] + 1] = indices[network.indptr[row]]
    with pytest.raises(InputError, match=f"source {row} has two synapses onto neuron"):
        axon_graph(replace(network, indices=indices))


def test_a_placement_of_another_tool_is_held_to_the_limits(tmp_path: Path) -> None:
    graph, path = axon_graph(random_network(1, n=12, inputs=3)), tmp_path / "placement.h5"
    chip = replace(SMALL, neurons_per_core=4)
    store.save(placed(chip, np.arange(12) // 4), path, {})
    check(chip, graph, store.load(path, Placement))
    store.save(placed(chip, np.zeros(12, np.int32)), path, {})
    with pytest.raises(InputError, match=r"core 0 takes 12 neurons, small allows 4 \(8 too many\)"):
        check(chip, graph, store.load(path, Placement))


def test_a_placement_file_edited_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "placement.h5"
    store.save(placed(SMALL, np.arange(12) // 4), path, {})
    with h5py.File(path, "r+") as file:
        file["slot"][...] = np.arange(12, dtype=np.int32)
    with pytest.raises(InputError, match="its content is not what was written"):
        store.load(path, Placement)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 60))
def test_two_lists_of_one_sign_never_take_more_than_the_formula(
    positive: int, negative: int, delay: int
) -> None:
    graph = axon_graph(replace(random_network(0), delay=delay))
    one, both = (
        memory_formula(load_chip("loihi"), replace(graph, split_signs=split))
        for split in (False, True)
    )
    apart = axon_bits(np.array([positive, negative]), one).sum()
    assert apart <= axon_bits(np.array([positive + negative]), both)[0]

"""Traffic of a placed network, counted spike by spike."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.price import routes
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.traffic import flow, traffic
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.validate import read_only
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import place_reach, place_timeline, place_traffic
from tests.chip.networks import random_network


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_counts_equal_a_walk_over_every_spike(seed: int, multi: bool, local: bool) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(seed, n=int(rng.integers(1, 12)))
    chip = replace(
        load_chip("loihi"), width=3, height=2, cores_per_tile=2, local_packets=local,
        routing="multicast" if multi else "unicast",
    )  # fmt: skip
    core = rng.integers(0, 12, network.n_neurons).astype(np.int32)
    counts = rng.integers(0, 5, network.n_neurons)
    found = traffic(network, Placement("x", 12, core, slots(core)), chip, counts, n_steps=100)

    xy = chip.core_xy()
    packets = unicast = multicast = events = energy_x = energy_y = 0
    for neuron, spikes in enumerate(counts):
        targets = network.indices[network.indptr[neuron] : network.indptr[neuron + 1]]
        home = xy[core[neuron]]
        dests = {int(core[t]) for t in targets}
        if not local:
            dests -= {int(core[neuron])}
        links_x, links_y = [], []
        for dest in dests:
            x, y = xy[dest]
            links_x += [(1 if x > home[0] else -1, i) for i in span(home[0], x)]
            links_y += [(x, 1 if y > home[1] else -1, i) for i in span(home[1], y)]
        events += int(spikes) * len(targets)
        packets += int(spikes) * (min(len(dests), 1) if multi else len(dests))
        unicast += int(spikes) * (len(links_x) + len(links_y))
        tree_x, tree_y = len(set(links_x)), len(set(links_y))
        multicast += int(spikes) * (tree_x + tree_y)
        energy_x += int(spikes) * (tree_x if multi else len(links_x))
        energy_y += int(spikes) * (tree_y if multi else len(links_y))
    assert (found.packets, found.unicast_hops, found.multicast_hops) == (
        packets, unicast, multicast)  # fmt: skip
    assert (found.synaptic_events, found.spikes) == (events, counts.sum())
    assert found.link_load.sum() == (multicast if multi else unicast)
    assert found.energy_pj is not None
    assert found.energy_pj == pytest.approx(
        {
            "soma": 72.8 * network.n_neurons * 100,
            "spike": 69.3 * counts.sum(),
            "synapse": 33.6 * events,
            "packet": 111.0 * packets,
            "hop": 3.0 * energy_x + 4.2 * energy_y,
        }
    )


def span(a: int, b: int) -> range:
    return range(a, b, 1 if b > a else -1)


def test_ten_spikes_to_three_cores_are_thirty_packets() -> None:
    """SANA-FE's count, and 1.11 nJ for ten spikes to the own core."""
    network = random_network(0, n=4)
    network = replace(
        network, indptr=np.array([0, 3, 3, 3, 3]), indices=np.array([1, 2, 3], np.int32),
        weights=np.ones(3, np.float32), codes=np.ones(3, np.int16), delays=None,
    )  # fmt: skip
    chip, spikes = load_chip("loihi"), [10, 0, 0, 0]
    apart, together = (
        traffic(network, Placement("loihi", 128, core, slots(core)), chip, spikes, 1)
        for core in (np.arange(4, dtype=np.int32) * 4, np.zeros(4, np.int32))
    )
    assert (apart.packets, together.packets, together.unicast_hops) == (30, 10, 0)
    assert together.energy_pj is not None
    assert together.energy_pj["packet"] == pytest.approx(1110.0)


def test_unpublished_energies_are_not_invented() -> None:
    network, chip = random_network(1), load_chip("grid16")
    core = np.zeros(12, np.int32)
    found = traffic(network, Placement("grid16", 64, core, slots(core)), chip, np.ones(12), 10)
    assert found.energy_pj is None


def test_bad_counts_are_refused() -> None:
    network, chip = random_network(1), load_chip("grid16")
    core = np.zeros(12, np.int32)
    placement = Placement("grid16", 64, core, slots(core))
    with pytest.raises(InputError, match=r"spike_counts has shape \(3,\)"):
        traffic(network, placement, chip, np.ones(3), 10)
    for bad in (-np.ones(12), np.full(12, 0.5)):
        with pytest.raises(InputError, match="spike counts must be whole numbers, least 0"):
            traffic(network, placement, chip, bad, 10)
    with pytest.raises(InputError, match="not of this network on loihi: place again"):
        traffic(network, placement, load_chip("loihi"), np.ones(12), 10)


def test_arrays_that_can_be_changed_use_the_same_compiled_kernels() -> None:
    network, chip = random_network(3), load_chip("loihi16")
    graph, core = axon_graph(network), np.zeros(network.n_neurons, np.int32)
    kernels = place_traffic.route_all, place_reach.distinct_cores, place_timeline.routes
    counts = []
    for home in (core, read_only(core)):
        flow(chip, graph, home, np.ones(network.n_neurons))
        routes(chip, graph, home)
        counts.append([len(kernel.signatures) for kernel in kernels])
    assert counts[0] == counts[1]

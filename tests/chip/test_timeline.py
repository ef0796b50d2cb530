"""Traffic step by step, against a walk over every spike; sums over steps equal the total."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.timeline import timeline
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.errors import InputError
from tests.chip.networks import random_network
from tests.kernels.test_place_traffic import path

STEPS = 6


def board(routing: str, local: bool) -> Chip:
    """Two chips of 2 x 2 tiles side by side, the hop between them dearer."""
    return replace(
        load_chip("loihi"), width=4, height=2, cores_per_tile=1, routing=routing,
        local_packets=local, chip_width=2, chip_height=2, chip_hop_cost=50.0,
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["unicast", "multicast"]), st.booleans())
def test_every_step_equals_a_walk_over_its_spikes(seed: int, routing: str, local: bool) -> None:
    rng, chip = np.random.default_rng(seed), board(routing, local)
    network = random_network(seed, n=int(rng.integers(1, 12)))
    n = network.n_neurons
    core = rng.integers(0, 8, n).astype(np.int32)
    placement = Placement("board", 8, core, slots(core))
    count = int(rng.integers(0, 25))
    steps, neurons = rng.integers(0, STEPS, count), rng.integers(0, n, count)
    found = timeline(network, placement, chip, steps, neurons, STEPS)
    assert found.energy_pj is not None
    assert found.time_ns is not None

    xy = [(int(x), int(y)) for x, y in chip.core_xy()]
    prices: dict[str, float] = chip.energy or {}
    latency: dict[str, float] = chip.latency or {}
    for t in range(STEPS):
        load: Counter[tuple[int, int, int]] = Counter()
        work = [latency["soma"] * int((core == c).sum()) for c in range(8)]
        packets, energy = 0, prices["soma"] * n
        for i in neurons[steps == t]:
            targets = network.indices[network.indptr[i] : network.indptr[i + 1]]
            synapses = Counter(int(core[k]) for k in targets)
            dests = {c for c in synapses if local or c != core[i]}
            links = [step for c in dests for step in path(xy[core[i]], xy[c])]
            links = list(set(links)) if routing == "multicast" else links
            sent = min(len(dests), 1) if routing == "multicast" else len(dests)
            load.update(links)
            packets += sent
            energy += prices["spike"] + prices["synapse"] * len(targets) + 111.0 * sent
            energy += sum(price_of(link) for link in links)
            work[core[i]] += latency["spike"] + latency["packet"] * sent
            for c, events in synapses.items():
                work[c] += latency["receive"] + latency["synapse"] * events
        assert (found.spikes[t], found.packets[t]) == ((steps == t).sum(), packets)
        assert (found.hops[t], found.busiest_load[t]) == (
            sum(load.values()), max(load.values(), default=0))  # fmt: skip
        if load:
            x, y, direction = np.unravel_index(found.busiest_link[t], (4, 2, 4))
            assert load[int(x), int(y), int(direction)] == found.busiest_load[t]
        else:
            assert found.busiest_link[t] == -1
        assert found.energy_pj[t] == pytest.approx(energy)
        assert found.time_ns[t] == pytest.approx(max(work))
    total = traffic(network, placement, chip, np.bincount(neurons, minlength=n), STEPS)
    assert (total.packets, total.link_load.sum()) == (found.packets.sum(), found.hops.sum())
    assert total.energy_pj is not None
    assert sum(total.energy_pj.values()) == pytest.approx(found.energy_pj.sum())


def price_of(link: tuple[int, int, int]) -> float:
    """3.0 along x, 4.2 along y, 50 over the seam between columns 1 and 2."""
    x, _, direction = link
    if direction > 1:
        return 4.2
    return 50.0 if (x, direction) in ((1, 0), (2, 1)) else 3.0


def test_wrong_spikes_are_refused() -> None:
    network, chip = random_network(1), board("unicast", True)
    placement = Placement("board", 8, np.zeros(12, np.int32), np.arange(12, dtype=np.int32))
    with pytest.raises(InputError, match=r"timeline.steps must lie in 0..4"):
        timeline(network, placement, chip, [5], [0], 5)
    with pytest.raises(InputError, match=r"timeline.neurons must lie in 0..11"):
        timeline(network, placement, chip, [0], [12], 5)
    with pytest.raises(InputError, match="not of this network on loihi: place again"):
        timeline(network, placement, load_chip("loihi"), [0], [0], 5)


def test_a_board_is_made_of_whole_chips() -> None:
    with pytest.raises(InputError, match="a board of 4 x 2 tiles is not made of chips of 3 x 2"):
        replace(board("unicast", True), chip_width=3)
    with pytest.raises(InputError, match="describe a board together: give all three or none"):
        replace(board("unicast", True), chip_height=None)
    with pytest.raises(InputError, match="chip_hop_cost must be a finite number, least 0"):
        replace(board("unicast", True), chip_hop_cost=-1.0)

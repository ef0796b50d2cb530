"""SANA-FE counts the packets, hops and synaptic events of a placed network as we do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.timeline import timeline
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.formats.sanafe_export import Replay, write_sanafe
from spiking_bimt.formats.sanafe_run import run_sanafe
from tests.chip.networks import random_network

STEPS = 40


@pytest.mark.parametrize("seed", range(20))
def test_counts_and_energy_of_random_networks(tmp_path: Path, seed: int) -> None:
    """Sizes, densities, meshes, rates and room on a core all differ; the spikes are replayed."""
    pytest.importorskip("sanafe")
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 60))
    network = random_network(seed, n=n, inputs=0, density=float(rng.uniform(0.02, 0.4)))
    chip = replace(
        load_chip("loihi"), width=int(rng.integers(2, 5)), height=int(rng.integers(2, 5)),
        cores_per_tile=int(rng.integers(1, 4)), neurons_per_core=int(rng.integers(15, 20)),
    )  # fmt: skip
    rates = rng.lognormal(0, 1, n)
    placement = place(network, chip, rates, seed=seed, effort=0.02)
    fired = rng.random((STEPS, n)) < np.minimum(0.2 * rates, 0.9)
    steps, neurons = np.nonzero(fired)
    replay = Replay(steps, neurons, STEPS)
    write_sanafe(tmp_path / "sanafe", network, placement, chip, replay=replay)
    found = run_sanafe(tmp_path / "sanafe", STEPS)

    np.testing.assert_array_equal(found.spikes, fired)
    total = traffic(network, placement, chip, fired.sum(0), STEPS)
    assert total.packets > 0
    assert (found.packets, found.hops, found.synaptic_events) == (
        total.packets, total.unicast_hops, total.synaptic_events)  # fmt: skip
    assert total.energy_pj is not None
    assert found.energy_pj == pytest.approx(sum(total.energy_pj.values()), rel=1e-3)
    course = timeline(network, placement, chip, steps, neurons, STEPS)
    assert (found.packets, found.hops) == (course.packets.sum(), course.hops.sum())

"""Placement, traffic, timeline and tiles of records agree with the functions over arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from spiking_bimt.chip import presets
from spiking_bimt.chip.place import place
from spiking_bimt.chip.placed import cut_tiles, place_network, timeline, traffic
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.tiling import rebuild
from spiking_bimt.chip.traffic import traffic as traffic_of
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import PlacedNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.formats.tiles import read_tiles, write_tiles
from spiking_bimt.simulation.build import from_sparse


def coded() -> SpikingNetwork:
    rng = np.random.default_rng(3)
    weights = scipy.sparse.random_array((40, 40), density=0.1, rng=rng, data_sampler=rng.normal)
    return quantise(from_sparse(weights, dt=0.5), 4)


def spikes(n_trials: int = 2) -> Recording:
    """Ten spikes a trial of random neurons, in 50 and 60 steps."""
    rng = np.random.default_rng(4)
    lengths = np.array([50, 60])[:n_trials]
    steps = np.concatenate([np.sort(rng.integers(0, length, 10)) for length in lengths])
    neurons = rng.integers(0, 40, 10 * n_trials)
    counts = np.stack([np.bincount(own, minlength=40) for own in neurons.reshape(-1, 10)])
    return Recording(
        outputs=np.zeros((0, 1), np.float32), spike_counts=counts.astype(np.int32),
        offsets=10 * np.arange(n_trials + 1), steps=steps.astype(np.int32),
        neurons=neurons.astype(np.int32), lengths=lengths, dt=0.5, n_neurons=40,
    )  # fmt: skip


@pytest.fixture(scope="module")
def placed() -> PlacedNetwork:
    return place_network(coded(), "loihi16", spikes().rates_hz, effort=0.1)


def test_a_chip_is_a_name_a_path_or_a_record(placed: PlacedNetwork, tmp_path: Path) -> None:
    for chip in (placed.chip, "loihi16"):
        again = place_network(coded(), chip, spikes().rates_hz, effort=0.1)
        np.testing.assert_array_equal(again.placement.core, placed.placement.core)
    preset = Path(presets.__file__).with_name("loihi16.toml")
    copy = tmp_path / "mine.toml"
    copy.write_bytes(preset.read_bytes())
    for path in (copy, str(copy)):
        assert load_chip(path).neurons_per_core == 16
    network = coded().quantised()
    core = place(network, placed.chip, spikes().rates_hz, effort=0.1).core
    np.testing.assert_array_equal(core, placed.placement.core)


def test_a_network_that_the_chip_cannot_compute_is_placed_for_its_traffic_alone() -> None:
    rates = spikes().rates_hz
    with pytest.raises(InputError, match=r"loihi cannot compute .*40 thresholds"):
        place_network(coded(), "loihi", rates)
    placed = place_network(coded(), "loihi", rates, traffic_only=True)
    assert traffic(placed, spikes()).spikes == spikes().n_spikes


def test_the_scale_of_the_rates_does_not_matter(placed: PlacedNetwork) -> None:
    again = place_network(coded(), "loihi16", 1024 * spikes().rates_hz, effort=0.1)
    np.testing.assert_array_equal(again.placement.core, placed.placement.core)


def test_traffic_is_that_of_the_spike_counts_and_the_sum_of_the_timeline(
    placed: PlacedNetwork,
) -> None:
    run = spikes()
    flow, course = traffic(placed, run), timeline(placed, run)
    counts = run.spike_counts.sum(axis=0)
    expected = traffic_of(placed.network, placed.placement, placed.chip, counts, 110)
    assert flow.packets == expected.packets == course.packets.sum()
    assert flow.spikes == 20
    energy: Any = flow.energy_pj
    assert energy == expected.energy_pj
    assert flow.energy_nj == pytest.approx(sum(energy.values()) / 1000)
    assert course.energy_pj is not None
    assert len(course.energy_pj) == 110
    assert course.energy_pj.sum() == pytest.approx(sum(energy.values()))


def test_tiles_written_and_read_give_the_network_back(
    placed: PlacedNetwork, tmp_path: Path
) -> None:
    path = str(tmp_path / "tiles.h5")
    write_tiles(path, cut_tiles(placed))
    back = rebuild(read_tiles(path))
    for field in ("indptr", "indices", "codes", "weights"):
        np.testing.assert_array_equal(getattr(back, field), getattr(placed.network, field))
    assert placed.n_cores == len(np.unique(placed.placement.core)) == 3


def test_a_recording_of_another_network_is_refused(placed: PlacedNetwork) -> None:
    slow = from_sparse(scipy.sparse.csr_array((40, 40)), dt=1.0)
    other = PlacedNetwork(slow, placed.placement, placed.chip)
    with pytest.raises(InputError, match=r"steps of 0\.5 ms, the network of 1\.0 ms"):
        traffic(other, spikes())
    with pytest.raises(InputError, match="the placement is of 40 neurons on"):
        PlacedNetwork(from_sparse(scipy.sparse.csr_array((3, 3))), placed.placement, placed.chip)

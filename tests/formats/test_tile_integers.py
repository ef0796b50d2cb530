"""Tiles that hold a network in the integers of its chip, and what the chip should answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats import tile_layout
from spiking_bimt.formats.tiles import read_integers, read_selftest
from spiking_bimt.formats.xylo import layer_of, run_xylosim
from spiking_bimt.stages.export import export
from spiking_bimt.stages.verify import verify
from tests.chip.networks import random_network
from tests.formats import test_xylo


def placed(folder: Path, network: SpikingNetwork, chip: str) -> Path:
    """A run of a network on one core of a chip."""
    folder.mkdir()
    core = np.zeros(network.n_neurons, np.int32)
    n_cores = load_chip(chip).n_cores
    store.save(replace(network, measured=None), folder / "network.h5", {})
    store.save(Placement(chip, n_cores, core, slots(core)), folder / "placement.h5", {})
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network with spiking sources on Xylo, in tiles with its integers."""
    folder = placed(
        tmp_path_factory.mktemp("integers") / "run", test_xylo.network(0), "xylo-audio2"
    )
    export(folder, selftest=2, integers=True)
    return folder


def held(run: Path) -> Any:
    found = read_integers(run / "tiles.h5")
    assert found is not None
    return found


def test_the_golden_spikes_are_those_of_the_vendors_simulator(run: Path) -> None:
    pytest.importorskip("xylosim")
    made, test = held(run)
    found = verify(run / "tiles.h5", trials=2)
    assert found["chip_spikes"] == len(test.spike_steps) > 1000
    assert "of its chip's integers equal" in found["found"]
    golden = read_selftest(run / "tiles.h5")
    assert golden is not None
    bounds = golden.offsets * round(made.task_dt / made.dt)
    events = np.zeros((bounds[-1], len(made.channels)), np.uint8)
    start = np.repeat(bounds[:-1], np.diff(test.event_offsets))
    np.add.at(events, (start + test.event_steps, test.event_channels), 1)
    assert events.sum() > 100
    for k, counts in enumerate(run_xylosim(layer_of(made), events, bounds)):
        own = slice(test.spike_offsets[k], test.spike_offsets[k + 1])
        mine = np.zeros_like(counts)
        inner = np.searchsorted(made.neurons, test.spike_neurons[own])
        np.add.at(mine, (test.spike_steps[own], inner), 1)
        np.testing.assert_array_equal(mine, counts)


def test_recorded_spikes_are_compared_with_those_of_the_integers(run: Path, tmp_path: Path) -> None:
    _, test = held(run)
    golden = read_selftest(run / "tiles.h5")
    assert golden is not None
    trial = np.repeat(np.arange(len(test.spike_offsets) - 1), np.diff(test.spike_offsets))
    path = tmp_path / "chip.npz"
    np.savez(path, trial=trial, step=test.spike_steps, neuron=test.spike_neurons)
    assert verify(run, recorded=path)["spikes"] == len(test.spike_steps)
    trial = np.repeat(np.arange(len(golden.offsets) - 1), np.diff(golden.spike_offsets))
    np.savez(path, trial=trial, step=golden.steps, neuron=golden.neurons)
    with pytest.raises(CheckError, match="recorded and golden spikes part at trial 0"):
        verify(run, recorded=path)


def change(name: str) -> Any:
    def edit(file: h5py.File) -> None:
        file[f"integers/{name}"][0] += 1

    return edit


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (change("v_th"), "integers/v_th is not what xylo-audio2 makes of the tiles"),
        (change("weights"), "integers/weights is not what xylo-audio2 makes of the tiles"),
        (lambda file: file["integers"].attrs.__setitem__("shift", 9), "integers/shift is not what"),
        (change("spike_steps"), "its integers do not give their golden spikes: trial 0, spike 0"),
        (lambda file: file.__delitem__("selftest"), "golden spikes are not of the trials of"),
        (lambda file: file.__delitem__("integers/v_th"), "dataset integers/v_th is missing"),
    ],
)
def test_integers_that_are_not_those_of_the_tiles_are_refused(
    run: Path, tmp_path: Path, edit: Any, says: str
) -> None:
    path = tmp_path / "t.h5"
    path.write_bytes((run / "tiles.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        edit(file)
        del file.attrs["digest"]
        store.write_text(file, "digest", tile_layout.digest_of(file))
    with pytest.raises((CheckError, InputError), match=says):
        verify(path, against=run / "network.h5", trials=1)


def test_a_chip_that_holds_its_input_gets_levels_and_no_events(tmp_path: Path) -> None:
    network = random_network(5, n=30, inputs=4, outputs=2, density=0.2)
    made_run = placed(tmp_path / "held", replace(network, tasks=(), battery=""), "grid64")
    export(made_run, selftest=2, integers=True)
    made, test = held(made_run)
    assert (made.neuron.input, len(test.event_steps)) == ("held", 0)
    assert verify(made_run / "tiles.h5", trials=1)["chip_spikes"] == len(test.spike_steps) > 30
    export(made_run, integers=True)
    assert held(made_run)[1] is None
    assert verify(made_run / "tiles.h5", trials=1)["chip_spikes"] == 0


def test_a_chip_that_cannot_compute_the_network_has_no_integers_of_it(tmp_path: Path) -> None:
    made_run = placed(tmp_path / "run", test_xylo.network(0), "loihi")
    with pytest.raises(InputError, match=r"loihi cannot compute it: .*reset by subtraction"):
        export(made_run, integers=True, traffic_only=True)
    with pytest.raises(InputError, match="integers goes into tiles: add tiles to the formats"):
        export(made_run, formats=("sonata",), integers=True, lossy=True)

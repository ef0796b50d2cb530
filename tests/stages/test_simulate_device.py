"""simulate --device and the options of export for hardware, on a small run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.chip import presets
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.tiles import read_tiles, write_content
from spiking_bimt.simulation.build import random_sheet
from spiking_bimt.stages.export import export
from spiking_bimt.stages.simulate import simulate
from spiking_bimt.stages.verify import verify
from tests.chip.networks import random_network
from tests.stages.test_whole_way import call


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A placed random network with the channels and outputs of two tasks, not trained."""
    folder = tmp_path_factory.mktemp("run")
    trials = draw_trials("yang19", ("go", "anti"), 1, 20.0, stream="test")
    network = random_network(5, n=30, inputs=trials.n_inputs, outputs=17, density=0.2)
    network = replace(network, measured=None)
    core = (np.arange(30) // 16).astype(np.int32)
    chip = load_chip("grid16")
    store.save(network, folder / "network.h5", {})
    store.save(Placement("grid16", chip.n_cores, core, slots(core)), folder / "placement.h5", {})
    return folder


def test_a_self_test_is_played_back(run: Path) -> None:
    written = export(run, device="pcm", selftest=2)["tiles"]
    assert written["natural_order_tiles"] >= written["tiles"] >= written["lower_bound"]
    with h5py.File(run / "tiles.h5") as file:
        assert len(file["selftest/offsets"]) == 5
        assert file["device"].attrs["g_max"] == 25.0
    found = verify(run / "tiles.h5", trials=1)
    assert found["selftest_trials"] == 4
    network = store.load(run / "network.h5", SpikingNetwork)
    assert found["integers"] == len(network.indices) + len(network.in_indices)


def test_a_wrong_golden_spike_is_told(run: Path) -> None:
    from spiking_bimt.formats.tiles import read_selftest

    export(run, selftest=2)
    golden = read_selftest(run / "tiles.h5")
    assert golden is not None
    neurons = golden.neurons.copy()
    neurons[0] = (neurons[0] + 1) % 30
    content = read_tiles(run / "tiles.h5")
    network = store.load(run / "network.h5", SpikingNetwork).quantised()
    write_content(run / "tiles.h5", replace(content, network=network), {}, {},
                selftest=replace(golden, neurons=neurons))  # fmt: skip
    with pytest.raises(CheckError, match="does not give the spikes of its self-test: trial 0"):
        verify(run / "tiles.h5", trials=1)


def test_effects_are_scored_seeded_and_drawn(run: Path) -> None:
    export(run)
    one, two = (simulate(run, device="pcm", trials=1, seed=3) for _ in range(2))
    assert one == two
    assert list(one["runs"]) == [
        "digital", "no effect", "programming noise", "drift", "read noise", "converter", "all",
    ]  # fmt: skip
    spikes = {name: row["spikes"] for name, row in one["runs"].items()}
    assert spikes["digital"] == pytest.approx(spikes["no effect"], rel=1e-3)
    assert spikes["all"] != spikes["digital"]
    assert b"<svg" in (run / "tiles.device.svg").read_bytes()


def test_networks_without_tasks_have_no_accuracy_on_a_device(tmp_path: Path) -> None:
    network = quantise(random_sheet(20, fan_out=8, seed=0), 8, "network")
    core = (np.arange(400) // 16).astype(np.int32)
    store.save(network, tmp_path / "network.h5", {})
    store.save(Placement("grid16", 64, core, slots(core)), tmp_path / "placement.h5", {})
    export(tmp_path)
    assert verify(tmp_path / "tiles.h5", trials=1)["equal"]
    with pytest.raises(InputError, match="network without tasks"):
        simulate(file=tmp_path / "tiles.h5", device="pcm")
    with pytest.raises(InputError, match="of which it has none: leave `selftest` out"):
        export(tmp_path, selftest=1)


def test_a_time_has_no_effect_on_a_device_that_does_not_drift(run: Path, tmp_path: Path) -> None:
    export(run)
    text = (Path(presets.__file__).parent / "pcm.device.toml").read_text("utf-8")
    still = [line for line in text.splitlines() if not line.startswith("drift")]
    own = tmp_path / "still.toml"
    own.write_text("\n".join(["drift_mean = []", "drift_spread = []", *still]))
    assert "drift" not in simulate(run, device=own, trials=1)["runs"]
    code, _, stderr = call("simulate", run, "--device", own, "--seconds", "5")
    assert code == 2
    assert stderr == f"spiking_bimt: device {own} does not drift: leave --seconds out\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "pcm", "--weights", "float"], "do not go with device"),
        (["--seconds", "5"], "file and seconds go with device"),
        (["--device", "flash"], "unknown device 'flash'; known: pcm"),
        (["--device", "pcm", "--seconds", "nan"], "seconds is nan, expected a number"),
        (["--device", "pcm", "--from", "x.h5"], "device takes the tiles of a run or of a file"),
    ],
)
def test_bad_options_are_one_line(run: Path, options: list[str], message: str) -> None:
    code, _, stderr = call("simulate", run, *options)
    assert code == 2
    assert message in stderr
    assert stderr.count("\n") == 1


def test_the_command_line_takes_a_file(run: Path) -> None:
    export(run)
    code, stdout, stderr = call(
        "simulate", "--from", run / "tiles.h5", "--device", "pcm", "--trials", "1", "--json"
    )
    assert code == 0, stderr
    found: dict[str, Any] = json.loads(stdout)
    assert found["device"] == "pcm"
    code, stdout, _ = call("simulate", run, "--device", "pcm", "--trials", "1")
    assert code == 0
    assert "programming noise" in stdout

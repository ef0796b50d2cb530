"""The demo, and what each stage after it says of files that do not fit together."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from spiking_bimt.analysis.modularity import Effort
from spiking_bimt.cli.commands import main
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.formats.sonata import read_spikes

SMALL_CHIP = """
description = "one core of 16 neurons"
width = 1
height = 1
cores_per_tile = 1
neurons_per_core = 16
synapse_formula = "flat"
weight_bits = 8
crossbar_rows = 64
crossbar_cols = 16
routing = "unicast"
local_packets = true
packet_cost = 1.0
hop_cost_x = 1.0
hop_cost_y = 1.0
[sources]
all = "this test"
"""

FEW_SHUFFLES = Effort(trials=10, shuffles=50, rewirings=10, resolutions=(1.0,), lesions=0)


def call(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The run folder of a demo and what it returned."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spiking_bimt.stages.demo.TRIALS", 20)
        patch.setattr("spiking_bimt.stages.report.EFFORT", FEW_SHUFFLES)
        patch.setattr("spiking_bimt.stages.report.MOST_RASTERS", 2)
        code, stdout, stderr = call("demo", "--out", folder, "--json")
    assert (code, stderr) == (0, "")
    return folder, json.loads(stdout)


@pytest.fixture
def run(demo: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """A copy of the demo's run folder, to change."""
    return shutil.copytree(demo[0], tmp_path / "run")


@pytest.mark.slow
def test_the_demo_leaves_every_file_of_a_run(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, result = demo
    names = {path.name for path in folder.iterdir()} - {".lock"}
    assert names == {
        "config.toml", "metrics.jsonl", "rate.h5", "network.h5", "placement.h5", "spikes.h5",
        "tiles.h5", "report.html",
    }  # fmt: skip
    accuracy = result["convert"]["accuracy"]
    assert accuracy["rate"] > 0.95
    assert accuracy["spiking"] > 0.97 * accuracy["rate"]
    assert accuracy["quantised"] > 0.97 * accuracy["rate"]
    assert result["verify"]["equal"] is True
    assert result["verify"]["spikes"] > 10_000
    assert result["place"]["cost"] <= result["place"]["start"]["cost"]
    assert result["export"]["tiles"]["tiles"] > 0


def test_the_demo_can_be_made_again_but_spares_other_runs(run: Path) -> None:
    (run / "checkpoint.h5").write_bytes(b"")
    code, _, stderr = call("demo", "--out", run)
    assert code == 2
    assert "holds a run of another network: choose another --out" in stderr


def test_the_spike_file_holds_the_simulated_trials(demo: tuple[Path, dict[str, Any]]) -> None:
    spikes = read_spikes(demo[0] / "spikes.h5")
    assert len(spikes.neurons) == demo[1]["simulate"]["spikes"]
    assert len(spikes.start_ms) == demo[1]["simulate"]["trials"]


def test_files_name_what_they_were_made_from(demo: tuple[Path, dict[str, Any]]) -> None:
    made = store.provenance(demo[0] / "placement.h5", "Placement")
    assert made.inputs == {"network.h5": store.sha256(demo[0] / "network.h5")}
    assert made.settings["chip"] == "grid16"


def test_every_table_prints(run: Path) -> None:
    for args in (
        ["convert", run, "--trials", 2], ["place", run],
        ["place", run, "--chip", "loihi", "--traffic-only"],
        ["simulate", run, "--trials", 1], ["export", run, "--traffic-only"],
        ["verify", run / "tiles.h5"],
        ["tasks"], ["chips"],
    ):  # fmt: skip
        code, stdout, stderr = call(*args)
        assert (code, stderr) == (0, ""), args
        assert len(stdout) > 50


def test_verify_says_where_the_spikes_part(run: Path) -> None:
    network = store.load(run / "network.h5", SpikingNetwork)
    assert network.codes is not None
    codes = network.codes.copy()
    codes[np.argmax(np.abs(codes))] //= 2
    store.save(replace(network, codes=codes), run / "other.h5", settings={})
    code, stdout, stderr = call("verify", run / "tiles.h5", "--against", run / "other.h5")
    assert code == 1
    assert stdout == ""
    assert "does not give the spikes of" in stderr
    assert "in the file against" in stderr
    assert stderr.count("\n") == 1


def test_verify_needs_something_to_compare_with(run: Path) -> None:
    (run / "network.h5").unlink()
    code, _, stderr = call("verify", run / "tiles.h5")
    assert code == 2
    assert "name the network to compare as --against" in stderr


def test_a_flipped_bit_in_the_tiles_is_refused(run: Path) -> None:
    with h5py.File(run / "tiles.h5", "r+") as file:
        codes = file["tiles/code"][()]
        codes[0] ^= 1
        file["tiles/code"][...] = codes
    code, _, stderr = call("verify", run / "tiles.h5")
    assert code == 2
    assert "tile 0" in stderr


def test_a_chip_too_small_is_refused_with_limit_and_excess(run: Path, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL_CHIP)
    before = (run / "placement.h5").read_bytes()
    code, _, stderr = call("place", run, "--chip", tmp_path / "small.toml")
    assert code == 2
    assert "neurons" in stderr
    assert "16" in stderr
    assert (run / "placement.h5").read_bytes() == before


def test_a_placement_edited_to_break_a_limit_is_refused(run: Path) -> None:
    placement = store.load(run / "placement.h5", Placement)
    crowded = replace(
        placement,
        core=np.zeros_like(placement.core),
        slot=np.arange(len(placement.core), dtype=np.int32),
    )
    store.save(crowded, run / "placement.h5", settings={})
    code, _, stderr = call("export", run)
    assert code == 2
    assert "core 0" in stderr
    assert "16" in stderr


def test_a_network_without_codes_cannot_be_exported(run: Path) -> None:
    assert call("convert", run, "--bits", "0", "--trials", 1)[0] == 0
    assert call("place", run)[0] == 0
    code, _, stderr = call("export", run)
    assert code == 2
    assert f"`spiking_bimt convert {run}` with --bits 8 makes such" in stderr

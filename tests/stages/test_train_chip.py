"""Training against a chip, from the command's function to a placed network."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.limits import usage, worst_excess
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.cli.chip_tables import show_place
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.stages.compare import compare
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.place import place
from spiking_bimt.stages.train import train
from spiking_bimt.training import cores, loop
from spiking_bimt.training.config import RUNGS, read_config
from spiking_bimt.training.parameters import Parameters

CHIP = """
description = "tiny cores"
width = 4
height = 4
cores_per_tile = 1
neurons_per_core = 8
input_axons = 26
synapse_formula = "flat"
weight_bits = 8
crossbar_rows = 32
crossbar_cols = 8
routing = "unicast"
local_packets = false
packet_cost = 1.0
hop_cost_x = 0.1
hop_cost_y = 0.1

[sources]
all = "made up for a test"
"""

CONFIG = """
sheet = [6, 6]
tasks = ["go", "anti"]
pool = 20
checkpoint_every = 40
validation_trials = 2
[[phases]]
name = "grow"
steps = 80
lr = 5e-3
l1 = 1e-4
[[phases]]
name = "pack"
steps = 80
lr = 5e-3
l1 = 1e-4
packet = 1e-2
rung = true
swap_every = 20
[[phases]]
name = "polish"
steps = 40
prune_cost = 0.05
swap_every = 0
rung = true
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(CHIP)
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def trained(files: Path, run: str, **settings: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "config": files / "config.toml",
        "chip": str(files / "tiny.toml"),
        "test_trials": 2,
    }
    return train(files / run, **(given | settings))


def measurements(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_the_finished_network_fits_the_chip_it_was_trained_for(files: Path) -> None:
    result = trained(files, "run", packet_scale=3.0)
    network = store.load(files / "run" / "rate.h5", RateNetwork)
    chip = load_chip(str(files / "tiny.toml"))
    assert network.core is not None
    assert network.chip == chip.name
    p = Parameters.copy_of(network)
    graph = cores.axon_graph(p, 50)
    assert worst_excess(chip, usage(chip, graph, network.core)) is None
    # The limit on input axons binds: 35 channels alone exceed it.
    assert (network.w_in != 0).any(0).sum() <= 35
    assert result["cores"] == len(np.unique(network.core))
    reached = {(i, network.core[j]) for j, i in zip(*np.nonzero(network.w_rec), strict=True)}
    remote = [pair for pair in reached if network.core[pair[0]] != pair[1]]
    assert (result["packets_per_spike"] == 0) == (not remote)
    measured = measurements(files / "run")
    assert "packets_per_spike" not in measured[0]
    assert "packets_per_spike" in measured[-1]


def test_a_training_keeps_the_chip_that_it_began_with(files: Path) -> None:
    """The chip stands whole in the run: its file may change, or go."""
    result = trained(files, "run")
    rate = (files / "run" / "rate.h5").read_bytes()
    own = files / "tiny.toml"
    own.write_text(CHIP.replace("neurons_per_core = 8", "neurons_per_core = 30"))
    assert train(files / "run", resume=True, test_trials=2) == result
    own.unlink()
    assert train(files / "run", resume=True, test_trials=2) == result
    assert (files / "run" / "rate.h5").read_bytes() == rate
    kept = read_config(files / "run" / "config.toml")
    assert kept.chip_profile["neurons_per_core"] == 8
    made = store.provenance(files / "run" / "rate.h5", "RateNetwork").settings
    assert made["chip_profile"] == kept.chip_profile
    own.write_text(CHIP.replace("neurons_per_core = 8", "neurons_per_core = 30"))
    with pytest.raises(InputError, match=r"another configuration \(chip_profile differs\)"):
        train(files / "run", resume=True, chip=str(own), test_trials=2)
    with pytest.raises(InputError, match="chip_profile describes a chip of your own"):
        dataclasses.replace(kept, chip="loihi16")


def test_prices_lower_packets(files: Path) -> None:
    dear, free = (
        trained(files, f"run{scale}", packet_scale=scale)["packets_per_spike"]
        for scale in (10.0, 1e-6)
    )
    assert dear < 0.5 * free


def test_training_goes_on_from_another_run(files: Path) -> None:
    trained(files, "first", packet_scale=1e-6)
    before = store.load(files / "first" / "rate.h5", RateNetwork)
    trained(files, "second", tasks=None, start=files / "first", packet_scale=10.0)
    after = store.load(files / "second" / "rate.h5", RateNetwork)
    assert after.n_units <= before.n_units
    phases = [entry["phase"] for entry in measurements(files / "second")]
    assert set(phases) == {"pack", "polish"}
    with pytest.raises(InputError, match="keeps its tasks"):
        trained(files, "third", start=files / "first", tasks=("go",))


def test_a_target_is_searched_for_and_met(files: Path) -> None:
    result = trained(files, "run", max_packets=0.3)
    assert result["packets_per_spike"] <= 0.3
    error, packets = np.array(result["rungs"]).T
    assert packets[-1] <= 0.3
    assert (packets[:-1] > 0.3).all()
    assert len(list((files / "run" / "rungs").glob("*.h5"))) == len(error)


def test_a_target_out_of_reach_keeps_the_nearest_network(files: Path) -> None:
    with pytest.raises(CheckError, match=r"no strength reaches 1e-09 of error: the least") as found:
        trained(files, "run", max_error=1e-9)
    assert found.value.result is not None
    # The error may fall a few times before the search gives up.
    assert 2 <= len(found.value.result["rungs"]) < len(RUNGS)
    store.load(files / "run" / "rate.h5", RateNetwork)


@pytest.mark.parametrize(("swap_every", "dies_at"), [(20, 130), (15, 130), (0, 60)])
def test_an_interrupted_search_goes_on_to_the_same_network(
    files: Path, monkeypatch: pytest.MonkeyPatch, swap_every: int, dies_at: int
) -> None:
    config = CONFIG.replace("swap_every = 20", f"swap_every = {swap_every}")
    (files / "config.toml").write_text(config)
    trained(files, "whole", max_packets=0.3)
    steps = 0
    step = loop.step

    def dies(*args: Any) -> float:
        nonlocal steps
        steps += 1
        if steps == 80 + dies_at:
            raise KeyboardInterrupt
        return step(*args)

    monkeypatch.setattr(loop, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(files, "killed", max_packets=0.3)
    monkeypatch.setattr(loop, "step", step)
    trained(files, "killed", max_packets=0.3, resume=True)
    whole, again = (store.load(files / run / "rate.h5", RateNetwork) for run in ("whole", "killed"))
    np.testing.assert_array_equal(whole.w_rec, again.w_rec)
    np.testing.assert_array_equal(whole.core, again.core)


def test_a_chip_too_small_is_refused_before_training(files: Path) -> None:
    small = CHIP.replace("width = 4", "width = 2").replace("height = 4", "height = 2")
    (files / "tiny.toml").write_text(small)
    with pytest.raises(InputError, match=r"36 units need 5 cores.*4 units too many.*3 x 3"):
        trained(files, "run")
    assert not (files / "run").exists()


def test_the_cores_go_with_the_network_to_its_placement(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(files, "run", packet_scale=10.0)
    convert(files / "run", trials=1)
    rate = store.load(files / "run" / "rate.h5", RateNetwork)
    network = store.load(files / "run" / "network.h5", SpikingNetwork)
    assert network.chip == rate.chip
    np.testing.assert_array_equal(network.core, rate.core)
    placed = place(files / "run", chip=str(files / "tiny.toml"))
    assert placed["trained_for"] == placed["chip"]
    # Another chip is allowed, and said.
    placed = place(files / "run", chip="grid64")
    show_place(placed)
    assert "of a network trained against" in " ".join(capsys.readouterr().out.split())
    row = compare(files / "run", chip="grid64")["networks"][str(files / "run")]
    assert "refused" not in row

"""`verify --recorded`: spikes of silicon against the golden ones of the tiles."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.selftest import SelfTest
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.recorded import compare_recorded
from spiking_bimt.formats.tiles import read_selftest
from spiking_bimt.stages.export import export
from spiking_bimt.stages.simulate import simulate
from spiking_bimt.stages.verify import verify
from tests.chip.networks import random_network
from tests.stages.test_convert_recipes import call

STEPS = 20
"""Simulation steps of a task step."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A placed random network of two tasks, its tiles with four golden trials, and its spikes."""
    folder = tmp_path_factory.mktemp("run")
    trials = draw_trials("yang19", ("go", "anti"), 1, 20.0, stream="test")
    network = random_network(5, n=30, inputs=trials.n_inputs, outputs=17, density=0.2)
    core = (np.arange(30) // 16).astype(np.int32)
    chip = load_chip("grid16")
    store.save(replace(network, measured=None), folder / "network.h5", {})
    store.save(Placement("grid16", chip.n_cores, core, slots(core)), folder / "placement.h5", {})
    export(folder, selftest=2)
    simulate(folder, trials=2)
    return folder


@pytest.fixture(scope="module")
def golden(run: Path) -> SelfTest:
    found = read_selftest(run / "tiles.h5")
    assert found is not None
    return found


def columns(test: SelfTest) -> dict[str, Any]:
    """Golden spikes as a recording would have them."""
    trial = np.repeat(np.arange(len(test.offsets) - 1), np.diff(test.spike_offsets))
    return {"trial": trial, "step": test.steps, "neuron": test.neurons}


def write(path: Path, spikes: dict[str, Any]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **spikes)
    else:
        lines = [
            ",".join(spikes),
            *(",".join(map(str, row)) for row in zip(*spikes.values(), strict=True)),
        ]
        path.write_text("\n".join(lines) + "\n")
    return path


def test_the_spikes_of_a_simulation_are_the_golden_ones(
    run: Path, golden: SelfTest, tmp_path: Path
) -> None:
    found = verify(run, recorded=run / "spikes.h5")
    n = len(golden.steps)
    assert (found["spikes"], found["trials"], found["equal"]) == (n, 4, True)
    spikes = columns(golden)
    order = np.random.default_rng(0).permutation(n)
    mixed = {name: value[order] for name, value in spikes.items()}
    flat = {
        "step": spikes["step"] + golden.offsets[spikes["trial"]] * STEPS,
        "neuron": spikes["neuron"],
    }
    for name, kept in (("a.csv", mixed), ("b.npz", mixed), ("c.csv", flat), ("d.npz", flat)):
        path = write(tmp_path / name, kept)
        assert verify(run / "tiles.h5", recorded=path)["spikes"] == n
    code, out, _ = call("verify", run, "--recorded", tmp_path / "a.csv")
    assert code == 0
    assert f"{n:,} spikes of 4 trials equal" in " ".join(out.split())


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_what_differs_is_counted_and_placed(
    golden: SelfTest, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng, test, spikes = np.random.default_rng(seed), golden, columns(golden)
    kept = rng.random(len(test.steps)) > rng.choice([0.0, 0.001, 0.5])
    made = {name: value[kept] for name, value in spikes.items()}
    many = int(rng.integers(0, 4))
    trial = rng.integers(0, 4, many)
    step = rng.integers(0, np.diff(test.offsets)[trial] * STEPS)
    extra = {"trial": trial, "step": step, "neuron": rng.integers(0, 30, many)}
    made = {name: np.append(value, extra[name]).astype(int) for name, value in made.items()}
    path = write(tmp_path_factory.mktemp("s") / "s.npz", made)
    names = ("trial", "step", "neuron")
    due, got = (
        Counter(zip(*(each[name].tolist() for name in names), strict=True))
        for each in (spikes, made)
    )
    if due == got:
        assert compare_recorded(path, test, 1.0, STEPS)["spikes"] == len(test.steps)
        return
    with pytest.raises(CheckError) as raised:
        compare_recorded(path, test, 1.0, STEPS)
    said = str(raised.value)
    missing, other = sum((due - got).values()), sum((got - due).values())
    first = min({*(due - got), *(got - due)})
    assert "trial {}, step {}, neuron {}:".format(*first) in said
    assert f"{got[first]} recorded and {due[first]} golden" in said
    assert f"{missing:,} are missing, and {other:,} of" in said


def test_a_shift_of_all_spikes_is_told_and_the_exit_code_is_1(
    run: Path, golden: SelfTest, tmp_path: Path
) -> None:
    spikes = columns(golden)
    inside = spikes["step"] + 1 < (np.diff(golden.offsets) * STEPS)[spikes["trial"]]
    cut = {name: value[inside] for name, value in spikes.items()}
    path = write(tmp_path / "late.csv", {**cut, "step": cut["step"] + 1})
    ends = np.append(0, np.cumsum(np.bincount(cut["trial"], minlength=4)))
    less = replace(golden, steps=cut["step"], neurons=cut["neuron"], spike_offsets=ends)
    with pytest.raises(CheckError, match=r"They are equal but for being 1 step\(s\) too late"):
        compare_recorded(path, less, 1.0, STEPS)
    path = write(tmp_path / "fewer.csv", cut)
    code, _, err = call("verify", run, "--recorded", path)
    assert code == (1 if len(cut["step"]) < len(spikes["step"]) else 0)
    assert not code or "0 of" in err
    shutil.copy(run / "spikes.h5", tmp_path / "one.h5")
    with h5py.File(tmp_path / "one.h5", "r+") as file:
        ids = file["spikes/default/node_ids"]
        ids[0] = (ids[0] + 1) % 30
    code, out, _ = call("verify", run, "--recorded", tmp_path / "one.h5", "--json")
    assert code == 1
    assert "part at trial 0, step" in json.dumps(json.loads(out or "{}")) or not out


@pytest.mark.parametrize(
    ("spikes", "says"),
    [
        ({"step": [], "neuron": []}, "holds no spike: there is nothing to compare"),
        ({"step": [0], "neuron": [30]}, "is of neuron 30; the golden trials have 30 neurons"),
        ({"step": [0], "neuron": [-1]}, "neuron holds -1: it must not be negative"),
        ({"step": [10**6], "neuron": [0]}, "spike 0 is in step 1000000; the 4 golden trials"),
        ({"trial": [4], "step": [0], "neuron": [0]}, "is of trial 4; the golden trials have 4"),
        ({"trial": [0], "step": [10**6], "neuron": [0]}, "in step 1000000 of trial 0, which has"),
        ({"time": [0], "neuron": [0]}, "must hold step and neuron, and may hold trial"),
        ({"step": [0.5], "neuron": [0]}, "whole number"),
    ],
)
def test_bad_recordings_are_one_line(
    run: Path, tmp_path: Path, spikes: dict[str, Any], says: str
) -> None:
    for name in ("bad.csv", "bad.npz"):
        arrays = {name: np.array(value, None if value else int) for name, value in spikes.items()}
        path = write(tmp_path / name, arrays)
        with pytest.raises(InputError, match=says) as raised:
            verify(run, recorded=path)
        assert str(path) in str(raised.value)


def test_what_cannot_be_compared_is_refused(run: Path, golden: SelfTest, tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", columns(golden))
    with pytest.raises(InputError, match="do not go with recorded"):
        verify(run, recorded=path, trials=3)
    bare = tmp_path / "bare"
    shutil.copytree(run, bare)
    export(bare)
    with pytest.raises(InputError, match="holds no golden trials: export it with `selftest`"):
        verify(bare, recorded=path)
    with pytest.raises(InputError, match="does not exist: recorded spikes are compared with tiles"):
        verify(tmp_path, recorded=path)
    shutil.copy(run / "spikes.h5", tmp_path / "off.h5")
    with h5py.File(tmp_path / "off.h5", "r+") as file:
        file["spikes/default/timestamps"][-1] += 0.4
    with pytest.raises(InputError, match="ends no step of 1 ms"):
        verify(run, recorded=tmp_path / "off.h5")
    shutil.copy(run / "spikes.h5", tmp_path / "seconds.h5")
    with h5py.File(tmp_path / "seconds.h5", "r+") as file:
        file["spikes/default/timestamps"].attrs["units"] = "s"
    with pytest.raises(InputError, match="its timestamps are in 's': write them in ms"):
        verify(run, recorded=tmp_path / "seconds.h5")
    shutil.copy(run / "spikes.h5", tmp_path / "channels.h5")
    with h5py.File(tmp_path / "channels.h5", "r+") as file:
        file.move("spikes/default", "spikes/channels")
    with pytest.raises(InputError, match="holds spikes of input channels"):
        verify(run, recorded=tmp_path / "channels.h5")

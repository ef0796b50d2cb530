"""A run on data of the user's own goes the whole way, as a run on tasks does."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spiking_bimt as sb
from spiking_bimt.battery import sources
from spiking_bimt.data import store
from spiking_bimt.data.dataset import DataSet
from tests.cli.tiny import call

RNG = np.random.default_rng(0)
TINY = """
sheet = [4, 6]
pool = 200
checkpoint_every = 60
validation_trials = 50
input_noise = 0.1
[[phases]]
name = "grow"
dt = 20.0
steps = 120
lr = 1e-2
l1 = 1e-5
distance = 1.0
{more}
[[phases]]
name = "chip"
dt = 20.0
steps = 120
lr = 5e-3
lr_decay = 0.5
activity = 1e-3
prune = 1e-2
noise = 0.05
"""


def waves(kind: str) -> dict[str, Any]:
    """Slow, fast and no oscillation in noise; lengths differ."""
    lengths = RNG.integers(8, 15, 90)
    label = np.arange(90) % 3
    parts = []
    for k, length in zip(label, lengths, strict=True):
        phase = 2 * np.pi * (RNG.random() + np.arange(length) / [8, 4, np.inf][k])
        parts.append(np.stack([np.sin(phase), np.cos(phase)], axis=1))
    clean = np.concatenate(parts)
    inputs = clean + RNG.normal(0, 0.2, clean.shape)
    answers: dict[str, Any] = {
        "sequence": {"labels": label, "classes": ["slow", "fast", "still"]},
        "steps": {"labels": (clean[:, 0] > 0).astype(int)},
        "regression": {"targets": 100 + 10 * clean},
    }[kind]
    return {"inputs": inputs, "offsets": np.append(0, np.cumsum(lengths)), **answers}


@pytest.fixture(scope="module", params=["sequence", "steps", "regression"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run on data of each kind, from a file that is gone afterwards."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "tiny.toml").write_text(TINY.format(more=""))
    np.savez(folder / "waves.npz", **waves(request.param))
    result = sb.train(folder / "run", data=folder / "waves.npz", config=folder / "tiny.toml")
    assert result["accuracy"] > (0.5 if request.param == "sequence" else 0.6)
    (folder / "waves.npz").unlink()
    return folder / "run"


def test_the_whole_way(run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(run, tmp_path / "moved")
    converted = sb.convert(moved)
    assert converted["accuracy"]["quantised"] > converted["accuracy"]["rate"] - 0.15
    data = store.load(moved / "data.h5", DataSet)
    assert converted["trials_per_task"] == len(data.members("test"))
    assert set(converted["details"]["spiking"]) in ({"classes", "confusion"}, {"smape", "mse"})
    placed = sb.place(moved, chip="loihi16")
    assert placed["cores"] == 2
    simulated = sb.simulate(moved, trials=1000)
    assert simulated["accuracy"] == pytest.approx(converted["accuracy"]["quantised"], abs=0.1)
    sb.export(moved, formats=("tiles", "c", "sonata"), selftest=3)
    checked = sb.verify(moved, trials=1000)
    assert checked["equal"]
    # Tiles alone give the score of the network that they were cut from.
    alone = sb.verify(moved / "tiles.h5", trials=1000)
    assert alone["accuracy"] == pytest.approx(simulated["accuracy"])
    assert alone["selftest_trials"] == 3
    device = sb.simulate(moved, device="pcm", trials=5)
    assert device["trials"] == 5


def test_a_network_of_data_is_trained_in_spikes(run: Path) -> None:
    before = sb.convert(run)
    after = sb.convert(run, method="finetune", steps=40, distil=0.3)
    assert after["accuracy"]["spiking"] > before["accuracy"]["spiking"] - 0.05
    assert after["training"]["steps"] == 40


def test_a_run_whose_data_are_gone_says_what_it_needs(run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(run, tmp_path / "moved")
    sources._known.clear()
    (moved / "data.h5").unlink()
    code, _, stderr = call("convert", moved)
    assert code == 2
    assert "are not at hand: they are in data.h5 of the run" in stderr


def test_training_goes_on_and_starts_from_another_run(run: Path, tmp_path: Path) -> None:
    whole = store.load(run / "rate.h5", sb.RateNetwork)
    again = shutil.copytree(run, tmp_path / "again")
    (again / "rate.h5").unlink()
    sb.train(again, resume=True)
    np.testing.assert_array_equal(store.load(again / "rate.h5", sb.RateNetwork).w_rec, whole.w_rec)
    (tmp_path / "tiny.toml").write_text(TINY.format(more=""))
    on = tmp_path / "on"
    sb.train(on, start=run, config=tmp_path / "tiny.toml")
    network = store.load(on / "rate.h5", sb.RateNetwork)
    assert (network.battery, network.tau) == (whole.battery, whole.tau)
    assert sb.convert(on)["trials_per_task"] > 5


def test_a_changed_data_file_is_noticed(run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(run, tmp_path / "moved")
    data = store.load(moved / "data.h5", DataSet)
    store.save(data, moved / "data.h5", {"battery": "data:0"})
    code, _, stderr = call("convert", moved)
    assert code == 2
    assert "made from another data.h5" in stderr


def test_training_against_a_chip_on_data(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.format(more="packet = 3e-3"))
    np.savez(tmp_path / "waves.npz", **waves("sequence"))
    code, stdout, stderr = call(
        "train", tmp_path / "run", "--data", tmp_path / "waves.npz", "--config",
        tmp_path / "tiny.toml", "--chip", "loihi16",
    )  # fmt: skip
    assert code == 0, stderr
    assert "packets to other cores" in stdout
    assert "accuracy per class" in stdout
    assert "slow" in stdout


@pytest.mark.parametrize("run", ["sequence", "regression"], indirect=True)
def test_the_report_of_a_run_on_data(run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(run, tmp_path / "moved")
    sb.convert(moved)
    result = sb.report(moved)
    page = Path(result["report"]).read_text(encoding="utf-8")
    kind = store.load(moved / "data.h5", DataSet).kind
    assert "trained on the data set waves" in page
    assert "fixation" not in page
    if kind == "regression":
        assert "Errors in the units of the data" in page
        assert "dashed, their targets" in page
    else:
        assert "Which class is taken for which" in page
    # Only data with a class for each sequence have parts in which units can differ.
    assert ("What each cluster does" in page) == (kind == "sequence")

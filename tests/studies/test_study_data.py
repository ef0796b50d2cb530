"""Studies train on a data set of the user's as on tasks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.battery import sources
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import default_trials, draw_trials
from spiking_bimt.data import store
from spiking_bimt.data.dataset import DataSet, battery_of
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.stages.train import train
from spiking_bimt.studies import chip_study, growing_brains
from spiking_bimt.studies.chip_jobs import Job
from spiking_bimt.studies.study import study
from tests.studies.little import measure_little

TINY = """
sheet = [5, 5]
pool = 20
checkpoint_every = 20
validation_trials = 10
input_noise = 0.2
[[phases]]
name = "grow"
steps = 40
lr = 5e-3
l1 = 1e-5
distance = 0.3
swap_every = 10
"""
PRICED = (
    TINY.replace('"grow"', '"cores"').replace("distance = 0.3", "packet = 1e-3")
    + '[[phases]]\nname = "chip"\nsteps = 20\nlr = 1e-3\npacket = 1e-3\nprune = 1e-3\n'
)


def waves(kind: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    label = np.arange(80) % 2
    phase = 2 * np.pi * np.arange(12) / np.where(label, 8, 4)[:, None]
    inputs = np.stack([np.sin(phase), np.cos(phase)], axis=2) + rng.normal(0, 0.1, (80, 12, 2))
    if kind == "regression":
        return {"inputs": inputs, "targets": np.roll(inputs, 1, axis=1)}
    return {"inputs": inputs, "labels": label}


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies that measure the error alone, and draw nothing."""
    for module in (growing_brains, chip_study):
        monkeypatch.setattr(module, "describe", _error)
        monkeypatch.setattr(module, "conclude", lambda _folder, rows: {"rows": rows})


def _error(network: RateNetwork, _job: Any) -> dict[str, Any]:
    many = default_trials(network.battery)
    trials = draw_trials(network.battery, network.tasks, many, network.dt, stream="test")
    return {"error": 1 - score(rate_outputs(network, trials), trials).accuracy}


@pytest.mark.usefixtures("light")
def test_trainings_on_data_are_done_once_and_in_a_folder_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    out, data = tmp_path / "out", waves("sequence")
    given: dict[str, Any] = {"quick": True, "configs": [tmp_path / "tiny.toml"], "jobs": 1}
    result = study("growing-brains", out, data=data, **given)
    assert not result["failed"]
    assert [row["reg"] for row in result["rows"]] == ["bimt", "l1"]
    battery = store.load(out / sources.FILE, DataSet)
    assert battery.noise == 0.2
    for row in result["rows"]:
        run = out / "runs" / row["name"]
        network = store.load(run / "rate.h5", RateNetwork)
        assert network.battery == battery_of(battery)
        assert row["error"] == pytest.approx(1 - network.measured["accuracy"])  # type: ignore[index]
    before = (run / "rate.h5").stat().st_mtime_ns
    assert study("growing-brains", out, data=data, **given)["rows"] == result["rows"]
    assert (run / "rate.h5").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="is a study on data: give them as `data`"):
        study("growing-brains", out, **given)
    other = data | {"inputs": data["inputs"] + 1}
    with pytest.raises(InputError, match=r"has other data, in data\.h5"):
        study("growing-brains", out, data=other, **given)


@pytest.mark.usefixtures("light")
def test_trainings_against_a_chip_go_on_from_those_on_data(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(TINY)
    (tmp_path / "priced.toml").write_text(PRICED)
    configs = [tmp_path / name for name in ("base.toml", "priced.toml", "priced.toml")]
    result = study(
        "chip", tmp_path / "out", data=waves("regression"), quick=True, configs=configs, jobs=1
    )
    assert not result["failed"]
    assert [(row["battery"], row["chip"], row["price"] > 0) for row in result["rows"]] == [
        ("data", "", False), ("data", "loihi16", True), ("data", "loihi16", True),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["sequence", "regression"])
def test_networks_of_data_are_described(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_little(monkeypatch)
    (tmp_path / "tiny.toml").write_text(TINY)
    train(tmp_path / "run", data=waves(kind), config=tmp_path / "tiny.toml")
    network = store.load(tmp_path / "run" / "rate.h5", RateNetwork)
    row = growing_brains.describe(network, growing_brains.Job("l1", 1.0, 0))
    found = row["as trained"]
    assert found["error"] == pytest.approx(1 - network.measured["accuracy"])  # type: ignore[index]
    assert found["clusters"]["7"]["k"] == (7 if kind == "sequence" else 1)
    job = Job("data", "l1", 1.0, 0, "loihi16", True, 1.0)
    costs = chip_study.describe(network, job)["chips"]["loihi16"]
    assert costs["cores"] >= 1


def test_settings_of_data_and_of_tasks_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`read` is about data"):
        study("growing-brains", tmp_path / "out", read="last")
    with pytest.raises(InputError, match="`batteries` and `data` both say what is trained"):
        study("chip", tmp_path / "out", data=waves("sequence"), batteries=["yang19"])
    assert not (tmp_path / "out").exists()

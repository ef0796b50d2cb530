"""The bundled network is what the docs say: made by `train`, small, accurate, and it spikes."""

import importlib
import warnings
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.bundle.networks import BUNDLED, bundled_files, start_file
from spiking_bimt.converting.one_to_one import ConversionConfig, to_spiking
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.stages.convert import convert
from spiking_bimt.training.config import from_dict, read_config
from tests.simulation.test_snntorch import assert_equals_snntorch

FILES = resources.files("spiking_bimt.bundle")
BUNDLE = Path(str(FILES / "bimt.h5"))
PER_TASK = 60


@pytest.fixture(scope="module")
def rate() -> RateNetwork:
    return store.load(BUNDLE, RateNetwork)


@pytest.fixture(scope="module")
def trials(rate: RateNetwork) -> Trials:
    return draw_trials(rate.battery, rate.tasks, PER_TASK, rate.dt, stream="test")


@pytest.fixture(scope="module")
def spiking(rate: RateNetwork) -> SpikingNetwork:
    calibration = draw_trials(rate.battery, rate.tasks, 20, rate.dt, stream="calibrate")
    full_scale = drive_percentile(rate, calibration, 99.9)
    return quantise(to_spiking(rate, full_scale, ConversionConfig()), 8)


CHANGES: dict[str, dict[str, Any]] = {
    "cores": {"source": "cores", "chip": "loihi16", "max_error": 0.03},
    "bimt": {},
    "l1": {"reg": "l1", "l1_scale": 2.0},
    "none": {"reg": "none"},
}
"""Options of `train` that made each bundled network."""


@pytest.mark.parametrize("name", BUNDLED)
def test_its_provenance_says_that_train_made_it_with_the_default_preset(name: str) -> None:
    file, config = (Path(str(FILES / f"{name}.{ending}")) for ending in ("h5", "toml"))
    made = store.provenance(file, "RateNetwork")
    assert made.settings.pop("command") == "train"
    expected = read_config(**{"source": "chip", **CHANGES[name]})
    assert from_dict(made.settings, "bundle") == expected
    assert read_config(config) == expected
    assert made.inputs == {"config.toml": store.sha256(config)}


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_networks_are_about_equally_accurate(name: str) -> None:
    network = store.load(Path(str(FILES / f"{name}.h5")), RateNetwork)
    assert network.measured is not None
    assert network.measured["accuracy"] == pytest.approx(0.975, abs=0.006)
    few = draw_trials(network.battery, network.tasks, 20, network.dt, stream="test", seed=78)
    assert score(rate_outputs(network, few), few).accuracy >= 0.95


def test_it_is_small_and_accurate_by_its_own_record(rate: RateNetwork) -> None:
    assert rate.measured is not None
    assert rate.measured["trials_per_task"] == 200
    assert rate.measured["accuracy"] >= 0.965
    assert rate.measured["active_units"] == rate.n_units <= 130
    assert rate.measured["trained_units"] == 400
    assert len(rate.tasks) == 20


def test_its_record_is_confirmed_on_fresh_trials(rate: RateNetwork) -> None:
    fresh = draw_trials(rate.battery, rate.tasks, PER_TASK, rate.dt, stream="test", seed=77)
    assert score(rate_outputs(rate, fresh), fresh).accuracy >= 0.955


def test_spikes_keep_its_accuracy(
    rate: RateNetwork, spiking: SpikingNetwork, trials: Trials
) -> None:
    reference = score(rate_outputs(rate, trials), trials)
    for network in (spiking, spiking.quantised()):
        result = score(simulate_trials(network, trials, record_spikes=False).outputs, trials)
        assert result.accuracy >= 0.98 * reference.accuracy
        # A task is known to about 0.03 at 60 trials; the published figures use 200.
        assert (result.per_task() >= 0.93 * reference.per_task() - 0.03).all()


def test_snntorch_gives_the_same_spikes(spiking: SpikingNetwork) -> None:
    few = draw_trials(spiking.battery, ("dm1", "dms", "go"), 1, spiking.task_dt, stream="test")
    rules = np.eye(len(spiking.tasks))[[spiking.tasks.index(task) for task in few.tasks]]
    inputs = np.hstack([few.inputs[:, :33], np.repeat(rules, few.lengths, axis=0)])
    trials = replace(few, inputs=inputs.astype(np.float32))
    assert_equals_snntorch(spiking.quantised(), trials, seed=0)


def test_neurogym_itself_counts_the_same_answers_as_right(rate: RateNetwork) -> None:
    """A second route: the environment's own arrays, a plain loop over steps, no packing."""
    alpha = 1 - np.exp(-rate.dt / rate.tau)
    module = importlib.import_module("neurogym.envs.collections.yang19")
    for index, task in enumerate(rate.tasks):
        environment = getattr(module, task)(dt=int(rate.dt))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            environment.seed(5)
            environment.reset()
        rule = np.eye(len(rate.tasks))[index]
        inputs, labels, gos, right = [], [], [], []
        for _ in range(6):
            environment.new_trial()
            own = environment.unwrapped
            go = own.start_ind["decision"]
            r, answers = np.zeros(rate.n_units), []
            for step, ob in enumerate(own.ob):
                seen = np.concatenate([[float(step < go)], ob[1:], rule])
                drive = rate.w_rec @ r + rate.w_in @ seen + rate.b
                r = (1 - alpha) * r + alpha * np.maximum(drive, 0)
                answers.append(int(np.argmax(rate.w_out @ r + rate.b_out)))
                inputs.append(seen)
            right.append(not any(answers[:go]) and answers[-1] == int(own.gt[-1]))
            labels.append(np.array(own.gt))
            gos.append(go)
        together = Trials(
            inputs=np.array(inputs),
            labels=np.concatenate(labels),
            offsets=np.concatenate([[0], np.cumsum([len(label) for label in labels])]),
            decision=np.array(gos),
            task=np.full(6, index),
            tasks=rate.tasks,
            dt=rate.dt,
        )
        np.testing.assert_array_equal(score(rate_outputs(rate, together), together).correct, right)


def test_its_name_stands_for_it_where_no_run_of_that_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert start_file(Path("bimt")).read_bytes() == BUNDLE.read_bytes()
    found = convert("bimt", trials=1)
    assert "bimt is the bundled network, copied to the new folder bimt" in found["notes"]
    for name, content in bundled_files("bimt").items():
        assert (tmp_path / "bimt" / name).read_bytes() == content
    assert set(bundled_files("bimt")) == {"rate.h5", "config.toml", "metrics.jsonl"}
    assert not any("copied" in note for note in convert("bimt", trials=1)["notes"])
    assert start_file(Path("bimt")) == Path("bimt/rate.h5")


def test_a_folder_with_its_name_is_a_run_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "l1").mkdir()
    with pytest.raises(InputError, match="l1 has no rate"):
        convert("l1", trials=1)
    with pytest.raises(InputError, match="elsewhere/l1 is not a run folder"):
        convert("elsewhere/l1", trials=1)
    with pytest.raises(InputError, match="0 trials per task"):
        convert("none", trials=0)
    assert [path.name for path in tmp_path.iterdir()] == ["l1"]

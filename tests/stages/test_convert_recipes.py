"""Every recipe of `convert` ends in the same network.h5, which goes the whole way to the tiles."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import spiking_bimt.bundle
from spiking_bimt.cli.commands import main
from spiking_bimt.converting import recipe, target_search
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.place import place
from spiking_bimt.stages.verify import verify

BUNDLE = Path(spiking_bimt.bundle.__file__).parent / "bimt.h5"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bundled_run(tmp_path, monkeypatch)


def bundled_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the bundled network, converted on few trials."""
    monkeypatch.setattr(target_search, "TRIALS", 10)
    monkeypatch.setattr(recipe, "CALIBRATION_TRIALS", 4)
    monkeypatch.setattr(sys.modules[convert.__module__], "DIAGNOSIS_TRIALS", 5)
    (tmp_path / "rate.h5").write_bytes(BUNDLE.read_bytes())
    return tmp_path


def call(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr


def test_a_fine_tuned_network_goes_the_whole_way(run: Path) -> None:
    found = convert(
        run, method="finetune", full_rate=100.0, bits=4, fit="least-squares", steps=4, batch=8,
        aware_steps=2, trials=2, spike_cost=0.01,
    )  # fmt: skip
    assert found["method"] == "finetune"
    assert found["training"]["steps"] == 4
    network = store.load(run / "network.h5", SpikingNetwork)
    assert network.codes is not None
    assert np.abs(network.codes).max() <= 7
    rate = store.load(BUNDLE, RateNetwork)
    assert len(network.indices) <= np.count_nonzero(rate.w_rec)
    made = store.provenance(run / "network.h5", "SpikingNetwork").settings
    assert (made["method"], made["rounding"]["fit"]) == ("finetune", "least-squares")
    assert made["training"]["spike_cost"] == 0.01
    place(run, chip="grid16")
    export(run, formats=("tiles",))
    assert verify(run / "tiles.h5", trials=1)["equal"]


@pytest.mark.parametrize("reset", ["value", "subtract"])
def test_leaky_neurons_are_fine_tuned_as_asked(run: Path, reset: str) -> None:
    found = convert(
        run, method="finetune", tau_mem=20.0, t_ref=2.0, reset=reset, steps=1, aware_steps=2,
        batch=8, trials=1,
    )  # fmt: skip
    network = store.load(run / "network.h5", SpikingNetwork)
    assert network.reset == reset
    assert (network.tau_mem == 20).all()
    assert (network.t_ref == 2).all()
    assert (network.v_min == 0).all()
    assert found["conversion"]["tau_mem"] == 20.0


def test_training_goes_on_from_an_earlier_conversion(run: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"method": "finetune", "full_rate": 100.0, "batch": 8, "trials": 1}
    convert(run, steps=40, lr=2e-3, **settings)
    first = store.load(run / "network.h5", SpikingNetwork)
    again = tmp_path / "again"
    again.mkdir()
    (again / "rate.h5").write_bytes(BUNDLE.read_bytes())
    code, out, _ = call(
        "convert", again, "--from", run, "--method", "finetune", "--full-rate", 100, "--steps", 1,
        "--lr", 1e-6, "--batch", 4, "--bits", 4, "--edge-bits", 6, "--focus", 0.8, "--trials", 1,
        "--json",
    )  # fmt: skip
    assert code == 0
    training = json.loads(out)["training"]
    assert training["focus"] == 0.8
    assert training["earlier"] == 1
    assert first.measured is not None
    assert first.measured["training"]["earlier"] == 0
    second = store.load(again / "network.h5", SpikingNetwork)
    np.testing.assert_allclose(second.weights, first.weights, atol=1e-4)
    assert second.codes is not None
    assert second.in_codes is not None
    assert np.abs(second.codes).max() == 7
    assert np.abs(second.in_codes).max() == 31
    inputs = store.provenance(again / "network.h5", "SpikingNetwork").inputs
    assert inputs["start"] == store.sha256(run / "network.h5")
    code, _, err = call("convert", again, "--from", run, "--trials", 1)
    assert code == 2
    assert "only training starts from a network: choose aware or finetune" in err


def test_states_in_fixed_point_and_scales_by_exponents(run: Path) -> None:
    code, _, _ = call("convert", run, "--power-of-two", "--trials", 1)
    assert code == 0
    network = store.load(run / "network.h5", SpikingNetwork)
    assert network.scale is not None
    exponents = np.log2(network.scale / network.scale.max())
    np.testing.assert_allclose(exponents, np.rint(exponents), atol=1e-5)
    found = {}
    for bits in (24, 12):
        code, out, _ = call("simulate", run, "--state-bits", bits, "--trials", 2, "--json")
        assert code == 0
        found[bits] = json.loads(out)
    assert found[24]["floating_accuracy"] == found[12]["floating_accuracy"] > 0.9
    assert found[24]["accuracy"] == pytest.approx(found[24]["floating_accuracy"], abs=0.05)
    assert found[12]["accuracy"] < 0.5
    assert found[24]["spikes"] == pytest.approx(found[24]["floating_spikes"], rel=0.05)
    assert found[24]["membrane_overflows"] == found[24]["current_overflows"] == 0
    assert not (run / "spikes.h5").exists()
    code, out, _ = call("simulate", run, "--state-bits", 24, "--trials", 1)
    assert code == 0
    assert "accuracy, 24 bits" in out


def test_codes_for_the_drives_keep_more_than_those_for_the_weights(run: Path) -> None:
    kept = {}
    for fit in ("least-squares", "drive"):
        code, out, _ = call("convert", run, "--bits", 4, "--fit", fit, "--trials", 5, "--json")
        assert code == 0
        kept[fit] = json.loads(out)["accuracy"]["quantised"]
    assert kept["drive"] > kept["least-squares"] + 0.05
    tuned = []
    for fit in ("least-squares", "drive"):  # in training they are the same
        convert(run, method="finetune", fit=fit, bits=4, steps=1, batch=4, trials=1)
        tuned.append(store.load(run / "network.h5", SpikingNetwork).codes)
    first, second = tuned
    assert first is not None
    np.testing.assert_array_equal(first, second)


def test_kim2019_is_one_factor_for_all(run: Path) -> None:
    found = convert(run, method="kim2019", full_rate=100.0, bits=None, trials=1)
    network = store.load(run / "network.h5", SpikingNetwork)
    rate = store.load(BUNDLE, RateNetwork)
    dense = np.zeros_like(rate.w_rec)
    pre = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    dense[network.indices, pre] = network.weights
    ratio = dense[rate.w_rec != 0] / rate.w_rec[rate.w_rec != 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    assert (network.tau_mem == 10).all()
    assert (network.reset, found["conversion"]["t_ref"]) == ("value", 2.0)


def test_synapses_of_another_time_constant_are_trained_for(run: Path) -> None:
    settings: dict[str, Any] = {"full_rate": 200.0, "trials": 5, "tau_syn": 40.0}
    before = convert(run, **settings)
    code, out, _ = call(
        "convert", run, "--method", "finetune", "--tau-syn", 40, "--full-rate", 200, "--steps", 60,
        "--batch", 16, "--lr", 2e-3, "--distil", 0.5, "--trials", 5, "--json",
    )  # fmt: skip
    assert code == 0
    network = store.load(run / "network.h5", SpikingNetwork)
    assert (network.tau_syn == 40).all()
    assert network.tau_out == 40
    after = json.loads(out)
    assert after["accuracy"]["spiking"] > before["accuracy"]["spiking"]
    assert after["accuracy"]["rate"] == before["accuracy"]["rate"]
    with pytest.raises(InputError, match=r"tau_syn is -1\.0: it must be a finite time above 0 ms"):
        convert(run, tau_syn=-1.0)


def test_a_membrane_without_a_floor_is_kept_and_trained_on(run: Path, tmp_path: Path) -> None:
    common = (
        "--method", "finetune", "--tau-mem", 20, "--t-ref", 2, "--reset", "value", "--floor",
        "-inf", "--tau-syn", 150, "--steps", 2, "--batch", 8, "--trials", 1,
    )  # fmt: skip
    on = tmp_path / "on"
    on.mkdir()
    (on / "rate.h5").write_bytes(BUNDLE.read_bytes())
    for arguments in ((run, "--aware-steps", 2), (on, "--from", run)):
        assert call("convert", *arguments, *common)[0] == 0
        network = store.load(arguments[0] / "network.h5", SpikingNetwork)
        assert (network.v_min == -np.inf).all()
        assert network.measured is not None
        assert network.measured["conversion"]["floor"] == "-inf"


def test_a_target_takes_the_fewest_spikes(run: Path) -> None:
    code, stdout, stderr = call(
        "convert", run, "--target", 0.9, "--steps", 1, "--trials", 2, "--bits", 0, "--json"
    )
    assert (code, stderr) == (0, "")
    found = json.loads(stdout)
    reached = [row for row in found["tried"] if row["reached"]]
    missed = [row for row in found["tried"] if not row["reached"]]
    assert {row["full_rate"] for row in reached} >= {200.0, 400.0}
    assert missed
    least = min(reached, key=lambda row: float(row["spikes_per_trial"]))
    assert found["method"] == least["method"]
    assert found["conversion"]["full_rate"] == least["full_rate"]


def test_a_target_out_of_reach_is_exit_1_with_the_best_kept(run: Path) -> None:
    code, stdout, stderr = call(
        "convert", run, "--target", 1.0, "--steps", 1, "--full-rate", 200, "--trials", 2
    )
    assert code == 1
    assert "no recipe reaches 1.0 on validation trials: the best of 2 has 0.9" in stderr
    assert "tried for 1.0" in stdout
    kept = store.load(run / "network.h5", SpikingNetwork).measured
    assert kept is not None
    assert kept["accuracy"]["spiking"] > 0.9


def test_the_diagnosis_says_what_breaks_and_what_helps(run: Path) -> None:
    found = convert(run, full_rate=50.0, trials=2, diagnose=True)["diagnosis"]
    assert Path(found["figure"]).read_bytes().startswith(b"<?xml")
    assert "fixation breaks" in found["advice"][0]
    assert "full_rate" in found["advice"][0]
    curve = {point["full_rate"]: point for point in found["curve"]}
    assert curve[200.0]["accuracy"] > curve[50.0]["accuracy"] + 0.2
    assert curve[200.0]["mean_rate_hz"] > 2 * curve[50.0]["mean_rate_hz"]
    rate, spiking = (np.array(found["units"][name]) for name in ("rate", "spiking"))
    assert np.corrcoef(rate, spiking)[0, 1] > 0.95
    leaky = convert(run, tau_mem=20.0, trials=2, diagnose=True)["diagnosis"]
    assert any("f-I curve is not the activation" in line for line in leaky["advice"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "magic"}, "unknown method 'magic'; known: one-to-one, aware"),
        ({"method": "aware", "target": 0.9}, "a target chooses the method"),
        ({"target": 1.5}, "target is 1.5: an accuracy lies in"),
        ({"method": "aware", "aware_steps": 0}, "aware.*aware_steps"),
        ({"bits": 1}, "1 bits: signed integer weights have 2 to 16"),
        ({"fit": "best"}, "unknown fit 'best'; known: largest, least-squares"),
        ({"reset": "none"}, "unknown reset 'none'; known: subtract, value"),
        ({"floor": 1.0}, "floor is 1.0"),
        ({"dt": 3.0}, "task_dt 20.0 ms is not a multiple of dt 3.0 ms"),
    ],
)
def test_what_cannot_be_is_refused(run: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert(run, trials=1, **settings)
    assert not (run / "network.h5").exists()

"""Every recipe of `convert` ends in the same network.h5, which goes the whole way to the tiles."""

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import spiking_bimt.bundle
from spiking_bimt.cli.commands import main
from spiking_bimt.converting import finetune, recipe, target_search
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.place import place
from spiking_bimt.stages.simulate import simulate
from spiking_bimt.stages.verify import verify

BUNDLE = Path(spiking_bimt.bundle.__file__).parent / "bimt.h5"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
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


def test_source_neurons_bring_the_input_as_spikes(run: Path) -> None:
    found = convert(run, sources="regular", trials=1)
    rate = store.load(BUNDLE, RateNetwork)
    network = store.load(run / "network.h5", SpikingNetwork)
    assert found["neurons"] == network.n_neurons > rate.n_units + network.n_inputs
    assert (network.in_indices >= rate.n_units).all()
    assert found["decision_accuracy"]["spiking"] > 0.8


def test_poisson_sources_go_the_whole_way(run: Path) -> None:
    found = convert(run, sources="poisson", trials=4)
    network = store.load(run / "network.h5", SpikingNetwork)
    assert network.poisson is not None
    np.testing.assert_array_equal(np.flatnonzero(network.poisson), np.arange(86, found["neurons"]))
    assert found["decision_accuracy"]["spiking"] > 0.5
    place(run, chip="loihi16")
    export(run, formats=("tiles",), selftest=1)
    assert verify(run / "tiles.h5", trials=1)["equal"]
    with pytest.raises(InputError, match=r"nir cannot hold .*the random levels of Poisson sources"):
        export(run, formats=("nir",))
    simulate(run, trials=1)
    export(run, formats=("sanafe", "c", "sonata"), lossy=True)
    assert verify(run, trials=1)["equal"]
    with pytest.raises(InputError, match="sources neither leak nor rest"):
        convert(run, sources="poisson", tau_mem=20.0, trials=1)
    with pytest.raises(InputError, match="unknown sources 'random'; known: regular, poisson"):
        convert(run, sources="random", trials=1)


def test_what_neurons_share_on_a_core(run: Path, tmp_path: Path) -> None:
    convert(run, trials=1)
    place(run, chip="loihi16")
    placed, again = store.load(run / "placement.h5", Placement), tmp_path / "again"
    again.mkdir()
    (again / "rate.h5").write_bytes(BUNDLE.read_bytes())
    cores = np.unique(placed.core)
    taus = [80.0 + 5 * k for k in range(len(cores))]
    common = ("--cores", run / "placement.h5", "--trials", 2, "--json")
    code, out, _ = call(
        "convert", again, "--per", "core", "--tau-syn", ",".join(map(str, taus)), *common
    )
    assert code == 0
    assert json.loads(out)["accuracy"]["quantised"] > 0.7
    network = store.load(again / "network.h5", SpikingNetwork)
    assert network.scale is not None
    for core, tau in zip(cores, taus, strict=True):
        on = placed.core == core
        assert (network.tau_syn[on] == np.float32(tau)).all()
        assert len(np.unique(network.scale[on])) == 1
    code, out, _ = call("place", again, "--chip", "loihi16", "--keep", "--json")
    assert code == 0
    kept = store.load(again / "placement.h5", Placement)
    np.testing.assert_array_equal(kept.core, placed.core)
    assert json.loads(out)["fits"]
    export(again)
    assert verify(again / "tiles.h5", trials=1)["equal"]
    with h5py.File(again / "tiles.h5") as file:
        assert file["tiles"].attrs["scale_axis"] == b"tile"
    for options, says in (
        (("--tau-syn", "80,90"), f"tau_syn has 2 values, and the neurons sit on {len(cores)} core"),
        (("--tau-syn", "80,x"), "'80,x' is not comma-separated numbers"),
        (("--sources", "regular"), "the placement is of 86 neurons, and these settings make"),
    ):
        code, _, err = call("convert", again, *options, *common)
        assert code == 2
        assert says in err
    code, _, err = call("convert", again, "--per", "core", "--trials", 1)
    assert code == 2
    assert "no cores yet: place it, and convert it again with --cores" in err
    convert(again, trials=1)
    code, _, err = call("place", again, "--chip", "loihi16", "--keep")
    assert code == 2
    assert "there is nothing to keep: the network has no cores" in err


def test_signs_held_apart_go_where_a_chip_has_lists_of_one_sign(run: Path) -> None:
    found = convert(run, bits=4, signs="split", fit="least-squares", trials=2)
    assert found["bits"] == 4
    network = store.load(run / "network.h5", SpikingNetwork)
    assert network.codes is not None
    assert np.abs(network.codes).max() == 15
    place(run, chip="loihi16")
    export(run, selftest=1)
    assert verify(run / "tiles.h5", trials=1)["equal"]
    with h5py.File(run / "tiles.h5") as file:
        assert file["tiles"].attrs["sign_mode"] == b"split"
    convert(run, bits=3, signs="split", trials=1)
    code, _, err = call("place", run, "--chip", "odin")
    assert code == 2
    assert "of either sign lie apart, which odin cannot hold: convert with --signs mixed" in err


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


@pytest.mark.parametrize("method", ["one-to-one", "finetune"])
def test_output_neurons_answer_by_their_counts(run: Path, method: str) -> None:
    training = ("--steps", 2, "--batch", 8) if method == "finetune" else ()
    code, out, _ = call(
        "convert", run, "--method", method, "--output-neurons", *training, "--trials", 2,
        "--full-rate", 400, "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    rate = store.load(BUNDLE, RateNetwork)
    network = store.load(run / "network.h5", SpikingNetwork)
    n, n_outputs = rate.n_units, len(rate.b_out)
    assert found["neurons"] == network.n_neurons == n + n_outputs
    readout = network.quantised().w_out
    weight = readout[0, n]
    assert weight > 0
    np.testing.assert_allclose(readout[:, n:], weight * np.eye(n_outputs), rtol=1e-4)
    assert not readout[:, :n].any()
    assert not network.b_out.any()
    assert found["decision_accuracy"]["quantised"] > 0.8


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
        ({"fit": "best"}, "a scale by 'best'; known: largest, least-squares"),
        ({"reset": "none"}, "reset is 'none'; known: subtract, value"),
        ({"floor": 1.0}, "floor is 1.0"),
        ({"dt": 3.0}, "a delay of 10.0 ms is not a whole number of steps of 3.0 ms"),
    ],
)
def test_what_cannot_be_is_refused(run: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert(run, trials=1, **settings)
    assert not (run / "network.h5").exists()


def test_the_teacher_hears_and_answers_through_the_same_filters(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teachers = []

    def watched(network: RateNetwork, *args: Any) -> tuple[RateNetwork, None]:
        teachers.append(args[4])
        return network, None

    monkeypatch.setattr(finetune, "finetune", watched)
    settings: dict[str, Any] = {"method": "finetune", "trials": 1, "distil": 0.5}
    rate = store.load(BUNDLE, RateNetwork)
    convert(run, **settings)
    convert(run, sources="poisson", tau_syn=50.0, **settings)
    convert(run, output_neurons=True, **settings)
    plain, sourced, answering = teachers
    np.testing.assert_array_equal(plain.w_rec, rate.w_rec)
    assert not sourced.w_in[: rate.n_units].any()
    assert sourced.tau == rate.tau
    np.testing.assert_array_equal(answering.w_rec[rate.n_units :, : rate.n_units], rate.w_out)

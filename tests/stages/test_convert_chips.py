"""Conversions for chips: shared scales, lists of one sign, spiking sources and outputs."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.converting import finetune
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
from tests.stages.test_convert_recipes import BUNDLE, bundled_run, call


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bundled_run(tmp_path, monkeypatch)


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
    code, _, err = call("place", run, "--chip", "odin", "--traffic-only")
    assert code == 2
    assert "of either sign lie apart, which odin cannot hold: convert with --signs mixed" in err


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

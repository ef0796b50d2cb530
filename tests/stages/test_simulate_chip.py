"""`simulate --chip`: a converted run in a chip's integers."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from spiking_bimt.chip.integers import to_integers
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.cli.commands import main
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.for_chip import fit_to_chip
from spiking_bimt.converting.one_to_one import ConversionConfig
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.converting.recipe import Recipe, follow
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.place import place
from spiking_bimt.stages.simulate import simulate


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest bundled network, converted as by default."""
    folder = tmp_path_factory.mktemp("chip") / "run"
    folder.mkdir()
    bundled = resources.files("spiking_bimt.bundle") / "cores.h5"
    (folder / "rate.h5").write_bytes(bundled.read_bytes())
    convert(folder, trials=1)
    return folder


def test_the_default_network_runs_in_the_integers_of_a_generic_grid(run: Path) -> None:
    result = simulate(run, chip="grid16", trials=5)
    assert result["accuracy"] > 0.9
    assert result["accuracy"] == pytest.approx(result["floating_accuracy"], abs=0.05)
    assert result["spikes"] == pytest.approx(result["floating_spikes"], rel=0.1)
    assert any("tau_syn" in text for text in result["lost"])
    assert not (run / "spikes.h5").exists()
    again = simulate(run, chip="grid16", trials=5, threads=1)
    assert again == result
    shown = CliRunner().invoke(main, ["simulate", str(run), "--chip", "grid16", "--trials", "1"])
    assert "accuracy, the chip's integers" in shown.stdout


def test_what_does_not_go_with_a_chip_is_refused(run: Path) -> None:
    refused = CliRunner().invoke(main, ["simulate", str(run), "--chip", "loihi"])
    assert refused.exit_code == 2
    assert "neuron.reset is value" in refused.stderr
    assert "traffic" not in refused.stderr
    with pytest.raises(InputError, match="give one"):
        simulate(run, chip="grid16", state_bits=20)
    with pytest.raises(InputError, match="chip take trials"):
        simulate(run, chip="grid16", poisson_hz=10.0)
    with pytest.raises(InputError, match="leave `weights` out"):
        simulate(run, chip="grid16", weights="float")


def test_a_network_converted_for_a_chip_is_computed_and_placed_there(
    run: Path, tmp_path: Path
) -> None:
    chip = "loihi"
    (tmp_path / "rate.h5").write_bytes((run / "rate.h5").read_bytes())
    found = convert(tmp_path, chip=chip, trials=2)
    assert found["chip"]["name"] == chip
    assert found["chip"]["channels"] > 50
    assert found["accuracy"]["integers"] == pytest.approx(found["accuracy"]["quantised"], abs=0.5)
    result = simulate(tmp_path, chip=chip, trials=2)
    assert result["accuracy"] == found["accuracy"]["integers"]
    assert result["spikes"] == pytest.approx(result["floating_spikes"], rel=0.15)
    placed = place(tmp_path, chip=chip)
    assert placed["cannot_compute"] == []
    assert placed["declares_neuron"]


def test_settings_that_a_chip_cannot_have_are_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "rate.h5").write_bytes((run / "rate.h5").read_bytes())
    settings = ["--reset", "subtract", "--delay", "100", "--bits", "12"]
    result = CliRunner().invoke(main, ["convert", str(tmp_path), "--chip", "loihi", *settings])
    assert result.exit_code == 2
    for key in ("neuron.reset is value", "neuron.delay is 1 to 63", "synapse.magnitude_bits is 8"):
        assert key in result.stderr
    assert not (tmp_path / "network.h5").exists()
    with pytest.raises(InputError, match=r"truenorth computes .*neuron\.current is none"):
        convert(tmp_path, chip="truenorth", trials=1)
    bare = replace(load_chip("loihi16"), neuron=None, synapse=None)
    with pytest.raises(InputError, match="loihi16 declares no neuron"):
        convert(tmp_path, chip=bare, trials=1)
    with pytest.raises(InputError, match="integer weights"):
        convert(tmp_path, chip="loihi", bits=None, trials=1)
    with pytest.raises(InputError, match="does not go with `target`"):
        convert(tmp_path, chip="loihi", target=0.9)


def test_the_settings_of_xylo_are_shifts_without_floor_and_delay(run: Path) -> None:
    rate = store.load(run / "rate.h5", RateNetwork)
    recipe = Recipe("one-to-one", ConversionConfig(), FinetuneConfig(), Rounding(8))
    fitted = fit_to_chip(recipe, rate, load_chip("xylo-audio2"), set())
    assert fitted.config.tau_syn[0] == pytest.approx(-1 / np.log1p(-(2.0**-7)))
    assert fitted.config.tau_mem == pytest.approx(-1 / np.log1p(-(2.0**-15)))
    assert (fitted.config.floor, fitted.config.reset) == (-np.inf, "subtract")
    assert fitted.sources == "regular"
    kept = fit_to_chip(recipe, rate, load_chip("xylo-audio2"), {"tau_syn", "floor"})
    assert (kept.config.tau_syn, kept.config.floor) == ((), None)
    assert fitted.config.delay == 0.0
    trained = fit_to_chip(replace(recipe, method="finetune"), rate, load_chip("xylo-audio2"), set())
    assert trained.config.tau_mem == pytest.approx(-1 / np.log1p(-(2.0**-4)))


def test_thresholds_stay_within_their_width_by_coarser_weights(run: Path) -> None:
    rate = store.load(run / "rate.h5", RateNetwork)
    recipe = Recipe("one-to-one", ConversionConfig(), FinetuneConfig(), Rounding(8), threads=1)
    chip = load_chip("grid16")
    assert chip.neuron is not None
    chip = replace(chip, neuron=replace(chip.neuron, threshold_bits=12))
    fitted = fit_to_chip(recipe, rate, chip, set())
    made = to_integers(follow(fitted, rate, 0).network.quantised(), chip)
    assert 1024 < made.v_th.max() <= 2048
    assert fitted.rounding is not None
    fine = replace(fitted, rounding=replace(fitted.rounding, most_steps=None))
    with pytest.raises(InputError, match="steps of its weights, grid16 holds 4095"):
        to_integers(follow(fine, rate, 0).network.quantised(), chip)

"""`simulate --chip`: a converted run in a chip's integers."""

from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from spiking_bimt.cli.commands import main
from spiking_bimt.errors import InputError
from spiking_bimt.stages.convert import convert
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


def test_a_network_with_spiking_input_runs_in_loihis_integers(run: Path, tmp_path: Path) -> None:
    (tmp_path / "rate.h5").write_bytes((run / "rate.h5").read_bytes())
    convert(tmp_path, sources="regular", reset="value", per="network", trials=1)
    result = simulate(tmp_path, chip="loihi", trials=1)
    assert result["channels"] > 50
    assert result["spikes"] == pytest.approx(result["floating_spikes"], rel=0.15)

"""Networks side by side: the runs' own numbers, and a plain word where one does not fit."""

import functools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from spiking_bimt.chip.place import place as place_network
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.cli.commands import main
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.stages.compare import compare
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.place import place
from spiking_bimt.stages.train import train

TINY = """
sheet = [7, 7]
tasks = ["go", "anti"]
pool = 40
checkpoint_every = 40
validation_trials = 2
[[phases]]
name = "grow"
steps = 40
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted run."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "tiny.toml").write_text(TINY)
    train(folder / "run", config=folder / "tiny.toml", test_trials=2)
    convert(folder / "run", trials=3)
    return folder / "run"


def test_a_row_is_what_the_stages_say_of_the_run(run: Path) -> None:
    result = compare(run, chip="grid16")
    row = result["networks"][str(run)]
    placed = place(run, chip=load_chip("grid16"))
    assert result["chip"] == "grid16"
    for key in ("packets_per_trial", "hops_per_trial", "cores"):
        assert row[key] == placed[key]
    network = store.load(run / "network.h5", SpikingNetwork).quantised()
    assert row["tiles"]["synapses"] == len(network.indices) + len(network.in_indices)
    assert network.measured is not None
    assert row["accuracy"] == network.measured["accuracy"]
    assert row["mean_rate_hz"] == placed["mean_rate_hz"]
    assert result["notes"] == []


def test_rates_and_packets_are_of_the_same_network(run: Path, tmp_path: Path) -> None:
    """With two bits the integer network fires at another rate than the one in floating point."""
    (tmp_path / "rate.h5").write_bytes((run / "rate.h5").read_bytes())
    converted = convert(tmp_path, bits=2, trials=10)
    row = compare(tmp_path, chip="grid16")["networks"][str(tmp_path)]
    spiking, quantised = converted["mean_rate_hz"], converted["quantised_mean_rate_hz"]
    assert abs(quantised - spiking) > 0.2 * spiking
    assert row["mean_rate_hz"] == pytest.approx(quantised, rel=0.1)
    assert converted["quantised_spikes_per_trial"] / converted["spikes_per_trial"] == (
        pytest.approx(quantised / spiking)
    )
    stdout = (
        CliRunner().invoke(main, ["convert", str(tmp_path), "--bits", "2", "--trials", "10"]).stdout
    )
    assert f"{spiking:.1f} Hz" in next(x for x in stdout.splitlines() if "rate, spiking" in x)
    assert f"{quantised:.1f} Hz" in next(x for x in stdout.splitlines() if "rate, 2 bits" in x)


def test_runs_with_other_tasks_or_trials_are_told(run: Path, tmp_path: Path) -> None:
    for name in ("fewer", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "fewer" / "rate.h5").write_bytes((run / "rate.h5").read_bytes())
    rate = store.load(run / "rate.h5", RateNetwork)
    store.save(replace(rate, tasks=("go", "dlygo")), tmp_path / "other" / "rate.h5", {})
    for name in ("fewer", "other"):
        convert(tmp_path / name, trials=2)
    notes = compare(run, tmp_path / "fewer", tmp_path / "other", chip="grid16")["notes"]
    assert len(notes) == 2
    assert f"{tmp_path / 'fewer'} was scored on 2 trials per task, {run} on 3" in notes[0]
    assert "has other tasks than" in notes[1]
    result = CliRunner().invoke(main, ["compare", str(run), str(tmp_path / "other")])
    assert "note: " in result.stdout


def test_comparing_changes_no_run(run: Path) -> None:
    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    compare(run, run, chip="grid64")
    assert {path: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_a_network_that_does_not_fit_is_said_and_the_others_are_shown(
    run: Path, tmp_path: Path
) -> None:
    chip = tmp_path / "small.toml"
    text = (Path(__file__).parents[2] / "spiking_bimt/chip/grid16.toml").read_text()
    chip.write_text(text.replace("width = 8", "width = 1").replace("height = 8", "height = 1"))
    result = CliRunner().invoke(main, ["compare", str(run), "--chip", str(chip)])
    assert result.exit_code == 0
    assert "does not fit" in result.stdout
    row = compare(run, chip=str(chip))["networks"][str(run)]
    assert "neurons" in row["refused"]
    assert "cores" not in row


def test_the_table_names_every_network(run: Path) -> None:
    result = CliRunner().invoke(main, ["compare", str(run), "--traffic-only", "--chip", "loihi"])
    assert result.exit_code == 0
    assert "energy per trial" in result.stdout
    result = CliRunner().invoke(
        main, ["compare", str(run), "--traffic-only", "--chip", "loihi", "--json"]
    )
    assert list(json.loads(result.stdout)["networks"]) == [str(run)]


def test_a_run_that_is_not_converted_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "rate.h5").write_bytes((run / "rate.h5").read_bytes())
    with pytest.raises(InputError, match=r"no network\.h5: `spiking_bimt convert"):
        compare(tmp_path)
    convert(tmp_path, bits=None, trials=2)
    with pytest.raises(
        InputError, match=r"no integer weights: `spiking_bimt convert .*` with `bits=8`"
    ):
        compare(tmp_path)


@pytest.mark.slow
def test_the_bundled_networks_are_compared_when_no_run_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = functools.partial(place_network, effort=0.3)
    monkeypatch.setattr("spiking_bimt.stages.compare.place_network", quick)
    networks = compare(trials=1)["networks"]
    assert list(networks) == ["cores", "bimt", "l1", "none"]
    units = [networks[name]["active_units"] for name in networks]
    wire = [networks[name]["wiring_length"] for name in networks]
    assert units == sorted(units)
    assert 5 * wire[1] < wire[2] < wire[3] / 5
    packets = [networks[name]["packets_per_spike"] for name in networks]
    # A spike's packet to the neuron's own core is all that is left.
    assert packets[0] <= 1 < packets[1] < packets[2] < packets[3]
    assert networks["cores"]["hops_per_trial"] == 0 < networks["bimt"]["hops_per_trial"]
    assert networks["none"]["tiles"]["tiles"] > 5 * networks["bimt"]["tiles"]["tiles"]


def test_a_chip_that_cannot_compute_the_network_refuses_it_with_all_reasons(
    run: Path, tmp_path: Path
) -> None:
    for name in ("network.h5", "rate.h5"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    for chip, key in (("loihi", "neuron.reset is value"), ("truenorth", "neuron.current is none")):
        result = CliRunner().invoke(main, ["place", str(tmp_path), "--chip", chip])
        assert result.exit_code == 2
        for reason in (key, "held input of", "--traffic-only"):
            assert reason in result.stderr
        assert result.stderr.count("\n") == 1
        assert not (tmp_path / "placement.h5").exists()
        row = compare(run, chip=chip)["networks"][str(run)]
        assert key in row["refused"]
        assert "cores" not in row


def test_traffic_alone_is_marked_in_every_result(run: Path, tmp_path: Path) -> None:
    for name in ("network.h5", "rate.h5"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    placed = place(tmp_path, chip="loihi", traffic_only=True)
    assert any("neuron.reset is value" in reason for reason in placed["cannot_compute"])
    assert "12%" in placed["caveat"]
    with pytest.raises(InputError, match=r"loihi cannot compute this network .*traffic_only"):
        export(tmp_path)
    assert not (tmp_path / "tiles.h5").exists()
    written = export(tmp_path, traffic_only=True)["tiles"]
    assert written["cannot_compute"] == placed["cannot_compute"]
    row = compare(tmp_path, chip="loihi", traffic_only=True)["networks"][str(tmp_path)]
    assert row["cannot_compute"] == placed["cannot_compute"]
    commands = (["place", str(tmp_path)], ["export", str(tmp_path)], ["compare", str(tmp_path)])
    for command in commands:
        chip = [] if command[0] == "export" else ["--chip", "loihi"]
        shown = CliRunner().invoke(main, [*command, *chip, "--traffic-only"]).stdout
        assert "note: traffic only: " in shown
    on_grid = place(tmp_path)
    assert on_grid["declares_neuron"]
    assert on_grid["cannot_compute"] == []
    small = place(tmp_path, chip="loihi16")
    assert (small["declares_neuron"], small["cannot_compute"]) == (True, [])

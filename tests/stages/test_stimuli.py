"""Imported networks under stimuli of the user's, by the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.formats.sonata import SCHEMA, read_spikes
from spiking_bimt.formats.tiles import read_selftest
from spiking_bimt.simulation.build import from_coo
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import SpikeTrains
from spiking_bimt.stages.verify import verify
from tests.cli.tiny import call

N = 40


def imported(folder: Path, name: str, *options: object) -> Path:
    matrix = 0.3 * sparse.random_array((N, N), density=0.1, rng=0, format="csr")
    sparse.save_npz(folder / "w.npz", matrix)
    run = folder / name
    code, _, stderr = call("import", folder / "w.npz", run, "--dt", 0.5, *options)
    assert code == 0, stderr
    return run


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    return imported(tmp_path, "quiet")


def told(*arguments: object) -> dict[str, Any]:
    code, stdout, stderr = call(*arguments, "--json")
    assert (code, stderr) == (0, "")
    return dict(json.loads(stdout))


def test_spikes_of_a_file_drive_the_run_and_are_what_the_engine_gives(quiet: Path) -> None:
    rng = np.random.default_rng(1)
    times, neurons = np.sort(rng.uniform(0, 200, 500)), rng.integers(0, N, 500)
    np.savez(quiet / "in.npz", times=times, neurons=neurons)
    found = told("simulate", quiet, "--spikes", quiet / "in.npz", "--weight", 2)
    network = store.load(quiet / "network.h5", SpikingNetwork).quantised()
    length = 0.5 * np.ceil(2 * (times[-1] + 50))
    own = simulate_network(network, length, inputs=[SpikeTrains(times, neurons, 2.0)])
    assert own.n_spikes > 100
    kept = read_spikes(quiet / "spikes.h5")
    np.testing.assert_array_equal(kept.steps, own.steps)
    np.testing.assert_array_equal(kept.neurons, own.neurons)
    assert kept.tasks == ("spikes",)
    assert kept.duration_ms.tolist() == [length]
    assert found["drive"]["text"] == "500 spikes of in.npz into neurons"
    assert found["drive"]["seconds"] == pytest.approx(length / 1000)
    assert found["mean_rate_hz"] == pytest.approx(own.mean_rate_hz)
    assert found["trials"] is None
    settings = store.provenance(quiet / "spikes.h5", SCHEMA).settings
    assert settings["drive"] == found["drive"]


def test_costs_of_a_run_without_trials_are_told_a_second(quiet: Path) -> None:
    placed = told("place", quiet, "--chip", "loihi16", "--poisson-hz", 40, "--weight", 2)
    assert not [key for key in placed if "trial" in key]
    shorter = told("place", quiet, "--chip", "loihi16", "--poisson-hz", 40, "--weight", 2,
                   "--ms", 500)  # fmt: skip
    assert shorter["packets_per_second"] == pytest.approx(placed["packets_per_second"], rel=0.3)
    assert placed["energy_nj_per_second"]["soma"] == shorter["energy_nj_per_second"]["soma"]
    for command in (("place", quiet, "--chip", "loihi16"), ("compare", quiet), ("simulate", quiet)):
        code, stdout, stderr = call(*command)
        assert (code, stderr) == (0, "")
        assert "trial" not in stdout.replace("test trials", "")
        assert "random currents, 10 times 500 ms" in " ".join(stdout.replace("│", " ").split())


def test_neuron_rates_place_and_cost_as_spikes_of_these_rates_do(quiet: Path) -> None:
    first = told("place", quiet, "--chip", "loihi16", "--poisson-hz", 40, "--weight", 2)
    recording = read_spikes(quiet / "spikes.h5") if (quiet / "spikes.h5").exists() else None
    assert recording is None
    told("simulate", quiet, "--poisson-hz", 40, "--weight", 2)
    kept = read_spikes(quiet / "spikes.h5")
    np.savez(quiet / "r.npz", rates_hz=np.bincount(kept.neurons, minlength=N) / 1.0)
    second = told("place", quiet, "--chip", "loihi16", "--neuron-rates", quiet / "r.npz")
    assert second["drive"]["text"] == "the rates of r.npz"
    assert second["drive"]["mean_rate_hz"] == pytest.approx(first["drive"]["mean_rate_hz"])
    energies = first["energy_nj_per_second"], second["energy_nj_per_second"]
    for part in ("soma", "spike", "synapse"):
        assert energies[1][part] == pytest.approx(energies[0][part])
    assert "busiest_step" not in second


def test_its_own_activity_is_used_where_it_has_one(tmp_path: Path) -> None:
    busy = imported(tmp_path, "busy", "--bias", 0.08)
    assert told("simulate", busy)["drive"]["kind"] == "own"
    assert told("place", busy)["drive"]["text"] == "its own activity, without input"
    networks = told("compare", busy, "--poisson-hz", 20)["networks"]
    assert networks[str(busy)]["drive"]["text"] == "Poisson input of 20 Hz into each neuron"
    code, stdout, _ = call("simulate", busy, "--poisson-hz", 900, "--weight", 50)
    assert code == 0
    assert "40 of 40 neurons fire above 500 Hz" in " ".join(stdout.replace("│", " ").split())


def test_bad_input_is_one_line_and_nothing_is_written(quiet: Path) -> None:
    np.savez(quiet / "in.npz", times=[1.0, 2.0], neurons=[0, N])
    np.savez(quiet / "c.npz", dt=0.7, currents=np.ones((3, N)))
    before = sorted(path.name for path in quiet.iterdir())
    for command in ("place", "simulate"):
        for options, line in (
            (("--spikes", quiet / "in.npz"), "spike 1 is of neuron 40; the network has 40"),
            (("--currents", quiet / "c.npz"), "rows of 0.7 ms, the network steps of 0.5 ms"),
            (("--poisson-hz", -3), "it must not be negative"),
            (("--poisson-hz", 3, "--ms", 0), "ms is 0.0"),
            (("--weight", 3), "weight is of the spikes of --spikes or --poisson-hz"),
        ):
            code, _, stderr = call(command, quiet, *options)
            assert (code, stderr.count("\n")) == (2, 1)
            assert line in stderr
    code, _, stderr = call("place", quiet, "--neuron-rates", quiet / "in.npz", "--poisson-hz", 3)
    assert (code, "give one" in stderr) == (2, True)
    code, _, stderr = call("simulate", quiet, "--trials", 3)
    assert (code, "give its length as --ms" in stderr) == (2, True)
    assert sorted({path.name for path in quiet.iterdir()} - {".lock"}) == sorted(
        set(before) - {".lock"}
    )


def channelled(folder: Path) -> Path:
    """A run of a network with 3 input channels and no tasks."""
    rng = np.random.default_rng(3)
    pre, post = np.divmod(rng.permutation(N * N)[:120], N)
    network = from_coo(pre, post, rng.normal(0, 0.2, 120), N, dt=0.5)
    values = {name: getattr(network, name) for name in network.__dataclass_fields__}
    values |= {
        "in_indptr": [0, 20, 40, 60],
        "in_indices": np.concatenate([np.sort(rng.permutation(N)[:20]) for _ in range(3)]),
        "in_weights": rng.uniform(0.05, 0.2, 60),
    }
    run = folder / "run"
    run.mkdir()
    stored = quantise(SpikingNetwork(**values), 8)
    store.save(stored, run / "network.h5", {"command": "import"})
    code, _, stderr = call("place", run)
    assert code == 0, stderr
    return run


def test_a_self_test_of_a_network_without_tasks(tmp_path: Path) -> None:
    run = channelled(tmp_path)
    told("export", run, "--selftest", 2)
    test = read_selftest(run / "tiles.h5")
    assert test is not None
    assert test.inputs.shape == (2 * 1000, 3)
    assert len(test.steps) > 2 * N
    found = verify(run / "tiles.h5")
    assert (found["equal"], found["selftest_trials"]) == (True, 2)
    levels = np.random.default_rng(0).uniform(0, 2, (300, 3))
    np.savez(run / "c.npz", dt=1.0, currents=levels)
    told("export", run, "--selftest", 1, "--currents", run / "c.npz")
    test = read_selftest(run / "tiles.h5")
    assert test is not None
    np.testing.assert_array_equal(test.inputs, np.repeat(levels, 2, axis=0).astype(np.float32))
    assert verify(run / "tiles.h5")["selftest_trials"] == 1
    example = Path(__file__).parents[2] / "examples" / "replay_tiles.py"
    played = subprocess.run([sys.executable, example, run / "tiles.h5"], capture_output=True)
    assert played.returncode == 0, played.stdout


def test_a_self_test_that_says_nothing_or_cannot_be_held_is_refused(
    tmp_path: Path, quiet: Path
) -> None:
    run = channelled(tmp_path)
    np.savez(run / "n.npz", dt=1.0, neurons=np.ones((30, N)))
    np.savez(run / "s.npz", dt=0.75, channels=np.ones((30, 3)))
    np.savez(run / "z.npz", dt=0.5, channels=np.zeros((30, 3)))
    assert call("place", quiet)[0] == 0
    for options, line in (
        ((run, "--selftest", 1, "--currents", run / "n.npz"), "levels of the 3 input channels alo"),
        ((run, "--selftest", 1, "--currents", run / "s.npz"), "input steps of 0.5 ms"),
        ((run, "--selftest", 1, "--currents", run / "z.npz"), "which says nothing"),
        ((run, "--currents", run / "z.npz"), "give its number of trials as --selftest 1"),
        ((run, "--format", "sonata", "--selftest", 1), "selftest goes into tiles"),
        ((quiet, "--selftest", 1), "it has none: leave --selftest out"),
    ):
        code, _, stderr = call("export", *options)
        assert (code, stderr.count("\n")) == (2, 1), stderr
        assert line in stderr
    assert not (run / "tiles.h5").exists()
    assert not (quiet / "tiles.h5").exists()

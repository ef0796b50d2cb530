"""`report` on networks of other tools, and on runs whose figures could be empty."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.import_network import import_network
from spiking_bimt.stages.place import place
from spiking_bimt.stages.report import report
from spiking_bimt.stages.simulate import simulate
from tests.stages.test_report import f32, read


def imported(folder: Path, n: int = 40, **options: float) -> Path:
    sparse.save_npz(folder / "w.npz", 0.3 * sparse.random_array((n, n), density=0.2, rng=0))
    import_network(folder / "w.npz", folder / "run", dt=0.5, **options)  # type: ignore[arg-type]
    return folder / "run"


def test_an_imported_network_is_shown_as_it_was_simulated(tmp_path: Path) -> None:
    run = imported(tmp_path, bias=0.08)
    placed = place(run, chip="loihi16", poisson_hz=10.0, weight=2.0)
    simulated = simulate(run, poisson_hz=10.0, weight=2.0)
    export(run)
    result = report(run)
    words, text = read(result["report"])
    assert result["sections"] == ["spikes", "chip", "numbers", "provenance"]
    assert " trial" not in words.replace("test trials", "")
    assert "The run has no" not in words
    assert "driven by Poisson input of 10 Hz into each neuron" in words
    numbers = result["numbers"]
    assert numbers["mean_rate_hz"] == pytest.approx(simulated["mean_rate_hz"])
    assert numbers["packets_per_second"] == pytest.approx(placed["packets_per_second"])
    energy = placed["energy_nj_per_second"]
    assert numbers["energy_nj_per_second"] == pytest.approx(sum(energy.values()))
    step = placed["busiest_step"]
    assert f"{step['packets_on_a_link']} packets over the link {step['link']}" in words
    assert f"at {step['ms']:g} ms" in words
    # raster, rates, cores, energy, traffic over time, tile occupancy, tiles
    images = [link for link in text.links if link.startswith("data:image")]
    assert len(images) == 7


def test_without_spikes_it_is_run_and_what_lacks_is_named(tmp_path: Path) -> None:
    run = imported(tmp_path)
    result = report(run)
    words, _ = read(result["report"])
    assert "random currents, 10 times 500 ms" in words
    assert f"The run has no placement.h5: spiking_bimt place {run} makes placement.h5." in words
    assert "Pieces of the run" in words
    assert result["numbers"]["mean_rate_hz"] > 0
    assert "packets_per_second" not in result["numbers"]


def test_one_core_has_no_picture_of_cores_and_links(tmp_path: Path) -> None:
    run = imported(tmp_path, n=6, bias=0.08)
    placed = place(run, chip="loihi16")
    assert placed["cores"] == 1
    export(run)
    words, text = read(report(run)["report"])
    assert "Cores and traffic" not in words
    assert "Tile occupancy" not in words
    assert "The only tile" in words
    assert "Energy by part" in words
    assert all(len(link) > 2000 for link in text.links if link.startswith("data:image"))


def test_a_silent_network_has_no_figures_of_spikes(tmp_path: Path) -> None:
    run = imported(tmp_path)
    place(run)
    simulate(run, poisson_hz=0.0)
    words, _ = read(report(run)["report"])
    assert "No neuron fires: Over 1 s of Poisson input of 0 Hz" in words
    assert "Traffic over time" not in words


def test_one_task_and_few_units_leave_out_what_says_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 8
    rate = RateNetwork(
        w_rec=f32(rng.normal(size=(n, n)) * 0.2), w_in=f32(np.abs(rng.normal(size=(n, 34)))),
        b=f32(np.zeros(n)), w_out=f32(rng.normal(size=(17, n))), b_out=f32(np.zeros(17)),
        positions=np.stack(np.divmod(np.arange(n), 3), axis=1).astype(np.int32), sheet=(3, 3),
        tau=100.0, dt=20.0, battery="yang19", tasks=("go",),
        measured={
            "accuracy": 0.5, "accuracy_interval": [0.4, 0.6], "decision_accuracy": 0.5,
            "per_task": {"go": 0.5}, "trials_per_task": 10, "trained_units": 9,
        },
    )  # fmt: skip
    run = tmp_path / "run"
    run.mkdir()
    store.save(rate, run / "rate.h5", settings={"command": "train"})
    convert(run, trials=2)
    place(run)
    result = report(run)
    words, _ = read(result["report"])
    assert "trained on 1 task of yang19" in words
    for title in ("Accuracy per task", "Functional clusters", "What each cluster does",
                  "Is function local?", "Cores and traffic"):  # fmt: skip
        assert title not in words
    assert "Wiring" in words
    assert "clusters" not in result["numbers"]
    assert result["numbers"]["accuracy_trained"] == 0.5


def test_named_populations_have_their_rates(tmp_path: Path) -> None:
    run = imported(tmp_path, bias=0.08)
    network = store.load(run / "network.h5", SpikingNetwork)
    named = replace(network, populations=(("E <b>", 0, 29), ("I", 30, 39)))
    store.save(named, run / "network.h5", {"command": "import"})
    simulate(run, poisson_hz=10.0, weight=2.0)
    result = report(run)
    words, _ = read(result["report"])
    rates = [result["numbers"][f"population_{k}_rate_hz"] for k in (0, 1)]
    assert 0.75 * rates[0] + 0.25 * rates[1] == pytest.approx(result["numbers"]["mean_rate_hz"])
    assert "E <b>" in words

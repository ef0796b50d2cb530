"""A study trains its networks once, goes on where it stopped, and compares them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.cli.study_tables import show_study
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.studies.growing_brains import (
    AFTERWARDS,
    COMPARED_AT,
    describe,
    find_most_local,
    list_jobs,
)
from spiking_bimt.studies.runner import compare_at_equal_error, run_job
from spiking_bimt.studies.study import study
from tests.studies.little import measure_little

TINY = """
sheet = [6, 6]
pool = 20
checkpoint_every = 30
validation_trials = 1
[[phases]]
name = "grow"
steps = 60
l1 = 1e-4
distance = 0.3
swap_every = 10
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "tiny.toml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        measure_little(patch)
        study("growing-brains", folder / "out", quick=True, configs=[folder / "tiny.toml"], jobs=1)
    return folder


@pytest.mark.slow
def test_it_compares_every_network_and_draws_the_figures(done: Path) -> None:
    result = json.loads((done / "out" / "study.json").read_text())
    kinds = [row["kind"] for row in result["summary"]]
    assert kinds == [
        "bimt", "bimt, attracted afterwards", "l1", "l1, swapped afterwards",
        "l1, attracted afterwards",
    ]  # fmt: skip
    l1, swapped, attracted = result["networks"][2:]
    assert swapped["error"] == l1["error"]
    assert swapped["wiring_cost"] <= l1["wiring_cost"]
    near, far = (row["function_and_anatomy"]["mantel"] for row in (attracted, swapped))
    assert near["observed"] < far["observed"]  # like units are nearer where they attract
    assert swapped["wiring_cost"] <= attracted["wiring_cost"]
    assert "figures/error-units.svg" in result["figures"]
    assert all((done / "out" / name).stat().st_size > 1000 for name in result["figures"])


def test_what_is_done_is_not_done_again(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate = done / "out" / "runs" / "bimt-1-seed0" / "rate.h5"
    before = rate.stat().st_mtime_ns
    again = study("growing-brains", done / "out", quick=True, configs=[done / "tiny.toml"], jobs=1)
    assert rate.stat().st_mtime_ns == before
    show_study(again)
    told = capsys.readouterr().out
    assert "function and anatomy, mean over seeds" in told
    mantel = next(row for row in again["summary"] if row["kind"] == "l1")["mantel"][0]
    assert f"{mantel:.4f}" in told


def test_moving_units_afterwards_keeps_the_function(done: Path) -> None:
    path = done / "out" / "runs" / "l1-2-seed0" / "rate.h5"
    network = store.load(path, RateNetwork)
    trials = draw_trials(network.battery, network.tasks, 1, network.dt, stream="test")
    for move in AFTERWARDS.values():
        np.testing.assert_array_equal(
            rate_outputs(move(network), trials), rate_outputs(network, trials)
        )


def test_jobs_are_named_apart_and_need_a_seed() -> None:
    names = [job.name for job in list_jobs(3, quick=False)]
    assert len(names) == len(set(names)) == 42


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("growing-brains", {"seeds": 0}, "0 seeds: at least 1 is needed"),
        ("growing-brains", {"batteries": ["yang19"]}, "batteries are of the study chip"),
        ("growing-brains", {"configs": ["paper", "pack"]}, "has 1 configuration, not 2"),
        ("growing-brains", {"configs": ["gone.toml"]}, "there is no file gone.toml"),
        ("growing-brains", {"quick": True, "seeds": 2}, "quick has one seed: leave seeds out"),
        ("chip", {"configs": ["paper"]}, "has 3 configurations, not 1"),
        ("chip", {"batteries": ["yang20"]}, "battery yang20 is not of this study"),
        ("chip", {"scheduler": "x", "jobs": 2}, "jobs does not go with scheduler"),
        ("brains", {}, "unknown study 'brains'; did you mean 'growing-brains'"),
    ],
)
def test_settings_that_a_study_has_not_are_refused_before_its_folder_is_made(
    tmp_path: Path, name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        study(name, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_training_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    text = TINY.replace("l1 = 1e-4", "l1 = 50.0").replace("steps = 60", "steps = 400\nlr = 0.05")
    hard = tmp_path / "hard.toml"
    hard.write_text(text)
    with pytest.raises(InputError, match="every training of the study failed: no unit is left"):
        study("growing-brains", tmp_path / "out", quick=True, configs=[hard], jobs=1)
    job = list_jobs(1, quick=True)[0]
    row = run_job(tmp_path / "out", job, hard, describe, "result.json")
    assert "no unit is left" in row["failed"]


def test_a_study_of_another_configuration_is_refused(done: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(TINY.replace("steps = 60", "steps = 90"))
    with pytest.raises(InputError, match="made with another configuration: give the study a new"):
        study("growing-brains", done / "out", quick=True, configs=[other], jobs=1)


def test_ratios_at_equal_error_are_over_seeds() -> None:
    def row(kind: str, seed: int, error: float, units: int) -> dict[str, Any]:
        return {"kind": kind, "seed": seed, "error": error, "active_units": units,
                "wiring_length": 100.0 * units}  # fmt: skip

    rows = []
    for seed, factor in ((0, 2), (1, 8)):
        rows += [row("bimt", seed, 0.02, 40), row("bimt", seed, 0.04, 10)]
        rows += [row("l1", seed, 0.02, 40 * factor), row("l1", seed, 0.04, 10 * factor)]
    table = compare_at_equal_error(
        rows, lambda kind: kind == "bimt", ["l1"], ["active_units"], COMPARED_AT
    )
    assert [(entry["than"], entry["error"]) for entry in table] == [
        ("l1", error) for error in (0.025, 0.03, 0.035, 0.04)
    ]
    for entry in table:
        assert entry["active_units"]["mean"] == pytest.approx(4)
        assert entry["active_units"]["n"] == 2
        assert entry["active_units"]["low"] < 2 < 8 < entry["active_units"]["high"]


def test_the_most_local_network_is_sought_where_shuffles_leave_half_isolated() -> None:
    def row(kind: str, seed: int, entries: list[tuple[int, float, float]]) -> dict[str, Any]:
        found = [{"k": k, "ratio": ratio, "null": null, "p": 0.1} for k, ratio, null in entries]
        return {"kind": kind, "l1_scale": 1.0, "seed": seed, "error": 0.03, "isolation": found}

    rows = [
        row("bimt", 0, [(5, 0.1, 0.3), (9, 0.3, 0.6)]),
        row("bimt", 1, [(5, 0.2, 0.4), (9, 0.25, 0.5)]),
        row("l1", 0, [(5, 0.7, 0.72)]),
        row("none", 0, [(5, 0.2, 0.2)]),
    ]
    found = {entry["kind"]: (entry["seed"], entry["k"]) for entry in find_most_local(rows)}
    assert found == {"bimt": (1, 9), "l1": (0, 5)}

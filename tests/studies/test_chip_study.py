"""The study of chips trains each network once and compares what they cost."""

import json
from pathlib import Path
from typing import Any

import pytest

from spiking_bimt.cli.study_tables import show_study
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.plot.study_figures import COLOURS
from spiking_bimt.studies.chip_jobs import list_jobs
from spiking_bimt.studies.chip_study import LEAST, compare_kinds, summarise_rows
from spiking_bimt.studies.study import study
from tests.studies.little import measure_little

TINY = """
sheet = [6, 6]
pool = 10
checkpoint_every = 20
validation_trials = 1
"""

BASE = f"""{TINY}
[[phases]]
name = "grow"
steps = 40
"""

PRICED = f"""{TINY}
[[phases]]
name = "pack"
steps = 20
packet = 1e-2
rung = true
[[phases]]
name = "polish"
steps = 20
prune = 1e-3
rung = true
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chips")
    (folder / "base.toml").write_text(BASE)
    (folder / "priced.toml").write_text(PRICED)
    with pytest.MonkeyPatch.context() as patch:
        measure_little(patch)
        run(folder)
    return folder


def run(folder: Path) -> dict[str, Any]:
    configs = folder / "base.toml", folder / "priced.toml", folder / "priced.toml"
    return study("chip", folder / "out", quick=True, configs=configs, jobs=1)


@pytest.mark.slow
def test_it_compares_networks_at_their_placements(done: Path) -> None:
    result = json.loads((done / "out" / "chip-study.json").read_text())
    assert not result["failed"]
    kinds = [(row["kind"], row["chip"]) for row in result["networks"]]
    assert kinds == [
        ("l1", "loihi16"), ("l1", "loihi64"), ("l1", "loihi16"), ("l1", "loihi64"),
        ("chip, rising", "loihi16"),
        ("l1, pruned", "loihi16"), ("chip, weights", "loihi16"),
    ]  # fmt: skip
    l1, *_, rising, pruned, priced = result["networks"]
    assert priced["connections"] < l1["connections"]
    for row in (l1, rising, pruned, priced):
        assert row["cores"] == -(-row["active_units"] // 16)
        energy = row["energy_nj_per_trial"]
        assert row["network_nj"] == energy["packet"] + energy["hop"] < row["total_nj"]
        # Every spike of the chip's is one of the network's, local ones included.
        most = row["spikes_per_trial"] * (row["packets_per_spike"] + 1)
        assert row["packets_per_trial"] <= most * (1 + 1e-12)
        assert len(row["broken"]) == row["cores"]
    assert all((done / "out" / name).stat().st_size > 1000 for name in result["figures"])


def test_priced_networks_go_on_from_their_base(done: Path) -> None:
    name = "l1-2-seed0-loihi16-weights-1"
    network = store.load(done / "out" / "runs" / name / "rate.h5", RateNetwork)
    assert network.chip == "loihi16"
    assert network.core is not None
    made = store.provenance(done / "out" / "runs" / name / "rate.h5", "RateNetwork")
    assert made.settings["start"].endswith("l1-2-seed0")


def test_what_is_done_is_only_read(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted((done / "out" / "runs").glob("*/rate.h5"))
    before = [path.stat().st_mtime_ns for path in files]
    show_study(run(done))
    assert [path.stat().st_mtime_ns for path in files] == before
    assert "chip, weights" in capsys.readouterr().out


def test_jobs_are_named_apart_and_every_base_is_there() -> None:
    bases, priced = list_jobs(("yang19", "modcog"), 3, quick=False)
    names = [job.name for job in bases + priced]
    assert len(names) == len(set(names))
    assert {job.base for job in priced} <= set(bases)
    assert {job.kind for job in bases + priced} <= set(COLOURS)
    with pytest.raises(InputError, match="battery yang20 is not of this study"):
        list_jobs(("yang20",), 1, quick=False)


def test_ratios_at_equal_error_count_no_packets_as_the_least() -> None:
    def rows(kind: str, points: list[tuple[float, float]]) -> list[dict[str, Any]]:
        shared = {"battery": "yang19", "chip": "loihi16", "kind": kind, "seed": 0}
        costs = ("packets_per_spike", "network_nj", "total_nj")
        return [{**shared, "error": e, **dict.fromkeys(costs, c)} for e, c in points]

    ours = rows("chip, weights", [(0.02, 1.0), (0.04, 0.0)])
    theirs = rows("l1", [(0.02, 4.0), (0.04, 4.0 * LEAST)])
    found = {row["error"]: row for row in compare_kinds(ours + theirs)}
    assert found[0.03]["packets_per_spike"]["mean"] == pytest.approx(4.0)
    assert {row["than"] for row in found.values()} == {"l1"}


def test_the_summary_is_a_mean_over_seeds() -> None:
    shared = {"battery": "yang19", "chip": "loihi16", "kind": "l1", "l1_scale": 2.0, "price": 0.0}
    names = ("error", "spiking_error", "active_units", "connections", "cores", "tiles",
             "packets_per_spike", "hops_per_trial", "network_nj", "total_nj", "agreement",
             "broken_tasks")  # fmt: skip
    rows = [{**shared, **dict.fromkeys(names, value)} for value in (1.0, 3.0)]
    (row,) = summarise_rows(rows)
    assert row["error"][0] == 2.0
    assert row["seeds"] == 2

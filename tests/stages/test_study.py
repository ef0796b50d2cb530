"""A study trains its networks once, goes on where it stopped, and compares them."""

import json
from pathlib import Path

import numpy as np
import pytest

from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.stages.study import growing_brains_jobs, study, swapped_afterwards
from spiking_bimt.tasks.battery import draw_trials

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
    study(folder / "out", quick=True, config=folder / "tiny.toml", jobs=1)
    return folder


def test_it_compares_every_network_and_draws_the_figures(done: Path) -> None:
    result = json.loads((done / "out" / "study.json").read_text())
    kinds = [row["kind"] for row in result["summary"]]
    assert kinds == ["bimt", "l1", "l1, swapped afterwards"]
    l1, swapped = result["networks"][1:]
    assert swapped["error"] == l1["error"]
    assert swapped["wiring_cost"] <= l1["wiring_cost"]
    assert "figures/error-units.svg" in result["figures"]
    assert all((done / "out" / name).stat().st_size > 1000 for name in result["figures"])


def test_what_is_done_is_not_done_again(done: Path) -> None:
    rate = done / "out" / "runs" / "bimt-1-seed0" / "rate.h5"
    before = rate.stat().st_mtime_ns
    study(done / "out", quick=True, config=done / "tiny.toml", jobs=1)
    assert rate.stat().st_mtime_ns == before


def test_swapping_afterwards_keeps_the_function(done: Path) -> None:
    path = done / "out" / "runs" / "l1-2-seed0" / "rate.h5"
    network = store.load(path, RateNetwork)
    trials = draw_trials(network.battery, network.tasks, 1, network.dt, stream="test")
    np.testing.assert_array_equal(
        rate_outputs(swapped_afterwards(network), trials), rate_outputs(network, trials)
    )


def test_jobs_are_named_apart_and_need_a_seed() -> None:
    names = [job.name for job in growing_brains_jobs(3, quick=False)]
    assert len(names) == len(set(names)) == 33
    with pytest.raises(InputError, match="0 seeds: at least 1 is needed"):
        growing_brains_jobs(0, quick=False)

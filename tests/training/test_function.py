"""Terms of a training that depend on what units do: closed forms, brute force, and resuming."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.analysis.variance import similarity
from spiking_bimt.errors import InputError
from spiking_bimt.training import bimt, cores, loop
from spiking_bimt.training.config import TrainConfig, read_config
from spiking_bimt.training.function import clusters_apart
from spiking_bimt.training.observer import Observer
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import State, initial_state, load_checkpoint, save_checkpoint
from tests.training.test_cores import make_cost, network

CONFIG = TrainConfig(
    phases=(
        Phase("grow", steps=30, l1=1e-3, distance=0.3, swap_every=10, lr=5e-3, unlike=3.0,
              attract=1.0, function_every=7),
    ),
    tasks=("go", "anti"), sheet=(6, 6), pool=40, checkpoint_every=10, validation_trials=1,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@given(st.integers(0, 2**32 - 1))
def test_similarity_is_the_fourth_power_of_the_cosine(seed: int) -> None:
    rng = np.random.default_rng(seed)
    function = rng.random((5, 3)).astype(np.float32)
    function[2] = 0
    found = similarity(function)
    for i, j in itertools.product(range(5), repeat=2):
        a, b = function[i].astype(float), function[j].astype(float)
        norms = np.linalg.norm(a) * np.linalg.norm(b)
        wanted = 0 if i == j or not norms else (a @ b / norms) ** 4
        assert found[i, j] == pytest.approx(wanted, abs=1e-5)


def test_weights_between_units_of_different_clusters_cost_more() -> None:
    phase = dataclasses.replace(CONFIG.phases[0], clusters=2)
    config = dataclasses.replace(CONFIG, phases=(phase,))
    state = initial_state(config, 35, 17)
    state.function[:4] = np.array([[1, 0], [1, 0.1], [0, 1], [0.2, 1]])
    strengths = loop.Context.of(config, state).strengths.weights
    free = dataclasses.replace(config, phases=(dataclasses.replace(phase, unlike=0.0),))
    plain = loop.Context.of(free, state).strengths.weights
    more = strengths.w_rec - plain.w_rec
    # Two clusters of two units; a silent unit belongs to none.
    apart = [[0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [1, 1, 0, 0, 1], [1, 1, 0, 0, 1], [1, 1, 1, 1, 0]]
    np.testing.assert_allclose(more[:5, :5], 3e-3 * np.array(apart), rtol=1e-4)
    np.testing.assert_array_equal(strengths.w_in, plain.w_in)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(0, 3))
def test_clusters_part_the_active_units(seed: int, k: int, silent: int) -> None:
    function = np.random.default_rng(seed).random((6, 3)).astype(np.float32)
    function[:silent] = 0
    together = 1 - clusters_apart(function, k)
    # Equal or disjoint rows: each unit is in one group.
    np.testing.assert_array_equal(together @ together > 0, together > 0)
    groups = len(np.unique(together[silent:], axis=0))
    assert groups == min(k, 6 - silent)
    np.testing.assert_array_equal(together[:silent], np.eye(6)[:silent])
    assert not (1 - clusters_apart(np.zeros((3, 2), np.float32), k) - np.eye(3)).any()


def test_a_training_that_goes_on_begins_with_the_first_phase_that_needs_function() -> None:
    whole = read_config("modules")
    assert [phase.name for phase in whole.effective_phases()][3:] == ["modules", "recover", "chip"]
    assert len(whole.effective_phases()) == 6
    later = dataclasses.replace(whole, start="run").effective_phases()
    assert [phase.name for phase in later] == ["modules", "recover", "chip"]
    plain = dataclasses.replace(read_config("chip"), start="run").effective_phases()
    assert [phase.name for phase in plain] == ["grow", "squeeze", "settle", "chip"]


def test_places_follow_function_where_there_is_no_wire() -> None:
    """Two units of each of three functions in a row: like ones end up side by side, the optimum."""
    distances = bimt.sheet_distances(1, 6)
    function = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    alike = similarity(function)
    start = np.array([0, 3, 1, 4, 2, 5])
    none, some = np.zeros((6, 6)), np.zeros((6, 6))
    some[0, 5] = 1e-6
    np.testing.assert_array_equal(bimt.swap_places(none, start, distances, 20, alike, 1.0), start)
    found = bimt.swap_places(some, start, distances, 20, alike, 100.0)

    def apart(place: tuple[int, ...]) -> float:
        return float((alike * distances[np.ix_(place, place)]).sum())

    assert apart(tuple(found)) == min(map(apart, itertools.permutations(range(6))))


def test_attraction_weighs_as_much_as_all_wire() -> None:
    alike = np.array([[0, 2, 0], [2, 0, 1], [0, 1, 0]], float)
    np.testing.assert_allclose(bimt.attracted(alike, 12.0), alike * 2)
    assert not bimt.attracted(np.zeros((3, 3)), 12.0).any()


@pytest.mark.parametrize("grouped", [True, False])
def test_cores_gather_units_of_like_function(grouped: bool) -> None:
    p = network(0, n=12, density=0.2)
    alike = similarity(np.repeat(np.eye(4, dtype=np.float32), 3, axis=0))
    core = np.arange(12) % 4
    found = cores.improve(
        p, core, np.ones(12), make_cost(grouped), (1,), proposals=500, hot=0.3, alike=alike,
        attract=50.0,
    )  # fmt: skip

    def together(core: npt.NDArray[np.int64]) -> int:
        return int((alike * (core[:, None] == core[None])).sum())

    assert together(core) == 0
    assert together(found) >= 14  # of 24, where 6.5 is chance: moves stop at a local optimum


class Kept(Observer):
    """Writes checkpoints, and stops at a step as if it were killed."""

    def __init__(self, path: Path, stop_at: int | None = None) -> None:
        self.path, self.stop_at = path, stop_at

    def checkpoint(self, state: State) -> None:
        save_checkpoint(self.path, CONFIG, state)

    def measure(self, phase: Phase, state: State, loss: float) -> float:
        return 0.5

    def step(self, phase: Phase, state: State, loss: float) -> None:
        if state.step == self.stop_at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stop_at", [13, 23])
def test_a_training_by_function_resumes_to_the_same_bits(tmp_path: Path, stop_at: int) -> None:
    whole = loop.run(CONFIG, initial_state(CONFIG, 35, 17), Kept(tmp_path / "whole.h5"))
    assert whole.function.any()
    with pytest.raises(KeyboardInterrupt):
        loop.run(CONFIG, initial_state(CONFIG, 35, 17), Kept(tmp_path / "killed.h5", stop_at))
    start = load_checkpoint(tmp_path / "killed.h5", CONFIG, 35, 17)
    assert start.step == stop_at - 3
    again = loop.run(CONFIG, start, Kept(tmp_path / "again.h5"))
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    np.testing.assert_array_equal(again.place, whole.place)


@pytest.mark.parametrize(
    ("reg", "unlike", "attract"),
    [("bimt", 3.0, 1.0), ("bimt-noswap", 3.0, 0.0), ("l1", 0.0, 0.0), ("none", 0.0, 0.0)],
)
def test_other_regularisers_leave_the_terms_out(reg: str, unlike: float, attract: float) -> None:
    phase = dataclasses.replace(CONFIG, reg=reg).effective_phases()[0]
    assert (phase.unlike, phase.attract) == (unlike, attract)


def test_one_task_gives_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="phase 'grow': unlike and attract compare what units do"):
        dataclasses.replace(CONFIG, tasks=("go",))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unlike": 1.0}, "unlike is relative to l1, which is 0: give l1"),
        ({"attract": 1.0, "swap_every": 0}, "attract acts where units are exchanged"),
        ({"attract": -1.0}, "attract must be a finite number, least 0"),
        ({"function_every": 0}, "function_every is 0, least 1"),
        ({"clusters": 0}, "clusters is 0, least 1"),
    ],
)
def test_settings_without_effect_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Phase("bad", steps=1, **given)  # type: ignore[arg-type]

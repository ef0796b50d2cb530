"""Training resumes exactly, keeps pruned weights at zero, and says what went wrong."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from spiking_bimt.errors import InputError
from spiking_bimt.training import loop
from spiking_bimt.training.config import TrainConfig, read_config
from spiking_bimt.training.observer import Observer
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import (
    State,
    drop_dead,
    initial_state,
    load_checkpoint,
    save_checkpoint,
    to_network,
)

CONFIG = TrainConfig(
    phases=(
        Phase("grow", steps=30, l1=1e-3, distance=0.3, swap_every=10, lr=5e-3),
        Phase("chip", steps=12, dt=20.0, prune=1e-2, noise=0.1, margin=1.0, batch=16),
    ),
    focus=0.5,
    tasks=("go", "anti"),
    sheet=(6, 6),
    pool=40,
    checkpoint_every=10,
    validation_trials=1,
)


class Stop(Exception):
    """Stands for the process being killed."""


class Keeper(Observer):
    """Writes checkpoints and stops the training where told."""

    def __init__(self, path: Path, stop_at: tuple[int, int] | None = None) -> None:
        self.path, self.stop_at = path, stop_at
        self.losses: dict[tuple[int, int], float] = {}
        self.measured: list[tuple[int, int]] = []
        self.error = 0.5

    def checkpoint(self, state: State) -> None:
        save_checkpoint(self.path, CONFIG, state)

    def judge(self, phase: Phase, state: State) -> float:
        return self.error

    def measure(self, phase: Phase, state: State, loss: float) -> float:
        self.measured.append((state.phase, state.step))
        return self.error

    def step(self, phase: Phase, state: State, loss: float) -> None:
        self.losses[state.phase, state.step] = loss
        if (state.phase, state.step) == self.stop_at:
            raise Stop


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("stop_at", [(0, 1), (0, 17), (0, 30), (1, 5), (1, 12)])
def test_resuming_after_a_kill_gives_the_same_bits(
    tmp_path: Path, stop_at: tuple[int, int]
) -> None:
    whole = Keeper(tmp_path / "whole.h5")
    expected = loop.run(CONFIG, initial_state(CONFIG, 35, 17), whole)
    killed = Keeper(tmp_path / "killed.h5", stop_at)
    with pytest.raises(Stop):
        loop.run(CONFIG, initial_state(CONFIG, 35, 17), killed)
    start = (
        load_checkpoint(killed.path, CONFIG, 35, 17)
        if killed.path.exists()
        else initial_state(CONFIG, 35, 17)
    )
    done = sum(phase.steps for phase in CONFIG.phases[: start.phase]) + start.step
    reached = sum(phase.steps for phase in CONFIG.phases[: stop_at[0]]) + stop_at[1]
    assert reached - done <= CONFIG.checkpoint_every
    resumed = Keeper(tmp_path / "resumed.h5")
    result = loop.run(CONFIG, start, resumed)
    assert (tmp_path / "resumed.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    for name, mine in result.p.arrays().items():
        np.testing.assert_array_equal(mine, expected.p.arrays()[name])
    assert all(whole.losses[at] == loss for at, loss in resumed.losses.items())


def test_a_phase_ends_when_its_error_is_reached(tmp_path: Path) -> None:
    phases = (dataclasses.replace(CONFIG.phases[0], stop_error=0.6), CONFIG.phases[1])
    observer = Keeper(tmp_path / "c.h5")
    config = dataclasses.replace(CONFIG, phases=phases)
    loop.run(config, initial_state(config, 35, 17), observer)
    assert observer.measured == [(0, 10), (1, 10), (1, 12)]


def test_a_phase_without_a_target_goes_on_at_no_error(tmp_path: Path) -> None:
    observer = Keeper(tmp_path / "c.h5")
    observer.error = 0.0
    loop.run(CONFIG, initial_state(CONFIG, 35, 17), observer)
    assert observer.measured[:3] == [(0, 10), (0, 20), (0, 30)]


def test_pruned_weights_stay_zero_and_places_stay_a_permutation(tmp_path: Path) -> None:
    state = loop.run(CONFIG, initial_state(CONFIG, 35, 17), Keeper(tmp_path / "c.h5"))
    assert sorted(state.place) == list(range(36))
    for name, weights in state.p.arrays().items():
        assert (weights[state.adam.mask[name] == 0] == 0).all()
    assert (state.adam.mask["w_rec"] == 0).mean() > 0.1
    network = to_network(CONFIG, 20.0, state)
    np.testing.assert_array_equal(
        network.positions[:, 0] * 6 + network.positions[:, 1], state.place[state.units]
    )


def test_dead_units_leave_without_changing_the_outputs() -> None:
    state = initial_state(CONFIG, 35, 17)
    state.peak.fill(1.0)
    state.peak[3] = 0.0  # silent
    state.p.w_rec[:, 5] = 0
    state.p.w_out[:, 5] = 0  # unread
    state.p.w_rec[:, 7] = 0
    state.p.w_out[:, 7] = 0
    state.p.w_rec[5, 7] = 1.0  # read by a dead unit only
    state.p.w_rec[7, 7] = 1.0
    assert drop_dead(state, CONFIG.phases[0], ())
    assert set(range(36)) - set(state.units) == {3, 5, 7}
    assert state.p.w_rec.shape == (33, 33)
    assert not drop_dead_again(state)


def drop_dead_again(state: State) -> bool:
    state.peak.fill(1.0)
    return drop_dead(state, CONFIG.phases[0], ())


def test_a_penalty_that_silences_every_unit_says_so(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, phases=(Phase("grow", steps=400, l1=10.0, lr=0.02),))
    with pytest.raises(InputError, match=r"no unit is left .* 'grow': lower l1 \(10\) and train"):
        loop.run(config, initial_state(config, 35, 17), Keeper(tmp_path / "c.h5"))


def test_pruning_that_leaves_no_unit_says_so(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, phases=(Phase("cut", steps=1, prune=100.0),))
    with pytest.raises(InputError, match=r"no unit is left .* 'cut': lower prune \(100\) and"):
        loop.run(config, initial_state(config, 35, 17), Keeper(tmp_path / "c.h5"))


def test_a_loss_that_is_not_finite_stops_with_the_step(tmp_path: Path) -> None:
    state = initial_state(CONFIG, 35, 17)
    state.p.w_out[0, 0] = math.nan
    with pytest.raises(InputError, match="the loss is nan at step 0 of phase 'grow'"):
        loop.run(CONFIG, state, Keeper(tmp_path / "c.h5"))


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.h5", CONFIG, initial_state(CONFIG, 35, 17))
    other = dataclasses.replace(CONFIG, seed=1)
    with pytest.raises(InputError, match=r"another configuration \(seed differs\)"):
        load_checkpoint(tmp_path / "c.h5", other, 35, 17)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[phases]]\nname='a'\nsteps=1\nlambda=3", "phase 1: unknown key 'lambda'"),
        ("[[phases]]\nname='a'\nstep=1", "unknown key 'step'; did you mean 'steps'"),
        ("[[phases]]\nname='a'", "'steps' is missing"),
        ("[[phases]]\nname='a'\nsteps=0", "steps is 0, least 1"),
        ("[[phases]]\nname='a'\nsteps='1'", "steps is '1', expected int"),
        ("[[phases]]\nname='a'\nsteps=1\nl1=nan", "phase 1: l1 is nan, expected a number"),
        (
            "sheet=[20]\n[[phases]]\nname='a'\nsteps=1",
            "sheet is \\[20\\], expected two whole numbers",
        ),
        ("sheet=['a', 3]\n[[phases]]\nname='a'\nsteps=1", "expected two whole numbers"),
        ("tasks=[1]\n[[phases]]\nname='a'\nsteps=1", "tasks is \\[1\\], expected a list of names"),
        ("seed=-1\n[[phases]]\nname='a'\nsteps=1", "seed is -1: it must not be negative"),
        ("seed=1", "no \\[\\[phases\\]\\]"),
        (
            "reg='l2'\n[[phases]]\nname='a'\nsteps=1",
            "unknown reg 'l2'; known: bimt, bimt-noswap, l1, none",
        ),
        ("seed=\nbattery", "line 1"),
    ],
)
def test_bad_configurations_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(tmp_path / "config.toml")


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not text in UTF-8"):
        read_config(tmp_path / "config.toml")


def test_a_configuration_survives_its_own_toml(tmp_path: Path) -> None:
    config = read_config("chip", reg="l1", seed=3)
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert read_config(tmp_path / "config.toml") == config
    assert all(phase.distance == 0 for phase in config.effective_phases())


def test_lambda_goes_from_that_of_the_phase_before_to_its_own() -> None:
    phases = (
        Phase("first", steps=400, l1=2e-5, l1_ramp=0.5),
        Phase("second", steps=400, l1=1e-5, l1_ramp=1.0),
        Phase("third", steps=400, l1=3e-5),
    )
    config = dataclasses.replace(CONFIG, phases=phases)

    def strength(phase: int, step: int) -> float:
        state = initial_state(config, 35, 17)
        state.phase, state.step = phase, step
        return float(loop.Context.of(config, state).strengths.weights.w_in[0, 0])

    found = [strength(0, step) for step in (0, 100, 199, 200, 399)]
    assert found == pytest.approx([0, 1e-5, 1e-5, 2e-5, 2e-5])
    assert [strength(1, step) for step in (0, 200, 300)] == pytest.approx([2e-5, 1.5e-5, 1.25e-5])
    assert strength(2, 0) == pytest.approx(3e-5)
    with pytest.raises(InputError, match="are shares, at most 1"):
        Phase("bad", steps=1, l1_ramp=2.0)


def test_a_ramp_resumes_to_the_same_bits(tmp_path: Path) -> None:
    phases = (Phase("ramp", steps=250, l1=1e-3, l1_ramp=1.0, swap_every=30),)
    config = dataclasses.replace(CONFIG, phases=phases, checkpoint_every=130)

    class Own(Keeper):
        def checkpoint(self, state: State) -> None:
            save_checkpoint(self.path, config, state)

    whole = loop.run(config, initial_state(config, 35, 17), Own(tmp_path / "whole.h5"))
    with pytest.raises(Stop):
        loop.run(config, initial_state(config, 35, 17), Own(tmp_path / "killed.h5", (0, 150)))
    start = load_checkpoint(tmp_path / "killed.h5", config, 35, 17)
    assert start.step == 130
    again = loop.run(config, start, Own(tmp_path / "again.h5"))
    np.testing.assert_array_equal(whole.p.w_rec, again.p.w_rec)

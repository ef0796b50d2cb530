"""Trials are the tasks' own, with the published fixation cue, and reproducible."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.battery.draw import (
    BATTERIES,
    dimensions,
    draw_noise_free,
    draw_trials,
    select_tasks,
)
from spiking_bimt.battery.environments import Environment, Trial, hold_fixation, trusting
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError, TaskWarning

YANG = BATTERIES["yang19"]


def draw(dt: float = 100.0, per_task: int = 3, seed: int = 0, stream: str = "test") -> Trials:
    return draw_trials("yang19", YANG, per_task, dt, stream=stream, seed=seed)


def test_the_same_arguments_give_the_same_trials() -> None:
    first, second = draw(), draw()
    np.testing.assert_array_equal(first.inputs, second.inputs)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_streams_and_seeds_are_different_draws() -> None:
    base = draw()
    for other in (draw(seed=1), draw(stream="train")):
        assert not np.array_equal(base.labels[:200], other.labels[:200])


@pytest.mark.parametrize("dt", [100.0, 20.0])
def test_fixation_lasts_until_the_task_asks_for_a_response(dt: float) -> None:
    trials = draw(dt)
    for k in range(trials.n_trials):
        start, end = trials.offsets[k], trials.offsets[k + 1]
        go = start + trials.decision[k]
        assert (trials.inputs[start:go, 0] == 1).all()
        assert (trials.inputs[go:end, 0] == 0).all()
        assert (trials.labels[start:go] == 0).all()


@pytest.mark.parametrize("task", YANG)
def test_the_go_signal_is_where_the_tasks_own_timing_has_it(task: str) -> None:
    environment = getattr(importlib.import_module("neurogym.envs.collections.yang19"), task)(dt=100)
    environment.new_trial()
    own = environment.unwrapped
    before_decision = [p for p in own.start_t if own.end_t[p] <= own.start_t["decision"]]
    duration = sum(own.end_t[p] - own.start_t[p] for p in before_decision)
    repaired = hold_fixation(own.ob, own.start_ind["decision"])
    assert int(repaired[:, 0].sum()) == round(duration / 100)
    np.testing.assert_array_equal(repaired[:, 1:], own.ob[:, 1:])


def test_each_trial_carries_its_rule() -> None:
    trials = draw()
    rules = trials.inputs[trials.offsets[:-1], 33:]
    np.testing.assert_array_equal(np.argmax(rules, axis=1), trials.task)
    assert (rules.sum(1) == 1).all()


def test_dimensions_count_rings_rules_and_outputs() -> None:
    assert dimensions("yang19", YANG) == (53, 17)
    assert dimensions("yang19", ("go", "anti")) == (35, 17)


@pytest.mark.parametrize(
    ("battery", "tasks", "message"),
    [
        ("yang20", None, "unknown battery 'yang20'; did you mean 'yang19'"),
        ("yang19", ("ctxdm3",), "battery yang19: unknown task 'ctxdm3'; did you mean 'ctxdm2"),
        ("yang19", ("go", "go"), "at least one task, each once"),
        ("yang19", (), "at least one task, each once"),
    ],
)
def test_unknown_names_are_refused(
    battery: str, tasks: tuple[str, ...] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        select_tasks(battery, tasks)


def test_no_trials_are_refused() -> None:
    with pytest.raises(InputError, match="0 trials per task: ask for at least 1"):
        draw(per_task=0)


def trials_of(task: str, dt: float, n: int = 40) -> Trials:
    return draw_trials("modcog", (task,), n, dt, stream="test")


def test_modcog_has_its_82_tasks() -> None:
    names = BATTERIES["modcog"]
    assert len(names) == len(set(names)) == 82
    assert sum("int" in name for name in names) == 22
    assert sum("seq" in name for name in names) == 40


@pytest.mark.parametrize("dt", [100.0, 20.0])
@pytest.mark.parametrize(("way", "sign"), [("r", 1), ("l", -1)])
def test_a_sequence_moves_one_place_every_100_ms(dt: float, way: str, sign: int) -> None:
    moving = trials_of(f"dlygoseq{way}", dt, 80)
    for k in range(moving.n_trials):
        answer = moving.labels[moving.offsets[k] + moving.decision[k] : moving.offsets[k + 1]]
        steps = np.arange(len(answer)) * dt // 100
        np.testing.assert_array_equal(answer, 1 + (answer[0] - 1 + sign * steps) % 16)
        assert answer.min() >= 1
    assert len(np.unique(moving.labels)) == 17


@pytest.mark.parametrize(("way", "sign"), [("r", 1), ("l", -1)])
def test_an_interval_shifts_the_answer_by_its_length(way: str, sign: int) -> None:
    environment = Environment(f"dlygoint{way}", 100.0)
    environment.restart(0)
    delays = set()
    for _ in range(60):
        trial = environment.draw()
        stimulus = trial.ob[5:10, 1:].sum(0)
        place = int(np.argmax(stimulus)) % 16
        delay = trial.go - 10
        delays.add(delay)
        assert set(trial.labels[trial.go :]) == {1 + (place + sign * delay) % 16}
    assert delays == set(range(12))


def test_trials_that_ask_for_fixation_stay_so() -> None:
    trials = trials_of("dmsseqr", 100.0)
    silent = [
        (trials.labels[trials.offsets[k] : trials.offsets[k + 1]] == 0).all()
        for k in range(trials.n_trials)
    ]
    assert 5 < sum(silent) < 35


@pytest.mark.parametrize("task", ["go", "dms"])
def test_trials_of_the_two_rings_are_not_copies(task: str) -> None:
    trials = draw_trials("yang19", (task,), 40, 100.0, stream="test")
    answers = trials.labels[trials.offsets[1:] - 1]
    rings = [
        trials.inputs[trials.offsets[k] : trials.offsets[k + 1], 17:33].std() > 0.1
        for k in range(40)
    ]
    assert sum(rings) == 20
    assert not np.array_equal(answers[0::2], answers[1::2])


def test_a_users_own_environments_by_id_and_by_path() -> None:
    tasks = ("neurogym.envs.collections.yang19:dm1", "neurogym.envs.collections.yang19:dm2")
    with trusting(tasks):
        # neurogym drops the fixation cue early in these, as this package's own tasks do not.
        with pytest.warns(TaskWarning, match="its fixation cue ends"):
            found = dimensions("own", tasks)
        assert found == (35, 17)
        trials = draw_trials("own", tasks, 4, 100.0, stream="test")
    assert trials.n_trials == 8
    assert trials.n_inputs == 35
    one = draw_trials("own", ("DelayComparison-v0",), 8, 100.0, stream="test")
    assert set(one.labels) == {0, 1, 2}


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (None, "needs its tasks"),
        (("NoSuch-v0",), "task NoSuch-v0: NameNotFound: Environment `NoSuch` doesn't exist"),
        (("no.such.module:f",), "there is no module no.such.module: no/such/module.py is"),
        (("GoNogo-v0", "DelayComparison-v0"), "they must agree"),
    ],
)
def test_a_users_own_environment_that_does_not_work_says_why(
    tasks: tuple[str, ...] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message), trusting(tasks):
        dimensions("own", tasks or ())


def test_a_task_that_nobody_asked_for_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "unasked.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(InputError, match=r"'unasked:make' is Python code .* give `trusting`"):
        dimensions("own", ("unasked:make",))
    assert not (tmp_path / "ran").exists()
    with trusting(), pytest.raises(InputError, match="module unasked has no 'make'"):
        dimensions("own", ("unasked:make",))
    assert (tmp_path / "ran").exists()


class Ones:
    """A random state whose normal numbers are all 1 and cost no state."""

    def __init__(self, rng: Any) -> None:
        self._rng = rng

    def randn(self, *shape: int) -> Any:
        return np.ones(shape)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rng, name)


@pytest.mark.parametrize("task", [*YANG, "dlygointr", "dm1seql"])
def test_a_trial_without_noise_and_its_noise_make_the_trial_of_the_task(task: str) -> None:
    environment = Environment(task, 100.0)

    def trials(noise: bool) -> list[Trial]:
        environment.restart(3)
        for env in environment._rings:
            env.unwrapped.rng = Ones(env.unwrapped.rng)
        return [environment.draw(noise) for _ in range(12)]

    for whole, bare in zip(trials(True), trials(False), strict=True):
        assert whole.sigma is None
        assert bare.sigma is not None
        np.testing.assert_array_equal(whole.labels, bare.labels)
        np.testing.assert_allclose(whole.ob, bare.ob + bare.sigma, atol=1e-6)


def test_trials_without_noise_keep_their_noise_apart() -> None:
    trials, sigma = draw_noise_free("yang19", ("go", "dm1"), 5, 100.0, stream="train")
    assert sigma.shape == (len(trials.labels), 33)
    stimulus_of_dm1 = slice(trials.offsets[5], None)
    assert (sigma[: trials.offsets[5]] == 0).all()
    assert (sigma[stimulus_of_dm1].max(axis=1) > 0).any()
    with pytest.raises(InputError, match="0 trials per task"):
        draw_noise_free("yang19", ("go",), 0, 100.0, stream="train")

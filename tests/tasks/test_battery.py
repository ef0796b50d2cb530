"""Trials are the tasks' own, with the published fixation cue, and reproducible."""

import importlib

import numpy as np
import pytest

from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.tasks.battery import (
    BATTERIES,
    dimensions,
    draw_trials,
    hold_fixation,
    select_tasks,
)

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
        ("yang20", None, "unknown battery 'yang20'; known: yang19"),
        ("yang19", ("ctxdm3",), "unknown task 'ctxdm3' in battery yang19; did you mean 'ctxdm2'?"),
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
    with pytest.raises(InputError, match="0 trials a task: ask for at least 1"):
        draw(per_task=0)

"""Accuracy against a plain reading of its definition, trial by trial, in neurogym's own terms."""

import importlib

import numpy as np
import numpy.typing as npt
import pytest

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import BATTERIES, draw_trials
from spiking_bimt.errors import InputError

TRIALS = draw_trials("yang19", BATTERIES["yang19"], 5, 100.0, stream="test")


def outputs_for(answers: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    outputs = np.zeros((len(answers), 17), np.float32)
    outputs[np.arange(len(answers)), answers] = 1
    return outputs


def test_right_answers_score_one_and_silence_scores_the_no_go_trials() -> None:
    assert score(outputs_for(TRIALS.labels), TRIALS).accuracy == 1.0
    silent = score(outputs_for(np.zeros_like(TRIALS.labels)), TRIALS)
    last = TRIALS.labels[TRIALS.offsets[1:] - 1]
    np.testing.assert_array_equal(silent.correct, last == 0)


def test_random_answers_agree_with_a_loop_over_trials() -> None:
    rng = np.random.default_rng(0)
    answers = np.where(rng.random(len(TRIALS.labels)) < 0.97, TRIALS.labels, rng.integers(17))
    result = score(outputs_for(answers), TRIALS)
    for k in range(TRIALS.n_trials):
        mine = answers[TRIALS.offsets[k] : TRIALS.offsets[k + 1]]
        held = all(answer == 0 for answer in mine[: TRIALS.decision[k]])
        right = mine[-1] == TRIALS.labels[TRIALS.offsets[k + 1] - 1]
        assert result.correct[k] == (held and right)
        assert result.decided[k] == right
    assert 0 < result.accuracy < 1
    low, high = result.interval
    assert low < result.accuracy < high


def test_neurogym_itself_rewards_the_answers_that_count() -> None:
    for task in ("go", "dm2", "dlydm1"):
        environment = getattr(
            importlib.import_module("neurogym.envs.collections.yang19"), task
        )(dt=100)  # fmt: skip
        environment.seed(3)
        environment.reset()
        environment.new_trial()
        own = environment.unwrapped
        own.t, own.t_ind = int(own.start_t["decision"]), own.start_ind["decision"]
        answer = int(own.gt[own.t_ind])
        _, reward, *_ = environment.step(answer)
        assert reward == own.rewards["correct"]


def test_outputs_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="outputs for"):
        score(np.zeros((3, 17)), TRIALS)

"""The one score of every network on a set of trials: accuracy, or R² where numbers are answered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError

Flags = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """How well a network answered a set of trials.

    `accuracy` is the mean over tasks of sum(gained) / sum(possible) over the trials of each: the
    share of right trials, or of right steps, or R², as `measure` says.
    """

    correct: Flags
    """(n,) trials answered right. Of a task: fixation held until the go signal and the right output
    at the last step; of a class at every step, at least half of the steps; of a regression, errors
    that are at most half of the variance."""
    decided: Flags
    """(n,) of a task, the right output at the last step, whatever happened before the go signal;
    `correct` of a data set."""
    task: npt.NDArray[np.int32]
    tasks: tuple[str, ...]
    gained: Doubles | None = None
    """(n,) what each trial adds to the score; `correct` where None."""
    possible: Doubles | None = None
    """(n,) the most that it could add; 1 where None."""
    measure: str = "accuracy"
    """"accuracy" or "R2", the coefficient of determination."""
    details: dict[str, Any] = field(default_factory=dict)
    """Of a data set, as JSON values: `confusion` (rows are the right classes, columns the answers)
    with its `classes`, or `smape` (%) and `mse` of numbers in the units of the data."""

    @property
    def accuracy(self) -> float:
        """Mean over tasks of the share of correct trials, or of what `measure` says."""
        return float(np.mean(self.per_task()))

    @property
    def decision_accuracy(self) -> float:
        """Mean over tasks of the share of right responses, fixation aside."""
        if self.gained is not None:
            return self.accuracy
        return float(np.mean(_task_means(self.decided, self.task, len(self.tasks))))

    def summary(self) -> dict[str, Any]:
        """What commands keep of it, as JSON values."""
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "decision_accuracy": self.decision_accuracy,
            "measure": self.measure,
            **self.details,
            "per_task": dict(zip(self.tasks, self.per_task().tolist(), strict=True)),
            "trials_per_task": len(self.task) // len(self.tasks),
        }

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of `accuracy`: normal, from each task's variance over trials.

        That of right trials is binomial, that of a ratio by the delta method.
        """
        variance = self._binomial() if self.gained is None else self._of_ratio()
        half = 1.96 * np.sqrt(variance.sum()) / len(self.tasks)
        least = 0.0 if self.measure == "accuracy" else -np.inf
        return max(least, self.accuracy - float(half)), min(1.0, self.accuracy + float(half))

    def per_task(self) -> Doubles:
        """(n_tasks,) share of correct trials of each task, or what `measure` says."""
        gained = self.correct if self.gained is None else self.gained
        return _task_means(gained, self.task, len(self.tasks), self.possible)

    def _binomial(self) -> Doubles:
        counts = np.bincount(self.task, minlength=len(self.tasks))
        # One more trial of each outcome: a task without errors gets an interval, too.
        smooth = (self.per_task() * counts + 1) / (counts + 2)
        variance: Doubles = smooth * (1 - smooth) / counts
        return variance

    def _of_ratio(self) -> Doubles:
        assert self.gained is not None
        assert self.possible is not None
        n_tasks = len(self.tasks)
        off = np.square(self.gained - self.per_task()[self.task] * self.possible)
        counts = np.bincount(self.task, minlength=n_tasks)
        totals = np.bincount(self.task, self.possible, n_tasks)
        correction = counts / np.maximum(counts - 1, 1)
        variance: Doubles = correction * np.bincount(self.task, off, n_tasks) / totals**2
        return variance


def score(outputs: npt.NDArray[np.floating], trials: Trials) -> Score:
    """Score readouts (S, K), one row per step, against the right answers of the trials.

    A trial of a task counts when the largest output is fixation (0) at every step before the go
    signal and the labelled one at the last step of the decision period. A sequence counts when the
    mean of the outputs from the decision step on is largest for its class.
    """
    if outputs.shape[0] != len(trials.labels):
        raise InputError(f"{outputs.shape[0]} outputs for {len(trials.labels)} task steps")
    return _SCORES[trials.answer.kind](outputs, trials)


def class_answers(outputs: npt.NDArray[np.floating], trials: Trials) -> npt.NDArray[np.int64]:
    """(n,) class with the largest mean output from the decision step on, of each sequence."""
    found: npt.NDArray[np.int64] = np.argmax(_mean_outputs(outputs, trials), axis=1)
    return found


def _score_task(outputs: npt.NDArray[np.floating], trials: Trials) -> Score:
    answer = np.argmax(outputs, axis=1)
    broken = (answer != 0) & _before_decision(trials)
    held = np.add.reduceat(broken, trials.offsets[:-1]) == 0
    last = trials.offsets[1:] - 1
    decided = answer[last] == trials.labels[last]
    return Score(held & decided, decided, trials.task, trials.tasks)


def _score_sequence(outputs: npt.NDArray[np.floating], trials: Trials) -> Score:
    wanted = trials.labels[trials.offsets[:-1]]
    found = class_answers(outputs, trials)
    correct = found == wanted
    details = _confusion(wanted, found, trials)
    return Score(correct, correct, trials.task, trials.tasks, details=details)


def _score_steps(outputs: npt.NDArray[np.floating], trials: Trials) -> Score:
    found = np.argmax(outputs, axis=1)
    right = np.add.reduceat((found == trials.labels).astype(float), trials.offsets[:-1])
    steps = trials.lengths.astype(float)
    correct = right >= steps / 2
    details = _confusion(trials.labels, found, trials)
    return Score(
        correct, correct, trials.task, trials.tasks, right, steps, "accuracy", details
    )  # fmt: skip


def _score_regression(outputs: npt.NDArray[np.floating], trials: Trials) -> Score:
    """R² of all targets alike, each over its variance; sMAPE and mean squared error of the units.

    sMAPE = 200 / n sum |y - z| / (|y| + |z|), 0 where both are 0.
    """
    assert trials.targets is not None
    starts = trials.offsets[:-1]
    wanted, found = trials.targets.astype(float), np.asarray(outputs, float)
    around = np.square(wanted - wanted.mean(axis=0))
    weight = 1 / np.maximum(around.mean(axis=0), np.finfo(np.float32).tiny)
    total = np.add.reduceat(around @ weight, starts)
    residual = np.add.reduceat(np.square(wanted - found) @ weight, starts)
    mean, scale = np.array(trials.answer.mean), np.array(trials.answer.scale)
    y, z = mean + scale * wanted, mean + scale * found
    size = np.abs(y) + np.abs(z)
    parts = np.divide(np.abs(y - z), size, out=np.zeros_like(y), where=size > 0)
    details = {"smape": float(200 * parts.mean()), "mse": float(np.square(y - z).mean())}
    correct = residual <= total / 2
    return Score(
        correct, correct, trials.task, trials.tasks, total - residual, total, "R2", details
    )  # fmt: skip


_SCORES: dict[str, Callable[[npt.NDArray[np.floating], Trials], Score]] = {
    "task": _score_task,
    "sequence": _score_sequence,
    "steps": _score_steps,
    "regression": _score_regression,
}


def _before_decision(trials: Trials) -> Flags:
    """(S,) which steps lie before the decision step of their trial."""
    within = np.arange(len(trials.labels)) - np.repeat(trials.offsets[:-1], trials.lengths)
    before: Flags = within < np.repeat(trials.decision, trials.lengths)
    return before


def _mean_outputs(outputs: npt.NDArray[np.floating], trials: Trials) -> Doubles:
    """(n, K) mean output of each trial from its decision step on."""
    read = ~_before_decision(trials)
    starts = trials.offsets[:-1]
    sums = np.add.reduceat(outputs * read[:, None], starts, axis=0, dtype=float)
    means: Doubles = sums / np.maximum(np.add.reduceat(read.astype(int), starts), 1)[:, None]
    return means


def _confusion(
    wanted: npt.NDArray[np.int32], found: npt.NDArray[np.int64], trials: Trials
) -> dict[str, Any]:
    k = len(trials.answer.names)
    counts = np.bincount(wanted * np.int64(k) + found, minlength=k * k).reshape(k, k)
    return {"classes": list(trials.answer.names), "confusion": counts.tolist()}


def _task_means(
    values: npt.NDArray[Any],
    task: npt.NDArray[np.int32],
    n_tasks: int,
    possible: Doubles | None = None,
) -> Doubles:
    """(n_tasks,) sum of the values over the trials of each task, over what was possible."""
    totals = np.bincount(task, weights=values, minlength=n_tasks)
    most = np.bincount(task, minlength=n_tasks) if possible is None else None
    means: Doubles
    if most is not None:
        means = totals / np.maximum(most, 1)
    else:
        sums = np.bincount(task, possible, n_tasks)
        means = np.divide(totals, sums, out=np.zeros(n_tasks), where=sums > 0)
    return means

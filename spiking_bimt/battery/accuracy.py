"""The one definition of accuracy that every network is scored by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError


@dataclass(frozen=True)
class Score:
    """Which trials a network got right."""

    correct: npt.NDArray[np.bool_]
    """(n,) fixation held until the go signal and the right output at the last step."""
    decided: npt.NDArray[np.bool_]
    """(n,) the right output at the last step, whatever happened before the go signal."""
    task: npt.NDArray[np.int32]
    tasks: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Mean over tasks of the share of correct trials."""
        return float(np.mean(self.per_task()))

    @property
    def decision_accuracy(self) -> float:
        """Mean over tasks of the share of right responses, fixation aside."""
        return float(np.mean(_task_means(self.decided, self.task, len(self.tasks))))

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of `accuracy`: normal, from each task's binomial variance."""
        shares = self.per_task()
        counts = np.bincount(self.task, minlength=len(self.tasks))
        # One more trial of each outcome: a task without errors gets an interval, too.
        smooth = (shares * counts + 1) / (counts + 2)
        half = 1.96 * np.sqrt(np.sum(smooth * (1 - smooth) / counts)) / len(self.tasks)
        return max(0.0, self.accuracy - float(half)), min(1.0, self.accuracy + float(half))

    def per_task(self) -> npt.NDArray[np.float64]:
        """(n_tasks,) share of correct trials of each task."""
        return _task_means(self.correct, self.task, len(self.tasks))


def score(outputs: npt.NDArray[np.floating], trials: Trials) -> Score:
    """Score readouts (S, K), one row a task step, against the task's own ground truth.

    A trial counts when the largest output is fixation (0) at every step before the go signal and
    the labelled one at the last step of the decision period.
    """
    if outputs.shape[0] != len(trials.labels):
        raise InputError(f"{outputs.shape[0]} outputs for {len(trials.labels)} task steps")
    answer = np.argmax(outputs, axis=1)
    lengths = trials.lengths
    within = np.arange(len(answer)) - np.repeat(trials.offsets[:-1], lengths)
    broken = (answer != 0) & (within < np.repeat(trials.decision, lengths))
    held = np.add.reduceat(broken, trials.offsets[:-1]) == 0
    last = trials.offsets[1:] - 1
    decided = answer[last] == trials.labels[last]
    return Score(held & decided, decided, trials.task, trials.tasks)


def _task_means(
    flags: npt.NDArray[np.bool_], task: npt.NDArray[np.int32], n_tasks: int
) -> npt.NDArray[np.float64]:
    totals = np.bincount(task, weights=flags, minlength=n_tasks)
    means: npt.NDArray[np.float64] = totals / np.maximum(np.bincount(task, minlength=n_tasks), 1)
    return means

"""Batches of whole trials, packed by time so that those that are over cost nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.environments import N_RINGS, RING
from spiking_bimt.data.trials import TASK, Answer, Trials
from spiking_bimt.data.validate import read_only
from spiking_bimt.kernels import train_recurrent
from spiking_bimt.kernels.train_batch import gather

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Trials packed by time: rows of step t are the trials not yet over, longest first."""

    inputs: npt.NDArray[np.float32]
    """(P, at least C) inputs of every live trial at every step, step after step; then zeros."""
    labels: Ints
    """(P,) right outputs."""
    weights: npt.NDArray[np.float32]
    """(P,) weight of each row in the loss; they sum to 1."""
    before_go: npt.NDArray[np.bool_]
    """(P,) whether the row lies before its trial's go signal."""
    counts: Ints
    """Live trials at each step, falling."""
    rows: Ints
    """(P,) row of each in the trials that they were taken from."""
    task: npt.NDArray[np.int32]
    """(P,) task of each row's trial."""
    answer: Answer = TASK
    targets: npt.NDArray[np.float32] | None = None
    """(P, K) right outputs of a regression."""

    @property
    def trial(self) -> Ints:
        """(P,) trial of each row, by its place in the batch, longest first."""
        starts = np.cumsum(self.counts) - self.counts
        trials: Ints = np.arange(self.counts.sum()) - np.repeat(starts, self.counts)
        return trials

    @property
    def previous(self) -> Ints:
        """Row of the step before, for every row after the first step."""
        gap = np.repeat(self.counts[:-1], self.counts[1:])
        rows: Ints = np.arange(self.counts[0], self.counts.sum()) - gap
        return rows


def pack(
    trials: Trials, chosen: Ints, decision_weight: float = 1.0, turn: Ints | None = None
) -> Batch:
    """Pack the chosen trials; each trial weighs the same.

    decision_weight: of a step from the go signal on, against 1 before it; the steps of a sequence
    before the decision step weigh nothing, and those of other data all the same.
    turn: places by which each chosen trial's rings and answers are turned, if any. The inputs are
    padded to whole vectors, as `kernels.train_recurrent` wants them.
    """
    by_length = np.argsort(-trials.lengths[chosen], kind="stable")
    order = chosen[by_length]
    lengths = trials.lengths[order]
    counts = (lengths[None, :] > np.arange(lengths[0])[:, None]).sum(1)
    step = np.repeat(np.arange(lengths[0]), counts)
    trial = np.arange(len(step)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = trials.offsets[order][trial] + step
    before_go = step < trials.decision[order][trial]
    inputs = np.zeros((len(rows), train_recurrent.padded(trials.n_inputs)), np.float32)
    labels = trials.labels[rows].astype(np.int64)
    places = np.zeros(len(order), np.int64) if turn is None else turn[by_length]
    rings = 0 if turn is None else N_RINGS
    gather(read_only(trials.inputs), rows, counts, places, RING, rings, inputs)
    labels = np.where(labels > 0, 1 + (labels - 1 + places[trial]) % RING, 0) if rings else labels
    weights = np.where(before_go, 1.0, decision_weight)
    if trials.answer.kind != "task":
        weights = np.where(before_go & (trials.answer.kind == "sequence"), 0.0, 1.0)
    weights /= np.bincount(trial, weights)[trial] * len(order)
    return Batch(
        inputs=inputs,
        labels=labels,
        weights=weights.astype(np.float32),
        before_go=before_go,
        counts=counts,
        rows=rows,
        task=trials.task[order][trial],
        answer=trials.answer,
        targets=None if trials.targets is None else trials.targets[rows],
    )

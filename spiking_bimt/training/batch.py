"""Batches of whole trials, packed by time so that those that are over cost nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.environments import N_RINGS, RING
from spiking_bimt.data.trials import Trials
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

    @property
    def previous(self) -> Ints:
        """Row of the step before, for every row after the first step."""
        gap = np.repeat(self.counts[:-1], self.counts[1:])
        rows: Ints = np.arange(self.counts[0], self.counts.sum()) - gap
        return rows


def pack(
    trials: Trials, chosen: Ints, decision_weight: float = 1.0, turn: Ints | None = None
) -> Batch:
    """Pack the chosen trials; each trial weighs the same, its decision steps `decision_weight`.

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
    gather(trials.inputs, rows, counts, places, RING, rings, inputs)
    labels = np.where(labels > 0, 1 + (labels - 1 + places[trial]) % RING, 0) if rings else labels
    weights = np.where(before_go, 1.0, decision_weight)
    weights /= np.bincount(trial, weights)[trial] * len(order)
    return Batch(
        inputs=inputs,
        labels=labels,
        weights=weights.astype(np.float32),
        before_go=before_go,
        counts=counts,
        rows=rows,
        task=trials.task[order][trial],
    )

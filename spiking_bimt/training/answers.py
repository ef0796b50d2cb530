"""The loss of a batch's outputs, by what they answer: cross entropy, or squared error."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from spiking_bimt.training.batch import Batch

Array = npt.NDArray[Any]


def loss_of_outputs(
    outputs: Array, batch: Batch, margin: float = 0.0, targets: Array | None = None
) -> tuple[Array, Array]:
    """Loss by row (P,), weighted, and its gradient by the outputs (P, K).

    Classes and tasks: the divergence from the targets, which are the shares (P, K) that each output
    should have, all of it for the right one where they are None. A sequence has one answer, the
    mean of its outputs. Regression: half of the squared error, mean over outputs.

    margin: taken off the right output, so that it learns to be that much larger than the others
    (additive-margin softmax); of a task, off fixation, before the go signal alone. A regression has
    none.
    """
    if batch.answer.kind == "regression":
        assert batch.targets is not None
        error = outputs - (batch.targets if targets is None else targets)
        return np.square(error).mean(axis=1) / 2 * batch.weights, (
            error * (batch.weights[:, None] / np.float32(outputs.shape[1]))
        )
    hard = targets is None
    if targets is None:
        targets = np.eye(outputs.shape[1], dtype=np.float32)[batch.labels]
    shown = shown_outputs(outputs, batch)
    if margin and batch.answer.kind == "task":
        shown[:, 0] -= np.float32(margin) * batch.before_go
    elif margin:
        shown -= np.float32(margin) * targets
    log_p = log_softmax(shown)
    loss = -(targets * log_p).sum(axis=1)
    if not hard:
        loss += xlogy(targets, targets).sum(axis=1)
    return loss * batch.weights, (np.exp(log_p) - targets) * batch.weights[:, None]


def mixed_targets(outputs: Array, batch: Batch, share: float) -> Array:
    """(P, K) the right answers, with `share` of what other outputs (P, K) answer."""
    own = np.float32(1 - share)
    if batch.answer.kind == "regression":
        assert batch.targets is not None
        return np.float32(share) * outputs + own * batch.targets
    targets: Array = np.float32(share) * np.exp(log_softmax(shown_outputs(outputs, batch)))
    targets[np.arange(len(outputs)), batch.labels] += own
    return targets


def shown_outputs(outputs: Array, batch: Batch) -> Array:
    """(P, K) a copy of the outputs; of sequences, the mean of its trial in every row."""
    if batch.answer.kind != "sequence":
        return outputs.copy()
    n = int(batch.counts[0])
    weighted = outputs * (batch.weights[:, None] * np.float32(n))
    means = np.zeros((n, outputs.shape[1]), outputs.dtype)
    begin = 0
    for count in batch.counts:
        means[:count] += weighted[begin : begin + count]
        begin += int(count)
    shown: Array = means[batch.trial]
    return shown


def log_softmax(outputs: Array) -> Array:
    """(P, K) logarithms of the shares that outputs (P, K) give."""
    log_p: Array = outputs - outputs.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    return log_p

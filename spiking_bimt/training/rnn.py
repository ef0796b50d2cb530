"""The leaky rate RNN: its forward pass and exact gradient over a batch of whole trials.

Backpropagation through time is written out instead of left to autograd: trials are packed by
length, so that finished ones cost nothing, and each weight gradient is one matrix product over
all steps instead of one a step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spiking_bimt.data.trials import Trials

PARAMETERS = ("w_rec", "w_in", "b", "w_out", "b_out")


@dataclass
class Parameters:
    """Trainable tensors (or their gradients, moments, masks), shaped as in RateNetwork."""

    w_rec: Tensor
    w_in: Tensor
    b: Tensor
    w_out: Tensor
    b_out: Tensor

    def tensors(self) -> tuple[Tensor, ...]:
        """The tensors in the order of PARAMETERS."""
        return self.w_rec, self.w_in, self.b, self.w_out, self.b_out

    def select(self, units: Tensor) -> "Parameters":
        """The same for a subset of the hidden units, by index."""
        return Parameters(
            self.w_rec[units][:, units].contiguous(),
            self.w_in[units].contiguous(),
            self.b[units].contiguous(),
            self.w_out[:, units].contiguous(),
            self.b_out,
        )

    def zeros_like(self) -> "Parameters":
        """Zero tensors of the same shapes."""
        return Parameters(*(torch.zeros_like(tensor) for tensor in self.tensors()))


@dataclass(frozen=True)
class Batch:
    """Trials packed by time: rows of step t are the trials not yet over, longest first."""

    inputs: Tensor
    """(P, C) inputs of every live trial at every step, step after step."""
    labels: Tensor
    """(P,) right outputs."""
    weights: Tensor
    """(P,) weight of each row in the loss; they sum to 1."""
    before_go: Tensor
    """(P,) whether the row lies before its trial's go signal."""
    counts: list[int]
    """Live trials at each step, falling."""


def initial_parameters(n_units: int, n_inputs: int, n_outputs: int, seed: int) -> Parameters:
    """Gaussian weights: recurrent gain 0.9, input and readout scaled by their fan-in."""
    rng = torch.Generator().manual_seed(seed)

    def gaussian(rows: int, cols: int, scale: float) -> Tensor:
        return torch.randn(rows, cols, generator=rng) * scale

    return Parameters(
        w_rec=gaussian(n_units, n_units, 0.9 / n_units**0.5),
        w_in=gaussian(n_units, n_inputs, 1 / n_inputs**0.5),
        b=torch.zeros(n_units),
        w_out=gaussian(n_outputs, n_units, 1 / n_units**0.5),
        b_out=torch.zeros(n_outputs),
    )


def pack(trials: Trials, chosen: npt.NDArray[np.int64], decision_weight: float = 1.0) -> Batch:
    """Pack the chosen trials; each trial weighs the same, its decision steps `decision_weight`."""
    order = chosen[np.argsort(-trials.lengths[chosen], kind="stable")]
    lengths = trials.lengths[order]
    counts = (lengths[None, :] > np.arange(lengths[0])[:, None]).sum(1)
    step = np.repeat(np.arange(lengths[0]), counts)
    trial = np.arange(len(step)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = trials.offsets[order][trial] + step
    before_go = step < trials.decision[order][trial]
    weights = np.where(before_go, 1.0, decision_weight)
    weights /= np.bincount(trial, weights)[trial] * len(order)
    return Batch(
        inputs=torch.from_numpy(trials.inputs[rows]),
        labels=torch.from_numpy(trials.labels[rows]).long(),
        weights=torch.from_numpy(weights.astype(np.float32)),
        before_go=torch.from_numpy(before_go),
        counts=[int(count) for count in counts],
    )


def forward(
    p: Parameters, batch: Batch, alpha: float, noise: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Rates after each step and rectified drive, both (P, N) in packed order.

    r <- (1 - alpha) r + alpha relu(W_rec r + W_in u + b + noise), from r = 0.
    """
    drive = torch.addmm(p.b, batch.inputs, p.w_in.T)
    if noise is not None:
        drive += noise
    rates = torch.empty_like(drive)
    w_rec_t = p.w_rec.T
    start, previous = 0, rates[:0]
    for step, count in enumerate(batch.counts):
        now = drive[start : start + count]
        out = rates[start : start + count]
        if step:
            now.addmm_(previous[:count], w_rec_t)
        now.clamp_(min=0)
        torch.mul(now, alpha, out=out)
        if step:
            out.add_(previous[:count], alpha=1 - alpha)
        previous = out
        start += count
    return rates, drive


def readout(p: Parameters, rates: Tensor) -> Tensor:
    """(P, K) outputs W_out r + b_out."""
    return torch.addmm(p.b_out, rates, p.w_out.T)


def loss_and_gradient(
    p: Parameters,
    batch: Batch,
    alpha: float,
    noise: Tensor | None = None,
    margin: float = 0.0,
    activity: float = 0.0,
) -> tuple[float, Parameters, Tensor]:
    """Weighted cross entropy, its gradient, and the peak rate of each unit (N,).

    `margin` is taken off the fixation output before the go signal, so that the network learns to
    hold fixation by that much more than the best other output (additive-margin softmax).
    `activity` weighs the mean squared rate: without it rates may grow until spikes, whose noise
    grows with them, cannot carry what the network does.
    """
    rates, drive = forward(p, batch, alpha, noise)
    outputs = readout(p, rates)
    if margin:
        outputs[:, 0] -= margin * batch.before_go
    log_p = torch.log_softmax(outputs, 1)
    picked = log_p.gather(1, batch.labels[:, None])[:, 0]
    loss = -float(picked @ batch.weights)
    d_out = log_p.exp_()
    d_out[torch.arange(len(d_out)), batch.labels] -= 1
    d_out *= batch.weights[:, None]

    d_drive = torch.mm(d_out, p.w_out)
    if activity:
        loss += activity * float(rates.square().mean())
        d_drive.add_(rates, alpha=2 * activity / rates.numel())
    active = drive > 0
    start = len(drive)
    back: Tensor | None = None
    for count in reversed(batch.counts):
        start -= count
        now = d_drive[start : start + count]
        if back is not None:
            now[: len(back)] += back
        carried = now * (1 - alpha)
        now.mul_(active[start : start + count]).mul_(alpha)
        back = carried.addmm_(now, p.w_rec)
    first = batch.counts[0]
    gradient = Parameters(
        w_rec=torch.mm(d_drive[first:].T, rates[_previous_rows(batch.counts)]),
        w_in=torch.mm(d_drive.T, batch.inputs),
        b=d_drive.sum(0),
        w_out=torch.mm(d_out.T, rates),
        b_out=d_out.sum(0),
    )
    return loss, gradient, rates.amax(0)


def _previous_rows(counts: list[int]) -> Tensor:
    """Packed row of the step before, for every row after the first step."""
    sizes = np.array(counts)
    return torch.from_numpy(np.arange(sizes[0], sizes.sum()) - np.repeat(sizes[:-1], sizes[1:]))

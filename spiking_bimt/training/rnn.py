"""The leaky rate RNN: its forward pass and exact gradient over a batch of whole trials.

Backpropagation through time is written out instead of left to autograd: trials are packed by
length, so that finished ones cost nothing, the recurrent part is three kernels, and each weight
gradient is one matrix product over all steps instead of one a step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spiking_bimt.battery.environments import N_RINGS, RING
from spiking_bimt.data.trials import Trials
from spiking_bimt.kernels import train_recurrent
from spiking_bimt.kernels.train_batch import gather

PARAMETERS = ("w_rec", "w_in", "b", "w_out", "b_out")

RELU: npt.NDArray[np.float32] = np.empty(0, np.float32)
"""Parameters of the rectifier, which has none."""

NEVER = -1e30
"""Bias of the units that only fill a vector."""


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
    """(P, padded C) inputs of every live trial at every step, step after step; then zeros."""
    labels: Tensor
    """(P,) right outputs."""
    weights: Tensor
    """(P,) weight of each row in the loss; they sum to 1."""
    before_go: Tensor
    """(P,) whether the row lies before its trial's go signal."""
    counts: list[int]
    """Live trials at each step, falling."""
    rows: npt.NDArray[np.int64]
    """(P,) row of each in the trials that they were taken from."""
    task: npt.NDArray[np.int32]
    """(P,) task of each row's trial."""


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


_LEAST_PEAK = 1e-6
"""Peak below which a unit's rate no longer counts as relative to it."""


def pack(
    trials: Trials,
    chosen: npt.NDArray[np.int64],
    decision_weight: float = 1.0,
    turn: npt.NDArray[np.int64] | None = None,
) -> Batch:
    """Pack the chosen trials; each trial weighs the same, its decision steps `decision_weight`.

    turn: places by which each chosen trial's rings and answers are turned, if any.
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
        inputs=torch.from_numpy(inputs),
        labels=torch.from_numpy(labels),
        weights=torch.from_numpy(weights.astype(np.float32)),
        before_go=torch.from_numpy(before_go),
        counts=[int(count) for count in counts],
        rows=rows,
        task=trials.task[order][trial],
    )


@dataclass(frozen=True)
class Packed:
    """The forward pass of a batch; rows as in the batch, units padded (see kernels.recurrent)."""

    rates: Tensor
    """(P, padded N) rates after each step."""
    slopes: Tensor
    """(P, padded N) slope of the activation at each step's drive."""
    counts: npt.NDArray[np.int64]
    w_rec: Tensor
    """(padded N, padded N)"""


def forward(
    p: Parameters,
    batch: Batch,
    alpha: float,
    noise: Tensor | None = None,
    curve: npt.NDArray[np.float32] = RELU,
) -> Packed:
    """r <- (1 - alpha) r + alpha f(W_rec r + W_in u + b + noise), from r = 0.

    curve: RELU, or the parameters of `kernels.activation.lif_rate_and_slope`.
    """
    n, wide = len(p.b), train_recurrent.padded(len(p.b))
    bias = torch.full((wide,), NEVER)
    bias[:n] = p.b
    drive = bias.expand(len(batch.inputs), wide).contiguous()
    _add_product(batch.inputs, _padded(p.w_in.T, batch.inputs.shape[1], wide), drive)
    if noise is not None:
        drive[:, :n] += noise
    rates = torch.empty_like(drive)
    w_rec = _padded(p.w_rec, wide, wide)
    counts = np.array(batch.counts)
    train_recurrent.forward(
        drive.numpy(), rates.numpy(), counts, w_rec.T.contiguous().numpy(), np.float32(alpha), curve
    )
    return Packed(rates, drive, counts, w_rec)


def readout(p: Parameters, rates: Tensor) -> Tensor:
    """(P, K) outputs W_out r + b_out, for rates (P, padded N)."""
    n_outputs = len(p.b_out)
    wide = train_recurrent.padded(n_outputs)
    outputs = torch.zeros(len(rates), wide)
    _add_product(rates, _padded(p.w_out.T, rates.shape[1], wide), outputs)
    return outputs[:, :n_outputs] + p.b_out


def loss_and_gradient(
    p: Parameters,
    batch: Batch,
    alpha: float,
    noise: Tensor | None = None,
    margin: float = 0.0,
    activity: float = 0.0,
    spikes: float = 0.0,
    curve: npt.NDArray[np.float32] = RELU,
) -> tuple[Tensor, Parameters, Tensor]:
    """Loss by row (P,), the gradient of its sum, and the rates (P, N).

    The loss is the weighted cross entropy; every row bears the same part of the costs of rates.

    `margin` is taken off the fixation output before the go signal, so that the network learns to
    hold fixation by that much more than the best other output (additive-margin softmax).
    `activity` weighs the mean squared rate: without it rates may grow until spikes, whose noise
    grows with them, cannot carry what the network does. `spikes` weighs the mean rate relative to
    each unit's peak in the batch, which is how many spikes it sends once its peak has become the
    full rate of a spiking neuron.
    """
    n = len(p.b)
    packed = forward(p, batch, alpha, noise, curve)
    rates = packed.rates
    outputs = readout(p, rates)
    if margin:
        outputs[:, 0] -= margin * batch.before_go
    log_p = torch.log_softmax(outputs, 1)
    picked = log_p.gather(1, batch.labels[:, None])[:, 0]
    loss = -picked * batch.weights
    d_out = log_p.exp_()
    d_out[torch.arange(len(d_out)), batch.labels] -= 1
    d_out *= batch.weights[:, None]

    n_outputs = d_out.shape[1]
    d_out = _padded(d_out, len(d_out), train_recurrent.padded(n_outputs))
    d_drive = torch.zeros_like(rates)
    _add_product(d_out, _padded(p.w_out, d_out.shape[1], rates.shape[1]), d_drive)
    if activity:
        used = len(rates) * n
        loss += activity * rates.square().sum() / used / len(rates)
        d_drive.add_(rates, alpha=2 * activity / used)
    if spikes:
        loss += _spike_cost(rates, spikes / n, d_drive) / len(rates)
    train_recurrent.backward(
        d_drive.numpy(), packed.slopes.numpy(), packed.counts, packed.w_rec.numpy(),
        np.float32(alpha),
    )  # fmt: skip
    before = rates[_previous_rows(packed.counts)]
    gradient = Parameters(
        w_rec=_outer(d_drive[packed.counts[0] :], before)[:n, :n].contiguous(),
        w_in=_outer(batch.inputs, d_drive)[: p.w_in.shape[1], :n].T.contiguous(),
        b=d_drive.sum(0)[:n],
        w_out=_outer(d_out, rates)[:n_outputs, :n].contiguous(),
        b_out=d_out.sum(0)[:n_outputs],
    )
    return loss, gradient, rates[:, :n]


def _spike_cost(rates: Tensor, weight: float, d_rates: Tensor) -> float:
    """weight * sum over units of mean / peak of the rates (P, units); adds its gradient."""
    peak, row = rates.max(0)
    relative = torch.where(peak > 0, rates.mean(0) / peak.clamp_min(_LEAST_PEAK), 0.0)
    share = torch.where(peak > 0, weight / peak.clamp_min(_LEAST_PEAK), 0.0)
    d_rates += share / len(rates)
    d_rates[row, torch.arange(len(row))] -= share * relative
    return weight * float(relative.sum())


def _add_product(x: Tensor, w: Tensor, out: Tensor) -> None:
    """out += x @ w; every width a padded one."""
    train_recurrent.add_product(x.numpy(), w.numpy(), out.numpy())


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """left.T @ right, for as many rows; every width a padded one."""
    out = torch.zeros(left.shape[1], right.shape[1])
    train_recurrent.add_outer(left.numpy(), right.numpy(), out.numpy())
    return out


def _padded(weights: Tensor, rows: int, cols: int) -> Tensor:
    """The matrix with zero rows and columns after its own."""
    out = torch.zeros(rows, cols)
    out[: weights.shape[0], : weights.shape[1]] = weights
    return out


def _previous_rows(counts: npt.NDArray[np.int64]) -> Tensor:
    """Packed row of the step before, for every row after the first step."""
    return torch.from_numpy(np.arange(counts[0], counts.sum()) - np.repeat(counts[:-1], counts[1:]))

"""The leaky rate RNN: its forward pass and exact gradient over a batch of whole trials.

Backpropagation through time is written out instead of left to autograd: trials are packed by
length, so that finished ones cost nothing, the recurrent part is three kernels, and each weight
gradient is one matrix product over all steps instead of one per step.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spiking_bimt.kernels import train_recurrent
from spiking_bimt.training.answers import loss_of_outputs
from spiking_bimt.training.batch import Batch
from spiking_bimt.training.parameters import Parameters

RELU: npt.NDArray[np.float32] = np.empty(0, np.float32)
"""Parameters of the rectifier, which has none."""

NEVER = -1e30
"""Bias of the units that only fill a vector."""


def initial_parameters(n_units: int, n_inputs: int, n_outputs: int, seed: int) -> Parameters:
    """Gaussian weights: recurrent gain 0.9, input and readout scaled by their fan-in."""
    rng = torch.Generator().manual_seed(seed)

    def gaussian(rows: int, cols: int, scale: float) -> npt.NDArray[np.float32]:
        drawn: npt.NDArray[np.float32] = (torch.randn(rows, cols, generator=rng) * scale).numpy()
        return drawn

    return Parameters(
        w_rec=gaussian(n_units, n_units, 0.9 / n_units**0.5),
        w_in=gaussian(n_units, n_inputs, 1 / n_inputs**0.5),
        b=np.zeros(n_units, np.float32),
        w_out=gaussian(n_outputs, n_units, 1 / n_units**0.5),
        b_out=np.zeros(n_outputs, np.float32),
    )


LEAST_PEAK = 1e-6
"""Peak below which a unit's rate no longer counts as relative to it."""


@dataclass(frozen=True)
class Forward:
    """The forward pass of a batch; rows as in the batch, units padded to whole vectors."""

    rates: Tensor
    """(P, padded N) rates after each step."""
    slopes: Tensor
    """(P, padded N) slope of the activation at each step's drive."""
    w_rec: Tensor
    """(padded N, padded N)"""


def forward(
    p: Parameters,
    batch: Batch,
    alpha: float,
    noise: Tensor | None = None,
    curve: npt.NDArray[np.float32] = RELU,
) -> Forward:
    """r <- (1 - alpha) r + alpha f(W_rec r + W_in u + b + noise), from r = 0.

    curve: RELU, or the parameters of `kernels.train_activation.lif_rate_and_slope`.
    """
    n, wide = len(p.b), train_recurrent.padded(len(p.b))
    bias = torch.full((wide,), NEVER)
    bias[:n] = torch.from_numpy(p.b)
    drive = bias.expand(len(batch.inputs), wide).contiguous()
    _add_product(
        torch.from_numpy(batch.inputs), _padded(p.w_in.T, batch.inputs.shape[1], wide), drive
    )
    if noise is not None:
        drive[:, :n] += noise
    rates = torch.empty_like(drive)
    w_rec = _padded(p.w_rec, wide, wide)
    train_recurrent.forward(
        drive.numpy(), rates.numpy(), batch.counts, w_rec.T.contiguous().numpy(),
        np.float32(alpha), curve,
    )  # fmt: skip
    return Forward(rates, drive, w_rec)


def readout(p: Parameters, rates: Tensor) -> Tensor:
    """(P, K) outputs W_out r + b_out, for rates (P, padded N)."""
    n_outputs = len(p.b_out)
    wide = train_recurrent.padded(n_outputs)
    outputs = torch.zeros(len(rates), wide)
    _add_product(rates, _padded(p.w_out.T, rates.shape[1], wide), outputs)
    return outputs[:, :n_outputs] + torch.from_numpy(p.b_out)


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

    The loss is that of `training.answers`, with its `margin`; every row bears the same part of the
    costs of rates.

    `activity` weighs the mean squared rate: without it rates may grow until spikes, whose noise
    grows with them, cannot carry what the network does. `spikes` weighs the mean rate relative to
    each unit's peak in the batch, which is how many spikes it sends once its peak has become the
    full rate of a spiking neuron.
    """
    n = len(p.b)
    passed = forward(p, batch, alpha, noise, curve)
    rates = passed.rates
    loss, d_out = (
        torch.from_numpy(part) for part in loss_of_outputs(readout(p, rates).numpy(), batch, margin)
    )
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
        d_drive.numpy(), passed.slopes.numpy(), batch.counts, passed.w_rec.numpy(),
        np.float32(alpha),
    )  # fmt: skip
    before = rates[torch.from_numpy(batch.previous)]
    inputs = torch.from_numpy(batch.inputs)
    gradient = Parameters(
        w_rec=_outer(d_drive[int(batch.counts[0]) :], before)[:n, :n].contiguous().numpy(),
        w_in=_outer(inputs, d_drive)[: p.w_in.shape[1], :n].T.contiguous().numpy(),
        b=d_drive.sum(0)[:n].numpy(),
        w_out=_outer(d_out, rates)[:n_outputs, :n].contiguous().numpy(),
        b_out=d_out.sum(0)[:n_outputs].numpy(),
    )
    return loss, gradient, rates[:, :n]


def norm(gradient: Parameters) -> float:
    """Length of a gradient."""
    parts = (torch.from_numpy(g).square().sum() for g in gradient.arrays().values())
    return math.sqrt(sum(float(part) for part in parts))


def _spike_cost(rates: Tensor, weight: float, d_rates: Tensor) -> float:
    """weight * sum over units of mean / peak of the rates (P, units); adds its gradient."""
    peak, row = rates.max(0)
    relative = torch.where(peak > 0, rates.mean(0) / peak.clamp_min(LEAST_PEAK), 0.0)
    share = torch.where(peak > 0, weight / peak.clamp_min(LEAST_PEAK), 0.0)
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


def _padded(weights: npt.NDArray[np.float32] | Tensor, rows: int, cols: int) -> Tensor:
    """The matrix with zero rows and columns after its own."""
    out = torch.zeros(rows, cols)
    out[: weights.shape[0], : weights.shape[1]] = torch.as_tensor(weights)
    return out

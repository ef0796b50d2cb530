"""Loss and straight-through gradient of a batch, from rates that were measured in any way.

The forward pass may be that of spiking neurons; the backward pass is that of the rate network

    r_t = (1 - alpha) r_{t-1} + alpha f(W_rec r_{t-1} + W_in u_t + b)

at the rates measured, with the slope f' at the drive that they give. The
gradient is then as bounded as the rate network's, also for spikes: it passes through exp(-dt / tau)
and f', and not through a membrane and its resets.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.kernels import train_recurrent
from spiking_bimt.training.answers import loss_of_outputs, mixed_targets
from spiking_bimt.training.batch import Batch

Array = npt.NDArray[Any]


def compute_drive(network: RateNetwork, batch: Batch, rates: Array) -> Array:
    """(P, N) drive W_rec r + W_in u + b, with the rates (P, N) of the step before."""
    drive: Array = batch.inputs @ network.w_in.T + network.b
    drive[batch.counts[0] :] += rates[batch.previous] @ network.w_rec.T
    return drive


def loss_and_gradient(
    network: RateNetwork,
    batch: Batch,
    rates: Array,
    slopes: Array,
    alpha: float,
    margin: float,
    rate_cost: float,
    targets: Array | None = None,
) -> tuple[Array, dict[str, Array]]:
    """Loss by row (P,) and the gradient of its sum by each of its parameters.

    rates, slopes: (P, N) measured rates and slope of the activation at each row's drive. targets:
    (P, K) what the outputs should answer, the right answers by default. The loss is that of
    `training.answers`, with the mean over neurons of the rate, weighted by rate_cost.
    """
    outputs = rates @ network.w_out.T + network.b_out
    loss, d_out = loss_of_outputs(outputs, batch, margin, targets)
    loss += rate_cost * rates.mean() / len(rates)
    d_drive = backward(
        network, batch, d_out @ network.w_out + rate_cost / rates.size, slopes, alpha
    )
    return loss, {
        "w_rec": d_drive[batch.counts[0] :].T @ rates[batch.previous],
        "w_in": d_drive.T @ batch.inputs,
        "b": d_drive.sum(axis=0),
        "w_out": d_out.T @ rates,
        "b_out": d_out.sum(axis=0),
    }


def soft_targets(network: RateNetwork, batch: Batch, rates: Array, share: float) -> Array:
    """(P, K) the right answers, with `share` of what a rate network at (P, N) rates answers."""
    return mixed_targets(rates @ network.w_out.T + network.b_out, batch, share)


def backward(
    network: RateNetwork, batch: Batch, d_rates: Array, slopes: Array, alpha: float
) -> Array:
    """(P, N) gradient by the drive of every row, from that by its rate alone."""
    n = network.n_units
    wide = train_recurrent.padded(n)
    d_drive, padded = (np.zeros((len(d_rates), wide), np.float32) for _ in range(2))
    d_drive[:, :n], padded[:, :n] = d_rates, slopes
    w_rec = np.zeros((wide, wide), np.float32)
    w_rec[:n, :n] = network.w_rec
    train_recurrent.backward(d_drive, padded, batch.counts, w_rec, np.float32(alpha))
    return d_drive[:, :n]

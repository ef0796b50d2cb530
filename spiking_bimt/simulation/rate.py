"""The rate network in NumPy: at its own step, or at the finer step of the spiking simulation."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float32]

_CHUNK = 1000


def rate_outputs(
    network: RateNetwork, trials: Trials, dt: float | None = None, delay: int = 0
) -> Floats:
    """(S, K) outputs at the end of every task step.

    dt: step of the simulation, ms; None for the step that the network was trained at, a divisor
    of the trials' step otherwise. delay: steps by which the recurrent rates reach their targets
    late (on top of the one that an explicit step has).
    """
    outputs = np.empty((len(trials.labels), len(network.b_out)), np.float32)
    for rows, rates, _ in rate_steps(network, trials, dt, delay):
        outputs[rows] = rates @ network.w_out.T + network.b_out
    return outputs


def activate(network: RateNetwork, drive: Floats) -> Floats:
    """f of the drive (..., N)."""
    if network.lif_curve is None:
        return np.maximum(drive, 0)
    return lif_rate(drive, *(float(value) for value in network.lif_curve))


def lif_rate(x: Floats, tau_mem: float, t_ref: float, full_rate: float, softness: float) -> Floats:
    """Spike rate over full_rate of a leaky integrate-and-fire neuron at a constant input.

        f(x) = 1000 / (full_rate (t_ref + tau_mem log(1 + 1 / rho))),
        rho = softness log(1 + exp(x / softness))

    x is the input above the least that makes the neuron fire, relative to that least; times in ms,
    full_rate in Hz (Hunsberger and Eliasmith 2015, arXiv:1510.08829).
    """
    scaled = np.asarray(x, np.float64) / softness
    with np.errstate(divide="ignore", over="ignore"):
        of_rho = np.log1p(1 / (softness * np.logaddexp(0, scaled)))
    # Far below the threshold rho underflows, and log(1 / rho) is -scaled - log(softness).
    log_ratio = np.where(scaled < -30, -scaled - np.log(softness), of_rho)
    rate: Floats = (1000 / (full_rate * (t_ref + tau_mem * log_ratio))).astype(np.float32)
    return rate


def drive_percentile(network: RateNetwork, trials: Trials, percentile: float) -> Floats:
    """(N,) percentile over all steps of all trials of f(W r + U u + b)."""
    drives = np.concatenate([drive for _, _, drive in rate_steps(network, trials, None, 0)])
    full_scale: Floats = np.percentile(drives, percentile, axis=0).astype(np.float32)
    return full_scale


def rate_steps(
    network: RateNetwork, trials: Trials, dt: float | None = None, delay: int = 0
) -> Iterator[tuple[npt.NDArray[np.int64], Floats, Floats]]:
    """Rows of the live trials in `trials`, their rates and drives, at each task step's end.

    The rows that come together are the same step of their trials. The (rows, N) rates are a view
    that the next step overwrites. dt and delay as in `rate_outputs`.
    """
    if trials.n_inputs != network.w_in.shape[1]:
        raise InputError(
            f"the trials have {trials.n_inputs} inputs, the network {network.w_in.shape[1]}"
        )
    ratio = 1.0 if dt is None else trials.dt / dt
    if abs(ratio - round(ratio)) > 1e-6 or round(ratio) < 1:
        raise InputError(f"dt {dt} ms does not divide the task step of {trials.dt} ms")
    alpha = np.float32(-math.expm1(-trials.dt / round(ratio) / network.tau))
    for begin in range(0, trials.n_trials, _CHUNK):
        chosen = np.arange(begin, min(begin + _CHUNK, trials.n_trials))
        order = chosen[np.argsort(-trials.lengths[chosen], kind="stable")]
        yield from _chunk_steps(network, trials, order, round(ratio), alpha, delay)


def _chunk_steps(
    network: RateNetwork,
    trials: Trials,
    order: npt.NDArray[np.int64],
    substeps: int,
    alpha: np.float32,
    delay: int,
) -> Iterator[tuple[npt.NDArray[np.int64], Floats, Floats]]:
    lengths = trials.lengths[order]
    rates = np.zeros((len(order), network.n_units), np.float32)
    past = [rates.copy() for _ in range(delay + 1)]
    drive = np.empty_like(rates)
    w_rec_t = np.ascontiguousarray(network.w_rec.T)
    time = 0
    for step in range(int(lengths[0])):
        live = int(np.searchsorted(-lengths, -step))
        rows = trials.offsets[order[:live]] + step
        external = trials.inputs[rows] @ network.w_in.T + network.b
        for _ in range(substeps):
            delayed = past[time % (delay + 1)]
            np.dot(delayed[:live], w_rec_t, out=drive[:live])
            drive[:live] += external
            drive[:live] = activate(network, drive[:live])
            rates[:live] += alpha * (drive[:live] - rates[:live])
            delayed[:live] = rates[:live]
            time += 1
        yield rows, rates[:live], drive[:live].copy()

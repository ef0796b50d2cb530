"""The slow NumPy twin of the kernels, written from the equations of `SpikingNetwork`."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def step_matrices(tau_mem: Array, tau_syn: Array, dt: float) -> Array:
    """(N, 3, 3) exp(A dt) of d/dt (v, i, x) = A (v, i, x), with x constant.

    A = [[-1 / tau_mem, 1, 1], [0, -1 / tau_syn, 0], [0, 0, 0]], by scaling and squaring of the
    exponential's series: no case is special, neither tau_mem = inf nor tau_mem = tau_syn. With
    tau_syn = 0 there is no current i.
    """
    a = np.zeros((len(tau_mem), 3, 3))
    filtered = tau_syn > 0
    a[:, 0, 0], a[:, 0, 1], a[:, 0, 2] = -1.0 / tau_mem, filtered, 1.0
    a[filtered, 1, 1] = -1.0 / tau_syn[filtered]
    halvings = max(0, int(np.ceil(np.log2(np.abs(a * dt).max()))) + 4)
    small = a * dt / 2.0**halvings
    term = out = np.broadcast_to(np.eye(3), a.shape)
    for order in range(1, 16):
        term = term @ small / order
        out = out + term
    for _ in range(halvings):
        out = out @ out
    return out


def simulate(
    v: Array,
    drive: Array,
    *,
    pre: Array,
    post: Array,
    weights: Array,
    delays: Array,
    tau_mem: Array,
    tau_syn: Array,
    v_th: Array,
    v_reset: Array,
    v_leak: Array,
    v_min: Array,
    hold: Array,
    subtract: bool,
    dt: float,
) -> tuple[Array, Array]:
    """(T, N) spikes (bool) and membrane potentials after each step, float64.

    v (N,) is the start; drive (T, N) the analogue input and bias in each step, v per ms; synapse
    k goes from pre[k] to post[k], weights[k], delays[k] steps; hold (N,) refractory steps.
    """
    n_steps, n = drive.shape
    matrices = step_matrices(tau_mem, tau_syn, dt)
    v, i = v.astype(np.float64), np.zeros(n)
    jump: Array = np.zeros(n)
    filtered = tau_syn > 0
    per_spike = np.divide(1.0, tau_syn, where=filtered, out=np.zeros(n))
    free_from = np.zeros(n, np.int64)
    spikes, trace = np.zeros((n_steps, n), bool), np.zeros((n_steps, n))
    with np.errstate(divide="ignore"):
        leak = np.where(np.isinf(tau_mem), 0.0, v_leak / tau_mem)
    for t in range(n_steps):
        held = free_from > t
        pushed = np.stack([v + jump, i, drive[t] + leak], axis=1)
        moved = np.einsum("nij,nj->ni", matrices, pushed)
        v = np.where(held, v, np.maximum(moved[:, 0], v_min))
        i = moved[:, 1]
        spikes[t] = ~held & (v > v_th)
        v = np.where(spikes[t], v - (v_th - v_reset) if subtract else v_reset, v)
        free_from[spikes[t]] = t + 1 + hold[spikes[t]]
        sent = t - delays
        arrived = (sent >= 0) & spikes[np.maximum(sent, 0), pre]
        np.add.at(i, post[arrived], (weights * per_spike[post])[arrived])
        jump = np.bincount(post[arrived], weights[arrived], n) * ~filtered
        trace[t] = v
    return spikes, trace


def readout(spikes: Array, w_out: Array, b_out: Array, decay: float, every: int) -> Array:
    """(T / every, K) outputs: each spike's trace, decay^age, weighted and summed explicitly."""
    ends = np.arange(every - 1, len(spikes), every)
    age = ends[:, None] - np.arange(len(spikes))
    kernel = np.where(age >= 0, decay ** np.maximum(age, 0), 0.0)
    traces: Array = kernel @ spikes
    outputs: Array = traces @ w_out.T + b_out
    return outputs

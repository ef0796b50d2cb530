"""A network's parameters as the kernel takes them: exact propagators over one time step."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_trials
from spiking_bimt.kernels.sim_trials import Step

Array = npt.NDArray[Any]

_LONGEST_HOLD = 2**30  # a refractory neuron's return must fit 32 bits


def mean_decay(x: Array) -> Array:
    """(1 - exp(-x)) / x, the mean of exp(-s) over 0..x, exact down to x = 0 where it is 1."""
    safe = np.where(x > 0, x, 1.0)
    return np.where(x > 0, -np.expm1(-safe) / safe, 1.0)


def step_of(network: SpikingNetwork, dtype: npt.DTypeLike) -> Step:
    """(N,) what one time step does to each neuron, computed in float64 and cast to `dtype`.

    With a = 1 / tau_mem (0 for a non-leaky membrane) and b = 1 / tau_syn, over h = dt:

        v(h) = exp(-a h) v + g_in (x + bias) + (1 - exp(-a h)) v_leak + g_syn q,   q = tau_syn i
        g_in = int_0^h exp(-a s) ds
        g_syn = b int_0^h exp(-a (h - s)) exp(-b s) ds = b h exp(-min(a, b) h) m(|a - b| h)

    where m is `mean_decay`: neither a = b nor a = 0 divides by zero or cancels.
    """
    h = network.dt
    a, b = h / network.tau_mem.astype(np.float64), h / network.tau_syn.astype(np.float64)
    gain_in = h * mean_decay(a)
    subtract = np.full(network.n_neurons, network.reset == "subtract")
    if network.poisson is not None:
        subtract |= network.poisson
    exact = Step(
        decay_mem=np.exp(-a),
        gain_syn=b * np.exp(-np.minimum(a, b)) * mean_decay(np.abs(a - b)),
        gain_in=gain_in,
        constant=gain_in * network.bias - np.expm1(-a) * network.v_leak,
        v_min=network.v_min,
        decay_syn=np.exp(-b),
        v_th=network.v_th,
        reset_gain=subtract.astype(np.float64),
        reset_shift=network.v_reset - np.where(subtract, network.v_th.astype(np.float64), 0.0),
    )
    return Step(*(row.astype(dtype) for row in exact))


def padded_step(network: SpikingNetwork, dtype: npt.DTypeLike) -> Step:
    """`step_of`, filled up to the kernel's length with neurons that never spike."""
    fills = Step(*np.zeros(len(Step._fields)))._replace(v_th=np.inf)
    rows = zip(step_of(network, dtype), fills, strict=True)
    return Step(*(padded(row, dtype, fill) for row, fill in rows))


def refractory_steps(network: SpikingNetwork) -> npt.NDArray[np.int32]:
    """(padded N,) t_ref in steps; InputError where it is not a multiple of dt."""
    steps = network.t_ref.astype(np.float64) / network.dt
    uneven = np.abs(steps - np.round(steps)) > 1e-4 * np.maximum(steps, 1.0)
    if uneven.any():
        neuron = int(np.argmax(uneven))
        raise InputError(
            f"t_ref of neuron {neuron} is {network.t_ref[neuron]} ms, not a multiple of dt "
            f"{network.dt} ms"
        )
    return padded(np.minimum(np.round(steps), _LONGEST_HOLD), np.int32, 0)


def readout_fade(network: SpikingNetwork, dtype: npt.DTypeLike) -> Array:
    """(steps_per_task_step + 1,) decay of the readout's filter over 0, 1, .. steps."""
    steps = np.arange(network.steps_per_task_step + 1)
    fade: Array = np.exp(-steps * (network.dt / network.tau_out)).astype(dtype)
    return fade


def padded(row: Array, dtype: npt.DTypeLike, fill: float) -> Array:
    """`row` in `dtype`, filled up to the length that the kernel wants."""
    out = np.full(sim_trials.padded(len(row)), fill, dtype)
    out[: len(row)] = row
    return out

"""A network's parameters and its first state, as the kernels of both engines take them."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_state, sim_trials
from spiking_bimt.kernels.sim_trials import Step
from spiking_bimt.simulation.closed_forms import (
    largest_response,
    mean_decay,
    rates,
    response,
    rounding_epochs,
)

Array = npt.NDArray[Any]

TRIALS_HAVE = ("poisson",)
"""Optional parameters of neurons that the trials' kernel, C program and tiles have."""
ENGINE_HAS = ("tau_syn_negative",)
"""Optional parameters of neurons that the engine has."""
_LONGEST_HOLD = 2**30
"""Most refractory steps: a neuron's return must fit 32 bits."""
_LONGEST_EPOCH = 512
"""Most steps of an epoch."""
_GROWTH = 3.0
"""e-folds of the fastest decay in an epoch: float32 loses e^3 in precision."""
_LONGEST_LIST = 4096
"""Steps ahead that a refractory neuron can be entered."""
_PAGE = 4096
"""Bytes of a memory page."""
_SPARSE = 5.0
"""Fan-out times dt, ms, up to which event mode may pay, so an epoch does."""


def step_of(network: SpikingNetwork, dtype: npt.DTypeLike) -> Step:
    """(N,) what one time step does to each neuron, computed in float64 and cast to `dtype`.

    With a = 1 / tau_mem (0 for a non-leaky membrane) and b = 1 / tau_syn, over h = dt:

        v(h) = exp(-a h) v + g_in (x + bias) + (1 - exp(-a h)) v_leak + g_syn q,   q = tau_syn i
        g_in = int_0^h exp(-a s) ds
        g_syn = b int_0^h exp(-a (h - s)) exp(-b s) ds = b h exp(-min(a, b) h) m(|a - b| h)

    where m is `mean_decay`: neither a = b nor a = 0 divides by zero or cancels. In the limit
    tau_syn = 0, g_syn = exp(-a h): what arrives has moved v at once, and decays with it.
    """
    h = network.dt
    a, b = rates(h, network.tau_mem), rates(h, network.tau_syn)
    gain_in = h * mean_decay(a)
    subtract = np.full(network.n_neurons, network.reset == "subtract")
    if network.poisson is not None:
        subtract |= network.poisson
    exact = Step(
        decay_mem=np.exp(-a),
        gain_syn=response(a, b, 1),
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
    rows = step_of(network, dtype)._asdict()
    fill = {"v_th": np.inf}
    return Step(*(padded(row, dtype, fill.get(name, 0.0)) for name, row in rows.items()))


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


def is_uniform(network: SpikingNetwork) -> bool:
    """Whether all neurons share their time constants and none has a floor."""
    rows = (network.tau_mem, network.tau_syn, network.tau_syn_negative)
    same = all((row == row[0]).all() for row in rows if row is not None)
    return same and not np.isfinite(network.v_min).any()


def epoch_steps(network: SpikingNetwork, wanted: int | None, alike: bool, fan_out: float) -> int:
    """Steps in an epoch: `wanted`, or the longest that pays and keeps precision.

    network: some neurons of a network, of all of which `is_uniform` is `alike` and the mean number
    of synapses `fan_out`. It depends on the network alone, never on the mode, because it is part of
    the arithmetic.
    """
    if wanted is not None and wanted < 1:
        raise InputError(f"epoch is {wanted}: it is a number of steps, at least 1")
    taus = [
        float(row[0])
        for row in (network.tau_mem, network.tau_syn, network.tau_syn_negative)
        if row is not None
    ]
    if not alike or min(taus) == 0:
        if wanted not in (None, 1):
            raise InputError(
                "epochs of more than one step need equal time constants, synapses with a filter "
                "and no v_min: use epoch=1"
            )
        return 1
    limit = max(1, min(_LONGEST_EPOCH, int(_GROWTH * min(taus) / network.dt)))
    if wanted is not None:
        if wanted > 8 * limit:
            raise InputError(f"epoch is {wanted}: beyond {8 * limit} steps precision is lost")
        return wanted
    return 2 ** int(np.log2(limit)) if fan_out * network.dt <= _SPARSE else 1


def table(network: SpikingNetwork, epoch: int, dtype: npt.DTypeLike) -> Array:
    """(N_TABLE, epoch + 1, kinds) the table of `sim_state`, computed in float64."""
    uniform = is_uniform(network)
    kinds = slice(0, 1) if uniform else slice(None)
    k = np.arange(epoch + 1)[:, None]
    a, b = rates(network.dt, network.tau_mem[kinds]), rates(network.dt, network.tau_syn[kinds])
    own = network.tau_syn_negative
    r = b if own is None else rates(network.dt, own[kinds])
    # 0 would turn a held neuron's -inf into a NaN, and overflow its inverse.
    decay = np.maximum(np.exp(-a * k), 1e-30)
    out = np.ones((sim_state.N_TABLE, epoch + 1, len(a) if uniform else _width(network)))
    inner = out[:, :, : len(a)]
    inner[sim_state.DECAY], inner[sim_state.BACK] = decay, 1 / decay
    inner[sim_state.GAIN_C] = k * mean_decay(a * k) / mean_decay(a)
    for rate, (gain, to_v, to_own, peak, left, ever) in ((b, _OF_Q), (r, _OF_P)):
        grown = np.exp(np.minimum(np.minimum(rate, 60.0) * k, 60.0))
        inner[gain] = response(a, rate, k)
        inner[to_v], inner[to_own] = -inner[gain] * grown / decay, grown
        inner[peak] = np.maximum.accumulate(inner[gain], axis=0)
        inner[left, 0], inner[ever, 0] = np.exp(-rate * epoch), largest_response(a, rate)
    with np.errstate(divide="ignore"):
        inner[sim_state.SETTLED, 0] = 1 / -np.expm1(-a)
    inner[sim_state.SLACK] = 128 * float(np.spacing(np.ones(1, dtype))[0])
    inner[sim_state.SLACK, 0] *= np.maximum(rounding_epochs(decay[-1]), 1.0)
    return np.ascontiguousarray(out, dtype)


_OF_Q = (sim_state.GAIN_Q, sim_state.Q_TO_V, sim_state.Q_TO_Q, sim_state.PEAK_Q, sim_state.LEFT_Q,
         sim_state.EVER_Q)  # fmt: skip
_OF_P = (sim_state.GAIN_P, sim_state.P_TO_V, sim_state.P_TO_P, sim_state.PEAK_P, sim_state.LEFT_P,
         sim_state.EVER_P)  # fmt: skip
"""Rows of the table for either kind of synapses."""


def drive_terms(network: SpikingNetwork, chosen: Array | slice) -> tuple[Array, Array, Array]:
    """What `drive_of` of some neurons is made of: gain (bias + extra) - pull."""
    a = network.dt / network.tau_mem[chosen].astype(np.float64)
    pull = network.v_leak[chosen].astype(np.float64) - network.v_th[chosen]
    bias = network.bias[chosen].astype(np.float64)
    return network.dt * mean_decay(a), bias, np.expm1(-a) * pull


def drive_of(network: SpikingNetwork, extra: Array | float, chosen: Array | slice) -> Array:
    """c of some neurons: change of v - v_th in a step by bias, leak and the current `extra`."""
    gain, bias, pull = drive_terms(network, chosen)
    out: Array = gain * (bias + extra) - pull
    return out


def start_state(
    network: SpikingNetwork, v_start: Array, dtype: npt.DTypeLike
) -> tuple[Array, Array, Array, Array]:
    """cells, marks, clock and head of `sim_state` before the first step.

    Potentials v_start (N,), no charges, nobody refractory.
    """
    n, width = network.n_neurons, _width(network)
    cells = allocate_aligned((sim_state.N_CELLS, width), dtype)
    cells[sim_state.V] = cells[sim_state.RESET] = -1.0  # the padding stays below threshold
    cells[sim_state.FLOOR] = -np.inf
    threshold = network.v_th.astype(np.float64)
    cells[sim_state.V, :n] = v_start - threshold
    cells[sim_state.RESET, :n] = network.v_reset - threshold
    cells[sim_state.FLOOR, :n] = network.v_min - threshold
    cells[sim_state.DRIVE, :n] = drive_of(network, 0.0, slice(None))
    marks = allocate_aligned((sim_state.N_MARKS, width), np.int32)
    marks[sim_state.HOLD] = refractory_steps(network)
    clock = np.zeros(sim_state.N_CLOCK, np.int64)
    drives, resets, holds = (
        cells[sim_state.DRIVE, :n],
        cells[sim_state.RESET, :n],
        marks[sim_state.HOLD, :n],
    )
    clock[sim_state.SPREAD] = np.ptp(drives) > 0
    clock[sim_state.VARIED] = np.ptp(resets) > 0 or np.ptp(holds) > 0
    clock[sim_state.FLOORED] = np.isfinite(network.v_min).any()
    clock[sim_state.SUBTRACT] = network.reset == "subtract"
    clock[sim_state.TWO] = clock[sim_state.SPLIT] = network.tau_syn_negative is not None
    ring = int(min(marks[sim_state.HOLD].max(), _LONGEST_LIST)) + 2
    return cells, marks, clock, np.full(ring, -1, np.int32)


def allocate_aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Zeros on a page's boundary: a vector that straddles two cache lines costs twice."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + _PAGE, np.uint8)  # not zeros: NumPy asks for huge pages here alone
    raw.fill(0)
    start = -raw.ctypes.data % _PAGE
    return raw[start : start + size].view(dtype).reshape(shape)


def _width(network: SpikingNetwork) -> int:
    """Length of the arrays over neurons."""
    return sim_trials.padded(network.n_neurons)

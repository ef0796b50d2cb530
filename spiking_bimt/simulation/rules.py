"""A network's parameters and its first state as `kernels.state` wants them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_state
from spiking_bimt.kernels.shared_vector import LANES, padded
from spiking_bimt.kernels.sim_suspects import WIDTH
from spiking_bimt.kernels.sim_swept import SPAN
from spiking_bimt.simulation.propagators import mean_decay, refractory_steps

Array = npt.NDArray[Any]

_LONGEST_EPOCH = 512
_GROWTH = 3.0  # e-folds of the fastest decay in an epoch: float32 loses e^3 in precision
_LONGEST_LIST = 4096  # steps ahead that a refractory neuron can be entered
_PAGE = 4096
_SPARSE = 5.0  # fan-out times dt, ms, up to which event mode may pay, so an epoch does


def is_uniform(network: SpikingNetwork) -> bool:
    """Whether all neurons share their time constants and none has a floor."""
    same = all((row == row[0]).all() for row in (network.tau_mem, network.tau_syn))
    return same and not np.isfinite(network.v_min).any()


def epoch_steps(network: SpikingNetwork, tau_negative: float | None, wanted: int | None) -> int:
    """Steps in an epoch: `wanted`, or the longest that pays and keeps precision.

    It depends on the network alone, never on the mode, because it is part of the arithmetic.
    """
    if wanted is not None and wanted < 1:
        raise InputError(f"epoch is {wanted}: it is a number of steps, at least 1")
    if not is_uniform(network):
        if wanted not in (None, 1):
            raise InputError(
                "epochs of more than one step need equal time constants and no v_min: use epoch=1"
            )
        return 1
    taus = [float(network.tau_mem[0]), float(network.tau_syn[0])]
    taus += [] if tau_negative is None else [tau_negative]
    limit = max(1, min(_LONGEST_EPOCH, int(_GROWTH * min(taus) / network.dt)))
    if wanted is not None:
        if wanted > 8 * limit:
            raise InputError(f"epoch is {wanted}: beyond {8 * limit} steps precision is lost")
        return wanted
    fan_out = len(network.indices) / network.n_neurons
    return 2 ** int(np.log2(limit)) if fan_out * network.dt <= _SPARSE else 1


def response(a: Array, b: Array, k: Array) -> Array:
    """v at k steps by a unit charge at 0: b k exp(-min(a, b) k) m(|a - b| k), see `membrane`."""
    out: Array = b * k * np.exp(-np.minimum(a, b) * k) * mean_decay(np.abs(a - b) * k)
    return out


def largest_response(a: Array, b: Array) -> Array:
    """Largest response ever: at k = log(b / a) / (b - a), or in the limit where a = 0."""
    safe = np.where(a > 0, a, 1.0)
    ratio = b / safe - 1
    near = np.abs(ratio) < 1e-9
    scale = np.where(near, 1.0, np.log1p(ratio) / np.where(near, 1.0, ratio))
    return np.where(a > 0, response(a, b, scale / safe), 1.0)


def table(
    network: SpikingNetwork, tau_negative: float | None, epoch: int, dtype: npt.DTypeLike
) -> Array:
    """(17, epoch + 1, kinds) the table of `kernels.state`, computed in float64."""
    uniform = is_uniform(network)
    if tau_negative is not None and not (uniform and tau_negative > 0):
        raise InputError("tau_negative must be above 0, with equal time constants and no v_min")
    kinds = slice(0, 1) if uniform else slice(None)
    k = np.arange(epoch + 1)[:, None]
    a = network.dt / network.tau_mem[kinds].astype(np.float64)
    b = network.dt / network.tau_syn[kinds].astype(np.float64)
    r = b if tau_negative is None else np.full_like(b, network.dt / tau_negative)
    # 0 would turn a held neuron's -inf into a NaN, and overflow its inverse.
    decay = np.maximum(np.exp(-a * k), 1e-30)
    q_grown, p_grown = np.exp(np.minimum(b * k, 60.0)), np.exp(np.minimum(r * k, 60.0))
    gain_q, gain_p = response(a, b, k), response(a, r, k)
    out = np.ones((17, epoch + 1, len(a) if uniform else padded(network.n_neurons)))
    inner = out[:, :, : len(a)]
    inner[sim_state.DECAY], inner[sim_state.BACK] = decay, 1 / decay
    inner[sim_state.GAIN_Q], inner[sim_state.GAIN_P] = gain_q, gain_p
    inner[sim_state.GAIN_C] = k * mean_decay(a * k) / mean_decay(a)
    inner[sim_state.Q_TO_V], inner[sim_state.Q_TO_Q] = -gain_q * q_grown / decay, q_grown
    inner[sim_state.P_TO_V], inner[sim_state.P_TO_P] = -gain_p * p_grown / decay, p_grown
    inner[sim_state.PEAK_Q] = np.maximum.accumulate(gain_q, axis=0)
    inner[sim_state.PEAK_P] = np.maximum.accumulate(gain_p, axis=0)
    inner[sim_state.LEFT_Q, 0], inner[sim_state.LEFT_P, 0] = np.exp(-b * epoch), np.exp(-r * epoch)
    inner[sim_state.EVER_Q, 0], inner[sim_state.EVER_P, 0] = (
        largest_response(a, b),
        largest_response(a, r),
    )
    with np.errstate(divide="ignore"):
        inner[sim_state.SETTLED, 0] = 1 / -np.expm1(-a)
    inner[sim_state.SLACK] = 128 * float(np.spacing(np.ones(1, dtype))[0])
    inner[sim_state.SLACK, 0] *= np.maximum(_sweeps(decay[-1]), 1.0)
    return np.ascontiguousarray(out, dtype)


def windows(table: Array) -> Array:
    """(2, 13, windows) the table of `kernels.swept`: windows of WIDTH and of SPAN steps."""
    fine, coarse = _windows(table, WIDTH), _windows(table, SPAN)
    out = np.zeros((2, *fine.shape), table.dtype)
    out[0], out[1, :, : coarse.shape[1]] = fine, coarse
    return out


def _windows(table: Array, steps: int) -> Array:
    """(13, windows) of so many steps, the last shorter."""
    last = table.shape[1] - 1
    first = np.arange(0, last, steps)
    end = np.minimum(first + steps, last)
    of = table[[sim_state.DECAY, sim_state.GAIN_Q, sim_state.GAIN_C], :, 0].astype(np.float64)
    rows = [of[:, first], of[:, end], of[:, first + 1] - of[:, first], of[:, end] - of[:, end - 1]]
    out = np.zeros((13, -(-len(first) // LANES) * LANES), table.dtype)
    out[:, : len(first)] = np.vstack([*rows, end - first])
    return out


def _sweeps(left: Array) -> Array:
    """Over how many epochs rounding adds up, where each leaves `left` of v.

    Without a leak only as long as charges last, of which TINY is 70 e-folds away.
    """
    return np.where(left < 1, 1 / np.maximum(1 - left, 1e-12), 128.0)


def drive_of(network: SpikingNetwork, extra: Array | float, chosen: Array | slice) -> Array:
    """c of some neurons: change of v - v_th in a step by bias, leak and the current `extra`."""
    a = network.dt / network.tau_mem[chosen].astype(np.float64)
    pull = network.v_leak[chosen].astype(np.float64) - network.v_th[chosen]
    current = network.bias[chosen] + extra
    out: Array = network.dt * mean_decay(a) * current - np.expm1(-a) * pull
    return out


def start_state(
    network: SpikingNetwork, v_start: Array, dtype: npt.DTypeLike
) -> tuple[Array, Array, Array, Array]:
    """cells, marks, clock and head of `kernels.state` before the first step.

    Potentials v_start (N,), no charges, nobody refractory.
    """
    n, width = network.n_neurons, padded(network.n_neurons)
    cells = aligned((7, width), dtype)
    cells[sim_state.V] = cells[sim_state.RESET] = -1.0  # the padding stays below threshold
    cells[sim_state.FLOOR] = -np.inf
    threshold = network.v_th.astype(np.float64)
    cells[sim_state.V, :n] = v_start - threshold
    cells[sim_state.RESET, :n] = network.v_reset - threshold
    cells[sim_state.FLOOR, :n] = network.v_min - threshold
    cells[sim_state.DRIVE, :n] = drive_of(network, 0.0, slice(None))
    marks = aligned((8, width), np.int32)
    marks[sim_state.HOLD] = refractory_steps(network)
    clock = np.zeros(13, np.int64)
    drives, resets, holds = (
        cells[sim_state.DRIVE, :n],
        cells[sim_state.RESET, :n],
        marks[sim_state.HOLD, :n],
    )
    clock[sim_state.SPREAD] = np.ptp(drives) > 0
    clock[sim_state.VARIED] = np.ptp(resets) > 0 or np.ptp(holds) > 0
    clock[sim_state.FLOORED] = np.isfinite(network.v_min).any()
    clock[sim_state.SUBTRACT] = network.reset == "subtract"
    ring = int(min(marks[sim_state.HOLD].max(), _LONGEST_LIST)) + 2
    return cells, marks, clock, np.full(ring, -1, np.int32)


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Zeros on a page's boundary: a vector that straddles two cache lines costs twice."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + _PAGE, np.uint8)  # not zeros: NumPy asks for huge pages here alone
    raw.fill(0)
    start = -raw.ctypes.data % _PAGE
    return raw[start : start + size].view(dtype).reshape(shape)

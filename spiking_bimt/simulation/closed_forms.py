"""Closed forms of a leaky membrane's response, and tables of them for the kernels.

Rates a = dt / tau_mem and b = dt / tau_syn are per step; times are in steps. A membrane without
leak has a = 0, a synapse without filter b = inf: its charge is delivered at once.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels import sim_state
from spiking_bimt.kernels.shared_vector import LANES
from spiking_bimt.kernels.sim_margins import N_WINDOWS
from spiking_bimt.kernels.sim_suspects import WIDTH
from spiking_bimt.kernels.sim_swept import SPAN

Array = npt.NDArray[Any]


def mean_decay(x: Array) -> Array:
    """(1 - exp(-x)) / x, the mean of exp(-s) over 0..x, exact down to x = 0 where it is 1."""
    safe = np.where(x > 0, x, 1.0)
    return np.where(x > 0, -np.expm1(-safe) / safe, 1.0)


def rates(dt: float, tau: Array) -> Array:
    """dt / tau in float64; infinite where tau is 0."""
    with np.errstate(divide="ignore"):
        out: Array = dt / tau.astype(np.float64)
    return out


def response(a: Array, b: Array, k: Array | int) -> Array:
    """v at k steps by a unit charge at 0: b k exp(-min(a, b) k) m(|a - b| k) (see `step_of`).

    In the limit b = inf it is exp(-a k), but 0 at k = 0, where nothing has been delivered yet.
    """
    slow = np.where(np.isinf(b), 0.0, b)
    out: Array = slow * k * np.exp(-np.minimum(a, slow) * k) * mean_decay(np.abs(a - slow) * k)
    return np.where(np.isinf(b) & (np.asarray(k) > 0), np.exp(-a * k), out)


def largest_response(a: Array, b: Array) -> Array:
    """Largest response ever: at k = log(b / a) / (b - a), or in the limit where a = 0."""
    safe = np.where(a > 0, a, 1.0)
    instant = np.isinf(b)
    # Rates that are farther apart have the same response, 0, and the logarithm of 0 is none.
    ratio = np.maximum(np.where(instant, 1.0, b) / safe, 1e-300)
    near = np.abs(ratio - 1) < 1e-9
    scale = np.where(near, 1.0, np.log(ratio) / np.where(near, 1.0, ratio - 1))
    return np.where((a > 0) & ~instant, response(a, b, scale / safe), 1.0)


def windows(table: Array) -> Array:
    """(2, N_WINDOWS, windows) the table of `sim_margins`: windows of WIDTH and of SPAN steps."""
    fine, coarse = _windows(table, WIDTH), _windows(table, SPAN)
    out = np.zeros((2, *fine.shape), table.dtype)
    out[0], out[1, :, : coarse.shape[1]] = fine, coarse
    return out


def _windows(table: Array, steps: int) -> Array:
    """(N_WINDOWS, windows) of so many steps, the last shorter."""
    last = table.shape[1] - 1
    first = np.arange(0, last, steps)
    end = np.minimum(first + steps, last)
    of = table[[sim_state.DECAY, sim_state.GAIN_Q, sim_state.GAIN_C], :, 0].astype(np.float64)
    rows = [of[:, first], of[:, end], of[:, first + 1] - of[:, first], of[:, end] - of[:, end - 1]]
    out = np.zeros((N_WINDOWS, -(-len(first) // LANES) * LANES), table.dtype)
    out[:, : len(first)] = np.vstack([*rows, end - first])
    return out


def rounding_epochs(left: Array) -> Array:
    """Over how many epochs rounding adds up, where each leaves `left` of v.

    Without a leak only as long as charges last: down to TINY they lose 70 e-folds.
    """
    return np.where(left < 1, 1 / np.maximum(1 - left, 1e-12), 128.0)

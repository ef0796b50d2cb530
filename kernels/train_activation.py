"""The firing rate of a leaky integrate-and-fire neuron as an activation function."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]

_inlined: Any = njit(cache=True, inline="always")


@_inlined
def lif_rate_and_slope(x: np.float32, curve: Array) -> tuple[np.float32, np.float32]:
    """Rate at a constant input 1 + x, over full_rate, and its slope.

    curve: float32 (tau_mem in ms, t_ref in ms, full_rate in Hz, softness gamma). The
    input is relative to the least that makes the neuron fire; with rho = gamma log(1 + exp(x /
    gamma)) in place of the input above it, the curve has a slope everywhere (Hunsberger and
    Eliasmith 2015, arXiv:1510.08829):

        f(x) = 1000 / (full_rate (t_ref + tau_mem log(1 + 1 / rho)))
    """
    tau_mem, t_ref, gamma = curve[0], curve[1], curve[3]
    full_rate = curve[2] / np.float32(1000)  # spikes per ms
    scaled = x / gamma
    if scaled < np.float32(-15):
        # rho = gamma exp(scaled) is too small for float32, its logarithm is not.
        log_ratio = -scaled - np.float32(math.log(gamma))
        slope_of_log = np.float32(1) / gamma
    else:
        # log1p(exp(s)) is s to the last bit long before exp overflows.
        rho = gamma * np.float32(math.log1p(math.exp(scaled))) if scaled < np.float32(20) else x
        sigmoid = np.float32(1) / (np.float32(1) + np.float32(math.exp(-scaled)))
        log_ratio = np.float32(math.log1p(np.float32(1) / rho))
        slope_of_log = sigmoid / (rho * (rho + np.float32(1)))
    period = t_ref + tau_mem * log_ratio
    rate = np.float32(1) / (full_rate * period)
    return rate, rate / period * tau_mem * slope_of_log


TABLE_FROM = -16.0
"""Least input that a table of the leaky curve covers; beyond its ends the curve is a line."""
TABLE_TO = 16.0
"""Largest input that it covers."""
TABLE_STEPS = 1 << 14
"""Entries between the two."""


@njit(cache=True)
def table(curve: Array) -> Array:
    """(2, TABLE_STEPS + 1) rate and slope at the inputs of the table; (2, 0) for max(x, 0)."""
    rows: Array = np.empty((2, TABLE_STEPS + 1 if curve.size else 0), np.float32)
    for k in range(rows.shape[1]):
        x = np.float32(TABLE_FROM + (TABLE_TO - TABLE_FROM) * k / TABLE_STEPS)
        rows[0, k], rows[1, k] = lif_rate_and_slope(x, curve)
    return rows


@njit(cache=True)
def look_up(x: Array, rows: Array, rates: Array, slopes: Array) -> None:
    """Rates and slopes (P, N) of the activation at x (P, N), from a `table`.

    Ten times as fast as the closed form, and within 1e-5 of it where the table has 50 steps to a
    softness.
    """
    last = np.float32(TABLE_STEPS)
    per_step = np.float32(TABLE_STEPS / (TABLE_TO - TABLE_FROM))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            now = x[i, j]
            if rows.shape[1]:
                place = (now - np.float32(TABLE_FROM)) * per_step
                within = min(max(place, np.float32(0)), last - np.float32(1))
                k = np.uint64(within)
                part = min(within - np.float32(k), np.float32(1))
                slope = rows[1, k] + part * (rows[1, k + np.uint64(1)] - rows[1, k])
                rate = rows[0, k] + part * (rows[0, k + np.uint64(1)] - rows[0, k])
                rates[i, j] = max(rate + (place - within) / per_step * slope, np.float32(0))
                slopes[i, j] = slope
            else:
                rates[i, j] = max(now, np.float32(0))
                slopes[i, j] = np.float32(1) if now > 0 else np.float32(0)

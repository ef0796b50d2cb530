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

    curve: float32 (tau_mem in ms, t_ref in ms, full_rate in spikes per ms, softness gamma). The
    input is relative to the least that makes the neuron fire; with rho = gamma log(1 + exp(x /
    gamma)) in place of the input above it, the curve has a slope everywhere (Hunsberger and
    Eliasmith 2015, arXiv:1510.08829):

        f(x) = 1 / (full_rate (t_ref + tau_mem log(1 + 1 / rho)))
    """
    tau_mem, t_ref, full_rate, gamma = curve[0], curve[1], curve[2], curve[3]
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


@njit(cache=True)
def slopes_at(x: Array, curve: Array) -> Array:
    """Slope of the activation at x (P, N), float32: of max(x, 0) where curve is empty."""
    slopes: Array = np.empty(x.shape, np.float32)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if curve.size:
                slopes[i, j] = lif_rate_and_slope(np.float32(x[i, j]), curve)[1]
            else:
                slopes[i, j] = np.float32(1) if x[i, j] > 0 else np.float32(0)
    return slopes

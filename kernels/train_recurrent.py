"""The leaky rate RNN over packed trials: forward pass, backpropagation through time, gradient.

Rows of a packed array are the trials still running at step 0, then at step 1, and so on, longest
trial first: `counts` holds how many each step has, and the rows of a step are the first ones of the
step before. Units are padded to a multiple of LANES with units without connections, and
arrays start on a cache line: a vector load that crosses one costs twice.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_vector import LANES, add_rows
from spiking_bimt.kernels.train_activation import lif_rate_and_slope

UNROLLED = 8
"""Terms of a product that are added at once; LANES is a multiple of it."""

Array = npt.NDArray[Any]

# A product and a sum in one instruction; no reordering.
_fused: Any = njit(cache=True, fastmath={"contract"}, error_model="numpy")
_inlined: Any = njit(cache=True, inline="always")


def padded(n: int) -> int:
    """Number of units with those that fill the last vector."""
    return -(-n // LANES) * LANES


@_inlined
def _eight(x: Array, i: int, q: int) -> tuple[np.float32, ...]:
    return (
        x[i, q], x[i, q + 1], x[i, q + 2], x[i, q + 3],
        x[i, q + 4], x[i, q + 5], x[i, q + 6], x[i, q + 7],
    )  # fmt: skip


@_fused
def add_product(x: Array, w: Array, out: Array) -> None:
    """out += x @ w for x (m, l), w (l, n), out (m, n), l a multiple of UNROLLED, n of LANES."""
    m = x.shape[0]
    for q in range(0, x.shape[1], UNROLLED):
        for i in range(0, m - 1, 2):
            add_rows(out, i, w, q, (_eight(x, i, q), _eight(x, i + 1, q)))
        if m % 2:
            add_rows(out, m - 1, w, q, (_eight(x, m - 1, q),))


@_fused
def forward(
    drive: Array, rates: Array, counts: Array, w_rec_t: Array, alpha: np.float32, curve: Array
) -> None:
    """r <- (1 - alpha) r + alpha f(W r + drive), from r = 0.

    drive (P, n): what comes from outside, overwritten with the slope f' of each unit at each step;
    rates (P, n): written; w_rec_t (n, n) is [pre, post]; curve: empty for f = max(., 0), otherwise
    the parameters of `lif_rate_and_slope`.
    """
    keep = np.float32(1) - alpha
    start, before = 0, 0
    for step in range(counts.size):
        count = counts[step]
        if step:
            add_product(rates[before : before + count], w_rec_t, drive[start : start + count])
        for i in range(count):
            now, out, past = drive[start + i], rates[start + i], rates[before + i]
            if curve.size:
                for j in range(now.size):
                    rate, now[j] = lif_rate_and_slope(now[j], curve)
                    out[j] = alpha * rate
            else:
                for j in range(now.size):
                    out[j] = alpha * max(now[j], np.float32(0))
                for j in range(now.size):
                    now[j] = np.float32(1) if now[j] > 0 else np.float32(0)
            if step:
                for j in range(now.size):
                    out[j] += keep * past[j]
        before = start
        start += count


@_fused
def backward(d_rates: Array, slopes: Array, counts: Array, w_rec: Array, alpha: np.float32) -> None:
    """Gradient by the drive of every row, in place of the gradient by its rate, d_rates (P, n).

    slopes: what `forward` left; w_rec (n, n) is [post, pre].
    """
    keep = np.float32(1) - alpha
    back = np.zeros((counts[0], d_rates.shape[1]), d_rates.dtype)
    end = d_rates.shape[0]
    for step in range(counts.size - 1, -1, -1):
        count = counts[step]
        start = end - count
        for i in range(count):
            now, slope, carried = d_rates[start + i], slopes[start + i], back[i]
            for j in range(now.size):
                total = now[j] + carried[j]
                carried[j] = keep * total
                now[j] = alpha * slope[j] * total
        add_product(d_rates[start:end], w_rec, back[:count])
        end = start


@_fused
def add_outer(left: Array, right: Array, out: Array) -> None:
    """out += left.T @ right for (P, m) and (P, n) arrays, m and n multiples of LANES."""
    rows, m = left.shape
    whole = rows - rows % UNROLLED
    turned = np.empty((m, UNROLLED), left.dtype)
    for q in range(0, whole, UNROLLED):
        for k in range(UNROLLED):
            for i in range(m):
                turned[i, k] = left[q + k, i]
        for i in range(0, m, 2):
            add_rows(out, i, right, q, (_eight(turned, i, 0), _eight(turned, i + 1, 0)))
    for q in range(whole, rows):
        for i in range(0, m, 2):
            add_rows(out, i, right, q, ((left[q, i],), (left[q, i + 1],)))

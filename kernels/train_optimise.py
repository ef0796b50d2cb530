"""One step of Adam and of the penalty's proximal operator, in a single pass over the weights."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True, fastmath={"contract"}, error_model="numpy")
def adam_shrink(
    weights: Array, m: Array, v: Array, gradient: Array, mask: Array, strength: Array,
    scale: np.float32, lr: np.float32, correct1: np.float32, correct2: np.float32,
    beta1: np.float32, beta2: np.float32, epsilon: np.float32,
) -> None:  # fmt: skip
    """Adam (Kingma and Ba 2015) on scale * gradient * mask, then the proximal step of
    strength * |w| in the metric of v, all in place on flat arrays of one length.

    The shrinkage is lr s / sqrt(v + s^2 / 4): the proximal operator of L1 in the metric of Adam's
    second moment (Yun, Lozano, Yang 2021, arXiv:2007.07864), bounded by 2 lr, twice as far as Adam
    moves a weight, so that a strong penalty does reach zero.
    """
    zero, one, tiny = np.float32(0), np.float32(1), np.float32(1e-30)
    for k in range(weights.size):
        g = scale * gradient[k] * mask[k]
        m[k] = beta1 * m[k] + (one - beta1) * g
        v[k] = beta2 * v[k] + (one - beta2) * g * g
        second = v[k] / correct2
        moved = weights[k] - lr / correct1 * m[k] / (np.float32(math.sqrt(second)) + epsilon)
        s = strength[k]
        least = lr * s / np.float32(math.sqrt(second + np.float32(0.25) * s * s + tiny))
        weights[k] = math.copysign(max(abs(moved) - least, zero), moved)

"""Brain-inspired modular training: the wiring cost, its proximal step, and the swaps of places.

Liu, Gan, Tegmark 2023 (arXiv:2305.08746) and Liu, Khona, Fiete, Tegmark 2023 (arXiv:2310.07711):
    loss = prediction loss + lambda * sum |w| + lambda * A * sum over recurrent |w_ij| d_ij
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Doubles = npt.NDArray[np.float64]


def sheet_distances(rows: int, cols: int, metric: str = "euclidean") -> Doubles:
    """(rows * cols, rows * cols) distances between the places of a sheet, spacing 1.

    metric: "euclidean" or "manhattan".
    """
    place = np.stack(np.divmod(np.arange(rows * cols), cols), axis=1).astype(float)
    gap = np.abs(place[:, None] - place[None])
    return np.hypot(gap[..., 0], gap[..., 1]) if metric == "euclidean" else gap.sum(-1)


def shrink(weights: Tensor, second_moment: Tensor, lr: float, strength: Tensor | float) -> None:
    """One proximal step for strength * |w| in Adam's metric, in place; exact zeros.

    The threshold is lr * strength / sqrt(v + strength^2 / 4): the proximal operator of L1 in the
    metric of Adam's second moment v (Yun, Lozano, Yang 2021, arXiv:2007.07864), bounded by 2 lr,
    twice as far as Adam moves a weight, so that a strong penalty does reach zero.
    """
    threshold = 2 * lr * strength * torch.rsqrt(4 * second_moment + strength**2)
    weights.copy_(torch.sign(weights) * (weights.abs() - threshold).clamp_(min=0))


def wiring_cost(w_rec: npt.NDArray[np.floating], distances: Doubles) -> float:
    """Sum of |w_ij| d_ij, with the distances between the units' own places."""
    return float((np.abs(w_rec) * distances).sum())


def swap_deltas(cost: Doubles, separation: Doubles, product: Doubles) -> Doubles:
    """(N, N) change of the wiring cost if units i and j exchanged places.

    cost: C = |W| + |W|^T with zero diagonal; separation: P_ij, distance between the places of i
    and j; product: M = C P. Then delta_ij = M_ij + M_ji - M_ii - M_jj + 2 C_ij P_ij.
    """
    diagonal = np.diag(product)
    return product + product.T - diagonal[:, None] - diagonal[None] + 2 * cost * separation


def swap_places(
    w_rec: npt.NDArray[np.floating],
    place: npt.NDArray[np.int64],
    distances: Doubles,
    max_swaps: int,
) -> npt.NDArray[np.int64]:
    """Exchange places, best pair first, while that lowers the wiring cost; the new `place`.

    w_rec: (N, N); place: (N,) place of each unit, a permutation; distances between places. Units
    without connections are as good as empty places: exchanging with one is a move.
    """
    place = place.copy()
    cost = np.abs(w_rec).astype(np.float64)
    cost = cost + cost.T
    np.fill_diagonal(cost, 0)
    separation = distances[np.ix_(place, place)]
    product = cost @ separation
    least = 1e-9 * max(float(np.trace(product)), 1e-300)
    for _ in range(max_swaps):
        deltas = swap_deltas(cost, separation, product)
        i, j = divmod(int(np.argmin(deltas)), len(place))
        if deltas[i, j] >= -least:
            break
        place[[i, j]] = place[[j, i]]
        separation[:, [i, j]] = separation[:, [j, i]]
        product[:, [i, j]] = product[:, [j, i]]
        before = separation[[i, j]]
        separation[[i, j]] = separation[[j, i]]
        # Rows i and j of the separation are all that changed besides the columns: a rank-2 update.
        product += cost[:, [i, j]] @ (separation[[i, j]] - before)
    return place

"""Exchanges of two units' places on the sheet that lower the wiring cost, best pair first."""

from typing import Any

import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def best_swap(cost: Array, separation: Array, product: Array) -> tuple[int, int, float]:
    """The pair i < j whose exchange of places changes the wiring cost least (most negative).

    cost (N, N): C = |W| + |W|^T with zero diagonal; separation (N, N): P_ij, distance between
    the places of i and j; product: M = C P. The change is
    delta_ij = M_ij + M_ji - M_ii - M_jj + 2 C_ij P_ij.
    """
    best_i, best_j, best = 0, 0, 0.0
    for i in range(cost.shape[0]):
        for j in range(i):
            delta = (
                product[i, j] + product[j, i] - product[i, i] - product[j, j]
                + 2 * cost[i, j] * separation[i, j]
            )  # fmt: skip
            if delta < best:
                best_i, best_j, best = j, i, delta
    return best_i, best_j, best


@njit(cache=True)
def exchange(cost: Array, separation: Array, product: Array, i: int, j: int) -> None:
    """Bring separation and product up to date after i and j exchanged places, in O(N^2).

    Columns i and j of the product change places with those of the separation; besides, only rows
    i and j of the separation change, which is a rank-2 correction of the product.
    """
    n = cost.shape[0]
    for k in range(n):
        separation[k, i], separation[k, j] = separation[k, j], separation[k, i]
        product[k, i], product[k, j] = product[k, j], product[k, i]
    step = separation[j] - separation[i]
    for k in range(n):
        separation[i, k], separation[j, k] = separation[j, k], separation[i, k]
        weight = cost[k, i] - cost[k, j]
        if weight != 0:
            for m in range(n):
                product[k, m] += weight * step[m]


@njit(cache=True)
def improve(
    cost: Array, separation: Array, product: Array, place: Array, max_swaps: int, least: float
) -> int:
    """Exchange places in `place`, in place, while the best pair gains more than `least`; count."""
    for done in range(max_swaps):
        i, j, delta = best_swap(cost, separation, product)
        if delta >= -least:
            return done
        place[i], place[j] = place[j], place[i]
        exchange(cost, separation, product, i, j)
    return max_swaps

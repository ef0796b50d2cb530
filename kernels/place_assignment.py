"""The assignment problem, and a lower bound of the quadratic one."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def assign(cost: Array) -> float:
    """Least cost of an assignment of rows to columns; `cost` (n, n) becomes the reduced costs.

    Shortest augmenting paths (Kuhn, Munkres): row and column prices whose sum is that least cost
    are taken off, and what is left is nowhere negative.
    """
    n = cost.shape[0]
    row_price, column_price = np.zeros(n + 1), np.zeros(n + 1)
    row_of = np.zeros(n + 1, np.int64)  # rows and columns from 1; 0 is none
    before = np.zeros(n + 1, np.int64)
    for i in range(1, n + 1):
        row_of[0] = i
        at = 0
        least = np.full(n + 1, np.inf)
        done = np.zeros(n + 1, np.bool_)
        while row_of[at] != 0:
            done[at] = True
            row, step, nearest = row_of[at], np.inf, 0
            for j in range(1, n + 1):
                if done[j]:
                    continue
                rest = cost[row - 1, j - 1] - row_price[row] - column_price[j]
                if rest < least[j]:
                    least[j], before[j] = rest, at
                if least[j] < step:
                    step, nearest = least[j], j
            for j in range(n + 1):
                if done[j]:
                    row_price[row_of[j]] += step
                    column_price[j] -= step
                else:
                    least[j] -= step
            at = nearest
        while at != 0:
            row_of[at] = row_of[before[at]]
            at = before[at]
    for i in range(n):
        for j in range(n):
            cost[i, j] = max(0.0, cost[i, j] - row_price[i + 1] - column_price[j + 1])
    return float(row_price[1:].sum() + column_price[1:].sum())


@njit(cache=True)
def dual_ascent(flows: Array, apart: Array, sweeps: int) -> float:
    """A lower bound of min over permutations p of sum_ij flows[i, j] apart[p_i, p_j], i != j.

    After Hahn and Grant's dual ascent, doi:10.1287/opre.46.6.912. If i sits on p, each other j sits
    somewhere: the cheapest assignment of the others is a price of (i, p), and the cheapest
    assignment by those prices is taken off into the bound. What is left of the cost of the pair
    (i, p), (j, q) may be charged to either: each takes it all when it is its turn and leaves half.
    Until the last sweep half of its price goes back too, or the ascent would end early.
    """
    n = flows.shape[0]
    bound, price, others = 0.0, np.zeros((n, n)), np.zeros((n - 1, n - 1))
    pair = np.zeros((n, n, n, n))
    for i in range(n):
        for p in range(n):
            for j in range(n):
                for q in range(n):
                    if i != j and p != q:
                        pair[i, p, j, q] = flows[i, j] * apart[p, q]
    for sweep in range(sweeps):
        kept = 1.0 if sweep == sweeps - 1 else 0.5
        for i in range(n):
            for p in range(n):
                _gather(others, pair, i, p, price[i, p] / (n - 1))
                least = assign(others)
                price[i, p] = kept * least
                _spread(others, pair, i, p, (1.0 - kept) * least / (n - 1))
        bound += assign(price)
    return bound


@njit(cache=True)
def _gather(others: Array, pair: Array, i: int, p: int, share: float) -> None:
    """Cost of each other row and column given that i sits on p, with `share` of a price on each."""
    for j in range(others.shape[0]):
        for q in range(others.shape[1]):
            one, at = j + (j >= i), q + (q >= p)
            others[j, q] = pair[i, p, one, at] + pair[one, at, i, p] + share


@njit(cache=True)
def _spread(others: Array, pair: Array, i: int, p: int, share: float) -> None:
    """The opposite: half of each cost to either side of its pair."""
    for j in range(others.shape[0]):
        for q in range(others.shape[1]):
            one, at = j + (j >= i), q + (q >= p)
            pair[i, p, one, at] = pair[one, at, i, p] = 0.5 * (others[j, q] + share)

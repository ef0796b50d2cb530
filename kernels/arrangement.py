"""Exchanging the places of whole cores on the mesh, which changes nothing but the links."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.traffic import path_links, tree_links

Array = npt.NDArray[Any]


@njit(cache=True)
def links_cost(
    indptr: Array, dests: Array, home: Array, rate: Array, x: Array, y: Array,
    prices: Array, multicast: bool, low: Array, high: Array,
) -> float:  # fmt: skip
    """Cost of the links of all neurons, packets apart (arguments as `arrange`)."""
    cost = 0.0
    for i in range(home.size):
        mine, core = dests[indptr[i] : indptr[i + 1]], np.int64(home[i])
        if multicast:
            links_x, links_y = tree_links(core, mine, mine.size, x, y, low, high)
        else:
            links_x, links_y = path_links(core, mine, mine.size, x, y)
        cost += rate[i] * (links_x * prices[0] + links_y * prices[1])
    return cost


@njit(cache=True)
def arrange(
    indptr: Array, dests: Array, home: Array, rate: Array, x: Array, y: Array,
    prices: Array, multicast: bool, cores: Array, n_sweeps: int, at: Array, low: Array, high: Array,
) -> float:  # fmt: skip
    """Exchange the places of whole cores while that lowers the cost of links; returns that cost.

    indptr (N + 1,), dests: distinct cores that need a packet of each neuron; home (N,): its own
    core. x, y: (K,) tile of each core and at (K,) its place, all updated in place. prices (2,): of
    a link along x and along y. cores: those that may change places. low, high: as `tree_spans`.
    """
    best = links_cost(indptr, dests, home, rate, x, y, prices, multicast, low, high)
    for _ in range(n_sweeps):
        before = best
        for i in range(cores.size):
            for j in range(i):
                p, q = cores[i], cores[j]
                if x[p] == x[q] and y[p] == y[q]:
                    continue
                x[p], x[q], y[p], y[q] = x[q], x[p], y[q], y[p]
                cost = links_cost(indptr, dests, home, rate, x, y, prices, multicast, low, high)
                if cost < best:
                    best = cost
                    at[p], at[q] = at[q], at[p]
                else:
                    x[p], x[q], y[p], y[q] = x[q], x[p], y[q], y[p]
        if best >= before:
            break
    return best

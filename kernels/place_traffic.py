"""Packets on a 2D mesh: XY routing (along x first, then y), one by one and as a multicast tree.

A tree is the union of the XY paths to all its destinations: one segment along the source's row,
and from it one segment along each column that holds a destination. Link directions are 0 east
(x + 1), 1 west, 2 north (y + 1), 3 south.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_vector import inlined

Array = npt.NDArray[Any]


@njit(cache=True)
def tree_spans(
    home: int | np.int64, dests: Array, n_dests: int, x: Array, y: Array, low: Array, high: Array
) -> tuple[int, int]:
    """Western and eastern end of the tree from core `home`; its columns' ends in low, high.

    dests: cores, the first n_dests count. x, y: (n_cores,) tile of each core. low, high: (width,)
    scratch; for each column from west to east they get the southern and northern end.
    """
    west = east = x[home]
    for k in range(n_dests):
        west = min(west, x[dests[k]])
        east = max(east, x[dests[k]])
    for column in range(west, east + 1):
        low[column] = y[home]
        high[column] = y[home]
    for k in range(n_dests):
        column = x[dests[k]]
        low[column] = min(low[column], y[dests[k]])
        high[column] = max(high[column], y[dests[k]])
    return west, east


@njit(cache=True)
def tree_links(
    home: int | np.int64, dests: Array, n_dests: int, x: Array, y: Array, low: Array, high: Array
) -> tuple[int, int]:
    """Links of the multicast tree along x and along y (arguments as `tree_spans`)."""
    west, east = tree_spans(home, dests, n_dests, x, y, low, high)
    links_y = 0
    for column in range(west, east + 1):
        links_y += high[column] - low[column]
    return east - west, links_y


@inlined
def tree_price(
    home: int | np.int64, dests: Array, n_dests: int | np.int64, x: Array, at_x: Array, at_y: Array,
    low: Array, high: Array,
) -> float:  # fmt: skip
    """Price of the links of the multicast tree (arguments as `tree_spans`).

    at_x, at_y: (n_cores,) price of the links along x and y from tile (0, 0) to each core's tile, so
    that a link may cost what it likes. low, high: (width,) floating-point scratch.
    """
    first = last = x[home]
    west = east = at_x[home]
    row = at_y[home]
    for k in range(n_dests):
        column = x[dests[k]]
        first, last = min(first, column), max(last, column)
        west, east = min(west, at_x[dests[k]]), max(east, at_x[dests[k]])
    for column in range(first, last + 1):
        low[column] = high[column] = row
    for k in range(n_dests):
        column, place = x[dests[k]], at_y[dests[k]]
        low[column], high[column] = min(low[column], place), max(high[column], place)
    price = east - west
    for column in range(first, last + 1):
        price += high[column] - low[column]
    return float(price)


@inlined
def path_price(
    home: int | np.int64, dests: Array, n_dests: int | np.int64, at_x: Array, at_y: Array
) -> float:
    """Price of the links that separate packets to each of the cores cross (as `tree_price`)."""
    price = 0.0
    for k in range(n_dests):
        price += abs(at_x[dests[k]] - at_x[home]) + abs(at_y[dests[k]] - at_y[home])
    return price


@njit(cache=True)
def path_links(
    home: int | np.int64, dests: Array, n_dests: int, x: Array, y: Array
) -> tuple[int, int]:
    """Links along x and y that separate packets to each of the cores cross."""
    links_x = links_y = 0
    for k in range(n_dests):
        links_x += abs(x[dests[k]] - x[home])
        links_y += abs(y[dests[k]] - y[home])
    return links_x, links_y


@njit(cache=True)
def load_row(load: Array, start: int, end: int, row: int, weight: float) -> None:
    """Add `weight` to every link along x from column `start` to column `end`."""
    for column in range(start, end):
        load[column, row, 0] += weight
    for column in range(end + 1, start + 1):
        load[column, row, 1] += weight


@njit(cache=True)
def load_column(load: Array, column: int, start: int, end: int, weight: float) -> None:
    """Add `weight` to every link along y from row `start` to row `end`."""
    for row in range(start, end):
        load[column, row, 2] += weight
    for row in range(end + 1, start + 1):
        load[column, row, 3] += weight


@njit(cache=True)
def route_all(
    indptr: Array, dests: Array, home: Array, weight: Array, x: Array, y: Array, multicast: bool,
    load: Array,
) -> tuple[float, float, float, float, float, float]:  # fmt: skip
    """Packets and links of every neuron's spikes; adds to load (width, height, 4).

    indptr (N + 1,), dests: distinct cores that need a packet of each neuron. home (N,): its own
    core. weight (N,): its spikes. Returns packets to single cores, senders' spikes (multicast
    packets), unicast links along x and y, tree links along x and y, all weighted.
    """
    width = load.shape[0]
    low, high = np.zeros(width, np.int64), np.zeros(width, np.int64)
    packets = sent = path_x = path_y = tree_x = tree_y = 0.0
    for i in range(home.size):
        mine = dests[indptr[i] : indptr[i + 1]]
        if mine.size == 0:
            continue
        source, w = np.int64(home[i]), weight[i]
        packets += w * mine.size
        sent += w
        links_x, links_y = path_links(source, mine, mine.size, x, y)
        path_x += w * links_x
        path_y += w * links_y
        west, east = tree_spans(source, mine, mine.size, x, y, low, high)
        tree_x += w * (east - west)
        for column in range(west, east + 1):
            tree_y += w * (high[column] - low[column])
        if multicast:
            load_row(load, x[source], east, y[source], w)
            load_row(load, x[source], west, y[source], w)
            for column in range(west, east + 1):
                load_column(load, column, y[source], high[column], w)
                load_column(load, column, y[source], low[column], w)
        else:
            for core in mine:
                load_row(load, x[source], x[core], y[source], w)
                load_column(load, x[core], y[source], y[core], w)
    return packets, sent, path_x, path_y, tree_x, tree_y

"""Packets on the mesh step by step, from a train of spikes."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.place_traffic import (
    load_column,
    load_row,
    path_links,
    path_price,
    tree_links,
    tree_price,
    tree_spans,
)

Array = npt.NDArray[Any]


@njit(cache=True)
def add_route(
    load: Array, home: int | np.int64, dests: Array, x: Array, y: Array, multicast: bool,
    low: Array, high: Array, weight: float,
) -> None:  # fmt: skip
    """Add `weight` to every link that a spike from core `home` to the cores `dests` crosses."""
    if multicast:
        west, east = tree_spans(home, dests, dests.size, x, y, low, high)
        load_row(load, x[home], east, y[home], weight)
        load_row(load, x[home], west, y[home], weight)
        for column in range(west, east + 1):
            load_column(load, column, y[home], high[column], weight)
            load_column(load, column, y[home], low[column], weight)
        return
    for core in dests:
        load_row(load, x[home], x[core], y[home], weight)
        load_column(load, x[core], y[home], y[core], weight)


@njit(cache=True)
def routes(
    indptr: Array, dests: Array, home: Array, x: Array, y: Array, at_x: Array, at_y: Array,
    multicast: bool, width: int,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Packets, links and price of the links of one spike of every neuron, (N,) each.

    indptr (N + 1,), dests: cores that need a packet of each neuron; at_x, at_y: as `tree_price`.
    """
    n = home.size
    packets, links, price = np.zeros(n), np.zeros(n), np.zeros(n)
    spans = np.zeros(width, np.int64), np.zeros(width, np.int64)
    prices = np.zeros(width), np.zeros(width)
    for i in range(n):
        to, core = dests[indptr[i] : indptr[i + 1]], np.int64(home[i])
        if to.size == 0:
            continue
        if multicast:
            packets[i] = 1
            links_x, links_y = tree_links(core, to, to.size, x, y, spans[0], spans[1])
            price[i] = tree_price(core, to, to.size, x, at_x, at_y, prices[0], prices[1])
        else:
            packets[i] = to.size
            links_x, links_y = path_links(core, to, to.size, x, y)
            price[i] = path_price(core, to, to.size, at_x, at_y)
        links[i] = links_x + links_y
    return packets, links, price


@njit(cache=True)
def busiest_links(
    indptr: Array, dests: Array, home: Array, first: Array, neurons: Array, x: Array, y: Array,
    multicast: bool, width: int, height: int,
) -> tuple[Array, Array]:  # fmt: skip
    """Packets over the busiest link of every step, (T,), and that link's number, (T,).

    indptr (N + 1,), dests: cores that need a packet of each neuron; home (N,). first (T + 1,): step
    t has the spikes neurons[first[t] : first[t + 1]]. A link's number is its place in a flattened
    (width, height, 4) array; -1 where nothing is sent.
    """
    load = np.zeros((width, height, 4))
    low, high = np.zeros(width, np.int64), np.zeros(width, np.int64)
    most = np.zeros(first.size - 1)
    link = np.full(first.size - 1, -1)
    for t in range(first.size - 1):
        mine = neurons[first[t] : first[t + 1]]
        if mine.size == 0:
            continue
        for i in mine:
            to = dests[indptr[i] : indptr[i + 1]]
            if to.size > 0:
                add_route(load, np.int64(home[i]), to, x, y, multicast, low, high, 1.0)
        busiest = load.argmax()
        if load.ravel()[busiest] > 0:
            most[t], link[t] = load.ravel()[busiest], busiest
        load[:] = 0.0
    return most, link


@njit(cache=True)
def core_work(
    indptr: Array, dests: Array, synapses: Array, home: Array, first: Array, neurons: Array,
    idle: Array, send: Array, receive: float, event: float,
) -> Array:  # fmt: skip
    """Work of the busiest core of every step, (T,).

    indptr, dests, synapses: cores that each neuron reaches, its own among them, and by how many
    synapses. idle (K,): work of each core in a silent step. send (N,): of its own core by a spike
    of each neuron; receive, event: of a core by a spike and by a synaptic event that reach it.
    first and neurons as `busiest_links`.
    """
    work = idle.copy()
    most = np.zeros(first.size - 1)
    for t in range(first.size - 1):
        for i in neurons[first[t] : first[t + 1]]:
            work[home[i]] += send[i]
            for k in range(indptr[i], indptr[i + 1]):
                work[dests[k]] += receive + event * synapses[k]
        most[t] = work.max()
        work[:] = idle
    return most

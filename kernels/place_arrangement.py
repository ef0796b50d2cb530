"""Exchanging the places of whole cores on the mesh, which changes nothing but the links."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.place_traffic import path_price, tree_price
from spiking_bimt.kernels.shared_random import random_below, random_unit

Array = npt.NDArray[Any]


class Nets(NamedTuple):
    """Senders of packets: the core of each, the cores that it reaches, and how often."""

    home: Array
    indptr: Array
    dests: Array
    weight: Array
    member_indptr: Array
    """(K + 1,) start of each core's row in `member`."""
    member: Array
    """Nets that each core is the home or a destination of, ascending."""


class Places(NamedTuple):
    """Where each core's neurons sit: `at` (K,) its place, and the column and prices there."""

    at: Array
    x: Array
    at_x: Array
    at_y: Array


@njit(cache=True)
def net_price(
    nets: Nets, places: Places, net: int | np.int64, multicast: bool, low: Array, high: Array
) -> float:
    """Price of the links of one net."""
    home = np.int64(nets.home[net])
    mine = nets.dests[nets.indptr[net] : nets.indptr[net + 1]]
    at_x, at_y = places.at_x, places.at_y
    if multicast:
        price = tree_price(home, mine, mine.size, places.x, at_x, at_y, low, high)
    else:
        price = path_price(home, mine, mine.size, at_x, at_y)
    return float(nets.weight[net] * price)


@njit(cache=True)
def net_prices(nets: Nets, places: Places, multicast: bool, low: Array, high: Array) -> Array:
    """(nets,) price of the links of every net."""
    price = np.empty(nets.home.size)
    for net in range(price.size):
        price[net] = net_price(nets, places, net, multicast, low, high)
    return price


@njit(cache=True)
def exchange(places: Places, p: int | np.int64, q: int | np.int64) -> None:
    """Let two cores' neurons change places."""
    at, x, at_x, at_y = places
    at[p], at[q] = at[q], at[p]
    x[p], x[q] = x[q], x[p]
    at_x[p], at_x[q] = at_x[q], at_x[p]
    at_y[p], at_y[q] = at_y[q], at_y[p]


@njit(cache=True)
def arrange(
    nets: Nets, places: Places, multicast: bool, parts: Array, cores: Array, rng: Array,
    temperature: float, n_proposals: int, price: Array, low: Array, high: Array,
) -> float:  # fmt: skip
    """Exchange random pairs of cores by Metropolis's rule; returns the mean size of a change.

    parts: the cores that hold neurons; cores: these and the empty ones that they may change places
    with. price (nets,): price of each net, kept up to date; places
    too. low, high: scratch as `tree_price`.
    """
    new, touched = np.empty(price.size), np.empty(price.size, np.int64)
    sizes = 0.0
    for _ in range(n_proposals):
        p = np.int64(parts[random_below(rng, parts.size)])
        q = np.int64(cores[random_below(rng, cores.size)])
        luck = random_unit(rng)
        if places.at_x[p] == places.at_x[q] and places.at_y[p] == places.at_y[q]:
            continue
        exchange(places, p, q)
        i, end_p = nets.member_indptr[p], nets.member_indptr[p + 1]
        j, end_q = nets.member_indptr[q], nets.member_indptr[q + 1]
        n, rise = 0, 0.0
        while i < end_p or j < end_q:
            net = nets.member[i] if i < end_p else nets.member[j]
            if j < end_q:
                net = min(net, nets.member[j])
            i += i < end_p and nets.member[i] == net
            j += j < end_q and nets.member[j] == net
            touched[n] = net
            new[n] = net_price(nets, places, net, multicast, low, high)
            rise += new[n] - price[net]
            n += 1
        sizes += abs(rise)
        if rise <= 0.0 or (temperature > 0.0 and luck < math.exp(-rise / temperature)):
            for k in range(n):
                price[touched[k]] = new[k]
        else:
            exchange(places, p, q)
    return sizes / max(n_proposals, 1)

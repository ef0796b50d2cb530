"""What a packet costs: the one place where a chip's prices are put together.

A packet costs `packet_price`, and every link on its way what `link_prices` says of it. All else
here follows from these two. Kernels take the arrays that the functions return.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph, packet_destinations
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.validate import read_only
from spiking_bimt.kernels import place_timeline

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


def unit(chip: Chip) -> str:
    """What the chip's prices are counted in."""
    return "pJ" if chip.energy is not None else "packets and hops"


def packet_price(chip: Chip) -> float:
    """Price of a packet before it crosses a link."""
    return chip.packet_cost


def hop_prices(chip: Chip) -> tuple[float, float]:
    """Price of a link along x, and along y, within one chip."""
    return chip.hop_cost_x, chip.hop_cost_y


def link_prices(chip: Chip) -> tuple[Floats, Floats]:
    """Price of the links between each column and the next, (width - 1,), and each row."""
    x, y = hop_prices(chip)
    prices = []
    for length, hop, side in (
        (chip.width, x, chip.chip_width),
        (chip.height, y, chip.chip_height),
    ):
        price = np.full(length - 1, hop)
        if side is not None:
            price[side - 1 :: side] = chip.chip_hop_cost
        prices.append(price)
    return prices[0], prices[1]


def least_link_price(chip: Chip) -> float:
    """Price of the cheapest link; 0 on a chip of one tile, which has none."""
    every = np.concatenate(link_prices(chip))
    return float(every.min()) if len(every) else 0.0


def core_prices(chip: Chip) -> tuple[Floats, Floats]:
    """(n_cores,) price of the links along x, and along y, from tile (0, 0) to each core's."""
    x, y = chip.core_xy().T
    along_x, along_y = (np.append(0.0, np.cumsum(price)) for price in link_prices(chip))
    return along_x[x], along_y[y]


def links_between(chip: Chip, cores: npt.NDArray[np.integer]) -> Floats:
    """(K, K) price of the links from each of K cores to each other one."""
    x, y = chip.core_xy()[cores].T
    along_x, along_y = link_prices(chip)
    return _along(x, along_x) + _along(y, along_y)


def prices_between(chip: Chip, cores: npt.NDArray[np.integer]) -> Floats:
    """(K, K) price of a packet from each of K cores to each other one, and to itself."""
    x, y = chip.core_xy()[cores].T
    along_x, along_y = link_prices(chip)
    return packet_price(chip) + _along(x, along_x) + _along(y, along_y)


def _along(at: Ints, links: Floats) -> Floats:
    """(K, K) price of the links between places on one axis: links of one price are counted first,
    so that rounding does not depend on where the two places lie."""
    found = np.zeros((len(at), len(at)))
    for price in np.unique(links):
        before = np.append(0, np.cumsum(links == price))[at]
        found += np.abs(before[:, None] - before) * price
    return found


def load_price(chip: Chip, load: Floats) -> float:
    """Price of (width, height, 4) packets over each tile's links east, west, north and south."""
    x, y = link_prices(chip)
    # A westward link leaves the column that the eastward one enters.
    along_x = load[:-1, :, 0].sum(axis=1) + load[1:, :, 1].sum(axis=1)
    along_y = load[:, :-1, 2].sum(axis=0) + load[:, 1:, 3].sum(axis=0)
    return float(along_x @ x + along_y @ y)


class Routes(NamedTuple):
    """Where one spike of each neuron goes, and what that costs."""

    home: Ints
    """(N,) core of each neuron."""
    indptr: Longs
    """(N + 1,) start of each neuron's row in `dests`."""
    dests: Ints
    """Cores that need a packet of each neuron, ascending within a row."""
    packets: Floats
    """(N,) packets under the chip's routing."""
    links: Floats
    """(N,) links that they cross."""
    link_price: Floats
    """(N,) price of these links."""


def routes(chip: Chip, graph: AxonGraph, core: Ints) -> Routes:
    """The route of one spike of every neuron, when neuron i sits on core[i]."""
    indptr, dests = packet_destinations(chip, graph, core)
    x, y = (np.ascontiguousarray(part) for part in chip.core_xy().T)
    found = place_timeline.routes(
        indptr, dests, read_only(core), x, y, *core_prices(chip), chip.routing == "multicast",
        chip.width,
    )  # fmt: skip
    return Routes(core, indptr, dests, *found)


def with_dearer_hops(chip: Chip, least: float) -> Chip:
    """The chip with all its links dearer by one factor, so that the mean hop within a chip costs
    at least the share `least` of a packet; hops that are free stay so."""
    hop = sum(hop_prices(chip)) / 2
    dearer = max(1.0, least * packet_price(chip) / hop) if hop > 0 else 1.0
    between = None if chip.chip_hop_cost is None else dearer * chip.chip_hop_cost
    return replace(chip, hop_cost_x=dearer * chip.hop_cost_x, hop_cost_y=dearer * chip.hop_cost_y,
                   chip_hop_cost=between)  # fmt: skip

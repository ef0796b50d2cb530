"""Random chips and boards, and what a route on them costs, link by link."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from tests.kernels.test_place_traffic import Link, path

PRICES = st.sampled_from([0.0, 0.1, 0.7, 1.0, 4.2, 30.0])


@st.composite
def chips(draw: Any, most_tiles: int = 16) -> Chip:
    """A chip of any shape, routing and prices, or a board of some; every second one of them."""
    sides = [draw(st.integers(1, 3)) for _ in range(4)]
    while math.prod(sides) > most_tiles:
        sides[sides.index(max(sides))] -= 1
    per_chip, several = sides[:2], sides[2:]
    board = draw(st.booleans())
    return replace(
        load_chip("loihi"),
        width=per_chip[0] * several[0],
        height=per_chip[1] * several[1],
        cores_per_tile=draw(st.integers(1, 2)),
        routing=draw(st.sampled_from(["unicast", "multicast"])),
        local_packets=draw(st.booleans()),
        packet_cost=draw(PRICES),
        hop_cost_x=draw(PRICES),
        hop_cost_y=draw(PRICES),
        chip_width=per_chip[0] if board else None,
        chip_height=per_chip[1] if board else None,
        chip_hop_cost=draw(PRICES) if board else None,
    )


def link_price(chip: Chip, link: Link) -> float:
    """The price of one link: that between chips where its ends lie on two of them."""
    x, y, direction = link
    step = ((1, 0), (-1, 0), (0, 1), (0, -1))[direction]
    if chip.chip_width is not None:
        assert chip.chip_height is not None
        assert chip.chip_hop_cost is not None
        if (x // chip.chip_width, y // chip.chip_height) != (
            (x + step[0]) // chip.chip_width, (y + step[1]) // chip.chip_height,
        ):  # fmt: skip
            return chip.chip_hop_cost
    return chip.hop_cost_x if direction < 2 else chip.hop_cost_y


def tile_of(chip: Chip, core: int) -> tuple[int, int]:
    """Column and row of a core's tile, counted along the columns."""
    return divmod(int(core) // chip.cores_per_tile, chip.height)


def spike_price(chip: Chip, home: int, targets: set[int]) -> float:
    """What one spike from core `home` to neurons on the cores `targets` costs."""
    dests = targets if chip.local_packets else targets - {home}
    links = [link for c in dests for link in path(tile_of(chip, home), tile_of(chip, c))]
    sent = len(dests)
    if chip.routing == "multicast":
        links, sent = list(set(links)), min(sent, 1)
    return sent * chip.packet_cost + sum(link_price(chip, link) for link in links)


def spike_prices(
    chip: Chip, network: SpikingNetwork, core: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """(N,) what one spike of each neuron costs."""
    rows = np.split(network.indices, network.indptr[1:-1])
    found = [
        spike_price(chip, int(home), set(core[row].tolist()))
        for home, row in zip(core, rows, strict=True)
    ]
    return np.array(found)

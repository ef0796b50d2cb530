"""Where a placement starts from, and the baselines that it is measured against."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.price import core_prices
from spiking_bimt.data.chip import Chip
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.place_growth import grow
from spiking_bimt.simulation.locality import hilbert_index

Ints = npt.NDArray[np.int32]

_AS_NEAR = 0.02
"""Blocks whose cores are nearer by less than this share are not worth another trial."""


def compact_cores(chip: Chip, n_cores: int) -> Ints:
    """`n_cores` cores in a block of tiles as square as the grid allows, from its corner."""
    tiles = math.ceil(n_cores / chip.cores_per_tile)
    height = min(chip.height, math.ceil(math.sqrt(tiles)))
    width = math.ceil(tiles / height)
    if width > chip.width:
        width, height = chip.width, math.ceil(tiles / chip.width)
    block = [x * chip.height + y for x in range(width) for y in range(height)][:tiles]
    cores = np.array(block)[:, None] * chip.cores_per_tile + np.arange(chip.cores_per_tile)
    return np.ascontiguousarray(cores.ravel()[:n_cores], np.int32)


def fewest_cores(chip: Chip, n_neurons: int) -> Ints:
    """The cores that so many neurons fill, in a block; InputError where the chip has fewer."""
    n_cores = math.ceil(n_neurons / chip.neurons_per_core)
    if n_cores > chip.n_cores:
        room = chip.n_cores * chip.neurons_per_core
        side = math.ceil(math.sqrt(n_cores / chip.cores_per_tile))
        raise InputError(
            f"{n_neurons} units need {n_cores} cores, {chip.name} has {chip.n_cores} "
            f"({n_neurons - room} units too many): use a smaller sheet, or a grid of at least "
            f"{side} x {side} such tiles"
        )
    return compact_cores(chip, n_cores)


def blocks(chip: Chip, n_cores: int) -> list[Ints]:
    """Sets of `n_cores` cores that make a block of tiles, the one with the nearest cores first.

    Cores are the nearer the less the links between two of them cost on average: rows of tiles where
    links along x are cheap, whole chips of a board. The square block of `compact_cores` stands for
    all that are as near as it, within `_AS_NEAR`.
    """
    square = compact_cores(chip, n_cores)
    tiles = math.ceil(n_cores / chip.cores_per_tile)
    found = [(mean_price(chip, square), square)]
    for shape in _shapes(chip, tiles):
        cores = _fill(chip, tiles, *shape)[:n_cores]
        price = mean_price(chip, cores)
        if price < (1 - _AS_NEAR) * found[0][0]:
            found.append((price, cores))
    found.sort(key=lambda one: one[0])
    return [cores for _, cores in found]


def _shapes(chip: Chip, tiles: int) -> Iterator[tuple[int, int]]:
    """Width and height of every block that holds so many tiles, and of those of whole chips."""
    for width in range(1, min(chip.width, tiles) + 1):
        height = -(-tiles // width)
        if height <= chip.height:
            yield width, height
    if chip.chip_width is not None and chip.chip_height is not None:
        for across in range(1, chip.width // chip.chip_width + 1):
            down = -(-tiles // (across * chip.chip_width * chip.chip_height))
            if down * chip.chip_height <= chip.height:
                yield across * chip.chip_width, down * chip.chip_height


def _fill(chip: Chip, tiles: int, width: int, height: int) -> Ints:
    """The cores of the first `tiles` tiles of a block from the corner, chip after chip."""
    x, y = np.divmod(np.arange(width * height), height)
    order = np.lexsort((y, x, y // (chip.chip_height or chip.height), x // (chip.chip_width or 1)))
    tile = (x * chip.height + y)[order][:tiles]
    cores = tile[:, None] * chip.cores_per_tile + np.arange(chip.cores_per_tile)
    return np.ascontiguousarray(cores.ravel(), np.int32)


def mean_price(chip: Chip, cores: Ints) -> float:
    """Mean price of the links between two of the cores."""
    n, price = len(cores), 0.0
    for at in core_prices(chip):
        # Sorted, the k-th of n is the larger one in k pairs and the smaller one in the rest.
        price += float(np.sort(at[cores]) @ (2.0 * np.arange(n) - n + 1))
    return 2.0 * price / n**2


def surrounding_cores(chip: Chip, cores: Ints) -> Ints:
    """All cores of the smallest rectangle of tiles that holds `cores`, and of a margin around it:
    a tile, or a quarter of its side; on a board, the rest of the chips that this touches."""
    xy = chip.core_xy()
    low, high = xy[cores].min(axis=0), xy[cores].max(axis=0)
    margin = np.maximum((high - low + 1) // 4, 1)
    low, high = low - margin, high + margin
    if chip.chip_width is not None and chip.chip_height is not None:
        one = np.array([chip.chip_width, chip.chip_height])
        low, high = low // one * one, (high // one + 1) * one - 1
    return np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1)).astype(np.int32)


def sheet_blocks(positions: Ints, cores: Ints, core_xy: Ints) -> Ints:
    """Core of each neuron when sheet and block of cores are halved together, again and again.

    positions: (N, 2) places on the sheet, whose first axis runs along the chip's x. cores: (U,) the
    cores to fill; core_xy: (K, 2) the tile of every core. Each cut runs across the longer side of
    the remaining cores and shares the neurons out in proportion, so that no core gets more than
    ceil(N / U) and neighbours on the sheet are neighbours on the chip.
    """
    core = np.empty(len(positions), np.int32)
    parts = [(np.arange(len(positions)), cores)]
    while parts:
        neurons, own = parts.pop()
        if len(own) == 1:
            core[neurons] = own[0]
            continue
        spread = np.ptp(core_xy[own], axis=0)
        if not spread.any() and len(neurons):
            spread = np.ptp(positions[neurons], axis=0)
        axis = int(spread[1] > spread[0])
        own = own[np.lexsort((core_xy[own, 1 - axis], core_xy[own, axis]))]
        place = positions[neurons]
        neurons = neurons[np.lexsort((place[:, 1 - axis], place[:, axis]))]
        half = len(own) // 2
        cut = round(len(neurons) * half / len(own))
        parts += [(neurons[:cut], own[:half]), (neurons[cut:], own[half:])]
    return core


def sequential(n_neurons: int, room: int) -> Ints:
    """Core of each neuron when cores are filled one after the other in the order of neurons."""
    return (np.arange(n_neurons) // room).astype(np.int32)


def even_parts(n_neurons: int, parts: int) -> Ints:
    """Part of each neuron when their order is cut into parts that differ by one neuron at most."""
    return (np.arange(n_neurons) * parts // n_neurons).astype(np.int32)


def hilbert(positions: Ints, cores: Ints, core_xy: Ints) -> Ints:
    """Core of each neuron when neurons and cores are both taken along a Hilbert curve."""
    along = cores[np.argsort(hilbert_index(core_xy[cores]), kind="stable")]
    core = np.empty(len(positions), np.int32)
    order = np.argsort(hilbert_index(positions - positions.min(axis=0)), kind="stable")
    core[order] = along[even_parts(len(positions), len(cores))]
    return core


def grown(graph: AxonGraph, rates: npt.NDArray[np.float64], parts: int) -> Ints:
    """Part of each neuron when parts of even size are grown by what neurons share."""
    n = graph.n_neurons
    sizes = np.bincount(even_parts(n, parts), minlength=parts)
    return grow(graph.indptr, graph.targets, graph.pre_indptr, graph.pre, rates, sizes)


def topped_up(core: Ints, cores: Ints, least: int) -> Ints:
    """The same, with neurons of the fullest cores given to those of `cores` below `least`."""
    core = core.copy()
    counts = np.bincount(core, minlength=int(cores.max()) + 1)
    for poor in cores[counts[cores] < least]:
        while counts[poor] < least:
            rich = counts.argmax()
            core[np.flatnonzero(core == rich)[-1]] = poor
            counts[rich] -= 1
            counts[poor] += 1
    return core


def compacted(core: Ints, cores: Ints) -> Ints:
    """The same groups of neurons on `cores`, the emptiest joining one another where there are more.

    A core may get more neurons than it holds; the search repairs that.
    """
    index, size = np.unique(core, return_inverse=True, return_counts=True)[1:]
    rank = np.argsort(np.argsort(-size, kind="stable"), kind="stable")[index]
    merged: Ints = cores[np.where(rank < len(cores), rank, len(cores) - 1)]
    return merged


def shuffled(n_neurons: int, cores: Ints, seed: int) -> Ints:
    """Core of each neuron when they are dealt out to `cores` evenly at random."""
    core = cores[np.arange(n_neurons) % len(cores)]
    return np.random.default_rng(seed).permutation(core).astype(np.int32)


def slots(core: Ints) -> Ints:
    """Slot of each neuron: its rank among the neurons of its core."""
    order = np.argsort(core, kind="stable")
    first = np.searchsorted(core[order], core[order])
    slot = np.empty(len(core), np.int32)
    slot[order] = np.arange(len(core)) - first
    return slot

"""Pictures of a chip: the neurons on its cores, the packets on its links."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip import Chip, Traffic
from spiking_bimt.data.placed import PlacedNetwork, TileFile
from spiking_bimt.errors import InputError
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes, axes_for, plots, tell

if TYPE_CHECKING:
    from matplotlib.collections import Collection

Doubles = npt.NDArray[np.float64]
Window = tuple[int, int, int, int]

_SIZE = (5.4, 4.6)
"""Width and height of new axes, inches."""
_HALF = 0.34
"""Half the side of a drawn tile; tiles are 1 apart."""
_STEPS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])
"""(x, y) of the neighbour that a tile's link leads to: east, west, north, south."""
SIDES = ("east", "west", "north", "south")
"""Where the links of a tile lead to, in the order of `Traffic.link_load`."""


@plots
def cores(placed: PlacedNetwork | TileFile, ax: Axes | None = None) -> Axes:
    """The number of neurons on each core, at the place of its tile on the chip's grid.

    Shown are the tiles that hold neurons, and one more on each side. `links` draws into the same
    axes. ax: axes to draw into, by default those of a new figure. Returns the axes. Raises
    InputError for what is no placed network.
    """
    chip, core = placed.chip, placed.placement.core
    neurons = np.bincount(core, minlength=chip.n_cores)
    shown = _window(chip, core)
    axes = axes_for(ax, *_SIZE)
    squares = _paint_cores(axes, chip, neurons, shown)
    _frame(axes, shown)
    style.colorbar(axes, squares, "neurons per core", shrink=0.75, aspect=26, pad=0.02)
    return axes


@plots
def links(
    placed: PlacedNetwork | TileFile, traffic: Traffic, ax: Axes | None = None, *,
    units: float = 1.0, unit: str = "",
) -> Axes:  # fmt: skip
    """The packets over each link between neighbouring tiles, as a line on its right-hand side.

    traffic: as `sb.traffic` counts it. ax: axes to draw into, such as those of `cores`, by default
    those of a new figure. units: number of units, such as trials, that the traffic is of; the
    packets of one are shown. unit: what one is called. Returns the axes. Raises InputError where
    the traffic is of another chip.
    """
    chip, core = placed.chip, placed.placement.core
    if traffic.link_load.shape != (chip.width, chip.height, 4):
        raise InputError(f"links: traffic is not of the chip {chip.name}: count it again")
    load = traffic.link_load / require_units("links", units)
    shown = window(chip, core, load)
    axes = axes_for(ax, *_SIZE)
    if not axes.has_data():
        empty = np.zeros(chip.n_cores, np.int64)
        _paint_cores(axes, chip, empty, shown)
    lines = _paint_links(axes, load)
    _frame(axes, shown)
    label = f"packets over a link per {unit}" if unit else "packets over a link"
    if load.any():
        style.colorbar(axes, lines, label, shrink=0.75, aspect=26, pad=0.02)
    return axes


def require_units(owner: str, units: float) -> float:
    """The number of units; InputError unless it is finite and above 0."""
    if not (units > 0 and math.isfinite(units)):
        raise InputError(f"{owner}: units is {units}: it must be a finite number above 0")
    return units


def window(chip: Chip, core: npt.NDArray[np.int32], load: npt.NDArray[Any]) -> Window:
    """First and last x and y of the tiles in use, and of one more on each side.

    core: (N,) of every neuron; load: (width, height, 4) of every link.
    """
    busy = load.sum(axis=2) > 0
    x, y = chip.core_xy()[core].T
    busy[x, y] = True
    xs, ys = np.flatnonzero(busy.any(1)), np.flatnonzero(busy.any(0))
    return (
        max(int(xs[0]) - 1, 0), min(int(xs[-1]) + 1, chip.width - 1),
        max(int(ys[0]) - 1, 0), min(int(ys[-1]) + 1, chip.height - 1),
    )  # fmt: skip


def _window(chip: Chip, core: npt.NDArray[np.int32]) -> Window:
    return window(chip, core, np.zeros((chip.width, chip.height, 1)))


def _frame(axes: Axes, shown: Window) -> None:
    """Show these tiles, and those that the axes show already."""
    x0, x1, y0, y1 = shown
    if axes.get_xlabel():
        x0, x1 = min(x0, math.ceil(axes.get_xlim()[0])), max(x1, math.floor(axes.get_xlim()[1]))
        y0, y1 = min(y0, math.ceil(axes.get_ylim()[0])), max(y1, math.floor(axes.get_ylim()[1]))
    axes.set(xlim=(x0 - 0.6, x1 + 0.6), ylim=(y0 - 0.6, y1 + 0.6), aspect="equal")
    axes.set_xticks(_ticks(x0, x1))
    axes.set_yticks(_ticks(y0, y1))
    axes.set(xlabel="tile x (east)", ylabel="tile y (north)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _ticks(first: int, last: int) -> npt.NDArray[np.int64]:
    return np.arange(first, last + 1, 1 if last - first < 16 else 4)


def _paint_cores(
    axes: Axes, chip: Chip, neurons: npt.NDArray[np.int64], shown: Window
) -> "Collection":
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    per_side = math.ceil(math.sqrt(chip.cores_per_tile))
    size = 2 * _HALF / per_side
    xy = chip.core_xy()
    x0, x1, y0, y1 = shown
    seen = np.flatnonzero((xy[:, 0] >= x0) & (xy[:, 0] <= x1) & (xy[:, 1] >= y0) & (xy[:, 1] <= y1))
    within = seen % chip.cores_per_tile
    left = xy[seen, 0] - _HALF + size * (within % per_side)
    low = xy[seen, 1] - _HALF + size * (within // per_side)
    patches = [Rectangle((x, y), 0.96 * size, 0.96 * size) for x, y in zip(left, low, strict=True)]
    colours = _colours("cores", ["#eef2f5", "#9cc3de", "#1f5f8b"])
    squares = PatchCollection(patches, cmap=colours, edgecolors="white", linewidths=0.5)
    squares.set_array(neurons[seen])
    squares.set_clim(0, max(int(neurons.max()), 1))
    axes.add_collection(squares)
    for at in np.flatnonzero(neurons[seen]):
        many = neurons[seen[at]]
        axes.text(
            left[at] + size / 2, low[at] + size / 2, str(many), ha="center",
            va="center_baseline", fontsize=9 if per_side == 1 else 7, clip_on=True,
            color="white" if many > 0.6 * neurons.max() else style.INK,
        )  # fmt: skip
    texts = [f"core {core}: {_many(neurons[core], 'neuron')}" for core in seen]
    tell(axes, left + size / 2, low + size / 2, texts, size, size)
    return squares


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _colours(name: str, colours: Sequence[str]) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name, list(colours))


def _paint_links(axes: Axes, load: Doubles) -> "Collection":
    """Draw one line for each direction of a link, on the right of the direction of travel."""
    from matplotlib.collections import LineCollection

    x, y, direction = np.nonzero(load)
    packets = load[x, y, direction]
    order = np.argsort(packets, kind="stable")
    x, y, direction, packets = x[order], y[order], direction[order], packets[order]
    step = _STEPS[direction]
    right = np.stack([step[:, 1], -step[:, 0]], axis=1)
    start = np.stack([x, y], axis=1) + 0.11 * right + (_HALF + 0.01) * step
    end = start + (1 - 2 * _HALF - 0.02) * step
    largest = float(packets.max(initial=1.0))
    lines = LineCollection(
        list(np.stack([start, end], axis=1)),
        cmap=_colours("links", ["#f3d9a4", "#e08214", "#7f2704"]),
        linewidths=0.8 + 5.2 * packets / largest,
    )
    lines.set_array(packets)
    lines.set_clim(0, largest)
    axes.add_collection(lines)
    texts = [
        f"tile ({x[k]}, {y[k]}) {SIDES[direction[k]]}: {packets[k]:,.6g} packets"
        for k in range(len(packets))
    ]
    x, y = ((start + end) / 2).T
    tell(axes, x, y, texts, 0.2, 0.2)
    return lines

"""Figures of the chip: cores, traffic, tiles."""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import Collection
    from matplotlib.figure import Figure

Doubles = npt.NDArray[np.float64]

_LARGEST_MOSAIC = 3_000_000
"""Crosspoints of all tiles in the mosaic, a pixel each: the page stays small."""
_MOST_TILES = 36
"""Tiles in the mosaic: more would be too small to read."""
_HEIGHT = 4.6
"""Height of figures that stand side by side, inches."""
_HALF = 0.34
"""Half the side of a drawn tile; tiles are 1 apart."""
_STEPS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])
"""(x, y) of the neighbour that a tile's link leads to: east, west, north, south."""


def core_grid(chip: Chip, placement: Placement, load: Doubles, unit: str = "trial") -> str:
    """Neurons of each core, and packets a unit over each link (width, height, 4)."""

    def paint(figure: "Figure") -> None:
        label = f"packets over a link a {unit}"
        paint_core_grid(figure.add_subplot(), chip, placement, load, label)

    return style.draw(5.4, _HEIGHT, paint)


def paint_core_grid(
    axes: "Axes", chip: Chip, placement: Placement, load: Doubles, load_label: str
) -> None:
    """Neurons of each core, and the load of each link (width, height, 4), into axes."""
    neurons = np.bincount(placement.core, minlength=chip.n_cores)
    x0, x1, y0, y1 = window(chip, placement, load)
    cores = _paint_cores(axes, chip, neurons)
    links = _paint_links(axes, load)
    axes.set(xlim=(x0 - 0.6, x1 + 0.6), ylim=(y0 - 0.6, y1 + 0.6), aspect="equal")
    axes.set_xticks(_ticks(x0, x1))
    axes.set_yticks(_ticks(y0, y1))
    axes.set(xlabel="tile x (east)", ylabel="tile y (north)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    scales = [(cores, "neurons a core"), (links, load_label)]
    for artist, label in reversed(scales if load.any() else scales[:1]):
        bar = axes.figure.colorbar(artist, ax=axes, shrink=0.75, aspect=26, pad=0.02)
        bar.set_label(label)
        bar.outline.set_visible(False)  # type: ignore[operator]


def window(chip: Chip, placement: Placement, load: Doubles) -> tuple[int, int, int, int]:
    """First and last x and y of the tiles in use, and of one more on each side."""
    busy = load.sum(axis=2) > 0
    x, y = chip.core_xy()[placement.core].T
    busy[x, y] = True
    xs, ys = np.flatnonzero(busy.any(1)), np.flatnonzero(busy.any(0))
    return (
        max(int(xs[0]) - 1, 0), min(int(xs[-1]) + 1, chip.width - 1),
        max(int(ys[0]) - 1, 0), min(int(ys[-1]) + 1, chip.height - 1),
    )  # fmt: skip


def _ticks(first: int, last: int) -> npt.NDArray[np.int64]:
    return np.arange(first, last + 1, 1 if last - first < 16 else 4)


def _paint_cores(axes: "Axes", chip: Chip, neurons: npt.NDArray[np.int64]) -> "Collection":
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    per_side = math.ceil(math.sqrt(chip.cores_per_tile))
    size = 2 * _HALF / per_side
    within = np.arange(chip.n_cores) % chip.cores_per_tile
    left = chip.core_xy()[:, 0] - _HALF + size * (within % per_side)
    low = chip.core_xy()[:, 1] - _HALF + size * (within // per_side)
    colours = LinearSegmentedColormap.from_list("cores", ["#eef2f5", "#9cc3de", "#1f5f8b"])
    patches = [Rectangle((x, y), 0.96 * size, 0.96 * size) for x, y in zip(left, low, strict=True)]
    squares = PatchCollection(patches, cmap=colours, edgecolors="white", linewidths=0.5)
    squares.set_array(neurons)
    squares.set_clim(0, max(int(neurons.max()), 1))
    axes.add_collection(squares)
    for core in np.flatnonzero(neurons):
        axes.text(
            left[core] + size / 2, low[core] + size / 2, str(neurons[core]), ha="center",
            va="center_baseline", fontsize=9 if per_side == 1 else 7, clip_on=True,
            color="white" if neurons[core] > 0.6 * neurons.max() else style.INK,
        )  # fmt: skip
    return squares


def _paint_links(axes: "Axes", load: Doubles) -> "Collection":
    """Draw one line for each direction of a link, on the right of the direction of travel."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LinearSegmentedColormap

    x, y, direction = np.nonzero(load)
    packets = load[x, y, direction]
    order = np.argsort(packets, kind="stable")
    x, y, direction, packets = x[order], y[order], direction[order], packets[order]
    step = _STEPS[direction]
    right = np.stack([step[:, 1], -step[:, 0]], axis=1)
    start = np.stack([x, y], axis=1) + 0.11 * right + (_HALF + 0.01) * step
    end = start + (1 - 2 * _HALF - 0.02) * step
    colours = LinearSegmentedColormap.from_list("links", ["#f3d9a4", "#e08214", "#7f2704"])
    largest = float(packets.max(initial=1.0))
    links = LineCollection(
        list(np.stack([start, end], axis=1)), cmap=colours, linewidths=0.8 + 5.2 * packets / largest
    )
    links.set_array(packets)
    links.set_clim(0, largest)
    axes.add_collection(links)
    return links


def tile_mosaic(tiles: TileSet) -> tuple[str, int, tuple[int, int]]:
    """Images of the tiles' codes, the fullest first, how many are shown, and rows and columns.

    Rows and columns beyond those that any tile uses are left out.
    """
    t = tiles.n_tiles
    r, c = (int(np.diff(lines).max()) for lines in (tiles.row_indptr, tiles.col_indptr))
    shown = min(t, _MOST_TILES, max(1, _LARGEST_MOSAIC // (r * c)))
    order = np.argsort(-np.diff(tiles.indptr), kind="stable")[:shown]
    # So many rows that the whole is about three times as wide as it is high.
    down = max(1, round(math.sqrt(shown * c / (3 * r))))
    across = math.ceil(shown / down)
    limit = 2 ** (tiles.bits - 1) - 1

    def paint(figure: "Figure") -> None:
        panels = np.atleast_1d(figure.subplots(down, across, squeeze=False).ravel())
        for axes in panels:
            axes.set_axis_off()
        for axes, tile in zip(panels, order, strict=False):
            axes.imshow(_tile_image(tiles, int(tile), limit)[:r, :c], interpolation="none")
            axes.set_title(f"core {tiles.core[tile]}", fontsize=7, pad=2, color=style.MUTED)

    cell = min(10.8 / across, 1.8)
    return style.draw(11.2, 0.1 + down * (cell * r / c + 0.22), paint), shown, (r, c)


def _tile_image(tiles: TileSet, tile: int, limit: int) -> npt.NDArray[np.uint8]:
    """(R, C, 3) blue where the code is positive, red where negative, grey where unused."""
    codes = tiles.dense(tile).astype(np.float64)[..., None]
    share = np.sqrt(np.abs(codes) / limit)
    full = np.where(codes > 0, style.rgb([style.BLUE])[0], style.rgb([style.VERMILLION]))
    rows, cols = tiles.lines(tile)
    used = np.zeros((tiles.rows, tiles.cols), bool)
    used[: len(rows), : len(cols)] = True
    empty = np.where(used[..., None], style.rgb(["#f6f7f9"])[0], style.rgb(["#d9dfe5"])[0])
    image = empty * (1 - share) + full * share
    pixels: npt.NDArray[np.uint8] = np.rint(255 * image).astype(np.uint8)
    return pixels


def utilisation_histogram(utilisation: Doubles) -> str:
    """Histogram over the tiles of their share of non-zero codes."""

    def paint(figure: "Figure") -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.add_subplot()
        axes.hist(
            100 * utilisation, bins=np.linspace(0, 100, 21).tolist(), color=style.BLUE,
            edgecolor="white", linewidth=0.6,
        )  # fmt: skip
        mean = 100 * float(utilisation.mean())
        axes.axvline(mean, color=style.VERMILLION, lw=1.6, label=f"mean {mean:.1f} %")
        axes.set(xlim=(0, 100), xlabel="crosspoints with a synapse (% of the tile)")
        axes.set_ylabel("tiles")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.legend(loc="upper right")

    return style.draw(5.4, _HEIGHT, paint)

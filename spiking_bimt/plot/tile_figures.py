"""Pictures of crossbar tiles: their codes, and how full they are."""

import math

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes, axes_for, plots, tell

Doubles = npt.NDArray[np.float64]

MOST_TILES = 36
"""Tiles that are drawn by default: more would be too small to read."""
_LARGEST = 3_000_000
"""Crosspoints of all drawn tiles, a pixel each: the picture stays small."""
_FEW = 40
"""Tiles whose occupancy is drawn one by one: a histogram of so few says little."""
_WIDTH = 11.2
"""Of new axes of tiles, inches."""
_NARROW = 0.6
"""Width of a tile below which its label is the core's number alone, inches."""
_LABEL = 0.22
"""Height of a tile's label, inches."""


@plots
def occupancy(tiles: TileFile | TileSet, ax: Axes | None = None) -> Axes:
    """The share of each tile's crosspoints that hold a synapse, %.

    Of at most 40 tiles a bar each, the fullest first; of more a histogram. ax: axes to draw into,
    by default those of a new figure. Returns the axes. Raises InputError where there is no tile.
    """
    own = _some(tiles, "occupancy")
    share = 100 * shares(own)
    mean = float(share.mean())
    axes = axes_for(ax, 5.4, 4.6)
    if own.n_tiles <= _FEW:
        order = np.argsort(-share, kind="stable")
        place = np.arange(len(order))
        axes.bar(place, share[order], color=style.BLUE, width=0.8)
        texts = [f"core {own.core[t]}: {share[t]:.1f} %" for t in order]
        tell(axes, place, share[order] / 2, texts, 0.8, share[order])
        axes.axhline(mean, color=style.VERMILLION, lw=1.6, label=f"mean {mean:.3g} %")
        axes.set(xlim=(-0.6, len(order) - 0.4), ylim=(0, 1.2 * share.max()))
        few = len(order) <= 16
        axes.set_xticks(place if few else [], [str(c) for c in own.core[order]] if few else [])
        axes.set_xlabel("tile, by its core" if few else f"{len(order)} tiles, the fullest first")
        axes.set_ylabel("crosspoints in use (%)")
    else:
        from matplotlib.ticker import MaxNLocator

        bins = np.linspace(0, 100, 21)
        counts = np.histogram(share, bins)[0]
        axes.bar(bins[:-1] + 2.5, counts, width=4.7, color=style.BLUE)
        texts = [
            f"{low:g} to {low + 5:g} %: {many} tiles"
            for low, many in zip(bins[:-1], counts, strict=True)
        ]
        tell(axes, bins[:-1] + 2.5, counts / 2, texts, 5, np.maximum(counts, 0))
        axes.axvline(mean, color=style.VERMILLION, lw=1.6, label=f"mean {mean:.3g} %")
        axes.set(xlim=(0, 100), xlabel="crosspoints with a synapse (% of the tile)")
        axes.set_ylabel("tiles")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    return axes


def shares(tiles: TileSet) -> Doubles:
    """(T,) share of each tile's crosspoints that hold a synapse."""
    share: Doubles = np.diff(tiles.indptr) / (tiles.rows * tiles.cols)
    return share


@plots
def tiles(tiles: TileFile | TileSet, ax: Axes | None = None, *, most: int = MOST_TILES) -> Axes:
    """The integer codes of the fullest tiles, at most so many: rows are sources, columns neurons.

    Blue codes are positive, red negative; rows and columns that a tile does not use are grey, and
    those that no tile uses are left out. Each tile has the number of its core above it. ax: axes
    to draw into, by default those of a new figure. Returns the axes. Raises InputError where there
    is no tile.
    """
    own = _some(tiles, "tiles")
    if most < 1:
        raise InputError(f"tiles: most is {most}, least 1")
    shown, (down, across), (r, c) = mosaic(own, most)
    cell = min(10.8 / across, 1.8)
    top = math.ceil(_LABEL / cell * c)
    gap = max(1, round(0.06 * c))
    axes = axes_for(ax, *mosaic_size(own, most))
    image = np.zeros((down * (r + top), across * (c + gap) - gap, 4), np.uint8)
    limit = 2 ** (own.bits - 1) - 1
    for at, tile in enumerate(shown):
        y, x = (at // across) * (r + top) + top, (at % across) * (c + gap)
        image[y : y + r, x : x + c, :3] = _tile_image(own, int(tile), limit)[:r, :c]
        image[y : y + r, x : x + c, 3] = 255
        label = f"core {own.core[tile]}" if cell > _NARROW else str(own.core[tile])
        axes.text(
            x + c / 2, y - 0.2 * top, label, ha="center", va="bottom",
            fontsize=7, color=style.MUTED,
        )  # fmt: skip
        many = int(np.diff(own.indptr)[tile])
        text = f"core {own.core[tile]}: {many:,} synapses, {100 * shares(own)[tile]:.1f} % full"
        tell(axes, x + c / 2, y + r / 2, [text], c, r)
    axes.imshow(image, interpolation="none")
    axes.set_axis_off()
    return axes


def mosaic(
    tiles: TileSet, most: int = MOST_TILES
) -> tuple[npt.NDArray[np.int64], tuple[int, int], tuple[int, int]]:
    """Which tiles are drawn, in how many rows and columns, and how much of each.

    Rows and columns of a tile beyond those that any tile uses are left out.
    """
    r, c = (int(np.diff(lines).max()) for lines in (tiles.row_indptr, tiles.col_indptr))
    shown = min(tiles.n_tiles, most, max(1, _LARGEST // (r * c)))
    order = np.argsort(-np.diff(tiles.indptr), kind="stable")[:shown]
    # So many rows that the whole is about three times as wide as it is high.
    down = max(1, round(math.sqrt(shown * c / (3 * r))))
    return order, (down, math.ceil(shown / down)), (r, c)


def mosaic_size(tiles: TileSet, most: int = MOST_TILES) -> tuple[float, float]:
    """Width and height of the axes that suit the drawn tiles, inches."""
    _, (down, across), (r, c) = mosaic(tiles, most)
    cell = min(10.8 / across, 1.8)
    return _WIDTH, 0.1 + down * (cell * r / c + _LABEL)


def _some(tiles: TileFile | TileSet, owner: str) -> TileSet:
    own = tiles.tiles if isinstance(tiles, TileFile) else tiles
    if not own.n_tiles:
        raise InputError(f"{owner}: there is no tile: the network has no synapse")
    return own


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

"""The common style of all figures."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1b2733"
MUTED = "#5b6875"
LINE = "#cfd6dd"
FAINT = "#f1f4f7"

# Okabe and Ito 2008: colours that can be distinguished with any kind of colour vision.
BLUE = "#0072b2"
ORANGE = "#e69f00"
GREEN = "#009e73"
VERMILLION = "#d55e00"
PURPLE = "#cc79a7"
SKY = "#56b4e9"

CLUSTER_COLOURS = (
    "#332288", "#4ba3d9", "#117733", "#d1a722", "#cc6677", "#aa4499",
    "#44aa99", "#882255", "#8a8a2a", "#e0701f", "#7b8fc4", "#5e1a0a",
)  # fmt: skip
"""Tol's muted scheme, with its light colours darkened for thin marks on white, and three more. A
cluster has its number beside its colour, for every kind of colour vision."""

STYLE = {
    # Beside square axes with a colour bar, labels stick out of matplotlib's own 0.04 inches.
    "figure.constrained_layout.w_pad": 0.1,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e6eaee",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.color": INK,
    "text.parse_math": False,  # a task's name may hold a dollar sign
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "svg.hashsalt": "spiking_bimt",  # equal figures give equal bytes
    "image.composite_image": False,
}


def cluster_colour(label: int) -> str:
    """Colour of a cluster; grey for units without one (-1)."""
    return MUTED if label < 0 else CLUSTER_COLOURS[label % len(CLUSTER_COLOURS)]


def ink_on(colour: str) -> str:
    """Black or white: the one that is legible on `colour`."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "#ffffff"


_LONG = 8
"""Length of a sheet, over its width, above which its places are not drawn as squares."""


def _between(places: int) -> int:
    """Places between two ticks, so that there are at most seven."""
    step = 1
    while places > 7 * step:
        step *= 2 if str(step).startswith("5") else 5
    return step


def sheet_axes(axes: "Axes", sheet: tuple[int, int]) -> None:
    """Axes for places of the sheet: row 0 at the top, squares where it is not very long."""
    rows, cols = sheet
    long = max(sheet) > _LONG * min(sheet)
    axes.set(xlim=(-0.6, cols - 0.4), ylim=(rows - 0.4, -0.6), aspect="auto" if long else "equal")
    axes.set_xticks(np.arange(0, cols, _between(cols)))
    axes.set_yticks(np.arange(0, rows, _between(rows)))
    axes.set_xlabel("column on the sheet (grid spacings)")
    axes.set_ylabel("row on the sheet (grid spacings)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def colorbar(axes: "Axes", artist: Any, label: str, **options: Any) -> None:
    """A frameless colour bar of an artist beside its axes, with a label."""
    bar = axes.figure.colorbar(artist, ax=axes, **options)
    bar.set_label(label)
    bar.outline.set_visible(False)  # type: ignore[operator]


def rgb(colours: list[str]) -> npt.NDArray[np.float64]:
    """(n, 3) red, green and blue of colours, each 0..1."""
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(colour) for colour in colours])

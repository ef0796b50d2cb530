"""Figures as pictures: SVG, with what a reader of a page learns under the pointer."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spiking_bimt.data import store
from spiking_bimt.plot.axes import Axes, Spots, watch
from spiking_bimt.plot.style import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FINENESS = 10_000
"""Parts of a picture's width and height in which the place of a spot is counted."""


@dataclass(frozen=True)
class Picture:
    """A drawn figure."""

    svg: bytes
    spots: tuple[str, ...] = ()
    """Left, top, right and bottom end of a box in 1/10000 of the picture, and its text."""

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode("ascii")


def draw(
    width: float, height: float, paint: Callable[["Figure"], object], dpi: float = 200
) -> Picture:
    """A figure of width x height inches that `paint` fills.

    Artists with `rasterized=True` become images within it, at `dpi` dots per inch.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
        FigureCanvasSVG(figure)
        told = watch(figure)
        paint(figure)
        image = io.BytesIO()
        metadata = {"Date": None, "Creator": "spiking_bimt", "Format": None, "Type": None}
        figure.savefig(image, format="svg", metadata=metadata, transparent=True)
        spots = tuple(line for spots in told for line in _lines(figure, spots))
    return Picture(image.getvalue(), spots)


def draw_axes(
    width: float, height: float, paint: Callable[[Axes], object], dpi: float = 200
) -> Picture:
    """A figure of width x height inches with one pair of axes, which `paint` fills."""
    return draw(width, height, lambda figure: paint(figure.add_subplot()), dpi)


def _lines(figure: "Figure", spots: Spots) -> list[str]:
    """A line of text for each spot that lies within its axes."""
    whole = figure.transFigure.inverted()
    ends = [
        whole.transform(spots.axes.transData.transform(corner))
        for corner in (spots.corners[:, [0, 2]], spots.corners[:, [1, 3]])
    ]
    low, high = np.minimum(*ends), np.maximum(*ends)
    frame = spots.axes.get_position()
    (x0, y0), (x1, y1) = frame.min, frame.max
    inside = (high >= (x0 - 1e-3, y0 - 1e-3)).all(axis=1)
    inside &= (low <= (x1 + 1e-3, y1 + 1e-3)).all(axis=1)
    boxes = np.column_stack([low[:, 0], 1 - high[:, 1], high[:, 0], 1 - low[:, 1]])
    places = np.rint(_FINENESS * boxes).astype(int)
    return [
        " ".join(map(str, place)) + " " + " ".join(text.split())
        for place, text, seen in zip(places.tolist(), spots.texts, inside, strict=True)
        if seen
    ]


def store_figure(path: Path, picture: Picture) -> None:
    """Write a picture to a file of its own in a folder that is there."""
    store.write_bytes(path, picture.svg)

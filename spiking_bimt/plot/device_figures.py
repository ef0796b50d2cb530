"""The figure of the effects of a memory device."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def accuracy_bars(rows: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Accuracy of every run with its 95% interval, as an SVG data URI."""

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        at = np.arange(len(rows))
        accuracy = np.array([row["accuracy"] for row in rows.values()])
        low, high = np.array([row["interval"] for row in rows.values()]).T
        axes.barh(at, accuracy, color=style.BLUE, height=0.6)
        error = np.maximum([accuracy - low, high - accuracy], 0)
        axes.errorbar(accuracy, at, xerr=error, fmt="none", ecolor=style.INK, capsize=2, lw=1)
        axes.set_yticks(at, list(rows))
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="accuracy", title=title)
        axes.grid(axis="x")

    return style.draw(6.4, 0.9 + 0.32 * len(rows), paint)

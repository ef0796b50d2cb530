"""Figures of a run on a data set: the confusion of its classes."""

from typing import TYPE_CHECKING

import numpy as np

from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMED = 20
"""Most classes whose names and counts are written."""


def confusion_matrix(counts: list[list[int]], classes: list[str]) -> str:
    """Share of each right class (rows) that was answered as each class (columns), with counts."""
    numbers = np.array(counts)
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1)
    named = len(classes) <= _NAMED

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="none")
        place = np.arange(len(classes))
        if named:
            axes.set_xticks(place, classes, rotation=90)
            axes.set_yticks(place, classes)
            for row, column in zip(*np.nonzero(numbers), strict=True):
                dark = shares[row, column] > 0.5
                axes.text(
                    column, row, str(numbers[row, column]), ha="center", va="center", fontsize=8,
                    color="white" if dark else style.INK,
                )  # fmt: skip
        axes.set(xlabel="answer", ylabel="right class")
        axes.tick_params(length=0)
        bar = figure.colorbar(image, ax=axes, aspect=18, ticks=[0, 0.5, 1])
        bar.set_label("share of the class")
        bar.outline.set_visible(False)  # type: ignore[operator]

    return style.draw(5.4, 4.6, paint)

"""The figure of a diagnosis: units, error over a trial, tasks, accuracy over spikes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spiking_bimt.converting.diagnosis import Diagnosis
from spiking_bimt.plot import style
from spiking_bimt.plot.picture import Picture, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def conversion_figure(found: Diagnosis, curve: list[dict[str, Any]], accuracy: float) -> Picture:
    """Four panels: units, drift, tasks, accuracy over spikes.

    curve: points of `converting.diagnosis.score_full_rates`; accuracy: that of the rate network.
    """

    def paint(figure: "Figure") -> None:
        axes = figure.subplots(2, 2)
        _units(axes[0, 0], found)
        _drift(axes[0, 1], found)
        _tasks(axes[1, 0], found)
        _curve(axes[1, 1], curve, accuracy)

    return draw(9.0, 7.0, paint)


def _units(axes: "Axes", found: Diagnosis) -> None:
    top = float(max(found.rate.max(), found.spiking.max(), 1e-3))
    axes.plot([0, top], [0, top], color=style.LINE, linewidth=1)
    axes.errorbar(
        found.rate, found.spiking, yerr=found.noise, fmt="o", markersize=3, linewidth=0.6,
        color=style.BLUE, ecolor=style.SKY,
    )  # fmt: skip
    axes.set_xlabel("rate network, mean rate (share of full scale)")
    axes.set_ylabel("spiking network (bars: noise)")
    axes.set_title("units")


def _drift(axes: "Axes", found: Diagnosis) -> None:
    middle = (np.arange(len(found.drift)) + 0.5) / len(found.drift)
    axes.plot(middle, found.drift, "o-", color=style.BLUE)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time in the trial (share)")
    axes.set_ylabel("systematic error (rms over units)")
    axes.set_title("drift")


def _tasks(axes: "Axes", found: Diagnosis) -> None:
    place = np.arange(len(found.tasks))
    axes.barh(place, found.fixation_lost, color=style.ORANGE, label="fixation broken")
    axes.barh(
        place, found.choice_lost, left=found.fixation_lost, color=style.BLUE, label="wrong choice"
    )
    axes.set_yticks(place, found.tasks, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("trials that only the spiking network fails (share)")
    axes.legend()


def _curve(axes: "Axes", curve: list[dict[str, Any]], accuracy: float) -> None:
    axes.axhline(accuracy, color=style.LINE, linewidth=1)
    axes.plot(
        [point["mean_rate_hz"] for point in curve], [point["accuracy"] for point in curve],
        "o-", color=style.BLUE,
    )  # fmt: skip
    for point in curve:
        axes.annotate(
            f"{point['full_rate']:g} Hz", (point["mean_rate_hz"], point["accuracy"]),
            textcoords="offset points", xytext=(4, -9), fontsize=7, color=style.MUTED,
        )  # fmt: skip
    axes.set_xlabel("mean rate (Hz); labels: full scale")
    axes.set_ylabel("accuracy (line: rate network)")
    axes.set_title("spikes, one-to-one")

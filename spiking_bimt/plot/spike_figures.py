"""Figures of spikes without trials."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Doubles = npt.NDArray[np.float64]

_BINS = 200
"""Bins of the rate over time."""


def run_raster(
    times_ms: Doubles, neurons: npt.NDArray[np.int32], n: int, length_ms: float, every_ms: Doubles
) -> str:
    """Spikes of n neurons over a run of length_ms, and the mean rate of all of them.

    every_ms: times of all spikes, where those of some neurons alone are drawn.
    """
    bins = np.linspace(0, length_ms, min(_BINS, max(len(every_ms) // 4, 10)) + 1)
    rate = np.histogram(every_ms, bins)[0] / n / np.diff(bins) * 1000

    def paint(figure: "Figure") -> None:
        top, bottom = figure.subplots(2, sharex=True, height_ratios=(4, 1.2))
        mark = min(max(260 / n, 0.8), 12.0)
        top.scatter(
            times_ms, neurons, s=mark**2, marker="|", linewidths=0.9, color=style.BLUE,
            rasterized=True,
        )  # fmt: skip
        top.set(ylim=(n - 0.5, -0.5), ylabel="neuron")
        top.tick_params(axis="y", length=0)
        bottom.stairs(rate, bins, color=style.VERMILLION, fill=True, alpha=0.8)
        bottom.set(xlim=(0, length_ms), ylim=(0, None), xlabel="time (ms)", ylabel="rate (Hz)")
        bottom.grid(axis="y")
        figure.align_ylabels([top, bottom])

    return style.draw(11.2, 5.2, paint)

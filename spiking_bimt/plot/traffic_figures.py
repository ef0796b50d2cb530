"""Figures of what activity costs on a chip: energy by part, packets over time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES = {
    "soma": ("neurons", style.BLUE),
    "spike": ("spikes", style.SKY),
    "synapse": ("synapses", style.GREEN),
    "packet": ("packets", style.ORANGE),
    "hop": ("hops", style.VERMILLION),
}
"""Name and colour of each part of the energy."""
_BINS = 250
"""Most bins of time."""


def energy_bars(parts_nj: Mapping[str, float], unit: str) -> str:
    """A bar for each part of the energy of a unit, nJ, with its share."""
    total = max(sum(parts_nj.values()), 1e-300)
    scale, name = (1e3, "µJ") if total >= 1e4 else (1.0, "nJ")
    values = np.array(list(parts_nj.values())) / scale

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        rows = np.arange(len(values))
        colours = [_NAMES[part][1] for part in parts_nj]
        axes.barh(rows, values, color=colours, height=0.62)
        for row, value in zip(rows, values, strict=True):
            text = (
                f"{value:,.{0 if value >= 100 else 1}f} {name}, {100 * value * scale / total:.0f} %"
            )
            axes.annotate(
                text, (float(value), float(row)), xytext=(5, 0),
                textcoords="offset points", va="center", fontsize=8.5,
            )  # fmt: skip
        axes.set_yticks(rows, [_NAMES[part][0] for part in parts_nj])
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1.35 * max(values.max(), 1e-300)))
        axes.set_xlabel(f"energy a {unit} ({name})")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")

    return style.draw(5.4, 4.6, paint)


def over_time(packets: npt.NDArray[np.int64], busiest: npt.NDArray[np.int64], dt: float) -> str:
    """Packets a ms in bins of steps of dt ms and, where links are used, the load of the busiest.

    busiest: packets over the link that carries the most, of each step; a bin shows its largest.
    """
    per_bin = -(-len(packets) // _BINS)
    starts = np.arange(0, len(packets), per_bin)
    edges = np.append(starts, len(packets)) * dt
    rate = np.add.reduceat(packets, starts) / np.diff(edges)
    peak = np.maximum.reduceat(busiest, starts)
    links = bool(peak.any())

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(2 if links else 1, sharex=True, squeeze=False).ravel()
        panels[0].stairs(rate, edges, color=style.BLUE, fill=True, alpha=0.85)
        panels[0].set_ylabel("packets a ms")
        if links:
            panels[1].stairs(peak, edges, color=style.VERMILLION, fill=True, alpha=0.85)
            panels[1].set_ylabel("packets a step,\nbusiest link")
        for axes in panels:
            axes.set(xlim=(0, edges[-1]), ylim=(0, None))
            axes.grid(axis="y")
        panels[-1].set_xlabel("time (ms)")
        figure.align_ylabels(list(panels))

    return style.draw(11.2, 3.6 if links else 2.2, paint)

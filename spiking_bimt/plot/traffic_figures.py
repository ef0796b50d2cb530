"""Pictures of what activity costs on a chip: energy by part, traffic over time."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.energy import nj_each
from spiking_bimt.chip.timeline import Timeline
from spiking_bimt.data.chip import Traffic
from spiking_bimt.errors import InputError
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes, axes_for, plots, tell
from spiking_bimt.plot.chip_figures import require_units

Doubles = npt.NDArray[np.float64]

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
_OVER_TIME = {
    "packets": ("packets per ms", style.BLUE),
    "hops": ("hops per ms", style.GREEN),
    "spikes": ("spikes per ms", style.PURPLE),
    "energy": ("energy (nJ per ms)", style.ORANGE),
    "busiest": ("packets per step,\nbusiest link", style.VERMILLION),
}
"""Label and colour of each quantity over time."""


@plots
def energy(traffic: Traffic, ax: Axes | None = None, *, units: float = 1.0, unit: str = "") -> Axes:
    """The energy of each part of the chip, nJ or µJ, with its share of the whole.

    traffic: as `sb.traffic` counts it. ax: axes to draw into, by default those of a new figure.
    units: number of units, such as trials, that the traffic is of; the energy of one is shown.
    unit: what one is called. Returns the axes. Raises InputError where the chip's energies are
    unpublished.
    """
    if traffic.energy_pj is None:
        raise InputError("energy: the energies of the chip are unpublished: place on another chip")
    parts_nj = nj_each(traffic.energy_pj, require_units("energy", units))
    total = max(sum(parts_nj.values()), 1e-300)
    scale, name = (1e3, "µJ") if total >= 1e4 else (1.0, "nJ")
    values = np.array(list(parts_nj.values())) / scale
    axes = axes_for(ax, 5.4, 4.6)
    rows = np.arange(len(values))
    axes.barh(rows, values, color=[_NAMES[part][1] for part in parts_nj], height=0.62)
    texts = [
        f"{value:,.{0 if value >= 100 else 1}f} {name}, {100 * value * scale / total:.0f} %"
        for value in values
    ]
    for row, value, text in zip(rows, values, texts, strict=True):
        axes.annotate(
            text, (float(value), float(row)), xytext=(5, 0),
            textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    names = [_NAMES[part][0] for part in parts_nj]
    told = [f"{part}: {text}" for part, text in zip(names, texts, strict=True)]
    tell(axes, values / 2, rows, told, values, 0.62)
    axes.set_yticks(rows, names)
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1.35 * max(values.max(), 1e-300)))
    axes.set_xlabel(f"energy per {unit} ({name})" if unit else f"energy ({name})")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    return axes


@plots
def traffic(
    timeline: Timeline,
    ax: Axes | None = None,
    *,
    of: Literal["packets", "hops", "spikes", "energy", "busiest"] = "packets",
    first: int = 0,
    last: int | None = None,
) -> Axes:
    """What the chip's network carries over time, in at most 250 bins of whole steps.

    timeline: as `sb.timeline` counts it. ax: axes to draw into, by default those of a new figure.
    of: packets, hops or spikes per ms, energy (nJ per ms), or the packets in a step over the link
    that carries the most, of which a bin shows its largest. first, last: steps to show, `last` left
    out; time counts from `first`. Returns the axes. Raises InputError for steps that the timeline
    has not, and for energy where the chip's is unpublished.
    """
    steps = len(timeline.packets)
    end = steps if last is None else last
    if not 0 <= first < end <= steps:
        raise InputError(f"traffic: first {first} and last {end} are no steps within 0..{steps}")
    values, edges = _binned(timeline, of, slice(first, end))
    label, colour = _OVER_TIME[of]
    axes = axes_for(ax, 9.0, 2.4)
    axes.stairs(values, edges, color=colour, fill=True, alpha=0.85)
    middle = (edges[1:] + edges[:-1]) / 2
    texts = [f"{t:,.6g} ms: {v:,.4g}" for t, v in zip(middle, values, strict=True)]
    top = 1.05 * float(values.max(initial=0)) or 1.0
    tell(axes, middle, top / 2, texts, float(edges[1] - edges[0]), top)
    axes.set(xlim=(0, edges[-1]), ylim=(0, top), xlabel="time (ms)", ylabel=label)
    axes.grid(axis="y")
    return axes


def _binned(timeline: Timeline, of: str, own: slice) -> tuple[Doubles, Doubles]:
    """The quantity in bins of steps, and the edges of the bins, ms."""
    of_step = {
        "packets": timeline.packets, "hops": timeline.hops, "spikes": timeline.spikes,
        "energy": None if timeline.energy_pj is None else timeline.energy_pj / 1000,
        "busiest": timeline.busiest_load,
    }[of]  # fmt: skip
    if of_step is None:
        raise InputError("traffic: the energies of the chip are unpublished: place on another chip")
    chosen = of_step[own].astype(np.float64)
    per_bin = -(-len(chosen) // _BINS)
    starts = np.arange(0, len(chosen), per_bin)
    edges = np.append(starts, len(chosen)) * timeline.dt
    if of == "busiest":
        return np.maximum.reduceat(chosen, starts), edges
    return np.add.reduceat(chosen, starts) / np.diff(edges), edges

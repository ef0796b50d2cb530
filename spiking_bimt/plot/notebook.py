"""Figures of results in memory, drawn into matplotlib axes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spiking_bimt.data.arguments import check, shown
from spiking_bimt.data.chip import Traffic
from spiking_bimt.data.placed import PlacedNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.plot import chip_figures, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RASTER = (9.0, 4.0)
"""Inches of a new raster."""
_CORES = (5.4, 4.6)
"""Inches of a new picture of cores."""
_MANY = 50_000
"""Spikes above which their marks become one image: as lines they make a file too large."""


def raster(recording: Recording, ax: "Axes | None" = None, *, trial: int = 0) -> "Axes":
    """Each spike of a trial as a mark: time (ms) to the right, neurons upwards.

    ax: axes to draw into, by default those of a new figure. Returns the axes. Raises InputError
    for a recording without its spikes, or a trial that it has not.
    """
    check("raster: recording", recording, Recording)
    check("raster: trial", trial, int)
    if not 0 <= trial < recording.n_trials:
        raise InputError(f"raster: trial is {trial}, outside 0..{recording.n_trials - 1}")
    own = slice(recording.offsets[trial], recording.offsets[trial + 1])
    times, neurons = recording.times_ms[own], recording.neurons[own]
    axes = _axes("raster", ax, _RASTER)
    mark = min(max(400 / recording.n_neurons, 1.0), 8.0)
    axes.scatter(
        times, neurons, s=mark**2, marker="|", linewidths=0.8, color=style.BLUE,
        rasterized=len(times) > _MANY,
    )  # fmt: skip
    start = recording.first_step * recording.dt
    axes.set_xlim(start, start + max(recording.lengths[trial], 1) * recording.dt)
    axes.set_ylim(-0.5, recording.n_neurons - 0.5)
    axes.set(xlabel="time (ms)", ylabel="neuron")
    return axes


def cores(
    placed: PlacedNetwork, ax: "Axes | None" = None, *, traffic: Traffic | None = None
) -> "Axes":
    """How many neurons each core of the chip holds; with traffic, also the packets on each link.

    ax: axes to draw into, by default those of a new figure. Returns the axes.
    """
    check("cores: placed", placed, PlacedNetwork)
    check("cores: traffic", traffic, Traffic | None)
    chip = placed.chip
    load = np.zeros((chip.width, chip.height, 4))
    if traffic is not None:
        if traffic.link_load.shape != load.shape:
            raise InputError(f"cores: traffic is not of the chip {chip.name}")
        load += traffic.link_load
    axes = _axes("cores", ax, _CORES)
    chip_figures.paint_core_grid(axes, chip, placed.placement, load, "packets over a link")
    return axes


def _axes(owner: str, ax: Any, size: tuple[float, float]) -> "Axes":
    """The axes given, or new ones; InputError for anything else."""
    from matplotlib.axes import Axes

    if ax is None:
        return style.new_axes(*size)
    if not isinstance(ax, Axes):
        raise InputError(f"{owner}: ax is {shown(ax)}, expected the Axes of matplotlib or None")
    return ax

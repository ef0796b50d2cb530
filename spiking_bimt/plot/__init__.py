"""Plots as functions: each takes records, draws into the axes given or new ones, and returns them.

    ax = sb.plot.cores(placed)
    sb.plot.links(placed, sb.traffic(placed, run), ax)

The report of a run is made of them. matplotlib loads with the first plot. A new figure has the
style of the report; axes that are given keep their own. Bad input raises `InputError`.
"""

from spiking_bimt.plot.chip_figures import cores as cores
from spiking_bimt.plot.chip_figures import links as links
from spiking_bimt.plot.score_figures import accuracy as accuracy
from spiking_bimt.plot.score_figures import confusion as confusion
from spiking_bimt.plot.score_figures import training as training
from spiking_bimt.plot.sheet_figures import clusters as clusters
from spiking_bimt.plot.sheet_figures import sheet as sheet
from spiking_bimt.plot.sheet_figures import variance as variance
from spiking_bimt.plot.sheet_figures import wiring as wiring
from spiking_bimt.plot.spike_figures import raster as raster
from spiking_bimt.plot.spike_figures import rates as rates
from spiking_bimt.plot.tile_figures import occupancy as occupancy
from spiking_bimt.plot.tile_figures import tiles as tiles
from spiking_bimt.plot.traffic_figures import energy as energy
from spiking_bimt.plot.traffic_figures import traffic as traffic

__all__ = [
    "accuracy",
    "clusters",
    "confusion",
    "cores",
    "energy",
    "links",
    "occupancy",
    "raster",
    "rates",
    "sheet",
    "tiles",
    "traffic",
    "training",
    "variance",
    "wiring",
]


def __dir__() -> list[str]:
    return list(__all__)

"""Figures as functions over records; `raster` and `cores` draw into the axes of a notebook."""

from spiking_bimt.plot.notebook import cores as cores
from spiking_bimt.plot.notebook import raster as raster

__all__ = ["cores", "raster"]


def __dir__() -> list[str]:
    return list(__all__)

"""What a report is made of: the records of the run, and what was computed from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.analysis.variance import TaskVariance
from spiking_bimt.data.chip import Chip, Placement, Traffic
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.data.trials import Trials
from spiking_bimt.formats.sonata import SpikeFile

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Function:
    """The function of the units, and where units of one function lie on the sheet."""

    variance: TaskVariance
    clusters: Clusters
    isolated: float
    """Ratio of isolated units (`isolated_ratio`)."""
    nulls: Mapping[str, Doubles]
    """The same ratio after shuffles, by what is shuffled."""
    importance: Doubles
    """(N,) see `analysis.importance`."""


@dataclass(frozen=True)
class OnChip:
    """The placed network and its traffic on the chip."""

    chip: Chip
    placement: Placement
    traffic: Traffic
    """Of the report's own trials."""


@dataclass(frozen=True)
class Material:
    """Everything that the page shows; a part that is missing is None, and `hints` says why."""

    name: str
    """The run's name."""
    rate: RateNetwork
    network: SpikingNetwork
    """As simulated: with integer weights where it has them."""
    function: Function
    trials: Trials
    """The trials that the report simulated."""
    recording: Recording
    shown: int
    """The trial of the raster."""
    metrics: Sequence[Mapping[str, Any]] | None
    on_chip: OnChip | None
    tiles: TileSet | None
    spikes: SpikeFile | None
    diagnosis: str | None
    """Figure of `convert --diagnose` as a data URI."""
    hints: Mapping[str, str]
    """By file name: why an optional file is not shown, and which command makes it."""

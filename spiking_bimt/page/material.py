"""What a report is made of: the run's records, and what was computed of them."""

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
    """What the units do, and how they lie on the sheet."""

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
    """The placed network and what its network carries."""

    chip: Chip
    placement: Placement
    traffic: Traffic
    """Of the report's own trials."""


@dataclass(frozen=True)
class Material:
    """Everything that the page shows. What is None lacks, and `hints` says why."""

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
    """Why an optional file is not shown and which command makes it, by file name."""

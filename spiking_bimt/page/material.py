"""What a report is made of: the records of the run, and what was computed from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.analysis.modularity import Halves
from spiking_bimt.analysis.variance import TaskVariance
from spiking_bimt.chip.timeline import Timeline
from spiking_bimt.data.chip import Traffic
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import PlacedNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.formats.sonata import SpikeFile
from spiking_bimt.plot.picture import Picture
from spiking_bimt.simulation.driven import Driven

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
    halves: Halves
    """What the units do by two sets of trials, and their weights."""
    modularity: Mapping[str, Any]
    """See `analysis.modularity.measure_modularity`."""


@dataclass(frozen=True)
class OnChip:
    """The placed network and its traffic on the chip."""

    placed: PlacedNetwork
    traffic: Traffic
    """Of the activity that the report shows."""
    timeline: Timeline
    """The same, step by step."""


@dataclass(frozen=True)
class Material:
    """Everything that the page shows; a part that is missing is None, and `hints` says why."""

    name: str
    """The run's name."""
    rate: RateNetwork | None
    """None for a network of another tool."""
    network: SpikingNetwork
    """As simulated: with integer weights where it has them."""
    function: Function | None
    """None where units have no functions that differ: without a rate network, or of one task."""
    driven: Driven
    """The activity that the page shows."""
    shown: tuple[int, ...]
    """The trials, or pieces of the run, of the rasters; the first is shown first."""
    metrics: Sequence[Mapping[str, Any]] | None
    on_chip: OnChip | None
    tiles: TileSet | None
    spikes: SpikeFile | None
    neurobench: Mapping[str, Any]
    """See `analysis.neurobench`."""
    diagnosis: Picture | None
    """Figure of `convert --diagnose`."""
    hints: Mapping[str, str]
    """By file name: why an optional file is not shown, and which command makes it."""

    @property
    def answers(self) -> str:
        """What the outputs answer (`data.trials.KINDS`)."""
        trials = self.driven.trials
        return "task" if trials is None else trials.answer.kind

    @property
    def unit(self) -> str:
        """What costs are told a: "trial", or "second" where there are no trials."""
        return list(self.driven.units)[-1]

    @property
    def units(self) -> float:
        """How many trials or seconds the activity has."""
        return self.driven.units[self.unit]

"""A network with its place on a chip, and with its tiles."""

from dataclasses import dataclass
from typing import NamedTuple

from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError


@dataclass(frozen=True, eq=False)
class PlacedNetwork:
    """A network on the cores of a chip. Where it has integer codes, its weights are those."""

    network: SpikingNetwork
    placement: Placement
    chip: Chip

    def __post_init__(self) -> None:
        check_fields(self)
        n, cores = len(self.placement.core), self.placement.n_cores
        if n != self.network.n_neurons or cores != self.chip.n_cores:
            raise InputError(
                f"the placement is of {n} neurons on {cores} cores, the network has "
                f"{self.network.n_neurons} and {self.chip.name} {self.chip.n_cores}: place again"
            )

    @property
    def n_cores(self) -> int:
        """Number of cores that hold at least one neuron."""
        return len(set(self.placement.core.tolist()))


class TileFile(NamedTuple):
    """What a tile file holds."""

    tiles: TileSet
    network: SpikingNetwork
    """The quantised network; its synapses are in the tiles, and a file holds them there alone."""
    placement: Placement
    chip: Chip

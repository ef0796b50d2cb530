"""A network with its place on a chip, and with its tiles."""

from dataclasses import dataclass

from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.documented import documented
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError


@documented
@dataclass(frozen=True, eq=False)
class PlacedNetwork:
    """A network on the cores of a chip. Where it has integer codes, its weights are those."""

    network: SpikingNetwork
    """The network; its weights are the codes' where it has codes."""
    placement: Placement
    """Core and slot of each neuron."""
    chip: Chip
    """The chip with its limits and prices."""

    def __post_init__(self) -> None:
        check_fields(self)
        _check_placement(self)

    @property
    def n_cores(self) -> int:
        """Number of cores that hold at least one neuron."""
        return len(set(self.placement.core.tolist()))


@documented
@dataclass(frozen=True, eq=False)
class TileFile:
    """What a tile file holds: tiles, network, placement and chip that go together."""

    tiles: TileSet
    """The tiles."""
    network: SpikingNetwork
    """The quantised network; its synapses are in the tiles, and a file holds them there alone."""
    placement: Placement
    """Core and slot of each neuron."""
    chip: Chip
    """The chip."""

    def __post_init__(self) -> None:
        check_fields(self)
        _check_placement(self)
        tiles, network, chip = self.tiles, self.network, self.chip
        for what, mine, own, theirs in (
            ("neurons", tiles.n_neurons, "the network", network.n_neurons),
            ("input channels", tiles.n_inputs, "the network", network.n_inputs),
            ("rows", tiles.rows, chip.name, chip.crossbar_rows),
            ("columns", tiles.cols, chip.name, chip.crossbar_cols),
        ):
            if mine != theirs:
                raise InputError(
                    f"TileFile: the tiles have {mine} {what}, {own} {theirs}: cut them again"
                )
        tiles.check_cores(self.placement.core)


def _check_placement(record: PlacedNetwork | TileFile) -> None:
    """Refuse a placement of another network or chip."""
    placement, network, chip = record.placement, record.network, record.chip
    n, cores = len(placement.core), placement.n_cores
    if n != network.n_neurons or cores != chip.n_cores:
        raise InputError(
            f"the placement is of {n} neurons on {cores} cores, the network has "
            f"{network.n_neurons} and {chip.name} {chip.n_cores}: place again"
        )

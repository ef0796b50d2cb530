"""The chip, where neurons sit on it, and what its network carries."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.chip_neuron import ChipNeuron, ChipSynapse
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError, unknown_name

SYNAPSE_FORMULAS = ("flat", "loihi-blocks")
ROUTINGS = ("unicast", "multicast")
MOST_CORES = 2**20
"""Cores of a chip or board: those of the largest machine there is, SpiNNaker's."""
MOST_PLACES = 2**31 - 1
"""Neurons, sources, synapses or crosspoints of one core: they are counted in 32 bits."""
MOST_TOTAL = 2**53
"""Packets or bits of memory of one core: their sums stay exact in 64 bits, floating-point too."""
MOST_WEIGHT_BITS = 64
"""Bits of a weight: no chip has more."""
MOST_COST = 1e30
"""Of a packet, hop or event, in its own unit: sums over all spikes of a run stay finite."""
ENERGY_EVENTS = ("soma", "spike", "synapse")
LATENCY_EVENTS = ("soma", "spike", "packet", "receive", "synapse")


@documented
@dataclass(frozen=True)
class Chip:
    """A 2D grid of tiles with one or more cores each, and the hard limits of a core.

    Core c sits in tile c // cores_per_tile; tiles are numbered down the columns (x-major),
    x = tile // height, y = tile % height, as in SANA-FE (Boyle et al. 2025), after which energies
    and latencies are counted. A limit that is None does not exist.
    """

    name: str
    """Name of the preset, or path of the file."""
    description: str
    """What it is, in a line."""
    width: int
    """Tiles along x."""
    height: int
    """Tiles along y."""
    cores_per_tile: int
    """Cores that share a tile, and its router."""
    neurons_per_core: int
    """Most neurons of a core."""
    input_axons: int | None
    """Distinct sources (neurons and input channels) that a core can receive from."""
    output_axons: int | None
    """Packets that one spike of every neuron of a core may cost: (neuron, destination core)
    pairs under unicast, neurons that send at all under multicast."""
    synapse_bits: int | None
    """Synapse memory of a core, bits."""
    synapse_formula: str
    """"flat": synapses * weight_bits; "loihi-blocks": nengo-loihi's block formula."""
    weight_bits: int
    """Widest signed weight."""
    crossbar_rows: int
    """Axons (word lines) of one crossbar tile."""
    crossbar_cols: int
    """Neurons (bit lines) of one crossbar tile."""
    routing: str
    """"unicast": a packet to each destination core; "multicast": one XY tree a spike."""
    local_packets: bool
    """Whether a spike to the sender's own core costs a packet."""
    packet_cost: float
    """Cost of one packet in the placement's objective (pJ where `energy` is known)."""
    hop_cost_x: float
    """Cost of one hop along x (east-west)."""
    hop_cost_y: float
    """Cost of one hop along y (north-south)."""
    energy: dict[str, float] | None
    """Energy of each event, pJ: soma (a neuron and step), spike, synapse; None where unpublished.
    Where it is known, `packet_cost` and the hop costs are in pJ too."""
    sources: dict[str, str]
    """Where each figure comes from, a line each under a name of your choice."""
    split_signs: bool = False
    """Whether weights of one sign can be held apart, so that their sign takes none of
    `weight_bits`: lists of synapses of one sign, or differential pairs."""
    destinations: int | None = None
    """Cores that one neuron may send packets to."""
    synapses_per_neuron: int | None = None
    """Synapses that may end on one neuron, of neurons and input channels."""
    chip_width: int | None = None
    """On a board of several chips: tiles of one chip along x; width is the whole board's."""
    chip_height: int | None = None
    """Tiles of one chip along y."""
    chip_hop_cost: float | None = None
    """Cost of a hop from one chip to the next."""
    latency: dict[str, float] | None = None
    """Time that a core takes for each event, ns: soma (a neuron and step), spike, packet (sent),
    receive (a packet), synapse; None where unpublished."""
    neuron: ChipNeuron | None = None
    """The neuron that its silicon computes; None where the file counts packets and memory alone."""
    synapse: ChipSynapse | None = None
    """What its synapses hold; goes with `neuron`."""
    second_hand: tuple[str, ...] = ()
    """Keys whose figures are quoted by others, and were not read in the source that they name."""
    caveat: str = ""
    """What is known of the error of its energies, to stand beside each of them."""

    def __hash__(self) -> int:
        return hash((self.name, self.width, self.height, self.cores_per_tile))

    def __post_init__(self) -> None:
        check_fields(self)
        validate.own(self)
        object.__setattr__(self, "second_hand", tuple(self.second_hand))
        self._check_sizes()
        self._check_energy()
        self._check_board()
        for field in ("packet_cost", "hop_cost_x", "hop_cost_y", "chip_hop_cost"):
            self._check_cost(field, getattr(self, field))
        if self.synapse_formula not in SYNAPSE_FORMULAS:
            wrong = unknown_name("synapse_formula", self.synapse_formula, SYNAPSE_FORMULAS)
            raise InputError(f"chip {self.name}: {wrong}")
        if self.routing not in ROUTINGS:
            wrong = unknown_name("routing", self.routing, ROUTINGS)
            raise InputError(f"chip {self.name}: {wrong}")

        if (self.neuron is None) != (self.synapse is None):
            raise InputError(
                f"chip {self.name}: neuron and synapse say together what the chip computes: give "
                "both or neither"
            )
        for key in self.second_hand:
            owner, _, name = key.rpartition(".")
            if not hasattr(getattr(self, owner, None) if owner else self, name):
                raise InputError(f"chip {self.name}: second_hand names {key!r}, which is no key")

    def _check_sizes(self) -> None:
        for field, most in (
            ("width", MOST_CORES), ("height", MOST_CORES), ("cores_per_tile", MOST_CORES),
            ("neurons_per_core", MOST_PLACES), ("weight_bits", MOST_WEIGHT_BITS),
            ("crossbar_rows", MOST_PLACES), ("crossbar_cols", MOST_PLACES),
        ):  # fmt: skip
            value = getattr(self, field)
            if not 1 <= value <= most:
                end = "least 1" if value < 1 else f"most {most:,}"
                raise InputError(f"chip {self.name}: {field} is {value}, {end}")
        for field, most in (
            ("input_axons", MOST_PLACES), ("output_axons", MOST_TOTAL),
            ("synapse_bits", MOST_TOTAL), ("destinations", MOST_PLACES),
            ("synapses_per_neuron", MOST_PLACES), ("chip_width", MOST_CORES),
            ("chip_height", MOST_CORES),
        ):  # fmt: skip
            value = getattr(self, field)
            if value is not None and not 1 <= value <= most:
                end = "least 1" if value < 1 else f"most {most:,}"
                raise InputError(f"chip {self.name}: {field} is {value}, {end}; leave it out "
                                 "where there is no such limit")  # fmt: skip
        if self.n_cores > MOST_CORES:
            raise InputError(
                f"chip {self.name}: width {self.width} x height {self.height} x cores_per_tile "
                f"{self.cores_per_tile} are {self.n_cores:,} cores, most {MOST_CORES:,}"
            )

    def _check_cost(self, field: str, value: float | None) -> None:
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise InputError(f"chip {self.name}: {field} must be a finite number, least 0")
        if value is not None and value > MOST_COST:
            raise InputError(f"chip {self.name}: {field} is {value:g}, most {MOST_COST:g}")

    def _check_energy(self) -> None:
        for what, given, events, unit in (
            ("energy", self.energy, ENERGY_EVENTS, "pJ"),
            ("latency", self.latency, LATENCY_EVENTS, "ns"),
        ):
            if given is None:
                continue
            if set(given) != set(events):
                raise InputError(
                    f"chip {self.name}: {what} gives {', '.join(sorted(given)) or 'nothing'}; it "
                    f"needs {', '.join(events)}, or is left out"
                )
            for event, value in given.items():
                if not (math.isfinite(value) and value >= 0):
                    raise InputError(
                        f"chip {self.name}: {what} of {event} is {value} {unit}, least 0"
                    )
                self._check_cost(f"{what} of {event}", value)

    def _check_board(self) -> None:
        board = self.chip_width, self.chip_height, self.chip_hop_cost
        if board.count(None) not in (0, 3):
            raise InputError(
                f"chip {self.name}: chip_width, chip_height and chip_hop_cost describe a board "
                "together: give all three or none"
            )
        if self.width % (self.chip_width or 1) or self.height % (self.chip_height or 1):
            raise InputError(
                f"chip {self.name}: a board of {self.width} x {self.height} tiles is not made of "
                f"chips of {self.chip_width} x {self.chip_height}"
            )

    @property
    def n_cores(self) -> int:
        """Number of cores on the chip."""
        return self.width * self.height * self.cores_per_tile

    def core_xy(self) -> npt.NDArray[np.int32]:
        """(n_cores, 2) x and y of each core's tile."""
        tile = np.arange(self.n_cores) // self.cores_per_tile
        return np.stack([tile // self.height, tile % self.height], axis=1).astype(np.int32)


@documented
@dataclass(frozen=True, eq=False)
class Placement(validate.Record):
    """The core of every neuron, and its slot there."""

    chip: str
    """Name of the chip preset, or path of the user's chip file."""
    n_cores: int
    """Cores of the chip."""
    core: npt.NDArray[np.int32]
    """(N,) core of each neuron."""
    slot: npt.NDArray[np.int32]
    """(N,) slot within the core, distinct within each core."""
    profile: dict[str, object] | None = None
    """The whole chip, by the fields of `Chip`; None where `chip` alone says which it is."""
    measured: dict[str, object] | None = None
    """What the placer measured (JSON values)."""

    def __post_init__(self) -> None:
        check_fields(self)
        n = np.size(self.core)
        if self.n_cores < 1:
            raise InputError(f"Placement.n_cores is {self.n_cores}, least 1")
        for field in ("core", "slot"):
            value = validate.array("Placement", field, getattr(self, field), (n,), np.int32)
            object.__setattr__(self, field, value)
        if n == 0 or self.core.min() < 0 or self.core.max() >= self.n_cores:
            raise InputError(f"Placement.core must lie in 0..{self.n_cores - 1}")
        pairs = np.stack([self.core, self.slot], axis=1)
        if self.slot.min() < 0 or len(np.unique(pairs, axis=0)) != n:
            raise InputError("Placement.slot must be distinct within each core and not negative")
        validate.own(self)


@documented
@dataclass(frozen=True, eq=False)
class Traffic(validate.Record):
    """What the chip's network carries for given spikes, summed over them."""

    packets: int
    """Packets sent: one per spike and destination core (unicast) or one per spike (multicast)."""
    unicast_hops: int
    """Links crossed when every destination core gets its own packet (XY routing)."""
    multicast_hops: int
    """Links crossed when a spike is copied along its XY tree."""
    link_load: npt.NDArray[np.int64]
    """(width, height, 4) packets over each tile's outgoing link: east (x + 1), west, north
    (y + 1), south, under the chip's own routing."""
    synaptic_events: int
    """Spikes that reached a synapse, each synapse counted."""
    spikes: int
    """Spikes of all neurons."""
    energy_pj: dict[str, float] | None
    """Energy by event (soma, spike, synapse, packet, hop), pJ; None where unpublished."""

    def __post_init__(self) -> None:
        check_fields(self)
        validate.shapes(self, {"link_load": ((None, None, 4), np.int64)})
        validate.own(self)
        for field in ("packets", "unicast_hops", "multicast_hops", "synaptic_events", "spikes"):
            if getattr(self, field) < 0:
                raise InputError(f"Traffic.{field} is {getattr(self, field)}, least 0")
        if self.link_load.min(initial=0) < 0:
            raise InputError("Traffic.link_load must not be negative")

    @property
    def hops(self) -> int:
        """Links crossed under the chip's own routing."""
        return int(self.link_load.sum())

    @property
    def energy_nj(self) -> float | None:
        """Energy of all events together, nJ; None where unpublished."""
        return None if self.energy_pj is None else sum(self.energy_pj.values()) / 1000

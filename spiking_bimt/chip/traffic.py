"""What a placed network's spikes cost on the chip's network."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.energy import energies
from spiking_bimt.chip.graph import AxonGraph, axon_graph, packet_destinations
from spiking_bimt.chip.price import load_price, packet_price, routes
from spiking_bimt.data import validate
from spiking_bimt.data.chip import Chip, Placement, Traffic
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.place_traffic import route_all

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Flow:
    """Packets and hops of weighted spikes."""

    packets: float
    """Packets under the chip's routing."""
    path_x: float
    """Links along x under unicast."""
    path_y: float
    tree_x: float
    """Links along x under multicast."""
    tree_y: float
    load: Floats
    """(width, height, 4) packets over each directed link under the chip's routing."""

    def hop_cost(self, chip: Chip) -> float:
        """The links at the chip's prices."""
        return load_price(chip, self.load)

    def cost(self, chip: Chip) -> float:
        """The placement's objective: packets and hops at the chip's prices."""
        return self.packets * packet_price(chip) + self.hop_cost(chip)


def flow(chip: Chip, graph: AxonGraph, core: npt.NDArray[np.int32], weight: Floats) -> Flow:
    """Packets and hops when neuron i sits on core[i] and sends weight[i] spikes.

    As SANA-FE counts them: one packet a (spike, destination core), no hop within a tile.
    """
    indptr, cores = packet_destinations(chip, graph, core)
    xy = chip.core_xy()
    load = np.zeros((chip.width, chip.height, 4))
    multicast = chip.routing == "multicast"
    packets, sent, path_x, path_y, tree_x, tree_y = route_all(
        indptr, cores, validate.read_only(core), validate.read_only(np.asarray(weight, np.float64)),
        np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1]), multicast, load,
    )  # fmt: skip
    return Flow(sent if multicast else packets, path_x, path_y, tree_x, tree_y, load)


def traffic(
    network: SpikingNetwork,
    placement: Placement,
    chip: Chip,
    spike_counts: npt.ArrayLike,
    n_steps: int,
) -> Traffic:
    """Exact counts for given spikes, and their energy where the chip's figures are known.

    spike_counts: (N,) spikes of each neuron. n_steps: simulated steps, for the energy that a
    neuron takes every step. The input is analogue and sends no packets. Raises InputError for
    counts that are negative, not whole, or not one per neuron, or a placement of another size.
    """
    counts = validate.array("traffic", "spike_counts", spike_counts, (network.n_neurons,), float)
    if (counts < 0).any() or (counts != np.rint(counts)).any():
        raise InputError("spike counts must be whole numbers, least 0")
    if placement.n_cores != chip.n_cores or len(placement.core) != network.n_neurons:
        raise InputError(f"the placement is not of this network on {chip.name}: place again")
    # Floats count exactly up to 2^53 packets.
    graph = axon_graph(network)
    flows = flow(chip, graph, placement.core, counts)
    taken = energies(chip, graph, routes(chip, graph, placement.core))
    return Traffic(
        packets=round(flows.packets),
        unicast_hops=round(flows.path_x + flows.path_y),
        multicast_hops=round(flows.tree_x + flows.tree_y),
        link_load=np.rint(flows.load).astype(np.int64),
        synaptic_events=int(counts @ np.diff(network.indptr)),
        spikes=int(counts.sum()),
        energy_pj=None if taken is None else taken.spent(counts, n_steps),
    )

"""What a placed network's spikes cost on the chip's network."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph, axon_graph, destinations
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
        x, y = chip.hop_prices()
        # A westward link leaves the column that the eastward one enters.
        along_x = self.load[:-1, :, 0].sum(axis=1) + self.load[1:, :, 1].sum(axis=1)
        along_y = self.load[:, :-1, 2].sum(axis=0) + self.load[:, 1:, 3].sum(axis=0)
        return float(along_x @ x[:-1] + along_y @ y[:-1])

    def cost(self, chip: Chip) -> float:
        """The placement's objective: packets and hops at the chip's prices."""
        return self.packets * chip.packet_cost + self.hop_cost(chip)


def packet_destinations(
    chip: Chip, graph: AxonGraph, core: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Cores that need a packet of each neuron: indptr (N + 1,), cores ascending within a row.

    A neuron's own core is among them only where the chip sends local packets.
    """
    n = graph.n_neurons
    indptr, cores, _ = destinations(graph, core, chip.n_cores)
    indptr, cores = indptr[: n + 1], cores[: indptr[n]]
    if chip.local_packets:
        return indptr, cores
    remote = cores != np.repeat(core, np.diff(indptr))
    return np.concatenate([[0], np.cumsum(remote)])[indptr].astype(np.int64), cores[remote]


def flow(chip: Chip, graph: AxonGraph, core: npt.NDArray[np.int32], weight: Floats) -> Flow:
    """Packets and hops when neuron i sits on core[i] and sends weight[i] spikes.

    As SANA-FE counts them: one packet a (spike, destination core), no hop within a tile.
    """
    indptr, cores = packet_destinations(chip, graph, core)
    xy = chip.core_xy()
    load = np.zeros((chip.width, chip.height, 4))
    multicast = chip.routing == "multicast"
    packets, sent, path_x, path_y, tree_x, tree_y = route_all(
        indptr, cores, core, np.asarray(weight, np.float64), np.ascontiguousarray(xy[:, 0]),
        np.ascontiguousarray(xy[:, 1]), multicast, load,
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
    counts that are negative, not whole, or not one a neuron, or a placement of another size.
    """
    counts = validate.array("traffic", "spike_counts", spike_counts, (network.n_neurons,), float)
    if (counts < 0).any() or (counts != np.rint(counts)).any():
        raise InputError("spike counts must be whole numbers, least 0")
    if placement.n_cores != chip.n_cores or len(placement.core) != network.n_neurons:
        raise InputError(f"the placement is not of this network on {chip.name}: place again")
    # Floats count exactly up to 2^53 packets.
    flows = flow(chip, axon_graph(network), placement.core, counts)
    events = int(counts @ np.diff(network.indptr))
    spikes = int(counts.sum())
    energy = None
    if chip.energy is not None:
        energy = {
            "soma": chip.energy["soma"] * network.n_neurons * n_steps,
            "spike": chip.energy["spike"] * spikes,
            "synapse": chip.energy["synapse"] * events,
            "packet": chip.packet_cost * flows.packets,
            "hop": flows.hop_cost(chip),
        }
    return Traffic(
        packets=round(flows.packets),
        unicast_hops=round(flows.path_x + flows.path_y),
        multicast_hops=round(flows.tree_x + flows.tree_y),
        link_load=np.rint(flows.load).astype(np.int64),
        synaptic_events=events,
        spikes=spikes,
        energy_pj=energy,
    )

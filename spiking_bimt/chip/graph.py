"""The axon graph of a network: which source drives which neurons."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.validate import read_only
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.place_reach import distinct_cores, first_descent, transposed


@dataclass(frozen=True)
class AxonGraph:
    """Sources (N neurons, then C input channels) and the neurons that each of them drives.

    An input channel sits on no core and costs no packet, but it takes an input axon and synapse
    memory on every core that it reaches. Memory is proportional to synapses.
    """

    n_neurons: int
    indptr: npt.NDArray[np.int64]
    """(N + C + 1,) start of each source's row in `targets`."""
    targets: npt.NDArray[np.int32]
    """(nnz,) driven neurons, ascending within a row."""
    pre_indptr: npt.NDArray[np.int64]
    """(N + 1,) start of each neuron's row in `pre`."""
    pre: npt.NDArray[np.int32]
    """(nnz,) sources that drive each neuron, ascending within a row."""
    weight_bits: int | None
    """Width of the network's integer weights on a chip, or None where it has none."""
    split_signs: bool
    """Whether weights of one sign are held apart."""
    longest_delay: int
    """Longest synaptic delay, steps."""

    @property
    def n_sources(self) -> int:
        """Number of neurons and input channels, N + C."""
        return len(self.indptr) - 1


def axon_graph(network: SpikingNetwork) -> AxonGraph:
    """The axon graph of a network, with its transpose.

    Raises InputError where a source has two synapses onto one neuron: no crossbar holds that.
    """
    n, nnz = network.n_neurons, len(network.indices)
    indptr = np.concatenate([network.indptr, nnz + network.in_indptr[1:]]).astype(np.int64)
    targets = np.concatenate([network.indices, network.in_indices]).astype(np.int32, copy=False)
    source, target = first_descent(indptr, targets)
    if source >= 0:
        raise InputError(
            f"source {source} has two synapses onto neuron {target}, or its "
            "targets are not ascending: merge and sort them"
        )
    pre_indptr, pre = transposed(indptr, targets, n)
    delays = network.delays
    return AxonGraph(
        n_neurons=n,
        indptr=indptr,
        targets=targets,
        pre_indptr=pre_indptr,
        pre=pre,
        weight_bits=network.weight_bits,
        split_signs=network.split_signs,
        longest_delay=network.delay if delays is None else int(delays.max(initial=1)),
    )


def destinations(
    graph: AxonGraph, core: npt.NDArray[np.int32], n_cores: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """The distinct cores that each source reaches, and by how many synapses.

    core: (N,) core of each neuron. Returns indptr (N + C + 1,), cores (pairs,) ascending within
    a row, synapses (pairs,).
    """
    return distinct_cores(graph.indptr, graph.targets, read_only(core), n_cores)


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

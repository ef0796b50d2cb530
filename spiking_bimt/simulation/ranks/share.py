"""What one rank holds of a network: its neurons, and the synapses onto them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.locality import select_neurons
from spiking_bimt.simulation.parts import Part, make_part, stored_synapses

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Share:
    """One rank's share of a network of N neurons."""

    network: SpikingNetwork
    """The rank's neurons with their parameters; no synapses."""
    own: Array
    """(n,) their numbers in the whole network, ascending."""
    sources: Array
    """(rows,) neurons of the whole network with synapses onto the rank's, ascending."""
    rank_of: Array
    """(rows,) rank of each source."""
    indptr: Array
    """(rows + 1,) where the synapses of each source begin."""
    indices: Array
    """(nnz,) targets, as places in `own`."""
    weights: Array
    delays: Array | None
    """(nnz,) steps, None where all are equal."""
    reach: tuple[int, int]
    """Least and largest delay of the whole network, steps."""


def cut_out(network: SpikingNetwork, ranks: Array, rank: int) -> Share:
    """The share of a rank in a network that is in memory. ranks (N,): rank of each neuron."""
    own = np.flatnonzero(ranks == rank)
    place = np.full(network.n_neurons, -1, np.int32)
    place[own] = np.arange(len(own))
    kept = np.flatnonzero(ranks[network.indices] == rank)
    fan_out = np.diff(np.searchsorted(kept, network.indptr))
    sources = np.flatnonzero(fan_out)
    given: Any = network.delay if network.delays is None else network.delays
    some = np.size(given) > 0
    return Share(
        network=select_neurons(network, own),
        own=own,
        sources=sources,
        rank_of=ranks[sources],
        indptr=np.append(0, np.cumsum(fan_out[sources])),
        indices=place[network.indices[kept]],
        weights=network.weights[kept],
        delays=None if network.delays is None or not some else network.delays[kept],
        reach=(int(np.min(given)), int(np.max(given))) if some else (network.delay, network.delay),
    )


def facts_of(network: SpikingNetwork) -> dict[str, Any]:
    """What must be equal on all ranks that run a network, by what it is."""
    total = xxhash.xxh3_128()
    given = (network.delays, *network.parameters(slice(None)).values())
    for array in (network.indptr, network.indices, network.weights, *given):
        if array is not None:
            total.update(np.ascontiguousarray(array).data)
    return {
        "the version of spiking_bimt": store.version(),
        "the number of neurons": network.n_neurons,
        "the number of synapses": len(network.indices),
        "dt": network.dt,
        "the delay": network.delay,
        "the reset": network.reset,
        "the digest of the network": total.hexdigest(),
    }


def part_of(share: Share, start: Array, epoch: int, dtype: np.dtype[Any]) -> Part:
    """The part that a rank runs. start (n,): potentials of its neurons."""
    # The kernels look up rows by places of neurons too, before a window's spikes are exchanged.
    room = max(len(share.own) - len(share.sources), 0)
    indptr = np.append(share.indptr, np.full(room, share.indptr[-1]))
    synapses = stored_synapses(indptr, share.indices, share.weights, share.delays, dtype)
    return make_part(share.network, 0, start, synapses, share.reach, epoch, dtype)

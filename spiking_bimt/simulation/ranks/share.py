"""What one rank holds of a network: its neurons, and the synapses onto them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.validate import Record
from spiking_bimt.simulation.parts import Part, make_part, stored_synapses

Array = npt.NDArray[Any]

_AT_ONCE = 2**20
"""Potentials drawn at once."""


@dataclass(frozen=True, eq=False)
class Share(Record):
    """One rank's share of a network of N neurons, as `share_of_rows` and the like build it."""

    network: SpikingNetwork
    """The rank's n neurons with their parameters; no synapses."""
    own: Array
    """(n,) their numbers in the whole network, ascending."""
    ranks: int
    """Ranks among which the network is shared."""
    n_neurons: int
    """Neurons of the whole network, N."""
    n_synapses: int
    """Synapses of the whole network."""
    alike: bool
    """Whether all N neurons share their time constants and none has a floor."""
    sources: Array
    """(rows,) neurons of the whole network with synapses onto the rank's, ascending."""
    rank_of: Array
    """(rows,) rank of each source."""
    indptr: Array
    """(rows + 1,) where the synapses of each source begin."""
    indices: Array
    """(nnz,) targets, as places in `own`."""
    weights: Array
    """(nnz,) total change of the target's v by one spike."""
    delays: Array | None
    """(nnz,) steps, None where all are equal."""
    reach: tuple[int, int]
    """Least and largest delay of the whole network, steps."""

    @property
    def dt(self) -> float:
        """Step, ms."""
        return self.network.dt


def part_of(share: Share, start: Array, epoch: int, dtype: np.dtype[Any]) -> Part:
    """The part that a rank runs. start (n,): potentials of its neurons."""
    # The kernels look up rows by places of neurons too, before a window's spikes are exchanged.
    room = max(len(share.own) - len(share.sources), 0)
    indptr = np.append(share.indptr, np.full(room, share.indptr[-1]))
    synapses = stored_synapses(indptr, share.indices, share.weights, share.delays, dtype)
    return make_part(share.network, 0, start, synapses, share.reach, epoch, dtype)


def drawn_start(share: Share, seed: int) -> Array:
    """(n,) what `start.starts` draws for the rank's neurons in trial 0."""
    rng, found, n = np.random.default_rng((seed, 0)), np.empty(len(share.own)), share.n_neurons
    bounds = np.searchsorted(share.own, np.append(np.arange(0, n, _AT_ONCE), n))
    for k, low in enumerate(range(0, n, _AT_ONCE)):
        draws = rng.random(min(_AT_ONCE, n - low))
        found[bounds[k] : bounds[k + 1]] = draws[share.own[bounds[k] : bounds[k + 1]] - low]
    own = share.network
    span = own.v_th.astype(np.float64) - own.v_reset
    start: Array = own.v_reset + found * span
    return start

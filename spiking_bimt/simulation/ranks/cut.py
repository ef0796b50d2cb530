"""Which rank each neuron goes to: whole cores of a placement, or blocks of neurons in order."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import PlacedNetwork
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

_OF_NEURON = 50
"""Synapses that take as much time and memory as a neuron does."""
_AT_ONCE = 2**22
"""Synapses counted at once."""


@checked
def split_by_rank(network: SpikingNetwork | PlacedNetwork, n_ranks: int) -> npt.NDArray[np.int32]:
    """(N,) rank of each neuron, such that the ranks have about equal work.

    Work is neurons and the synapses onto them. A network on a chip is cut between whole cores: the
    rectangle of its cores in two across its longer side, each half again, and so on, so that
    packets, which placement keeps short, seldom leave a rank. Another network is cut into blocks of
    neurons in order. n_ranks: number of ranks.

    Raises InputError where there are fewer neurons, or cores, than ranks.
    """
    if n_ranks < 1:
        raise InputError(f"split_by_rank: n_ranks is {n_ranks}: at least 1 is needed")
    if isinstance(network, SpikingNetwork):
        return in_blocks(_OF_NEURON + count_fan_in(network), n_ranks)
    own = network.network
    cores, at = np.unique(network.placement.core, return_inverse=True)
    if len(cores) < n_ranks:
        raise InputError(
            f"the placement uses {len(cores)} cores, which {n_ranks} ranks cannot share: take "
            f"{len(cores)} ranks at most"
        )
    loads = np.bincount(at, _OF_NEURON + count_fan_in(own))
    found = np.zeros(len(cores), np.int32)
    _bisect(found, np.arange(len(cores)), network.chip.core_xy()[cores], loads, 0, n_ranks)
    return found[at]


def count_fan_in(network: SpikingNetwork) -> npt.NDArray[np.int64]:
    """(N,) synapses onto each neuron; of synapses in a file, a piece at a time is in memory."""
    found = np.zeros(network.n_neurons, np.int64)
    for low in range(0, len(network.indices), _AT_ONCE):
        found += np.bincount(network.indices[low : low + _AT_ONCE], minlength=len(found))
    return found


def in_blocks(loads: Array, n_ranks: int) -> npt.NDArray[np.int32]:
    """(N,) rank of each neuron: blocks in order with about equal sums of `loads` (N,)."""
    n = len(loads)
    if n < n_ranks:
        raise InputError(f"the network has {n} neurons, fewer than the {n_ranks} ranks")
    ends = np.cumsum(loads, dtype=np.float64)
    wanted = ends[-1] * np.arange(1, n_ranks) / n_ranks
    at = np.searchsorted(ends, wanted)
    before = np.append(0.0, ends)[at]
    cuts = at + (ends[at] - wanted <= wanted - before)  # the nearer of two ends
    few = np.arange(1, n_ranks)  # each rank has one neuron at least
    cuts = np.maximum.accumulate(np.clip(cuts, few, n - n_ranks + few) - few) + few
    return np.repeat(np.arange(n_ranks, dtype=np.int32), np.diff(cuts, prepend=0, append=n))


def _bisect(found: Array, chosen: Array, xy: Array, loads: Array, first: int, n_ranks: int) -> None:
    """Write ranks first..first + n_ranks - 1 of the chosen cores into `found`."""
    if n_ranks == 1:
        found[chosen] = first
        return
    span = np.ptp(xy[chosen], axis=0)
    along = int(span[1] > span[0])
    order = chosen[np.lexsort((chosen, xy[chosen, 1 - along], xy[chosen, along]))]
    left = n_ranks // 2
    ends = np.cumsum(loads[order])
    at = int(np.argmin(np.abs(ends - ends[-1] * left / n_ranks))) + 1
    at = min(max(at, left), len(order) - (n_ranks - left))
    _bisect(found, order[:at], xy, loads, first, left)
    _bisect(found, order[at:], xy, loads, first + left, n_ranks - left)


def checked_ranks(ranks: npt.ArrayLike, n_neurons: int, size: int) -> Array:
    """(N,) the rank of each neuron; InputError where these are no ranks of a run of that size."""
    given = validate.array("Simulation", "ranks", ranks, (n_neurons,), np.int32)
    if given.min() < 0 or given.max() >= size:
        raise InputError(
            f"ranks lie in {given.min()}..{given.max()}, the run has the ranks 0..{size - 1}"
        )
    many = np.bincount(given, minlength=size)
    if not many.all():
        raise InputError(f"ranks leave rank {int(np.argmin(many))} without a neuron")
    return given

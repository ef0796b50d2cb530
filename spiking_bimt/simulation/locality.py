"""The order in which neurons are stored: neighbours on the sheet on the same cache lines."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.validate import hand_over, read_only
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_renumber

Array = npt.NDArray[Any]
Order = Literal["given", "sheet"] | npt.ArrayLike


def storage_order(network: SpikingNetwork, wanted: Order) -> Array | None:
    """(N,) the neurons in the order in which they are stored; None for as they are numbered.

    `wanted` is "given", "sheet" (along a Hilbert curve over the positions), or that order itself,
    such as the neurons sorted by core.
    """
    n = network.n_neurons
    if not isinstance(wanted, str):
        order = np.asarray(wanted)
        if order.shape != (n,) or not np.array_equal(np.sort(order), np.arange(n)):
            raise InputError(f"order must name each of the neurons 0..{n - 1} once")
        return order.astype(np.int32)
    if wanted not in ("given", "sheet"):
        raise InputError(f"order is {wanted!r}; known: given, sheet, or all neurons in their order")
    if wanted == "given":
        return None
    return np.argsort(hilbert_index(network.positions), kind="stable").astype(np.int32)


class Numbering:
    """Neurons by their numbers in the network, and by the places where this process stores them."""

    def __init__(self, names: Array | None, n_neurons: int) -> None:
        """names: number of the neuron at each place, None where that is the place.

        Either all n_neurons in some order, or some of them, ascending.
        """
        self.names, self._n = names, n_neurons
        whole = names is not None and len(names) == n_neurons
        self.inverse = np.argsort(names).astype(np.int32) if whole and names is not None else None
        """(N,) place of each neuron, None where not all are here or each is at its number."""
        self._present = np.zeros(0 if names is None else n_neurons // 64 + 1, np.uint64)

    def places(self, neurons: Array) -> Array:
        """The place of each neuron, -1 for those that are not here."""
        if self.names is None:
            return neurons
        if self.inverse is not None:
            return self.inverse[neurons]
        at = np.minimum(np.searchsorted(self.names, neurons), len(self.names) - 1)
        return np.where(self.names[at] == neurons, at, -1).astype(np.int32)

    def name(self, places: Array, counts: Array) -> Array:
        """The neurons at some places, ascending within steps of `counts` each."""
        if self.names is None:
            return places
        bounds = np.append(0, np.cumsum(counts))
        return sim_renumber.name_spikes(places, bounds, self.names, self._present)


def renumber(network: SpikingNetwork, order: Array) -> SpikingNetwork:
    """The network's neurons in another order with the synapses between them, nothing else."""
    delays = read_only(np.empty(0, np.int32)) if network.delays is None else network.delays
    indptr, indices, weights, delays = sim_renumber.rows_in_order(
        np.ascontiguousarray(order), network.indptr, network.indices, network.weights, delays
    )
    return replace(
        select_neurons(network, order),
        indptr=hand_over(indptr), indices=hand_over(indices), weights=hand_over(weights),
        delays=None if network.delays is None else hand_over(delays),
    )  # fmt: skip


def select_neurons(network: SpikingNetwork, chosen: Array | slice) -> SpikingNetwork:
    """Some neurons with their parameters, without synapses."""
    values = network.parameters(chosen)
    places = network.positions[chosen]
    return network.without_codes(
        **values, positions=places, w_out=network.w_out[:, chosen],
        indptr=np.zeros(len(places) + 1, np.int64), indices=np.empty(0, np.int32),
        weights=np.empty(0, np.float32), delays=None, in_indptr=np.zeros(1, np.int64),
        in_indices=np.empty(0, np.int32), in_weights=np.empty(0, np.float32), core=None,
        populations=(),
    )  # fmt: skip


def hilbert_index(positions: Array) -> npt.NDArray[np.int64]:
    """(N,) place of each position (N, 2) along the Hilbert curve of a square around them."""
    x, y = (positions - positions.min(axis=0)).T.astype(np.int64)
    index = np.zeros(len(x), np.int64)
    half = 1 << max(int(max(x.max(), y.max())).bit_length() - 1, 0)
    while half:
        right, above = x & half > 0, y & half > 0
        index += half * half * ((3 * right) ^ above)
        x, y = x & (half - 1), y & (half - 1)
        # The curve enters the lower quarters along the other axis, the last one from its far end.
        turned = right & ~above
        x, y = np.where(turned, half - 1 - x, x), np.where(turned, half - 1 - y, y)
        x, y = np.where(above, x, y), np.where(above, y, x)
        half //= 2
    return index

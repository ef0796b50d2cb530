"""The importance of each unit, from its weights."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork

Doubles = npt.NDArray[np.float64]


def importance(network: RateNetwork | SpikingNetwork) -> Doubles:
    """(N,) geometric mean of the summed |weights| into and out of each unit:

        sqrt( (sum_j |W_ij| + sum_c |U_ic|) (sum_j |W_ji| + sum_k |V_ki|) )

    over recurrent weights W, input weights U and readout V. To multiply the inputs of a ReLU unit
    by some a > 0 and divide its outputs by a changes neither the network's function nor this
    product. The product is 0 for a unit without inputs or without outputs. Of a spiking network
    these are its recurrent and input synapses and its readout; neither biases nor sources count.
    """
    if isinstance(network, SpikingNetwork):
        return _of_neurons(network)
    into = _sizes(network.w_rec, 1) + _sizes(network.w_in, 1)
    out = _sizes(network.w_rec, 0) + _sizes(network.w_out, 0)
    return np.sqrt(into * out)


def _of_neurons(network: SpikingNetwork) -> Doubles:
    n = network.n_neurons
    size, in_size = (np.abs(w).astype(np.float64) for w in (network.weights, network.in_weights))
    into = np.bincount(network.indices, size, n) + np.bincount(network.in_indices, in_size, n)
    sources = np.repeat(np.arange(n), np.diff(network.indptr))
    out = np.bincount(sources, size, n) + _sizes(network.w_out, 0)
    product: Doubles = np.sqrt(into * out)
    return product


def by_rank(values: Doubles) -> Doubles:
    """The values, sorted from the largest to the smallest."""
    return np.sort(values)[::-1]


def _sizes(weights: npt.NDArray[np.float32], axis: int) -> Doubles:
    total: Doubles = np.abs(weights).sum(axis=axis, dtype=np.float64)
    return total

"""The importance of each unit, from its weights."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork

Doubles = npt.NDArray[np.float64]


def importance(network: RateNetwork) -> Doubles:
    """(N,) geometric mean of the summed |weights| into and out of each unit:

        sqrt( (sum_j |W_ij| + sum_c |U_ic|) (sum_j |W_ji| + sum_k |V_ki|) )

    over recurrent weights W, input weights U and readout V. To multiply the inputs of a ReLU unit
    by some a > 0 and divide its outputs by a changes neither the network's function nor this
    product. The product is 0 for a unit without inputs or without outputs.
    """
    into = _sizes(network.w_rec, 1) + _sizes(network.w_in, 1)
    out = _sizes(network.w_rec, 0) + _sizes(network.w_out, 0)
    return np.sqrt(into * out)


def by_rank(values: Doubles) -> Doubles:
    """The values, sorted from the largest to the smallest."""
    return np.sort(values)[::-1]


def _sizes(weights: npt.NDArray[np.float32], axis: int) -> Doubles:
    total: Doubles = np.abs(weights).sum(axis=axis, dtype=np.float64)
    return total

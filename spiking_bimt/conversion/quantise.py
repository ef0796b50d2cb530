"""Integer weights: symmetric rounding with one scale a postsynaptic neuron."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float32]


def quantise(network: SpikingNetwork, bits: int, per: str = "neuron") -> SpikingNetwork:
    """The network with signed `bits`-bit codes for recurrent, input and readout weights.

    code = round(w / scale), scale = max |w| onto the neuron / (2^(bits-1) - 1), kept apart for
    recurrent and input synapses; the readout has a scale an output. per "network" takes the largest
    weight of all in place of each neuron's, as chips with one scale need. Raises InputError for a
    width outside 2..16.
    """
    if per not in ("neuron", "network"):
        raise InputError(f"one scale per {per!r}; known: neuron, network")
    if not 2 <= bits <= 16:
        raise InputError(f"{bits} bits: signed integer weights have 2 to 16")
    limit = 2 ** (bits - 1) - 1
    n = network.n_neurons
    shared = per == "network"
    codes, scale = _codes(network.weights, network.indices, n, limit, shared)
    in_codes, in_scale = _codes(network.in_weights, network.in_indices, n, limit, shared)
    outputs = np.repeat(np.arange(len(network.w_out)), n)
    out_codes, out_scale = _codes(network.w_out.ravel(), outputs, len(network.w_out), limit)
    return replace(
        network,
        bits=bits,
        codes=codes,
        scale=scale,
        in_codes=in_codes,
        in_scale=in_scale,
        out_codes=out_codes.reshape(network.w_out.shape),
        out_scale=out_scale,
    )


def _codes(
    weights: Floats,
    group: npt.NDArray[np.integer],
    n_groups: int,
    limit: int,
    shared: bool = False,
) -> tuple[npt.NDArray[np.int16], Floats]:
    largest = np.zeros(n_groups, np.float32)
    np.maximum.at(largest, group, np.abs(weights))
    if shared:
        largest[:] = largest.max(initial=0)
    scale = np.where(largest > 0, largest / np.float32(limit), np.float32(1)).astype(np.float32)
    codes = np.rint(weights / scale[group])
    return np.clip(codes, -limit, limit).astype(np.int16), scale

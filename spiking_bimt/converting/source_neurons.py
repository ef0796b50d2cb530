"""Input as spikes: a unit for each channel, which becomes a source neuron.

Channel c drives a rectified unit of its own, and one of the other sign where it goes negative; they
reach the others through the recurrent weights. On a chip all signals are then spikes: analogue
current drives the sources alone, which fire regularly or as Poisson processes. The input is then
filtered by tau as every rate is; fine-tuning can adapt the network to that.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError

KINDS = ("regular", "poisson")


def add_source_units(
    network: RateNetwork, signed: npt.NDArray[np.bool_], kind: str = "regular"
) -> RateNetwork:
    """The rectified network with its input through units after its own.

    signed: (C,) channels that go negative. kind: how the sources fire, one of KINDS. The new units
    stand in rows of their own below the sheet. Raises InputError for a network of leaky rates.
    """
    if network.activation != "relu":
        raise InputError("source units are rectified, and this network has leaky rates")
    n, n_inputs = network.w_in.shape
    channel = np.concatenate([np.arange(n_inputs), np.flatnonzero(signed)])
    n_sources, place = len(channel), np.arange(len(channel))
    sign = np.where(place < n_inputs, 1, -1).astype(np.float32)
    w_rec = np.zeros((n + n_sources, n + n_sources), np.float32)
    w_rec[:n, :n], w_rec[:n, n:] = network.w_rec, network.w_in[:, channel] * sign
    w_in = np.zeros((n + n_sources, n_inputs), np.float32)
    w_in[n + place, channel] = sign
    rows, cols = network.sheet
    below = np.stack([rows + place // cols, place % cols], axis=1).astype(np.int32)
    return replace(
        network,
        w_rec=w_rec,
        w_in=w_in,
        b=np.append(network.b, np.zeros(n_sources, np.float32)),
        w_out=np.hstack([network.w_out, np.zeros((len(network.w_out), n_sources), np.float32)]),
        positions=np.concatenate([network.positions, below]),
        sheet=(rows + -(-n_sources // cols), cols),
        chip="",  # sources have no core of that training
        core=None,
        poisson=np.arange(n + n_sources) >= n if kind == "poisson" else None,
        measured=None,
    )

"""Rate networks rewritten so that every unit's full scale is 1, for rectified and leaky units.

A rectifier is homogeneous, so a unit's scale is free: with a_j the full scale of unit j,

    W_ij <- W_ij a_j / a_i,    U_ic <- U_ic / a_i,    b_i <- b_i / a_i,    W_out,kj <- W_out,kj a_j

is the same network, whose rates are shares of full scale. Weights are then those of the spiking
network up to one factor, which is what rounding and fine-tuning want.
"""

import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.converting.one_to_one import ConversionConfig, floor_full_scale, full_drive
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import lif_rate

Floats = npt.NDArray[np.float32]

_GAINS = np.linspace(0.1, 1.5, 15)
"""Gains of a leaky unit that are tried, relative to the one that agrees at full scale."""
_SHIFTS = np.linspace(-2.0, 0.2, 23)
"""Shifts of its drive, relative to the input that makes it fire."""


def normalise(network: RateNetwork, full_scale: Floats) -> RateNetwork:
    """The rectified network whose unit j is `full_scale[j]` times smaller, with the same outputs.

    full_scale: (N,) as in `to_spiking`. A network of leaky rates is normalised already.
    """
    if network.activation != "relu":
        return network
    a = floor_full_scale(full_scale)
    return replace(
        network,
        w_rec=(network.w_rec * (a[None] / a[:, None])).astype(np.float32),
        w_in=(network.w_in / a[:, None]).astype(np.float32),
        b=(network.b / a).astype(np.float32),
        w_out=(network.w_out * a[None]).astype(np.float32),
        measured=None,
    )


def replace_with_leaky_units(
    network: RateNetwork, config: ConversionConfig, softness: float
) -> RateNetwork:
    """A normalised rectified network with leaky rates in place of rectifiers: where to train from.

    The two activations agree at drives 0 and 1 (full scale), and nowhere between: the leaky curve
    is concave, and fires too much (`fit_leaky_units`). softness: of the curve's threshold.
    """
    if np.isinf(config.tau_mem):
        raise InputError("a membrane that does not leak needs no leaky units: set tau_mem")
    stretch = full_drive(config) * config.tau_mem - 1
    curve = [config.tau_mem, config.t_ref, config.full_rate, softness]
    return replace(
        network,
        w_rec=(network.w_rec * stretch).astype(np.float32),
        w_in=(network.w_in * stretch).astype(np.float32),
        b=(network.b * stretch).astype(np.float32),
        activation="lif",
        lif_curve=np.array(curve, np.float32),
        measured=None,
    )


def fit_leaky_units(
    network: RateNetwork, config: ConversionConfig, softness: float, drives: Floats
) -> RateNetwork:
    """`replace_with_leaky_units`, with the gain and bias of each unit that suit its drives best.

    drives: (M, N) rectified drives of the normalised network. Each unit takes the gain g and shift
    s of least squared error between the leaky rate at g x + s and the rectified drive x.
    """
    leaky = replace_with_leaky_units(network, config, softness)
    stretch = full_drive(config) * config.tau_mem - 1
    n = network.n_units
    least = np.full(n, np.inf)
    gain, shift = np.ones(n, np.float32), np.zeros(n, np.float32)
    curve = (config.tau_mem, config.t_ref, config.full_rate, softness)
    for g, s in itertools.product(_GAINS, _SHIFTS):
        rates = lif_rate(drives * np.float32(g * stretch) + np.float32(s), *curve)
        error = np.square(rates - drives).mean(axis=0, dtype=float)
        better = error < least
        least[better], gain[better], shift[better] = error[better], g, s
    return replace(
        leaky,
        w_rec=leaky.w_rec * gain[:, None],
        w_in=leaky.w_in * gain[:, None],
        b=leaky.b * gain + shift,
    )

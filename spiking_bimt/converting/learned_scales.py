"""Scales of integer weights that are learned beside the weights.

With q = s clip(round(w / s)) the gradient by the scale is that by q, times the rounding error where
w can be expressed and the largest code where it cannot; a weight that cannot has none (Esser et al.
2020, arXiv:1902.08153). A scale is trained as its logarithm, so that a step of Adam changes it by
a share of itself:

    dL / dlog s = sum (q - w) dL/dq  over what is within range,  sum q dL/dq  over the rest
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.converting.one_to_one import ConversionConfig, drive_gain, spike_jump
from spiking_bimt.converting.quantise import Rounding, Scales
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork

Array = npt.NDArray[Any]

NAMES = ("log_scale", "log_in_scale", "log_out_scale")
WEIGHTS = ("w_rec", "w_in", "w_out")


def to_parameters(scales: Scales) -> dict[str, Array]:
    """What is trained: the logarithms of the scales."""
    return {name: np.log(scale) for name, scale in zip(NAMES, scales, strict=True)}


def from_parameters(p: dict[str, Array]) -> Scales:
    """The scales of the parameters."""
    scale, in_scale, out_scale = (np.exp(p[name]).astype(np.float32) for name in NAMES)
    return scale, in_scale, out_scale


def scale_gradient(
    latent: RateNetwork, rounded: RateNetwork, made: SpikingNetwork, rounding: Rounding,
    config: ConversionConfig, found: dict[str, Array],
) -> dict[str, Array]:  # fmt: skip
    """The gradient by the weights behind the codes and by NAMES, from that by the rounded weights.

    latent, rounded: the normalised network before and after rounding; made: the spiking network of
    `rounded`, whose scales are meant.
    """
    assert made.scale is not None
    assert made.in_scale is not None
    assert made.out_scale is not None
    gain, jump = drive_gain(latent, config), spike_jump(latent, config)
    steps = (
        made.scale * np.float32(config.full_rate_per_ms / gain),
        made.in_scale / np.float32(gain),
        made.out_scale / np.float32(jump),
    )
    result = dict(found)
    group = rounding.groups(made)
    for name, weights, step in zip(NAMES, WEIGHTS, steps, strict=True):
        w, q = getattr(latent, weights), getattr(rounded, weights)
        within = np.abs(w - q) <= step[:, None] * np.float32(0.5 + 1e-4)
        by_row = (found[weights] * np.where(within, q - w, q)).sum(axis=1)
        shared = np.arange(len(by_row)) if name == "log_out_scale" else group
        result[name] = np.bincount(shared, by_row)[shared].astype(np.float32)
        result[weights] = found[weights] * within
    return result

"""Integer weights: symmetric rounding with one scale a postsynaptic neuron, or one for all."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float32]

PER = ("neuron", "network")
FITS = ("largest", "least-squares")

_CLIPS = np.linspace(1.0, 0.2, 33)
"""Shares of the largest weight that are tried as the largest that a code can express."""
_EXPONENTS = 16
"""Powers of two that one network's scales may span (a 4-bit exponent, as Loihi's)."""


@dataclass(frozen=True)
class Rounding:
    """How weights become signed integer codes; code * scale is the weight."""

    bits: int = 8
    """Width of a code, 2 to 16: codes of +-(2^(bits - 1) - 1). At 2 bits they are ternary."""
    per: str = "neuron"
    """One scale per postsynaptic "neuron", or per "network", as chips with one scale need."""
    fit: str = "largest"
    """"largest": the largest weight has the largest code; "least-squares": the clipping with the
    least squared error, which few bits want."""
    power_of_two: bool = False
    """Scales are one number times powers of two, as where a chip has a weight exponent."""

    def __post_init__(self) -> None:
        if self.per not in PER:
            raise InputError(f"one scale per {self.per!r}; known: {', '.join(PER)}")
        if self.fit not in FITS:
            raise InputError(f"a scale by {self.fit!r}; known: {', '.join(FITS)}")
        if not 2 <= self.bits <= 16:
            raise InputError(f"{self.bits} bits: signed integer weights have 2 to 16")

    def of(self, network: SpikingNetwork) -> SpikingNetwork:
        """The network with codes for recurrent, input and readout weights.

        Recurrent and input synapses have scales apart; the readout has one an output.
        """
        n, n_out = network.n_neurons, len(network.w_out)
        codes, scale = self._codes(network.weights, network.indices, n)
        in_codes, in_scale = self._codes(network.in_weights, network.in_indices, n)
        outputs = np.repeat(np.arange(n_out), n)
        readout = replace(self, per="neuron")
        out_codes, out_scale = readout._codes(network.w_out.ravel(), outputs, n_out)
        return replace(
            network,
            bits=self.bits,
            codes=codes,
            scale=scale,
            in_codes=in_codes,
            in_scale=in_scale,
            out_codes=out_codes.reshape(network.w_out.shape),
            out_scale=out_scale,
        )

    def _codes(
        self, weights: Floats, group: npt.NDArray[np.integer], n_groups: int
    ) -> tuple[npt.NDArray[np.int16], Floats]:
        """(nnz,) codes and (n_groups,) scales of weights onto groups."""
        limit = np.float32(2 ** (self.bits - 1) - 1)
        shared = self.per == "network"
        of = np.zeros(len(group), np.int64) if shared else group
        largest: Floats = np.zeros(1 if shared else n_groups, np.float32)
        np.maximum.at(largest, of, np.abs(weights))
        if self.fit == "least-squares":
            largest = _least_squares(weights, of, largest, limit)
        scale: Floats = np.where(largest > 0, largest / limit, 1).astype(np.float32)
        if self.power_of_two:
            scale = _powers(scale, largest > 0)
        scale = np.broadcast_to(scale, (n_groups,)).copy() if shared else scale
        codes = np.rint(weights / scale[group])
        return np.clip(codes, -limit, limit).astype(np.int16), scale


def quantise(network: SpikingNetwork, bits: int, per: str = "neuron") -> SpikingNetwork:
    """The network with signed `bits`-bit codes, the largest weight of each scale at the largest.

    Raises InputError for a width outside 2..16.
    """
    return Rounding(bits, per).of(network)


def _least_squares(
    weights: Floats, group: npt.NDArray[np.integer], largest: Floats, limit: np.float32
) -> Floats:
    """(groups,) largest expressible weight with the least squared error, from a grid."""
    best, least = largest.copy(), np.full(len(largest), np.inf)
    for share in _CLIPS:
        clip = largest * np.float32(share)
        step = np.where(clip > 0, clip / limit, 1)[group]
        error = weights - np.clip(np.rint(weights / step), -limit, limit) * step
        squared = np.bincount(group, error.astype(np.float64) ** 2, len(largest))
        better = squared < least
        best[better], least[better] = clip[better], squared[better]
    return best


def _powers(scale: Floats, used: npt.NDArray[np.bool_]) -> Floats:
    """Scales rounded up to the largest one times a power of two, within the exponent's range."""
    if not used.any():
        return scale
    top = scale[used].max()
    exponent = np.ceil(np.log2(scale / top))
    powers: Floats = (top * np.exp2(np.clip(exponent, 1 - _EXPONENTS, 0))).astype(np.float32)
    return powers

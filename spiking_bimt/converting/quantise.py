"""Integer weights: symmetric rounding with one scale a postsynaptic neuron, a core, or for all."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork, core_ranks
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.simulation.propagators import step_of

Floats = npt.NDArray[np.float32]

Scales = tuple[Floats, Floats, Floats]
"""(N,) of recurrent synapses, (N,) of input synapses, (K,) of the readout."""

PER = ("neuron", "core", "network")
SIGNS = ("mixed", "split")
FITS = ("largest", "least-squares", "drive", "learned")

_CLIPS = np.linspace(1.0, 0.2, 33)
"""Shares of the largest weight that are tried as the largest that a code can express."""
_EXPONENTS = 16
"""Powers of two that one network's scales may span (a 4-bit exponent, as Loihi's)."""


@dataclass(frozen=True)
class Rounding:
    """How weights become signed integer codes; code * scale is the weight."""

    bits: int = 8
    """Width of a weight, 2 to 16 with its sign: codes of +-(2^(bits - 1) - 1). At 2 bits they are
    ternary."""
    per: str = "neuron"
    """One scale per postsynaptic "neuron", per "core" (that all tiles of a core then have), or per
    "network", as chips with one scale need."""
    signs: str = "mixed"
    """"mixed": the sign is a bit of each weight; "split": excitatory and inhibitory synapses lie in
    lists, or in halves of a differential pair, of their own, so that codes are +-(2^bits - 1)."""
    fit: str = "largest"
    """"largest": the largest weight has the largest code; "least-squares": the clipping with the
    least squared error, which few bits want; "drive": these scales, with codes that change the
    drives the least (`converting.drive_rounding`), after training alone; "learned": trained with
    the weights (`converting.learned_scales`), from those of least squares."""
    edge_bits: int | None = None
    """Width of the codes of input and readout, where the chip's synapses are not what holds them;
    None: bits."""
    power_of_two: bool = False
    """Scales are one number times powers of two, as where a chip has a weight exponent."""
    most_steps: float | None = None
    """Most steps of its weights, as they move the membrane at first, that a neuron's threshold may
    be, where a chip holds no more: neurons with small weights get coarser ones. With `per` neuron
    alone."""

    def __post_init__(self) -> None:
        if self.per not in PER:
            raise unknown_name("per", self.per, PER)
        if self.signs not in SIGNS:
            raise unknown_name("signs", self.signs, SIGNS)
        if self.fit not in FITS:
            raise unknown_name("fit", self.fit, FITS)
        if self.fit == "learned" and self.power_of_two:
            raise InputError("learned scales are not powers of two: choose one of the two")
        least, most = (1, 15) if self.split else (2, 16)
        if not least <= self.bits <= most:
            what = "integer weights with signs apart" if self.split else "signed integer weights"
            raise InputError(f"{self.bits} bits: {what} have {least} to {most}")
        if self.edge_bits is not None and not self.bits <= self.edge_bits <= most:
            raise InputError(
                f"{self.edge_bits} bits of input and readout: from {self.bits}, those within, to "
                f"{most}"
            )

    def scales(self, network: SpikingNetwork) -> Scales:
        """Scales of recurrent and input synapses, apart, and of the readout, one an output."""
        group = self.groups(network)
        scale = self._scale(network.weights, network.indices, group, self.bits)
        if self.most_steps is not None and self.per == "neuron" and not self.power_of_two:
            span = (network.v_th - network.v_reset) / step_of(network, np.float32).gain_syn
            scale = np.maximum(scale, span / np.float32(self.most_steps))
        return (
            scale,
            self._scale(network.in_weights, network.in_indices, group, self.wide),
            self._scale(
                network.w_out.ravel(), _outputs(network), np.arange(len(network.w_out)), self.wide
            ),
        )

    def groups(self, network: SpikingNetwork) -> npt.NDArray[np.int64]:
        """(N,) group of the neurons that share a scale, 0 and up."""
        if self.per == "neuron":
            return np.arange(network.n_neurons)
        return core_ranks(network.core) if self.per == "core" else np.zeros(network.n_neurons, int)

    def apply(self, network: SpikingNetwork, scales: Scales | None = None) -> SpikingNetwork:
        """The network with codes for recurrent, input and readout weights.

        scales: those to use; those of the network itself by default.
        """
        scale, in_scale, out_scale = scales or self.scales(network)
        out = self._codes(network.w_out.ravel(), out_scale[_outputs(network)], self.wide)
        return replace(
            network,
            bits=max(self.bits, self.wide) + self.split,
            split_signs=self.split,
            codes=self._codes(network.weights, scale[network.indices], self.bits),
            scale=scale,
            in_codes=self._codes(network.in_weights, in_scale[network.in_indices], self.wide),
            in_scale=in_scale,
            out_codes=out.reshape(network.w_out.shape),
            out_scale=out_scale,
        )

    @property
    def split(self) -> bool:
        """Whether the sign costs a weight no bit."""
        return self.signs == "split"

    @property
    def wide(self) -> int:
        """Width of the codes of input and readout."""
        return self.bits if self.edge_bits is None else self.edge_bits

    def limit(self, bits: int) -> np.float32:
        """The largest code of a width."""
        return np.float32(2 ** (bits - (not self.split)) - 1)

    def _codes(self, weights: Floats, scale: Floats, bits: int) -> npt.NDArray[np.int16]:
        """(nnz,) codes of weights with a scale each."""
        limit = self.limit(bits)
        codes: npt.NDArray[np.int16] = np.clip(np.rint(weights / scale), -limit, limit).astype(
            np.int16
        )
        return codes

    def _scale(
        self, weights: Floats, post: npt.NDArray[np.integer], group: npt.NDArray[np.int64],
        bits: int,
    ) -> Floats:  # fmt: skip
        """(groups' members,) scales of weights onto `post`, which belong to groups."""
        limit, of = self.limit(bits), group[post]
        largest: Floats = np.zeros(group.max() + 1, np.float32)
        np.maximum.at(largest, of, np.abs(weights))
        if self.fit != "largest":
            largest = _least_squares(weights, of, largest, limit)
        scale: Floats = np.where(largest > 0, largest / limit, 1).astype(np.float32)
        if self.power_of_two:
            scale = _powers(scale, largest > 0)
        return scale[group]


def _outputs(network: SpikingNetwork) -> npt.NDArray[np.int64]:
    """Output of every weight of the flattened readout."""
    outputs: npt.NDArray[np.int64] = np.repeat(np.arange(len(network.w_out)), network.n_neurons)
    return outputs


@checked
def quantise(network: SpikingNetwork, bits: int, per: str = "neuron") -> SpikingNetwork:
    """The network with signed `bits`-bit codes, the largest weight of each scale at the largest.

    per: one scale for each "neuron", each "core" of its placement, or the whole "network". The
    weights stay as they are; `SpikingNetwork.quantised` takes the codes in their place. How
    weights are rounded: docs/background/conversion.md. Raises InputError for a width outside 2..16.
    """
    return Rounding(bits, per).apply(network)


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

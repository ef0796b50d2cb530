"""The memory device of an analog crossbar."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError

MOST_ADC_BITS = 32
"""Bits of a converter at most: column sums are added up in numbers of 53 bits."""


@documented
@dataclass(frozen=True)
class Device:
    """A memory device, two of them (G+, G-) for every crosspoint and bit slice.

    g is a conductance over g_max, in 0..1. An effect that is absent has an empty list, 0 or None.
    The model of noise and drift is that of Joshi et al. 2020; `sources` has where figures are from.
    """

    name: str
    """Name of the preset, or path of the file."""
    description: str
    """What it is, in a line."""
    g_min: float
    """Least conductance, microsiemens."""
    g_max: float
    """Largest conductance, microsiemens."""
    slices: int
    """Pairs that share the magnitude bits of one code, low bits first."""
    levels: int | None
    """Conductances that can be programmed, evenly from g_min to g_max; None: any."""
    program_noise: list[float]
    """Standard deviation of a programmed conductance, microsiemens: c0 + c1 g + c2 g^2."""
    stuck_min: float
    """Share of devices that stay at g_min."""
    stuck_max: float
    """Share of devices that stay at g_max."""
    drift_mean: list[float]
    """Mean drift exponent nu in g(t) = g (t / drift_start)^-nu: a + b ln g, clipped to low..high;
    given as [a, b, low, high]."""
    drift_spread: list[float]
    """Standard deviation of nu between devices, in the same form."""
    drift_start: float | None
    """Time of the programming's own reading, s, where there is drift."""
    read_noise: list[float]
    """Relative standard deviation of one reading: min(a g^-b, cap); given as [a, b, cap]."""
    adc_bits: int | None
    """Bits of the converter at each column; None: no converter."""
    adc_range: float | None
    """Largest column sum that the converter reads, in crosspoints at the largest code; None where
    there is no converter."""
    sources: dict[str, str]
    """Where each figure comes from."""

    def __hash__(self) -> int:
        return hash((self.name, self.g_min, self.g_max, self.slices))

    def __post_init__(self) -> None:
        check_fields(self)
        validate.own(self)
        owner = f"device {self.name}"
        validate.positive(owner, "g_max", self.g_max)
        if not 0 <= self.g_min < self.g_max:
            raise InputError(f"{owner}: g_min is {self.g_min}, it must lie in 0..g_max")
        if not 1 <= self.slices <= 15:
            raise InputError(f"{owner}: slices is {self.slices}, it must lie in 1..15")
        for field, most in (("levels", 65536), ("adc_bits", MOST_ADC_BITS)):
            value = getattr(self, field)
            if value is not None and not 2 <= value <= most:
                raise InputError(f"{owner}: {field} is {value}, it must lie in 2..{most}")
        for field, length in (
            ("program_noise", 3), ("drift_mean", 4), ("drift_spread", 4), ("read_noise", 3),
        ):  # fmt: skip
            value = getattr(self, field)
            if len(value) not in (0, length) or not np.isfinite(value).all():
                raise InputError(f"{owner}: {field} takes {length} numbers, or none: {value}")
        if self.stuck_min < 0 or self.stuck_max < 0 or self.stuck_min + self.stuck_max > 1:
            raise InputError(
                f"{owner}: stuck_min and stuck_max are shares that add up to 1 at most"
            )
        self._check_clips(owner)
        self._check_together(owner)

    def _check_clips(self, owner: str) -> None:
        for field in ("drift_mean", "drift_spread"):
            line = getattr(self, field)
            if line and not 0 <= line[2] <= line[3]:
                raise InputError(
                    f"{owner}: {field} is clipped to {line[2]:g}..{line[3]:g}: give 0 or more, the "
                    "lower one first"
                )
        if self.read_noise and min(self.read_noise[0], self.read_noise[2]) < 0:
            raise InputError(
                f"{owner}: read_noise is {self.read_noise}: the first and the last must not be "
                "negative"
            )

    def _check_together(self, owner: str) -> None:
        """Refuse a setting that has no effect without another, and an effect without its own."""
        for field, needed in (("adc_range", "adc_bits"), ("drift_start", "drift_mean")):
            value, effect = getattr(self, field), getattr(self, needed)
            if value is not None and not effect:
                raise InputError(f"{owner}: {field} has no effect without {needed}: leave it out")
            if value is None and effect:
                raise InputError(f"{owner}: {needed} needs {field}, which is missing")
            if value is not None:
                validate.positive(owner, field, value)
        if self.drift_spread and not self.drift_mean:
            raise InputError(
                f"{owner}: drift_spread has no effect without drift_mean: leave it out"
            )


@documented
@dataclass(frozen=True, eq=False)
class Conductances(validate.Record):
    """The codes of a tile set as levels of device pairs, aligned with `TileSet.codes`.

    |code| = sum_s (positive or negative)[s] 2^(bits of the lower slices); the conductance of level
    k in a slice of b bits is g_min + k (g_max - g_min) / (2^b - 1).
    """

    g_min: float
    """Microsiemens, as g_max."""
    g_max: float
    slice_bits: npt.NDArray[np.int32]
    """(S,) magnitude bits of each slice, the lowest first."""
    positive: npt.NDArray[np.uint16]
    """(S, nnz) level of G+."""
    negative: npt.NDArray[np.uint16]
    """(S, nnz) level of G-."""

    def __post_init__(self) -> None:
        name, s = "Conductances", len(self.slice_bits)
        bits = validate.array(name, "slice_bits", self.slice_bits, (s,), np.int32)
        if s < 1 or bits.min() < 1 or bits.sum() > 15:
            raise InputError(f"{name}.slice_bits are {bits.tolist()}: 1 to 15 bits in all")
        object.__setattr__(self, "slice_bits", bits)
        for field in ("positive", "negative"):
            value = validate.array(name, field, getattr(self, field), (s, None), np.uint16)
            if (value >= (1 << bits)[:, None]).any():
                raise InputError(f"{name}.{field} has a level that its slice lacks")
            object.__setattr__(self, field, value)
        if self.positive.shape != self.negative.shape:
            raise InputError(f"{name} has {self.positive.shape[1]} G+ and "
                             f"{self.negative.shape[1]} G-")  # fmt: skip
        if not 0 <= self.g_min < self.g_max < np.inf:
            raise InputError(f"{name}: 0 <= g_min < g_max must hold")

    def codes(self) -> npt.NDArray[np.int64]:
        """(nnz,) the codes that the pairs hold."""
        shift = np.cumsum(self.slice_bits) - self.slice_bits
        signed = self.positive.astype(np.int64) - self.negative
        total: npt.NDArray[np.int64] = (signed << shift[:, None]).sum(axis=0)
        return total

"""The memory device of an analog crossbar."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.errors import InputError


@dataclass(frozen=True)
class Device:
    """A memory device, two of them (G+, G-) for every crosspoint and bit slice.

    g is a conductance over g_max, in 0..1. An effect that is absent has an empty list, 0 or None.
    """

    name: str
    description: str
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
    drift_start: float
    """Time of the programming's own reading, s."""
    read_noise: list[float]
    """Relative standard deviation of one reading: min(a g^-b, cap); given as [a, b, cap]."""
    adc_bits: int | None
    """Bits of the converter at each column; None: no converter."""
    adc_range: float
    """Largest column sum that the converter reads, in crosspoints at the largest code."""
    sources: dict[str, str]
    """Where each figure comes from."""

    def __hash__(self) -> int:
        return hash((self.name, self.g_min, self.g_max, self.slices))

    def __post_init__(self) -> None:
        check_fields(self)
        validate.own(self)
        owner = f"device {self.name}"
        validate.positive(owner, "g_max", self.g_max)
        validate.positive(owner, "drift_start", self.drift_start)
        validate.positive(owner, "adc_range", self.adc_range)
        if not 0 <= self.g_min < self.g_max:
            raise InputError(f"{owner}: g_min is {self.g_min}, it must lie in 0..g_max")
        if not 1 <= self.slices <= 15:
            raise InputError(f"{owner}: slices is {self.slices}, it must lie in 1..15")
        for field, least in (("levels", 2), ("adc_bits", 2)):
            value = getattr(self, field)
            if value is not None and not least <= value <= 65536:
                raise InputError(f"{owner}: {field} is {value}, it must lie in {least}..65536")
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

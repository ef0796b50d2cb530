"""Crossbars as they compute: what each crosspoint gives, and how a column is read."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crossbars(validate.Record):
    """X crossbars of R rows and C columns; a column's sum is read, converted and scaled.

    Bit slices of one tile are crossbars of their own, with scales 2^shift apart.
    """

    value: Floats
    """(X, R, C) what each crosspoint adds to its column when its row is driven at 1."""
    variance: Floats | None
    """(X, R, C) variance of `value` at each reading; None: none."""
    row_source: npt.NDArray[np.int32]
    """(X, R) neuron, or N + input channel, that drives each row; -1 where unused."""
    col_target: npt.NDArray[np.int32]
    """(X, C) neuron that each column feeds; -1 where unused."""
    scale: Floats
    """(X, C) factor of a column's sum over rows of neurons."""
    in_scale: Floats
    """(X, C) factor of a column's sum over rows of input channels."""
    adc_bits: int | None
    """Bits of the converter, None: no converter."""
    adc_full: Floats | None
    """(X,) largest sum that the converter reads; None: no converter."""

    def __post_init__(self) -> None:
        validate.own(self)

    def convert(self, sums: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(X, B, C) column sums as the converter gives them: rounded and clipped."""
        if self.adc_bits is None or self.adc_full is None:
            return sums
        most = 2 ** (self.adc_bits - 1) - 1
        step = (self.adc_full / most)[:, None, None]
        read: npt.NDArray[Any] = np.clip(np.rint(sums / step), -most, most) * step
        return read

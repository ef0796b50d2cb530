"""What is trained: the weights and biases of a rate network as arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

PARAMETERS = ("w_rec", "w_in", "b", "w_out", "b_out")
"""Trained fields of `RateNetwork`, in the order in which checkpoints hold them."""


@dataclass
class Parameters:
    """The trained arrays (or their gradient, moments, masks), float32, shaped as in RateNetwork."""

    w_rec: Floats
    w_in: Floats
    b: Floats
    w_out: Floats
    b_out: Floats

    @classmethod
    def copy_of(cls, network: RateNetwork) -> "Parameters":
        """The trained arrays of a network, copied."""
        return cls(**{name: getattr(network, name).copy() for name in PARAMETERS})

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays themselves by name, in the order of PARAMETERS."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def select(self, units: Ints) -> "Parameters":
        """The same for a subset of the hidden units, by index."""
        return Parameters(
            np.ascontiguousarray(self.w_rec[units][:, units]),
            self.w_in[units],
            self.b[units],
            np.ascontiguousarray(self.w_out[:, units]),
            self.b_out,
        )

    def zeros_like(self) -> "Parameters":
        """Zeros of the same shapes."""
        return Parameters(*(np.zeros_like(array) for array in self.arrays().values()))

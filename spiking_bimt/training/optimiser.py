"""Adam with the proximal step of an L1 penalty, for any set of named arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels import train_optimise

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]

BETA1 = 0.9
"""Decay per step of the first moment (Kingma and Ba 2015)."""
BETA2 = 0.999
"""Decay per step of the second moment."""
EPSILON = 1e-8
"""Added to the root of the second moment."""
LEAST_NORM = 1e-12
"""Norm below which a gradient is not divided by its norm."""


@dataclass
class Adam:
    """Moments of the trained arrays, and masks of what may change, by the arrays' names."""

    m: dict[str, Array]
    """First moments."""
    v: dict[str, Array]
    """Second moments."""
    mask: dict[str, Array]
    """1 where a value is trained, 0 where it stays as it is."""

    @classmethod
    def of(cls, weights: Arrays) -> "Adam":
        """No moments yet; everything is trained."""
        return cls(
            m={name: np.zeros_like(w) for name, w in weights.items()},
            v={name: np.zeros_like(w) for name, w in weights.items()},
            mask={name: np.ones_like(w) for name, w in weights.items()},
        )

    def forget(self) -> None:
        """Start afresh: no moments; the masks stay."""
        for moments in (self.m, self.v):
            for name, array in moments.items():
                moments[name] = np.zeros_like(array)

    def add(self, weights: Arrays) -> None:
        """Train these arrays too, all of their values."""
        new = Adam.of(weights)
        self.m |= new.m
        self.v |= new.v
        self.mask |= new.mask

    def step(
        self, weights: Arrays, gradient: Arrays, *, scale: float, lr: float, count: int,
        strengths: Arrays | None = None,
    ) -> None:  # fmt: skip
        """Step `count` (from 1) on scale * gradient, then on strengths * |w|, in place.

        strengths: of the L1 penalty on each value (`kernels.train_optimise.adam_shrink`), or none.
        """
        numbers = (scale, lr, bias_of(BETA1, count), bias_of(BETA2, count), BETA1, BETA2, EPSILON)
        settings: tuple[Any, ...] = tuple(np.float32(number) for number in numbers)
        for name, w in weights.items():
            strength = np.zeros_like(w) if strengths is None else strengths[name]
            arrays = (w, self.m[name], self.v[name], gradient[name], self.mask[name], strength)
            flat: tuple[Any, ...] = tuple(
                np.ascontiguousarray(array, np.float32).reshape(-1) for array in arrays
            )
            train_optimise.adam_shrink(*flat, *settings)


def bias_of(beta: float, count: int) -> float:
    """What a moment that began at 0 has reached after `count` steps, as a share."""
    return 1 - beta**count


def clip_scale(norm: float, clip: float) -> float:
    """Factor that makes a gradient of this norm no longer than `clip`."""
    return min(1.0, clip / max(norm, LEAST_NORM))

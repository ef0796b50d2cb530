"""The random numbers of the searches: a generator whose whole state is one number."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import inlined

Array = npt.NDArray[Any]


@inlined
def random_unit(rng: Array) -> float:
    """A number in [0, 1) by splitmix64, doi:10.1145/2660193.2660195; rng: its (1,) uint64 state."""
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * 2.0**-53


@inlined
def random_below(rng: Array, n: int | np.int64) -> int:
    """A whole number in 0..n - 1."""
    return int(random_unit(rng) * n)

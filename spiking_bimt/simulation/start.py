"""Where a simulation begins, and the settings that both engines share."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import shown
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

MOST_STEPS = 2**31 - 1
"""Most steps of a run: a spike keeps its step in 32 bits."""


def whole_steps(duration_ms: float, dt: float) -> int:
    """The steps of dt ms that a run has; InputError where they are no positive whole number."""
    ratio = duration_ms / dt
    if ratio > MOST_STEPS:
        raise InputError(
            f"duration_ms is {duration_ms:g}: a run has at most {MOST_STEPS:,} steps of {dt} ms"
        )
    steps = round(ratio) if math.isfinite(ratio) else 0
    if steps < 1 or abs(steps * dt - duration_ms) > 1e-6 * duration_ms:
        raise InputError(
            f"duration_ms is {duration_ms}: it must be a positive multiple of dt, {dt} ms"
        )
    return steps


def float_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype of a state; InputError where it is neither float32 nor float64."""
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"dtype is {shown(dtype)}: the state is float32 or float64") from error
    if found not in (np.float32, np.float64):
        raise InputError(f"dtype is {found}: the state is float32 or float64")
    return found


def check_settings(seed: int, threads: int | None) -> None:
    """Refuse settings that neither engine has."""
    validate.seed(seed)
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}: at least 1 is needed")


def starts(network: SpikingNetwork, seed: int, piece: slice, dtype: np.dtype[Any]) -> Array:
    """(trials, N) membrane potentials at the start of each trial of a piece."""
    draws = np.stack([
        np.random.default_rng((seed, trial)).random(network.n_neurons)
        for trial in range(piece.start, piece.stop)
    ])  # fmt: skip
    draws[:, poisson_sources(network)] = 0
    span = network.v_th.astype(np.float64) - network.v_reset
    return (network.v_reset + draws * span).astype(dtype)


def poisson_sources(network: SpikingNetwork) -> Array:
    """The neurons that are Poisson sources."""
    return np.flatnonzero(() if network.poisson is None else network.poisson)

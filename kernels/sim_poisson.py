"""Poisson sources of the trials' kernel: the exponential levels at which they fire."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_vector import inner, zero
from spiking_bimt.kernels.sim_sampling import labelled

Array = npt.NDArray[Any]


@njit(cache=True)
def exponentials(seed: int, trials: Array, neurons: Array, draws: Array, levels: Array) -> None:
    """Fill levels (n,) with exponential numbers of mean 1, each by its trial, neuron and draw."""
    for k in range(levels.size):
        levels[k] = -np.log(labelled(seed, trials[k], neurons[k], draws[k]))


@inner
def redraw(
    j: int, draw: int, trial: int, seed: int, v_th: Array, reset_shift: Array, level: Array,
    shift: Array,
) -> None:  # fmt: skip
    """The level that Poisson source j fires at next, and loses then.

    Accumulated drive that crosses exponential levels does so as a Poisson process of that rate.
    """
    span = reset_shift[j] * np.log(labelled(seed, trial, j, draw))
    level[j] = v_th[j] + reset_shift[j] + span
    shift[j] = -span


@inner
def draw_first(
    poisson: Array, drawn: Array, trial: int, seed: int, v_th: Array, reset_shift: Array,
    level: Array, shift: Array,
) -> None:  # fmt: skip
    """Draw the level of each source at a trial's start; drawn counts the levels of a source."""
    for j in poisson:
        drawn[j] = 0
        redraw(j, zero(), trial, seed, v_th, reset_shift, level, shift)


@inner
def redraw_fired(
    fired: Array, drawn: Array, trial: int, seed: int, v_th: Array, reset_shift: Array,
    level: Array, shift: Array,
) -> None:  # fmt: skip
    """Draw the next level of each Poisson source that has fired; drawn is -1 for other neurons."""
    for j in fired:
        if drawn[j] >= 0:
            drawn[j] += 1
            redraw(j, drawn[j], trial, seed, v_th, reset_shift, level, shift)

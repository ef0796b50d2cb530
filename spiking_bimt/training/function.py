"""How alike two units are in what they do, for the terms of a training that depend on it.

Two units are alike where the same tasks move both: s_ij = cos(v_i, v_j)^4, with v_i the variance of
unit i over the trials of each task (`analysis.variance`), and s_ii = 0. Task variances are not
negative, so that units without anything in common still have a cosine well above 0; the power
brings these near 0.
"""

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.variance import task_variance
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import State, to_network

Floats = npt.NDArray[np.float32]

TRIALS = 20
"""Trials a task of a measurement."""
POOL = 10**6
"""Number of the pool of training trials that they come from, which no batch is drawn from."""
POWER = 4
"""Power of the cosine."""


def measure_function(config: TrainConfig, phase: Phase, state: State) -> Floats:
    """(n, tasks) what each surviving unit does: its normalised variance over a task's trials."""
    trials = draw_trials(
        config.battery, config.task_names, TRIALS, phase.dt, stream="train", seed=config.seed,
        pool=POOL + state.phase,
    )  # fmt: skip
    network = to_network(config, phase.dt, state)
    return task_variance(network, trials).normalised.astype(np.float32)


def similarity(function: Floats) -> Floats:
    """(n, n) how alike each two units are, 0 to 1; 0 of a unit with itself, and of silent units."""
    norm = np.linalg.norm(function, axis=1, keepdims=True)
    direction = function / np.where(norm > 0, norm, 1)
    alike: Floats = np.clip(direction @ direction.T, 0, 1) ** POWER
    np.fill_diagonal(alike, 0)
    return alike

"""What units do, for the terms of a training that depend on how alike two units are.

Two units are alike where the same tasks move both: `similarity` in `analysis.variance`, by which
they attract each other, and `unlikeness`, by which weights between them cost more.
"""

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.variance import similarity, task_variance
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.training import bimt
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.state import State, to_network

Floats = npt.NDArray[np.float32]

TRIALS = 20
"""Trials per task of a measurement."""
POOL = 10**6
"""Number of the pool of training trials that they come from, which no batch is drawn from."""


def measure_function(config: TrainConfig, phase: Phase, state: State) -> Floats:
    """(n, tasks) what each surviving unit does: its normalised variance over a task's trials."""
    trials = draw_trials(
        config.battery, config.task_names, TRIALS, phase.dt, stream="train", seed=config.seed,
        pool=POOL + state.phase,
    )  # fmt: skip
    network = to_network(config, phase.dt, state)
    return task_variance(network, trials).normalised.astype(np.float32)


def attract_afterwards(network: RateNetwork, attract: float = 1.0) -> RateNetwork:
    """The trained network with its units at other places: short wire, and like units together.

    What units do is measured on training trials, so that test trials can tell what came of it.
    """
    trials = draw_trials(
        network.battery, network.tasks, TRIALS, network.dt, stream="train", pool=POOL
    )
    alike = similarity(task_variance(network, trials).normalised)
    return bimt.arrange(network, alike, attract)

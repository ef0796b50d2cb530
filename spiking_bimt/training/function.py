"""What units do, for the terms of a training that depend on how alike two units are.

Two units are alike where the same tasks move both: `similarity` in `analysis.variance`, by which
they attract each other. Weights between units of different functional clusters cost more.
"""

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import functional_clusters
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


def clusters_apart(function: Floats, k: int) -> Floats:
    """(n, n) 1 between units of different functional clusters, 0 within one and on the diagonal.

    function: (n, tasks) what each unit does; k: number of clusters, or as many as there are active
    units. A silent unit is in no cluster.
    """
    active = function.max(axis=1) > 0
    labels = np.arange(-len(function), 0)
    if active.any():
        k, points = min(k, int(active.sum())), function.astype(np.float64)
        labels[active] = functional_clusters(points, active, k=k).labels[active]
    apart: Floats = (labels[:, None] != labels[None]).astype(np.float32)
    return apart


def attract_afterwards(network: RateNetwork, attract: float = 1.0) -> RateNetwork:
    """The trained network with its units at other places: short wire, and like units together.

    What units do is measured on training trials, so that test trials can tell what came of it.
    """
    trials = draw_trials(
        network.battery, network.tasks, TRIALS, network.dt, stream="train", pool=POOL
    )
    alike = similarity(task_variance(network, trials).normalised)
    return bimt.arrange(network, alike, attract)

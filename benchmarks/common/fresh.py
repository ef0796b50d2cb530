"""Errors of networks on test trials that no training, choice or study has seen."""

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs

SEEDS = (101, 102)
"""Seeds of the test trials; the commands draw theirs with seed 0."""


def fresh_errors(network: RateNetwork, trials: int) -> list[float]:
    """Error of a network for each seed, on so many trials of each task."""
    errors = []
    for seed in SEEDS:
        drawn = draw_trials(
            network.battery, network.tasks, trials, network.dt, stream="test", seed=seed
        )
        errors.append(1 - score(rate_outputs(network, drawn), drawn).accuracy)
    return errors

"""Trials to run a network on: those of its tasks, or random currents where it has none."""

from spiking_bimt.battery.draw import MOST_TRIALS, STREAMS, draw_trials
from spiking_bimt.battery.probe import probe_trials, random_trials
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError

_STREAMS = {"test": 0, "calibrate": 1}
"""Seed of the random currents for each stream."""


def trials_of(network: SpikingNetwork, per_task: int, stream: str) -> tuple[SpikingNetwork, Trials]:
    """The network to run, and trials of each of its tasks or, without tasks, of random currents.

    A network without tasks is returned with more input channels, for the currents (see
    `battery.probe`).
    """
    if not network.tasks:
        _refuse_too_many(per_task)
        return probe_trials(network, per_task, seed=_STREAMS[stream])
    return network, draw_trials(
        network.battery, network.tasks, per_task, network.task_dt, stream=stream
    )


def rate_trials(network: RateNetwork, per_task: int, stream: str, seed: int = 0) -> Trials:
    """Trials of each task of a rate network, or trials of random input where it has no tasks."""
    if network.tasks:
        return draw_trials(
            network.battery, network.tasks, per_task, network.dt, stream=stream, seed=seed
        )
    _refuse_too_many(per_task)
    own = len(STREAMS) * seed + STREAMS[stream]
    return random_trials(network.w_in.shape[1], network.dt, per_task, seed=own)


def _refuse_too_many(trials: int) -> None:
    if trials > MOST_TRIALS:
        raise InputError(f"{trials} trials: at most {MOST_TRIALS:,} are held in memory")

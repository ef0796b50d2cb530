"""Trials to run a network on: those of its tasks, or random currents where it has none."""

from spiking_bimt.battery.draw import MOST_TRIALS, draw_trials
from spiking_bimt.battery.probe import probe_trials
from spiking_bimt.data.network import SpikingNetwork
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
        if per_task > MOST_TRIALS:
            raise InputError(f"{per_task} trials: at most {MOST_TRIALS:,} are held in memory")
        return probe_trials(network, per_task, seed=_STREAMS[stream])
    return network, draw_trials(
        network.battery, network.tasks, per_task, network.task_dt, stream=stream
    )

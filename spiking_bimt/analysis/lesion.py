"""Accuracy of a network when groups of units are silenced."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.accuracy import score
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.rate import rate_outputs


def silence(network: RateNetwork, units: npt.NDArray[np.integer]) -> RateNetwork:
    """The network without the output of `units`: their outgoing weights are zero."""
    w_rec, w_out = network.w_rec.copy(), network.w_out.copy()
    w_rec[:, units] = 0
    w_out[:, units] = 0
    return replace(network, w_rec=w_rec, w_out=w_out, measured=None)


def lesion_groups(
    network: RateNetwork, labels: npt.NDArray[np.int32], trials: Trials
) -> npt.NDArray[np.float64]:
    """(n_groups + 1, n_tasks) accuracy per task: the whole network, then without each group.

    labels: (N,) group of each unit; units labelled -1 are never silenced.
    """
    networks = [network] + [
        silence(network, np.flatnonzero(labels == group)) for group in range(labels.max() + 1)
    ]
    return np.stack([score(rate_outputs(n, trials), trials).per_task() for n in networks])

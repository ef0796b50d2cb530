"""Accuracy of a network when groups of units are silenced, and how many tasks a group serves."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.chance import AgainstChance, against
from spiking_bimt.battery.accuracy import score
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.rate import rate_outputs

LOST = 0.25
"""Loss of accuracy from which on a task counts as lost."""


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


def lost_tasks(accuracy: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(n_groups,) tasks that lose more than LOST without each group, of `lesion_groups`' result."""
    lost: npt.NDArray[np.int64] = (accuracy[0] - accuracy[1:] > LOST).sum(1)
    return lost


def narrowness(
    network: RateNetwork, labels: npt.NDArray[np.int32], trials: Trials, shuffles: int, seed: int
) -> AgainstChance:
    """Tasks that are lost with a group, on average, against random groups of the same sizes.

    A network of modules that serve few tasks each has fewer than chance. labels: (N,) as in
    `lesion_groups`; by chance they are shuffled among the labelled units.
    """
    rng, inside = np.random.default_rng(seed), labels >= 0
    null = np.empty(shuffles)
    for number in range(shuffles):
        shuffled = labels.copy()
        shuffled[inside] = rng.permutation(labels[inside])
        null[number] = lost_tasks(lesion_groups(network, shuffled, trials)).mean()
    return against(float(lost_tasks(lesion_groups(network, labels, trials)).mean()), null, "low")


def patches(
    positions: npt.NDArray[np.int32], labels: npt.NDArray[np.int32], seed: int = 0
) -> npt.NDArray[np.int32]:
    """(N,) as many patches of the sheet as there are groups of units, k-means of their places.

    Units labelled -1 belong to none.
    """
    from sklearn.cluster import KMeans

    inside, found = labels >= 0, np.full(len(labels), -1, np.int32)
    found[inside] = KMeans(int(labels.max()) + 1, n_init=10, random_state=seed).fit_predict(
        positions[inside].astype(np.float64)
    )
    return found

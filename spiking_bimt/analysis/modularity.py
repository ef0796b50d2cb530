"""Whether function and anatomy are modular together: measures, each beside what chance gives.

Function is the task variance of units (`variance`), anatomy their places and their weights. Weights
are taken free of gain, |w_ij| a_j / a_i with a the mean rate of a unit: scaling a unit's rate and
its outgoing weights against each other changes |w| and not what the network does. What units do is
measured on two halves of trials that no training has seen: where one half's clusters do not agree
with the other's, no grouping of weights can agree with them either.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.chance import (
    Doubles,
    Labels,
    against,
    agreement_p,
    mantel,
    mass_by_labels,
    mass_by_rewiring,
    mass_within,
)
from spiking_bimt.analysis.clusters import (
    SHUFFLED,
    functional_clusters,
    isolated_null,
    isolated_ratio,
)
from spiking_bimt.analysis.lesion import narrowness, patches
from spiking_bimt.analysis.spread import scattered_variance, variance_null, variance_within
from spiking_bimt.analysis.structure import agreement, communities
from spiking_bimt.analysis.variance import TaskVariance, similarity, task_variance
from spiking_bimt.battery import sources
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.rate import rate_steps

CLUSTERS = 7
"""Number of clusters: that of Liu et al. 2023 (arXiv:2310.07711)."""
NUMBERS = tuple(range(4, 17))
"""Numbers of clusters at which locality is given besides, since it depends on them."""
METHODS = ("louvain", "greedy")
"""Algorithms that find communities: Blondel et al. 2008; Clauset, Newman and Moore 2004."""
SEEDS = 5
"""Seeds of k-means that are compared."""


@dataclass(frozen=True)
class Effort:
    """How much is drawn for the distributions by chance: the least p is 1 / (draws + 1)."""

    trials: int = 100
    """Trials of each task in each half; of data, of each class."""
    shuffles: int = 5000
    rewirings: int = 1000
    resolutions: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    """Of the communities, from few large ones to many small ones."""
    lesions: int = 20
    """Sets of random groups that are silenced; 0 leaves lesions out."""
    lesion_trials: int = 20
    """Trials of each task without a group."""


@dataclass(frozen=True)
class Halves:
    """What the units of a network do, by two disjoint sets of trials, and their weights."""

    variance: tuple[TaskVariance, TaskVariance]
    weights: Doubles
    """(N, N) free of gain."""

    @property
    def responsive(self) -> npt.NDArray[np.bool_]:
        """(N,) units that respond in both halves."""
        return self.variance[0].responsive & self.variance[1].responsive

    def clusters(self, half: int, k: int, seed: int) -> Labels:
        """(N,) functional clusters by one half's trials; -1 for units that are not responsive."""
        normalised = self.variance[half].normalised
        return functional_clusters(normalised, self.responsive, k=k, seed=seed).labels


def draw_half(network: RateNetwork, half: int, per_task: int) -> Trials:
    """`per_task` test trials per task; of half 1 others than of half 0.

    A data set has classes in place of tasks, and half 1 is of its validation part.
    """
    if sources.is_data(network.battery):
        many, stream, pool = per_task * len(network.b_out), ("test", "validate")[half], 0
    else:
        many, stream, pool = per_task, "test", half
    return draw_trials(
        network.battery, network.tasks, many, network.dt, stream=stream, pool=pool
    ).by_class()


def measure_halves(network: RateNetwork, per_task: int) -> Halves:
    """What the units do, by `per_task` trials per task and by as many others."""
    first, second = (draw_half(network, half, per_task) for half in range(2))
    return Halves(
        (task_variance(network, first), task_variance(network, second)),
        gain_free(network, mean_rates(network, second)),
    )


def gain_free(network: RateNetwork, rates: Doubles) -> Doubles:
    """(N, N) |w_ij| a_j / a_i by the mean rates a (N,); 0 on the diagonal and at silent units."""
    active = rates > 0
    scale = np.where(active, rates, 1.0)
    weights: Doubles = np.abs(network.w_rec).astype(np.float64) * scale[None] / scale[:, None]
    weights[~active] = weights[:, ~active] = 0
    np.fill_diagonal(weights, 0)
    return weights


def mean_rates(network: RateNetwork, trials: Trials) -> Doubles:
    """(N,) mean rate of each unit over the steps of the trials."""
    total = np.zeros(network.n_units)
    for _, rates, _ in rate_steps(network, trials):
        total += rates.sum(0, dtype=np.float64)
    mean: Doubles = total / len(trials.labels)
    return mean


def measure_modularity(
    network: RateNetwork,
    k: int = CLUSTERS,
    *,
    halves: Halves | None = None,
    cores: Labels | None = None,
    effort: Effort | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """All measures at k functional clusters, or as many as there are units, as JSON values.

    Clusters are of the first half of the trials; the similarity of the Mantel correlation and the
    trials of lesions are of the second. cores: (N,) core of each unit, for lesions of cores.
    """
    effort = effort or Effort()
    halves = halves or measure_halves(network, effort.trials)
    responsive = halves.responsive
    k = min(k, int(responsive.sum()))
    labels, weights = halves.clusters(0, k, seed), halves.weights
    alike = similarity(halves.variance[1].normalised[responsive]).astype(np.float64)
    places = network.positions[responsive].astype(np.float64)
    distances = np.abs(places[:, None] - places[None]).sum(-1)
    seeds = [
        agreement(labels, halves.clusters(0, k, seed + n)).adjusted_rand for n in range(1, SEEDS)
    ]
    mass = mass_within(labels, weights)
    again = mass_by_rewiring(labels, weights, effort.rewirings, seed)
    return {
        "k": k,
        "responsive": int(responsive.sum()),
        "reliability": {
            "halves": agreement(labels, halves.clusters(1, k, seed)).adjusted_rand,
            "seeds": float(np.mean(seeds)),
        },
        **measure_locality(network, labels, effort.shuffles, seed),
        "mass_within": asdict(
            against(mass, mass_by_labels(labels, weights, effort.shuffles, seed), "high")
        ),
        "mass_within_rewired": asdict(against(mass, again, "high")),
        "mantel": asdict(mantel(alike, distances, effort.rewirings, seed)),
        "communities": measure_communities(
            labels, weights, effort.resolutions, effort.rewirings, seed
        ),
        "lesions": _lesions(network, labels, cores, effort, seed),
    }


def measure_locality(
    network: RateNetwork, labels: Labels, shuffles: int, seed: int
) -> dict[str, dict[str, float]]:
    """Isolated units and the variance of places in clusters, beside both nulls.

    By chance labels change among units, and under names that end in "_scattered" units are moved
    over the whole sheet.
    """
    where = (labels, network.positions, network.sheet)
    places = network.positions.astype(np.float64)
    isolated, spread = isolated_ratio(*where), variance_within(labels, places)
    alone = {
        shuffled: isolated_null(*where, shuffled=shuffled, shuffles=shuffles, seed=seed)
        for shuffled in SHUFFLED
    }
    apart = variance_null(labels, places, shuffles=shuffles, seed=seed)
    scattered = scattered_variance(labels, network.sheet, shuffles=shuffles, seed=seed)
    return {
        "isolated": asdict(against(isolated, alone["labels"], "low")),
        "isolated_scattered": asdict(against(isolated, alone["places"], "low")),
        "variance_2d": asdict(against(spread, apart, "low")),
        "variance_2d_scattered": asdict(against(spread, scattered, "low")),
    }


def locality_by_clusters(
    network: RateNetwork, halves: Halves, shuffles: int = 5000, seed: int = 0
) -> list[dict[str, Any]]:
    """`measure_locality` at each number of clusters that the units can fill, with reliability."""
    rows = []
    for k in NUMBERS:
        if k <= halves.responsive.sum():
            labels, other = (halves.clusters(half, k, seed) for half in range(2))
            found = measure_locality(network, labels, shuffles, seed)
            rows.append({"k": k, "halves": agreement(labels, other).adjusted_rand, **found})
    return rows


def measure_communities(
    labels: Labels, weights: Doubles, resolutions: Sequence[float], shuffles: int, seed: int
) -> list[dict[str, Any]]:
    """How far communities of the weights agree with functional clusters, over resolutions."""
    inside, rows = labels >= 0, []
    for method in METHODS:
        for resolution in resolutions:
            found = communities(weights, method=method, resolution=resolution, seed=seed)
            same = agreement(labels, found)
            own = np.unique(found[inside], return_inverse=True)[1].astype(np.int32)
            p, mutual_p = agreement_p(labels[inside], own, shuffles, seed)
            rows.append({
                "method": method, "resolution": resolution, "communities": int(found.max()) + 1,
                **vars(same), "p": p, "mutual_information_p": mutual_p,
            })  # fmt: skip
    return rows


def _lesions(
    network: RateNetwork, labels: Labels, cores: Labels | None, effort: Effort, seed: int
) -> dict[str, dict[str, float]]:
    """Tasks that are lost with a cluster, a patch of the sheet or a core, against random groups."""
    if not effort.lesions:
        return {}
    trials = draw_half(network, 1, effort.lesion_trials)
    groups = {"cluster": labels, "patch": patches(network.positions, labels, seed)}
    if cores is not None:
        groups["core"] = np.unique(cores, return_inverse=True)[1].astype(np.int32)
    return {
        name: asdict(narrowness(network, group, trials, effort.lesions, seed))
        for name, group in groups.items()
    }

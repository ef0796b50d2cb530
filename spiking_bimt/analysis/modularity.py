"""Whether function and anatomy are modular together: measures, each beside what chance gives.

Function is the task variance of units (`variance`), anatomy their places and their weights. Weights
are taken free of gain, |w_ij| a_j / a_i with a the mean rate of a unit: scaling a unit's rate and
its outgoing weights against each other changes |w| and not what the network does. What units do is
measured on trials that no training has seen, in two halves: where one half's clusters do not agree
with the other's, no grouping of weights can agree with them either.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import functional_clusters, isolated_null, isolated_ratio
from spiking_bimt.analysis.spread import variance_null, variance_within
from spiking_bimt.analysis.structure import agreement, communities
from spiking_bimt.analysis.variance import TaskVariance, task_variance
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_steps

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

SHUFFLES = 5000
"""Shuffles of a null distribution: the least p is 1 / 5001."""
REWIRINGS = 200
"""Networks with exchanged weights: each takes a pass over all connections."""
RESOLUTIONS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Resolutions of the communities, from few large ones to many small ones."""
METHODS = ("louvain", "greedy")
"""Algorithms that find communities: Blondel et al. 2008; Clauset, Newman and Moore 2004."""
SEEDS = 5
"""Seeds of k-means that are compared."""
TRIALS = 100
"""Trials of each task in each half."""


@dataclass(frozen=True)
class AgainstChance:
    """A measure of a network beside its distribution by chance."""

    observed: float
    chance: float
    """Mean by chance."""
    p: float
    """Share of chance, the network itself counted, that is as extreme in the direction asked."""


def against(observed: float, null: Doubles, side: str) -> AgainstChance:
    """Compare with a null distribution; side: "low" or "high", where the effect is expected."""
    as_extreme = null <= observed if side == "low" else null >= observed
    p = (1 + int(as_extreme.sum())) / (1 + len(null))
    return AgainstChance(float(observed), float(null.mean()), p)


def gain_free(network: RateNetwork, rates: Doubles) -> Doubles:
    """(N, N) |w_ij| a_j / a_i by the mean rates a (N,); 0 on the diagonal and at silent units."""
    active = rates > 0
    scale = np.where(active, rates, 1.0)
    weights: Doubles = np.abs(network.w_rec).astype(np.float64) * scale[None] / scale[:, None]
    weights[~active] = weights[:, ~active] = 0
    np.fill_diagonal(weights, 0)
    return weights


def mass_within(labels: Labels, weights: Doubles) -> float:
    """Share of the weights (N, N) between units of one cluster; units labelled -1 do not count."""
    inside = labels >= 0
    own, part = labels[inside], weights[np.ix_(inside, inside)]
    return float(part[own[:, None] == own[None]].sum() / part.sum())


def mass_by_labels(labels: Labels, weights: Doubles, shuffles: int, seed: int) -> Doubles:
    """(shuffles,) `mass_within` after exchanging labels among the clustered units."""
    rng, inside = np.random.default_rng(seed), labels >= 0
    part, own = weights[np.ix_(inside, inside)], labels[inside]
    shuffled = rng.permuted(np.tile(own, (shuffles, 1)), axis=1)
    total, mass = part.sum(), np.zeros(shuffles)
    for cluster in np.unique(own):
        members = (shuffled == cluster).astype(np.float64)
        mass += ((members @ part) * members).sum(1)
    found: Doubles = mass / total
    return found


def mass_by_rewiring(labels: Labels, weights: Doubles, rewirings: int, seed: int) -> Doubles:
    """(rewirings,) `mass_within` of networks whose units keep the numbers of their connections.

    Ends of random pairs of connections are exchanged where no connection is doubled and none
    becomes one of a unit with itself (Maslov and Sneppen 2002, doi:10.1126/science.1065103), ten
    times as often as there are connections; weights go with the sources.
    """
    rng = np.random.default_rng(seed)
    post, pre = np.nonzero(weights)
    size = weights[post, pre]
    found = np.empty(rewirings)
    for number in range(rewirings):
        post = _exchanged(post, pre, len(weights), rng)
        again = np.zeros_like(weights)
        again[post, pre] = size
        found[number] = mass_within(labels, again)
    return found


def _exchanged(
    post: npt.NDArray[np.int64], pre: npt.NDArray[np.int64], n: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Targets after exchanges between pairs of connections, one for each of a random matching."""
    post = post.copy()
    taken = np.zeros((n, n), bool)
    taken[post, pre] = True
    for _ in range(10):
        order = rng.permutation(len(post))
        for a, b in zip(order[::2], order[1::2], strict=False):
            i, j, k, m = post[a], pre[a], post[b], pre[b]
            if k != j and i != m and not taken[k, j] and not taken[i, m]:
                taken[i, j] = taken[k, m] = False
                taken[k, j] = taken[i, m] = True
                post[a], post[b] = k, i
    return post


def mantel(alike: Doubles, distances: Doubles, shuffles: int, seed: int) -> AgainstChance:
    """Correlation of similarity and distance over pairs of units (Mantel 1967), by permutations."""
    n = len(alike)
    pairs = np.triu_indices(n, 1)
    apart = distances[pairs]
    apart = (apart - apart.mean()) / apart.std()

    def correlation(order: npt.NDArray[np.int64]) -> float:
        values = alike[order[pairs[0]], order[pairs[1]]]
        return float(((values - values.mean()) / values.std()) @ apart / len(apart))

    rng = np.random.default_rng(seed)
    null = np.array([correlation(rng.permutation(n)) for _ in range(shuffles)])
    return against(correlation(np.arange(n)), null, "low")


def halves(network: RateNetwork, trials: int = TRIALS) -> tuple[TaskVariance, TaskVariance]:
    """Task variance on two halves of test trials, `trials` a task in each."""
    first, second = (
        task_variance(
            network,
            draw_trials(
                network.battery, network.tasks, trials, network.dt, stream="test", pool=1 + half
            ),
        )
        for half in range(2)
    )
    return first, second


def mean_rates(network: RateNetwork, trials: int = 20) -> Doubles:
    """(N,) mean rate of each unit over test trials."""
    some = draw_trials(network.battery, network.tasks, trials, network.dt, stream="test", pool=3)
    total = np.zeros(network.n_units)
    for _, rates, _ in rate_steps(network, some):
        total += rates.sum(0, dtype=np.float64)
    mean: Doubles = total / len(some.labels)
    return mean


def measure_modularity(network: RateNetwork, k: int = 7, seed: int = 0) -> dict[str, Any]:
    """All measures at k functional clusters, as JSON values.

    Clusters are of the first half of the trials; the similarity of the Mantel correlation is of the
    second.
    """
    first, second = halves(network)
    responsive = first.responsive & second.responsive

    def cluster(variance: TaskVariance, number: int) -> Labels:
        return functional_clusters(variance.normalised, responsive, k=k, seed=number).labels

    labels = cluster(first, seed)
    places = network.positions.astype(np.float64)
    weights = gain_free(network, mean_rates(network))
    alike = _similarity(second.normalised[responsive])
    own = places[responsive]
    distances = np.abs(own[:, None] - own[None]).sum(-1)
    seeds = [agreement(labels, cluster(first, seed + n)).adjusted_rand for n in range(1, SEEDS)]
    null = isolated_null(labels, network.positions, network.sheet, shuffles=SHUFFLES, seed=seed)
    measures: dict[str, Callable[[], AgainstChance]] = {
        "isolated": lambda: against(
            isolated_ratio(labels, network.positions, network.sheet), null, "low"
        ),
        "variance_2d": lambda: against(
            variance_within(labels, places),
            variance_null(labels, places, shuffles=SHUFFLES, seed=seed),
            "low",
        ),
        "mass_within": lambda: against(
            mass_within(labels, weights), mass_by_labels(labels, weights, SHUFFLES, seed), "high"
        ),
        "mass_within_rewired": lambda: against(
            mass_within(labels, weights), mass_by_rewiring(labels, weights, REWIRINGS, seed), "high"
        ),
        "mantel": lambda: mantel(alike, distances, SHUFFLES // 5, seed),
    }
    return {
        "k": k,
        "responsive": int(responsive.sum()),
        "reliability": {
            "halves": agreement(labels, cluster(second, seed)).adjusted_rand,
            "seeds": float(np.mean(seeds)),
        },
        **{name: asdict(measure()) for name, measure in measures.items()},
        "communities": _agreements(labels, weights, seed),
    }


def _similarity(normalised: Doubles) -> Doubles:
    norm = np.linalg.norm(normalised, axis=1, keepdims=True)
    direction = normalised / np.where(norm > 0, norm, 1)
    alike: Doubles = np.clip(direction @ direction.T, 0, 1) ** 4
    return alike


def _agreements(labels: Labels, weights: Doubles, seed: int) -> list[dict[str, Any]]:
    """How far communities of the weights agree with functional clusters, over resolutions."""
    rng = np.random.default_rng(seed)
    rows = []
    for method in METHODS:
        for resolution in RESOLUTIONS:
            found = communities(weights, method=method, resolution=resolution, seed=seed)
            same = agreement(labels, found)
            null = np.array(
                [agreement(labels, rng.permutation(found)).adjusted_rand for _ in range(200)]
            )
            rows.append({
                "method": method, "resolution": resolution, "communities": int(found.max()) + 1,
                **vars(same), "p": against(same.adjusted_rand, null, "high").p,
            })  # fmt: skip
    return rows

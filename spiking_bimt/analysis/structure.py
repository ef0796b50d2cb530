"""Communities of the recurrent weights, and how far they agree with functional clusters."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import unknown_name

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Modules:
    """Communities of the recurrent weights."""

    labels: Labels
    """(N,) module of each unit, 0 the largest."""
    modularity: float
    """Newman's Q of that partition on |W| + |W|^T."""


def modules(network: RateNetwork, seed: int = 0) -> Modules:
    """Louvain communities of the undirected graph with weights |w_ij| + |w_ji| (networkx)."""
    import networkx

    weight = np.abs(network.w_rec) + np.abs(network.w_rec).T
    np.fill_diagonal(weight, 0)
    graph = networkx.from_numpy_array(weight.astype(np.float64))
    found = networkx.community.louvain_communities(graph, weight="weight", seed=seed)
    labels = np.zeros(network.n_units, np.int32)
    for number, members in enumerate(sorted(found, key=lambda m: (-len(m), min(m)))):
        labels[list(members)] = number
    return Modules(labels, float(networkx.community.modularity(graph, found, weight="weight")))


def communities(
    weights: npt.NDArray[np.float64],
    *,
    method: str = "louvain",
    resolution: float = 1.0,
    seed: int = 0,
) -> Labels:
    """(N,) communities of the undirected graph of weights + weights^T (N, N), 0 the largest.

    method: "louvain", or "greedy" for merging the pair that raises modularity most (networkx);
    resolution: above 1 for smaller communities.
    """
    import networkx

    graph = networkx.from_numpy_array(weights + weights.T)
    if method == "louvain":
        found = networkx.community.louvain_communities(
            graph, weight="weight", resolution=resolution, seed=seed
        )
    elif method == "greedy":
        found = networkx.community.greedy_modularity_communities(
            graph, weight="weight", resolution=resolution
        )
    else:
        raise unknown_name("method", method, ("louvain", "greedy"))
    labels = np.zeros(len(weights), np.int32)
    for number, members in enumerate(sorted(found, key=lambda m: (-len(m), min(m)))):
        labels[list(members)] = number
    return labels


@dataclass(frozen=True)
class Agreement:
    """How similar two groupings of the same units are."""

    adjusted_rand: float
    """1 for equal groupings, 0 on average for random ones (Hubert and Arabie 1985)."""
    mutual_information: float
    """Adjusted: 1 for equal groupings, 0 on average for random ones."""


def agreement(first: Labels, second: Labels) -> Agreement:
    """Compare two labellings (N,); units labelled -1 in either do not count."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    both = (first >= 0) & (second >= 0)
    return Agreement(
        float(adjusted_rand_score(first[both], second[both])),
        float(adjusted_mutual_info_score(first[both], second[both])),
    )

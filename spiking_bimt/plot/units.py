"""What pictures of units have in common: their clusters, their connections and their places."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.data import validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes

Labels = npt.NDArray[np.int32]
Network = RateNetwork | SpikingNetwork


def n_units(network: Network) -> int:
    """Number of units or neurons, N."""
    return len(network.positions)


def connections(
    network: Network, threshold: float
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Targets, sources and weights of the recurrent connections with |w| above the threshold."""
    if isinstance(network, RateNetwork):
        post, pre = np.nonzero(np.abs(network.w_rec) > threshold)
        return post, pre, network.w_rec[post, pre]
    kept = np.abs(network.weights) > threshold
    sources = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    return network.indices[kept], sources[kept], network.weights[kept]


def labels_of(clusters: Clusters | npt.ArrayLike | None, n: int, owner: str) -> Labels | None:
    """(n,) cluster of each unit, -1 for none; InputError for labels of another length."""
    if clusters is None:
        return None
    given = clusters.labels if isinstance(clusters, Clusters) else clusters
    labels: Labels = validate.array(owner, "clusters", given, (n,), np.int32)
    if labels.min(initial=0) < -1:
        raise InputError(f"{owner}: clusters holds {labels.min()}: they count from 0, -1 is none")
    return labels


def mark_clusters(axes: Axes, ordered: Labels, colour: str) -> None:
    """Draw lines between the clusters of rows 0, 1, .., with their numbers as y ticks."""
    edges = np.flatnonzero(np.diff(ordered)) + 0.5
    axes.hlines(edges, *axes.get_xlim(), color=colour, linewidth=0.8)
    names = np.unique(ordered)
    centres = [float(np.flatnonzero(ordered == name).mean()) for name in names]
    axes.set_yticks(centres, ["none" if name < 0 else str(name + 1) for name in names])
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_color(style.cluster_colour(int(name)))
        tick.set_fontweight("bold")

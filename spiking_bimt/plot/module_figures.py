"""One figure that shows whether function and anatomy are modular together."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.variance import TaskVariance
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot import sheet_figures, style
from spiking_bimt.plot.axes import Axes
from spiking_bimt.plot.picture import Picture, draw
from spiking_bimt.plot.units import Labels, mark_clusters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Doubles = npt.NDArray[np.float64]

_DECADES = 2.5
"""Powers of ten of the weights that have a colour, below their 99th percentile."""


def modules_at_a_glance(
    network: RateNetwork, clusters: Labels, communities: Labels, weights: Doubles,
    variance: TaskVariance,
) -> Picture:  # fmt: skip
    """The sheet by functional cluster, the sheet by community of the weights, and two matrices.

    clusters, communities: (N,), -1 for none; weights: (N, N). Units of both matrices are sorted by
    cluster: where function and anatomy are modular together, both maps show the same patches, and
    the weights are in blocks on the diagonal. Communities have the numbers and colours of the
    clusters that they share most units with.
    """

    def paint(figure: "Figure") -> None:
        axes = figure.subplots(2, 2)
        sheet_figures.clusters(network, clusters, axes[0, 0]).set_title("functional clusters")
        named = name_alike(communities, clusters)
        sheet_figures.clusters(network, named, axes[0, 1]).set_title("communities of the weights")
        _weights(axes[1, 0], weights, clusters)
        sheet_figures.variance(variance, axes[1, 1], clusters=clusters)

    return draw(10.4, 10.0, paint, dpi=130)


def name_alike(communities: Labels, clusters: Labels) -> Labels:
    """(N,) the communities with the numbers of the clusters that they share most units with.

    The largest share is named first; a community for which no cluster is left has a number of its
    own, above those of the clusters.
    """
    both = clusters >= 0
    k, many = int(clusters.max()) + 1, int(communities.max()) + 1
    shared = np.zeros((many, k))
    np.add.at(shared, (communities[both], clusters[both]), 1)
    names = np.full(many, -1)
    while shared.size and shared.max() > 0:
        community, cluster = np.unravel_index(int(shared.argmax()), shared.shape)
        names[community] = cluster
        shared[community] = shared[:, cluster] = 0
    names[names < 0] = k + np.arange((names < 0).sum())
    found: Labels = names[communities].astype(np.int32)
    return found


def _weights(axes: Axes, weights: Doubles, clusters: Labels) -> None:
    from matplotlib.colors import LogNorm

    order = np.flatnonzero(clusters >= 0)
    order = order[np.argsort(clusters[order], kind="stable")]
    ordered, shown = clusters[order], weights[np.ix_(order, order)]
    top = float(np.percentile(shown[shown > 0], 99)) if (shown > 0).any() else 1.0
    image = axes.imshow(
        np.where(shown > 0, shown, np.nan), norm=LogNorm(top / 10**_DECADES, top),
        cmap="viridis_r", interpolation="none",
    )  # fmt: skip
    mark_clusters(axes, ordered, style.LINE)
    edges = np.flatnonzero(np.diff(ordered)) + 0.5
    axes.vlines(edges, *axes.get_ylim(), color=style.LINE, linewidth=0.8)
    axes.set(xticks=[], xlabel="from units, by cluster", ylabel="to units, by cluster (number)")
    axes.tick_params(length=0)
    axes.set_title("weights, free of gain")
    text = "|w| times the source's mean rate over the target's"
    style.colorbar(axes, image, text, shrink=0.7, aspect=24, extend="both", format="{x:g}")

"""Pictures of the sheet: places of units, their clusters, their wiring, and what they do."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.analysis.importance import importance
from spiking_bimt.analysis.variance import TaskVariance
from spiking_bimt.analysis.wiring import CONNECTED
from spiking_bimt.data import validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes, axes_for, plots, tell
from spiking_bimt.plot.units import connections, labels_of, mark_clusters, n_units

Doubles = npt.NDArray[np.float64]

_SIZE = (5.4, 5.2)
"""Width and height of new axes, inches."""
_LARGEST = 60
"""Longest side of a sheet whose places are told apart by lines and numbers."""
MOST_LINES = 20_000
"""Weights that are drawn, the strongest ones: more lines would cover one another."""


@plots
def sheet(
    network: RateNetwork | SpikingNetwork,
    ax: Axes | None = None,
    *,
    values: npt.ArrayLike | None = None,
    label: str = "",
) -> Axes:
    """The units at their places on the sheet, each coloured by a value.

    ax: axes to draw into, by default those of a new figure. values: (N,) value of each unit, such
    as its mean rate; by default its importance, the geometric mean of the summed |weights| into and
    out of it. label: what the values are, with their unit. Units that share a place show their
    mean. Returns the axes. Raises InputError for values of another number.
    """
    n = n_units(network)
    if values is None:
        values, label = importance(network), label or "importance (summed |w|)"
    own = validate.array("sheet", "values", values, (n,), np.float64)
    axes = axes_for(ax, *_SIZE)
    rows, cols = network.positions.T
    total, many = np.zeros(network.sheet), np.zeros(network.sheet)
    np.add.at(total, (rows, cols), own)
    np.add.at(many, (rows, cols), 1)
    mean = np.divide(total, many, out=np.full(network.sheet, np.nan), where=many > 0)
    _paint_places(axes, network, np.tile(style.rgb([style.FAINT]), (*network.sheet, 1)))
    image = axes.imshow(mean, cmap="viridis", interpolation="none")
    _divide(axes, network.sheet)
    style.sheet_axes(axes, network.sheet)
    style.colorbar(axes, image, label, shrink=0.75, aspect=26, pad=0.02)
    tell(axes, cols, rows, [f"unit {k}: {own[k]:.4g}" for k in range(n)], 1, 1)
    return axes


@plots
def clusters(
    network: RateNetwork | SpikingNetwork,
    clusters: Clusters | npt.ArrayLike,
    ax: Axes | None = None,
) -> Axes:
    """The sheet, each unit's place in the colour of its cluster and with the cluster's number.

    clusters: functional cluster of each unit, (N,) numbers from 0 on, shown from 1 on, or -1 for
    units without one. ax: axes to draw into, by default those of a new figure. Returns the axes.
    Raises InputError for clusters of another number of units.
    """
    labels = labels_of(clusters, n_units(network), "clusters")
    assert labels is not None
    axes = axes_for(ax, *_SIZE)
    image = np.tile(style.rgb([style.FAINT]), (*network.sheet, 1))
    known = range(-1, int(labels.max()) + 1)
    colours = [style.cluster_colour(c) for c in known]
    rows, cols = network.positions.T
    image[rows, cols] = style.rgb(colours)[labels + 1]
    _paint_places(axes, network, image)
    _divide(axes, network.sheet)
    style.sheet_axes(axes, network.sheet)
    for row, col, name in zip(rows, cols, labels.tolist(), strict=True):
        if name >= 0 and max(network.sheet) <= _LARGEST:
            axes.text(
                col, row, str(name + 1), ha="center", va="center_baseline",
                fontsize=min(8.0, 130 / max(network.sheet)),
                color=style.ink_on(style.cluster_colour(name)),
            )  # fmt: skip
    texts = [
        f"unit {k}: {f'cluster {name + 1}' if name >= 0 else 'no cluster'}"
        for k, name in enumerate(labels.tolist())
    ]
    tell(axes, cols, rows, texts, 1, 1)
    return axes


def _paint_places(axes: Axes, network: RateNetwork | SpikingNetwork, image: Doubles) -> None:
    axes.imshow(image.reshape(*network.sheet, 3), interpolation="none")


def _divide(axes: Axes, size: tuple[int, int]) -> None:
    """White lines between the places of a sheet that is not too large."""
    rows, cols = size
    if max(size) <= _LARGEST:
        width = 32 / max(size)
        axes.hlines(np.arange(rows + 1) - 0.5, -0.5, cols - 0.5, color="white", linewidth=width)
        axes.vlines(np.arange(cols + 1) - 0.5, -0.5, rows - 0.5, color="white", linewidth=width)


@plots
def wiring(
    network: RateNetwork | SpikingNetwork, ax: Axes | None = None, *, threshold: float = CONNECTED
) -> Axes:
    """The recurrent weights as lines between the places of the units, a larger dot for a more
    important unit.

    A stronger weight has a wider and less transparent line; above 20,000 weights the strongest are
    drawn. ax: axes to draw into, by default those of a new figure. threshold: |weights| above it
    are shown. Returns the axes. Raises InputError for a negative threshold.
    """
    from matplotlib.collections import LineCollection

    if threshold < 0:
        raise InputError(f"wiring: threshold is {threshold}, least 0")
    post, pre, weights = connections(network, threshold)
    order = np.argsort(np.abs(weights), kind="stable")[-MOST_LINES:]
    post, pre, weights = post[order], pre[order], weights[order]
    full = float(np.percentile(np.abs(weights), 99)) if len(weights) else 1.0
    strength = np.clip(np.abs(weights) / full, 0, 1)
    axes = axes_for(ax, *_SIZE)
    _paint_places(axes, network, np.tile(style.rgb([style.FAINT]), (*network.sheet, 1)))
    _divide(axes, network.sheet)
    style.sheet_axes(axes, network.sheet)
    xy = network.positions[:, ::-1].astype(float)
    signs = style.rgb([style.VERMILLION, style.BLUE])[(weights > 0).astype(int)]
    axes.add_collection(
        LineCollection(
            list(np.stack([xy[pre], xy[post]], axis=1)),
            colors=np.column_stack([signs, 0.04 + 0.76 * strength**1.5]),
            linewidths=0.25 + 1.75 * strength,
            rasterized=True,
        )
    )
    matter = importance(network)
    area = 6 + 26 * matter / max(matter.max(), 1e-300)
    x, y = xy.T
    axes.scatter(x, y, s=area, color=style.INK, edgecolor="white", linewidth=0.5, zorder=3)
    for colour, name in ((style.BLUE, "excitatory"), (style.VERMILLION, "inhibitory")):
        axes.plot([], [], color=colour, lw=2, label=name)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    into, out = (np.bincount(ends, minlength=len(xy)) for ends in (post, pre))
    texts = [f"unit {k}: {into[k]} weights in, {out[k]} out" for k in range(len(xy))]
    tell(axes, x, y, texts, 1, 1)
    return axes


@plots
def variance(
    variance: TaskVariance,
    ax: Axes | None = None,
    *,
    clusters: Clusters | npt.ArrayLike | None = None,
) -> Axes:
    """How much each unit (rows) varies over the trials of each task (columns), of 0..1.

    variance: as `analysis.variance.task_variance` measures it (Yang et al. 2019), normalised by the
    task in which a unit varies most. ax: axes to draw into, by default those of a new figure.
    clusters: functional cluster of each unit, (N,) numbers from 0 on: rows are then sorted by it,
    and units without one (-1) left out; by default by the task in which a unit varies most. Returns
    the axes. Raises InputError for clusters of another number of units.
    """
    n, own = len(variance.normalised), variance.normalised
    labels = labels_of(clusters, n, "variance")
    group = own.argmax(1) if labels is None else labels
    order = np.flatnonzero(variance.responsive if labels is None else labels >= 0)
    order = order[np.lexsort((own[order].argmax(1), group[order]))]
    if not len(order):
        raise InputError("variance: no unit varies in any task, or none belongs to a cluster")
    axes = axes_for(ax, 5.4, 7.4)
    image = axes.imshow(
        own[order], aspect="auto", cmap="cividis", vmin=0, vmax=1, interpolation="none"
    )
    if labels is not None:
        mark_clusters(axes, labels[order], "white")
    axes.set_xticks(np.arange(len(variance.tasks)), list(variance.tasks), rotation=90)
    axes.tick_params(length=0)
    axes.set_xlabel("task")
    axes.set_ylabel("units" if labels is None else "units, by cluster (number)")
    style.colorbar(axes, image, "task variance / the unit's largest", shrink=0.6, aspect=24)
    row, col = np.divmod(np.arange(own[order].size), len(variance.tasks))
    if row.size:
        texts = [
            f"unit {order[r]}, {variance.tasks[c]}: {own[order[r], c]:.2f}"
            for r, c in zip(row, col, strict=True)
        ]
        tell(axes, col, row, texts, 1, 1)
    return axes

"""Figures of the sheet: function, wiring and importance of the units."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

MOST_LINES = 20_000
"""Weights that are drawn, the strongest ones: more lines would cover one another."""


def cluster_map(positions: Ints, sheet: tuple[int, int], labels: Ints) -> str:
    """The sheet, each unit's place in the colour of its cluster and with the cluster's number."""

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        style.sheet_axes(axes, sheet)
        _empty_places(axes, sheet)
        colours = [style.cluster_colour(int(label)) for label in labels]
        _squares(axes, positions, colours)
        size = min(8.0, 130 / max(sheet))
        for (row, col), label, colour in zip(positions, labels, colours, strict=True):
            axes.text(
                col, row, "" if label < 0 else str(label + 1), ha="center", va="center_baseline",
                fontsize=size, color=style.ink_on(colour),
            )  # fmt: skip

    return style.draw(5.4, 5.2, paint)


def _empty_places(axes: "Axes", sheet: tuple[int, int]) -> None:
    every = np.stack(np.divmod(np.arange(sheet[0] * sheet[1]), sheet[1]), axis=1)
    _squares(axes, every, [style.FAINT] * len(every))


def _squares(axes: "Axes", positions: npt.NDArray[np.integer], colours: list[str]) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    patches = [Rectangle((col - 0.45, row - 0.45), 0.9, 0.9) for row, col in positions]
    axes.add_collection(PatchCollection(patches, facecolors=colours, edgecolors="none"))


def wiring_map(
    positions: Ints,
    sheet: tuple[int, int],
    w_rec: npt.NDArray[np.float32],
    importance: Doubles,
    threshold: float,
) -> tuple[str, float]:
    """Recurrent weights above `threshold` as lines between the units' places.

    Returns the image and the smallest |w| whose line has the full width.
    """
    post, pre, weights = _strongest(w_rec, threshold)
    full = float(np.percentile(np.abs(weights), 99)) if len(weights) else 1.0
    strength = np.clip(np.abs(weights) / full, 0, 1)

    def paint(figure: "Figure") -> None:
        from matplotlib.collections import LineCollection

        axes = figure.add_subplot()
        style.sheet_axes(axes, sheet)
        _empty_places(axes, sheet)
        xy = positions[:, ::-1].astype(float)
        signs = style.rgb([style.VERMILLION, style.BLUE])[(weights > 0).astype(int)]
        axes.add_collection(
            LineCollection(
                list(np.stack([xy[pre], xy[post]], axis=1)),
                colors=np.column_stack([signs, 0.04 + 0.76 * strength**1.5]),
                linewidths=0.25 + 1.75 * strength,
                rasterized=True,
            )
        )
        area = 6 + 26 * importance / max(importance.max(), 1e-300)
        axes.scatter(
            xy[:, 0], xy[:, 1], s=area, color=style.INK, edgecolor="white", linewidth=0.5, zorder=3
        )

    # An image of many faint lines is large: a low resolution keeps the page small.
    return style.draw(5.4, 5.2, paint, dpi=130), full


def _strongest(
    w_rec: npt.NDArray[np.float32], threshold: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Targets, sources and values of the weights that are drawn, the strongest last."""
    post, pre = np.nonzero(np.abs(w_rec) > threshold)
    weights = w_rec[post, pre]
    order = np.argsort(np.abs(weights), kind="stable")[-MOST_LINES:]
    return post[order], pre[order], weights[order]


def variance_matrix(normalised: Doubles, labels: Ints, tasks: tuple[str, ...]) -> str:
    """Normalised task variance of the units (rows, by cluster) in the tasks (columns)."""
    order = np.flatnonzero(labels >= 0)
    order = order[np.lexsort((normalised[order].argmax(1), labels[order]))]

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        image = axes.imshow(
            normalised[order], aspect="auto", cmap="cividis", vmin=0, vmax=1, interpolation="none"
        )
        mark_clusters(axes, labels[order], "white")
        axes.set_xticks(np.arange(len(tasks)), tasks, rotation=90)
        axes.tick_params(length=0)
        axes.set_xlabel("task")
        axes.set_ylabel("units, by cluster (number)")
        bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=24)
        bar.set_label("task variance / the unit's largest")
        bar.outline.set_visible(False)  # type: ignore[operator]

    return style.draw(5.4, 7.4, paint)


def mark_clusters(axes: "Axes", ordered: Ints, colour: str) -> None:
    """Draw lines between the clusters of rows 0, 1, .., with their numbers as y ticks."""
    edges = np.flatnonzero(np.diff(ordered)) + 0.5
    axes.hlines(edges, *axes.get_xlim(), color=colour, linewidth=0.8)
    names = np.unique(ordered)
    centres = [float(np.flatnonzero(ordered == name).mean()) for name in names]
    axes.set_yticks(centres, ["none" if name < 0 else str(name + 1) for name in names])
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_color(style.cluster_colour(int(name)))
        tick.set_fontweight("bold")


def isolation_histogram(observed: float, nulls: Mapping[str, Doubles], n_units: int) -> str:
    """The ratio of isolated units of `n_units`, and histograms of it after shuffles."""
    # A bin for each possible ratio, or for several where there are many, so that none is empty.
    width = max(1, round(0.01 * n_units))
    bins = (np.arange(0, n_units + width + 1, width) - 0.5) / n_units

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        colours = dict(zip(nulls, (style.SKY, "#aab4be"), strict=False))
        for name, ratios in nulls.items():
            axes.stairs(
                *np.histogram(ratios, bins), fill=True, color=colours[name], alpha=0.75,
                label=f"{name} shuffled",
            )  # fmt: skip
        axes.axvline(observed, color=style.VERMILLION, lw=2, label=f"this network: {observed:.3f}")
        axes.set(xlim=(0, 1), xlabel="isolated units / all active units", ylabel="shuffles")
        axes.grid(axis="y")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.2)

    return style.draw(5.4, 3.2, paint)


def importance_curve(ranked: Doubles, trained: int) -> str:
    """Importance of the units by rank, and how many of `trained` units training removed."""
    ranked = ranked[ranked > 0]

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        rank = np.arange(1, len(ranked) + 1)
        axes.semilogy(rank, ranked, color=style.BLUE, lw=1.8)
        axes.fill_between(rank, ranked, ranked.min(initial=1.0) / 3, color=style.BLUE, alpha=0.12)
        removed = trained - len(ranked)
        if removed > 0:
            axes.axvspan(len(ranked) + 0.5, trained + 0.5, color=style.FAINT)
        if removed > 0.2 * trained:
            middle = (len(ranked) + trained) / 2
            axes.text(
                middle, 0.5, f"{removed} units\nremoved", ha="center", va="center",
                color=style.MUTED, transform=axes.get_xaxis_transform(),
            )  # fmt: skip
        axes.set(xlim=(1, trained + 0.5), ylim=(ranked.min(initial=1.0) / 3, None))
        axes.set(xlabel="rank of the unit", ylabel="importance (summed |w|)")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(axis="y")

    return style.draw(5.4, 3.2, paint)

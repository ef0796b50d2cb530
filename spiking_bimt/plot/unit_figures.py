"""Pictures of all units together: their importance, and whether their function is local."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes, tell
from spiking_bimt.plot.picture import Picture, draw_axes

Doubles = npt.NDArray[np.float64]


def isolation_histogram(observed: float, nulls: Mapping[str, Doubles], n_units: int) -> Picture:
    """The ratio of isolated units of `n_units`, and histograms of it after shuffles."""
    # A bin for each possible ratio, or for several where there are many, so that none is empty.
    width = max(1, round(0.01 * n_units))
    bins = (np.arange(0, n_units + width + 1, width) - 0.5) / n_units

    def paint(axes: Axes) -> None:
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

    return draw_axes(5.4, 3.2, paint)


def importance_curve(ranked: Doubles, trained: int) -> Picture:
    """Importance of the units by rank, and how many of `trained` units training removed."""
    ranked = ranked[ranked > 0]

    def paint(axes: Axes) -> None:
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
        texts = [f"rank {k}: {value:.4g}" for k, value in zip(rank, ranked, strict=True)]
        tell(axes, rank, ranked, texts)

    return draw_axes(5.4, 3.2, paint)

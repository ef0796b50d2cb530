"""Figures that compare the networks of a study."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot import style
from spiking_bimt.plot.picture import Picture, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "bimt": style.BLUE,
    "bimt-noswap": style.SKY,
    "l1": style.VERMILLION,
    "l1, swapped afterwards": style.ORANGE,
    "l1, attracted afterwards": style.PURPLE,
    "bimt, attracted afterwards": style.INK,
    "modules": style.GREEN,
    "none": style.MUTED,
    "l1, pruned": style.ORANGE,
    "chip, weights": style.GREEN,
    "chip, groups": style.PURPLE,
    "chip, rising": style.SKY,
    "chip, frugal": style.INK,
}
"""Colour of each kind of training."""

PAPER: dict[str, dict[str, list[tuple[float, float]]]] = {
    "active_units": {"bimt": [(146, 0.026), (82, 0.045), (44, 0.095)],
                     "l1": [(155, 0.030), (110, 0.045), (66, 0.095)],
                     "none": [(356, 0.033)]},
    "wiring_length": {"bimt": [(5e4, 0.026), (2e4, 0.030), (1.1e4, 0.045)],
                      "l1": [(1e5, 0.030), (7e4, 0.045)],
                      "none": [(2e6, 0.033)]},
}  # fmt: skip
"""Points read off the figures of Liu et al. 2023 (arXiv:2310.07711): (x, error)."""

FLOOR = 0.017
"""Mean error of an ideal observer on the 20 tasks."""


def error_curve(
    rows: Sequence[Mapping[str, Any]], x: str, label: str, *, floor: float | None = FLOOR
) -> Picture:
    """Error against `x` for every network (kind, x, error in each row), with the paper's points.

    floor: error of an ideal observer. The axis of packets includes 0.
    """

    from matplotlib.ticker import LogLocator

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for kind, colour in COLOURS.items():
            points = np.array([(row[x], row["error"]) for row in rows if row["kind"] == kind])
            if len(points):
                axes.plot(*points.T, "o", color=colour, ms=5, label=kind)
            paper = PAPER.get(x, {}).get(kind, [])
            if paper:
                axes.plot(*np.array(paper).T, "x--", color=colour, lw=0.8, ms=6, alpha=0.7)
        if floor is not None:
            axes.axhline(floor, color=style.LINE, lw=1.2)
            axes.text(
                0.99, floor, "ideal observer ", color=style.MUTED, ha="right", va="bottom",
                transform=axes.get_yaxis_transform(),
            )  # fmt: skip
        if x in PAPER:
            axes.plot([], [], "x--", color=style.MUTED, label="paper, read off its figures")
        axes.set(xlabel=label, ylabel="error (1 - mean accuracy)", ylim=(0, None))
        if x == "packets_per_spike":
            axes.set_xscale("symlog", linthresh=0.1)
            axes.set_xlim(-0.01, None)
            axes.xaxis.set_major_formatter("{x:g}")
        else:
            axes.set_xscale("log")
            subs = (1, 2, 5) if x != "wiring_length" else (1,)
            axes.xaxis.set_major_locator(LogLocator(subs=subs))
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.xaxis.set_minor_formatter("")
        axes.grid()
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

    return draw(5.8, 4.2, paint)


def importance_ranks(importance: Mapping[str, Sequence[float]], trained: int) -> Picture:
    """Importance of the units by rank, a line a kind of training."""

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for kind, values in importance.items():
            axes.semilogy(np.arange(1, len(values) + 1), values, color=COLOURS[kind], label=kind)
            axes.semilogy(len(values), values[-1], "o", color=COLOURS[kind], ms=4)
        axes.set(xlim=(1, trained), xlabel="rank of the unit (removed units have none)")
        axes.set(ylabel="importance (summed |w|, log)")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid()
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

    return draw(5.8, 3.6, paint)


def weight_by_distance(networks: Mapping[str, RateNetwork]) -> Picture:
    """Mean |w| of all possible connections against their length on the sheet."""

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for kind, network in networks.items():
            distance, mean = mean_weight_by_distance(network)
            axes.semilogy(distance, np.maximum(mean, 1e-6), "o-", ms=3, color=COLOURS[kind],
                          label=kind)  # fmt: skip
        axes.set(xlabel="distance (grid spacings)", ylabel="mean |w| at that distance (log)")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid()
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

    return draw(5.8, 3.6, paint)


def mean_weight_by_distance(
    network: RateNetwork,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centres of distance bins one spacing wide, and the mean |w| over the pairs in each."""
    gap = network.positions[:, None].astype(np.float64) - network.positions[None]
    distance = np.hypot(gap[..., 0], gap[..., 1])
    pairs = ~np.eye(network.n_units, dtype=bool)
    bins = np.rint(distance[pairs]).astype(np.int64)
    totals = np.bincount(bins, np.abs(network.w_rec)[pairs])
    counts = np.bincount(bins)
    filled = counts > 0
    return np.flatnonzero(filled).astype(np.float64), totals[filled] / counts[filled]


def isolation(rows: Sequence[Mapping[str, Any]], clusters: str) -> Picture:
    """Ratio of isolated units of every network, and the mean of its label shuffles."""
    return _against_shuffles(
        rows, clusters, "isolated_8", f"isolated units / active units ({clusters} clusters)", 1.0
    )


def cluster_variance(rows: Sequence[Mapping[str, Any]], clusters: str) -> Picture:
    """Squared distance of units to their cluster's centre, and the mean of its label shuffles."""
    label = f"squared distance to the cluster's centre ({clusters} clusters)"
    return _against_shuffles(rows, clusters, "place_variance", label, None)


def _against_shuffles(
    rows: Sequence[Mapping[str, Any]], clusters: str, name: str, label: str, top: float | None
) -> Picture:
    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        kinds = [kind for kind in COLOURS if any(row["kind"] == kind for row in rows)]
        rng = np.random.default_rng(0)
        for at, kind in enumerate(kinds):
            found = [row["clusters"][clusters] for row in rows if row["kind"] == kind]
            jitter = at + rng.uniform(-0.15, 0.15, len(found))
            observed = [entry[name] for entry in found]
            null = [entry[f"{name}_labels"] for entry in found]
            axes.vlines(jitter, observed, null, color=style.LINE, lw=1)
            axes.plot(jitter, null, "_", color=style.MUTED, ms=9, label="" if at else "shuffled")
            axes.plot(jitter, observed, "o", color=COLOURS[kind], ms=5)
        axes.set_xticks(range(len(kinds)), kinds)
        axes.set(ylim=(0, top), ylabel=label)
        axes.grid(axis="y")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return draw(5.8, 3.6, paint)

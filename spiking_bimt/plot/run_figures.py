"""Figures of training, accuracy and spikes."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.plot import style
from spiking_bimt.plot.sheet_figures import mark_clusters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_MOST_LINES = 6
"""Most outputs of a regression that are drawn."""
_MOST_NAMED = 12
"""Most outputs of a data set whose names are written."""
_MARKS = (
    ("o", style.INK), ("D", style.ORANGE), ("s", style.BLUE), ("^", style.VERMILLION),
    ("v", style.GREEN), ("P", style.PURPLE),
)  # fmt: skip
"""Marker and colour of each network in the figure of accuracies."""


def height_for(n_tasks: int) -> float:
    """Height of a figure with one line for each task, and of the figure beside it, inches."""
    return max(3.6, 1.1 + 0.215 * n_tasks)


def training_curve(entries: Sequence[Mapping[str, Any]], height: float) -> str:
    """Accuracy and active units over the steps of all phases (lines of metrics.jsonl)."""
    steps, spans = _timeline(entries)

    def paint(figure: "Figure") -> None:
        top, bottom = figure.subplots(2, sharex=True)
        top.plot(steps, [e["accuracy"] for e in entries], color=style.BLUE, lw=1.6)
        top.set(ylabel="accuracy", ylim=(None, 1.0))
        bottom.plot(steps, [e["active_units"] for e in entries], color=style.VERMILLION, lw=1.6)
        bottom.set(xlabel="training step", ylabel="active units", ylim=(0, None))
        for axes in (top, bottom):
            axes.grid(axis="y")
            for i, (start, end, _) in enumerate(spans):
                axes.axvspan(start, end, color=style.FAINT if i % 2 else "white", zorder=0)
        for start, end, name in spans:
            top.text(
                (start + end) / 2, 1.03, name, ha="center", color=style.MUTED, fontsize=8,
                transform=top.get_xaxis_transform(),
            )  # fmt: skip
        bottom.set_xlim(0, max(steps[-1], 1))
        bottom.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")

    return style.draw(5.4, height, paint)


def _timeline(
    entries: Sequence[Mapping[str, Any]],
) -> tuple[list[int], list[tuple[int, int, str]]]:
    """Step of each measurement since the start, and each phase's start, end and name."""
    steps: list[int] = []
    spans: list[tuple[int, int, str]] = []
    for _, phase in itertools.groupby(entries, key=lambda entry: entry["phase_index"]):
        measured = list(phase)
        start = steps[-1] if steps else 0
        steps += [start + int(entry["step"]) for entry in measured]
        spans.append((start, steps[-1], str(measured[0]["phase"])))
    return steps, spans


def accuracy_per_task(per_task: Mapping[str, Mapping[str, float]]) -> str:
    """Accuracy of each network (name: {task: accuracy}) in each task, as dots on a line."""
    tasks = list(next(iter(per_task.values())))

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        values = np.array([[own[task] for task in tasks] for own in per_task.values()])
        rows = np.arange(len(tasks))
        axes.hlines(rows, values.min(0), values.max(0), color=style.LINE, lw=2)
        spread = 0.19 * (np.arange(len(values)) - (len(values) - 1) / 2)
        for own, name, shift, (marker, colour) in zip(
            values, per_task, spread, itertools.cycle(_MARKS), strict=False
        ):
            axes.scatter(
                own, rows + shift, s=22, marker=marker, color=colour, label=name, zorder=3,
                edgecolor="white", linewidth=0.4, clip_on=False,
            )  # fmt: skip
        axes.set_yticks(rows, tasks)
        axes.set(ylim=(len(tasks) - 0.4, -0.6), xlabel="accuracy (share of correct trials)")
        low = float(np.floor((values.min() - 0.005) * 20) / 20)
        axes.set_xlim(min(low, 0.9), 1.0)
        axes.grid(axis="both")
        axes.tick_params(axis="y", length=0)
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, handletextpad=0.2,
            columnspacing=1.2,
        )  # fmt: skip

    return style.draw(5.4, height_for(len(tasks)), paint)


_FEW_NEURONS = 40
"""Neurons whose rates are drawn one by one: a histogram of so few says little."""


def rate_histogram(rates_hz: npt.NDArray[np.float64]) -> str:
    """Histogram of the neurons' mean spike rates; of few neurons, a bar for each."""
    mean = float(rates_hz.mean())

    def paint_each(figure: "Figure") -> None:
        axes = figure.add_subplot()
        neurons = np.arange(len(rates_hz))
        axes.bar(neurons, rates_hz, color=style.BLUE, width=0.8)
        axes.axhline(mean, color=style.VERMILLION, lw=1.6, label=f"mean {mean:.1f} Hz")
        axes.set(xlim=(-0.6, len(rates_hz) - 0.4), xlabel="neuron", ylabel="mean spike rate (Hz)")
        axes.set_xticks(neurons if len(neurons) <= 20 else neurons[::5])
        axes.grid(axis="y")
        axes.legend(loc="upper right")

    def paint(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.hist(rates_hz, bins=60, color=style.BLUE, edgecolor="white", linewidth=0.6)
        axes.axvline(mean, color=style.VERMILLION, lw=1.6, label=f"mean {mean:.1f} Hz")
        axes.set(xlim=(0, None), xlabel="mean spike rate of a neuron (Hz)", ylabel="neurons")
        axes.grid(axis="y")
        axes.legend(loc="upper right")

    return style.draw(11.2, 2.4, paint_each if len(rates_hz) <= _FEW_NEURONS else paint)


@dataclass(frozen=True)
class ShownTrial:
    """One trial as the raster shows it; T task steps."""

    inputs: Floats
    """(T, C) input channels."""
    groups: tuple[tuple[str, int], ...]
    """Name and size of each group of input channels, in their order."""
    outputs: Floats
    """(T, K) readout; 0 is fixation, 1.. the answers."""
    answers: str
    """What the outputs after the first are."""
    labels: Ints
    """(T,) right output."""
    go: int | None
    """Task step of the go signal; None for a data set."""
    task_dt: float
    """ms."""
    spike_ms: npt.NDArray[np.float64]
    """(n,) time of each spike, ms."""
    spike_neuron: Ints
    """(n,) neuron of each spike."""
    n_neurons: int
    clusters: Ints | None
    """(N,) functional cluster of each neuron, where they have any."""
    names: tuple[str, ...] = ()
    """Names of the outputs of a data set."""
    targets: Floats | None = None
    """(T, K) what the outputs of a regression should be."""

    @property
    def duration(self) -> float:
        """Length of the trial, ms."""
        return len(self.labels) * self.task_dt


def raster(trial: ShownTrial) -> str:
    """Input channels, spikes and outputs of one trial over time."""

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(3, sharex=True, height_ratios=(2.2, 4.4, 1.6))
        _paint_inputs(figure, panels[0], trial)
        _paint_spikes(panels[1], trial)
        if trial.targets is None:
            _paint_outputs(figure, panels[2], trial)
        else:
            _paint_numbers(panels[2], trial, trial.targets)
        if trial.go is not None:
            _mark_go(panels, trial.go * trial.task_dt, trial.duration)
        figure.align_ylabels(panels)
        panels[2].set(xlim=(0, trial.duration), xlabel="time in the trial (ms)")

    return style.draw(11.2, 7.6, paint)


def _mark_go(panels: "Sequence[Axes]", go: float, duration: float) -> None:
    """The go signal at `go` ms, and what the network does before and after it."""
    for axes in panels:
        axes.axvline(go, color=style.INK, lw=1.2, ls=(0, (4, 2)))
    for x, text in ((go / 2, "hold fixation"), ((go + duration) / 2, "respond")):
        panels[0].text(
            x, 1.03, text, ha="center", color=style.MUTED,
            transform=panels[0].get_xaxis_transform(),
        )  # fmt: skip
    panels[0].text(
        go, 1.03, "go", ha="center", fontweight="bold",
        transform=panels[0].get_xaxis_transform(),
    )  # fmt: skip


def _paint_numbers(axes: "Axes", trial: ShownTrial, targets: Floats) -> None:
    """Outputs of a regression as lines, and their targets as dashed ones."""
    times = (np.arange(len(targets)) + 1) * trial.task_dt
    for k, name in enumerate(trial.names[:_MOST_LINES]):
        colour = style.cluster_colour(k)
        axes.plot(times, trial.outputs[:, k], color=colour, lw=1.6, label=name)
        axes.plot(times, targets[:, k], color=colour, lw=1.2, ls=(0, (4, 2)))
    axes.set_ylabel("outputs")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=_MOST_LINES)


def _paint_inputs(figure: "Figure", axes: "Axes", trial: ShownTrial) -> None:
    n = trial.inputs.shape[1]
    image = axes.imshow(
        trial.inputs.T, aspect="auto", cmap="Greys", interpolation="none",
        vmin=0 if trial.go is not None else None, vmax=1 if trial.go is not None else None,
        extent=(0, trial.duration, n - 0.5, -0.5),
    )  # fmt: skip
    sizes = np.array([size for _, size in trial.groups])
    ends = np.cumsum(sizes)
    axes.hlines(ends[:-1] - 0.5, 0, trial.duration, color=style.LINE, lw=0.8)
    axes.set_yticks(ends - sizes / 2 - 0.5, [name for name, _ in trial.groups])
    axes.set_ylabel("input channels")
    axes.tick_params(length=0)
    ticks = [0, 0.5, 1] if trial.go is not None else None
    bar = figure.colorbar(image, ax=axes, aspect=12, ticks=ticks)
    bar.set_label("input")
    bar.outline.set_visible(False)  # type: ignore[operator]


def _paint_spikes(axes: "Axes", trial: ShownTrial) -> None:
    n = trial.n_neurons
    order, colours = np.arange(n), style.rgb([style.BLUE] * n)
    if trial.clusters is not None:
        order = np.lexsort((np.arange(n), trial.clusters))
        known = range(-1, int(trial.clusters.max()) + 1)
        colours = style.rgb([style.cluster_colour(c) for c in known])[trial.clusters + 1]
    row = np.empty(n, int)
    row[order] = np.arange(n)
    height = min(14.0, 180 / n)
    axes.scatter(
        trial.spike_ms, row[trial.spike_neuron], s=height**2, marker="|", linewidths=1.0,
        c=colours[trial.spike_neuron], rasterized=True,
    )  # fmt: skip
    axes.set(xlim=(0, trial.duration), ylim=(n - 0.5, -0.5))
    axes.set_ylabel("neurons" if trial.clusters is None else "neurons, by cluster (number)")
    if trial.clusters is not None:
        mark_clusters(axes, trial.clusters[order], style.LINE)
    axes.tick_params(axis="y", length=0)


def _paint_outputs(figure: "Figure", axes: "Axes", trial: ShownTrial) -> None:
    k = trial.outputs.shape[1]
    # The softmax that training uses: exp(z) / sum exp(z).
    powers = np.exp(trial.outputs - trial.outputs.max(axis=1, keepdims=True))
    image = axes.imshow(
        (powers / powers.sum(axis=1, keepdims=True)).T, aspect="auto", cmap="Greys",
        vmin=0, vmax=1, interpolation="none",
        extent=(0, trial.duration, k - 0.5, -0.5),
    )  # fmt: skip
    edges = np.arange(len(trial.labels) + 1) * trial.task_dt
    axes.stairs(trial.labels, edges, baseline=None, color=style.ORANGE, lw=1.6,
                label="right answer")  # fmt: skip
    if trial.go is not None:
        axes.set_yticks([0, k / 2], ["fixation", trial.answers])
    elif k <= _MOST_NAMED:
        axes.set_yticks(np.arange(k), trial.names)
    axes.set_ylabel("outputs")
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2))
    bar = figure.colorbar(image, ax=axes, aspect=9, ticks=[0, 0.5, 1])
    bar.set_label("softmax")
    bar.outline.set_visible(False)  # type: ignore[operator]

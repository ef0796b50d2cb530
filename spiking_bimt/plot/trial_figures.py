"""Pictures of a trial or a run: what goes in, the spikes, and what comes out, over time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes
from spiking_bimt.plot.picture import Picture, draw
from spiking_bimt.plot.spike_figures import raster, rates

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float32]

_MOST_LINES = 6
"""Most outputs of a regression that are drawn."""
_MOST_NAMED = 12
"""Most outputs of a data set whose names are written."""


def draw_run(recording: Recording, trial: int) -> Picture:
    """Spikes of a piece of a run, and the mean rate of all neurons below them."""

    def paint(figure: "Figure") -> None:
        top, bottom = figure.subplots(2, sharex=True, height_ratios=(4, 1.2))
        raster(recording, top, trial=trial)
        rates(recording, bottom, over="time", trial=trial)
        top.set_xlabel("")
        figure.align_ylabels([top, bottom])

    return draw(11.2, 5.2, paint)


def draw_trial(
    recording: Recording, trials: Trials, trial: int, clusters: Clusters | None
) -> Picture:
    """Input channels, spikes and outputs of one trial over time."""
    rows = slice(int(trials.offsets[trial]), int(trials.offsets[trial + 1]))
    duration = (rows.stop - rows.start) * trials.dt

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(3, sharex=True, height_ratios=(2.2, 4.4, 1.6))
        _paint_inputs(panels[0], trials, rows, recording.outputs.shape[1])
        raster(recording, panels[1], trial=trial, clusters=clusters)
        panels[1].set_xlabel("")
        if trials.targets is None:
            _paint_outputs(panels[2], recording.outputs[rows], trials, rows)
        else:
            _paint_numbers(panels[2], recording.outputs[rows], trials, trials.targets[rows])
        if trials.answer.kind == "task":
            _mark_go(panels, float(trials.decision[trial] * trials.dt), duration)
        figure.align_ylabels(panels)
        panels[2].set(xlim=(0, duration), xlabel="time in the trial (ms)")

    return draw(11.2, 7.6, paint)


def _mark_go(panels: Sequence[Axes], go: float, duration: float) -> None:
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


def _groups(trials: Trials, n_outputs: int) -> tuple[tuple[str, int], ...]:
    """Name and size of each group of input channels, in their order."""
    if trials.answer.kind != "task":
        return (("data", trials.n_inputs),)
    ring, rules = n_outputs - 1, len(trials.tasks)
    seen = trials.n_inputs - rules
    if _has_rings(trials, n_outputs):
        return (("fixation", 1), ("ring 1", ring), ("ring 2", ring), ("rule", rules))
    return (("stimulus", seen), ("rule", rules))


def _has_rings(trials: Trials, n_outputs: int) -> bool:
    """Whether fixation and two rings of the directions that are answered come in."""
    return trials.n_inputs - len(trials.tasks) == 1 + 2 * (n_outputs - 1)


def _paint_inputs(axes: Axes, trials: Trials, rows: slice, n_outputs: int) -> None:
    given = trials.inputs[rows]
    duration = len(given) * trials.dt
    n, task = given.shape[1], trials.answer.kind == "task"
    image = axes.imshow(
        given.T, aspect="auto", cmap="Greys", interpolation="none",
        vmin=0 if task else None, vmax=1 if task else None,
        extent=(0, duration, n - 0.5, -0.5),
    )  # fmt: skip
    groups = _groups(trials, n_outputs)
    sizes = np.array([size for _, size in groups])
    ends = np.cumsum(sizes)
    axes.hlines(ends[:-1] - 0.5, 0, duration, color=style.LINE, lw=0.8)
    axes.set_yticks(ends - sizes / 2 - 0.5, [name for name, _ in groups])
    axes.set_ylabel("input channels")
    axes.tick_params(length=0)
    style.colorbar(axes, image, "input", aspect=12, ticks=[0, 0.5, 1] if task else None)


def _paint_numbers(axes: Axes, outputs: Floats, trials: Trials, targets: Floats) -> None:
    """Outputs of a regression as lines, and their targets as dashed ones."""
    times = (np.arange(len(targets)) + 1) * trials.dt
    for k, name in enumerate(trials.answer.names[:_MOST_LINES]):
        colour = style.cluster_colour(k)
        axes.plot(times, outputs[:, k], color=colour, lw=1.6, label=name)
        axes.plot(times, targets[:, k], color=colour, lw=1.2, ls=(0, (4, 2)))
    axes.set_ylabel("outputs")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=_MOST_LINES)


def _paint_outputs(axes: Axes, outputs: Floats, trials: Trials, rows: slice) -> None:
    k = outputs.shape[1]
    # The softmax that training uses: exp(z) / sum exp(z).
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    image = axes.imshow(
        (powers / powers.sum(axis=1, keepdims=True)).T, aspect="auto", cmap="Greys",
        vmin=0, vmax=1, interpolation="none",
        extent=(0, len(outputs) * trials.dt, k - 0.5, -0.5),
    )  # fmt: skip
    edges = np.arange(len(outputs) + 1) * trials.dt
    axes.stairs(trials.labels[rows], edges, baseline=None, color=style.ORANGE, lw=1.6,
                label="right answer")  # fmt: skip
    if trials.answer.kind == "task":
        answers = "ring" if _has_rings(trials, k) else "choices"
        axes.set_yticks([0, k / 2], ["fixation", answers])
    elif k <= _MOST_NAMED:
        axes.set_yticks(np.arange(k), trials.answer.names)
    axes.set_ylabel("outputs")
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2))
    style.colorbar(axes, image, "softmax", aspect=9, ticks=[0, 0.5, 1])

"""Pictures of how well networks answer: accuracy, confusion, the course of training."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.data import gate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.plot import style
from spiking_bimt.plot.axes import Axes, axes_for, plots, tell

_NAMED = 20
"""Most classes whose names and counts are written."""
_MARKS = (
    ("o", style.INK), ("D", style.ORANGE), ("s", style.BLUE), ("^", style.VERMILLION),
    ("v", style.GREEN), ("P", style.PURPLE),
)  # fmt: skip
"""Marker and colour of each network in the picture of accuracies."""
_TRAINING = {
    "accuracy": ("accuracy", style.BLUE),
    "active_units": ("active units", style.VERMILLION),
    "wiring_length": ("wiring length (grid spacings)", style.GREEN),
}
"""Label and colour of what training measures; others have their own name, and black."""


@plots
def accuracy(
    scores: SpikingNetwork | RateNetwork | Mapping[str, Mapping[str, Any]], ax: Axes | None = None
) -> Axes:
    """The accuracy of each network in each task, as dots; of one task, bars with 95 % intervals.

    scores: a network with what `convert` or `train` measured of it, or by the name of each network
    {task: accuracy}, as `convert` returns `per_task`, or {"accuracy": its value, "interval": (low,
    high)}. ax: axes to draw into, by default those of a new figure. Returns the axes. Raises
    InputError for a network without measured accuracies, or networks scored on different tasks.
    """
    rows, measure = _scores(scores)
    if not rows:
        raise InputError("accuracy: scores names no network")
    if all({"accuracy", "interval"} <= set(row) for row in rows.values()):
        return _bars(rows, measure, axes_for(ax, 6.4, 0.9 + 0.32 * len(rows)))
    tasks = list(next(iter(rows.values())))
    for name, row in rows.items():
        if set(row) != set(tasks) or not tasks:
            raise InputError(f"accuracy: {name} is not scored on {', '.join(tasks) or 'any task'}")
    return _dots(rows, tasks, measure, axes_for(ax, 5.4, height_for(len(tasks))))


def network_names(network: SpikingNetwork) -> dict[str, str]:
    """Name of each network that `convert` scored, by its key."""
    bits = network.weight_bits
    return {
        "rate": "rate",
        "rate_fine": f"rate at {network.dt:g} ms",
        "spiking": "spiking",
        "quantised": f"{bits}-bit spiking" if bits else "integer spiking",
        "integers": "in the chip's integers",
    }


def _scores(
    scores: SpikingNetwork | RateNetwork | Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, Mapping[str, Any]], str]:
    """A row for each network, and what the numbers are called."""
    if isinstance(scores, Mapping):
        return dict(scores), "accuracy"
    measured = scores.measured or {}
    if "accuracy" not in measured:
        raise InputError("accuracy: nobody has measured the network: `convert` and `train` do")
    measure = str(measured.get("measure", "accuracy"))
    if isinstance(scores, RateNetwork):
        names, single = {"rate": "rate"}, True
    else:
        names, single = network_names(scores), False
    per_task: Mapping[str, Any] = measured.get("per_task") or {}
    per_task = {"rate": per_task} if single else per_task
    if len(scores.tasks) > 1:
        return {names[key]: row for key, row in per_task.items() if key in names}, measure
    values = {"rate": measured["accuracy"]} if single else measured["accuracy"]
    ends = {"rate": measured["accuracy_interval"]} if single else measured["interval"]
    return {
        names[key]: {"accuracy": value, "interval": ends[key]}
        for key, value in values.items()
        if key in names
    }, measure


def height_for(n_tasks: int) -> float:
    """Height of axes with one line for each task, and of the figure beside them, inches."""
    return max(3.6, 1.1 + 0.215 * n_tasks)


def _dots(
    rows: Mapping[str, Mapping[str, Any]], tasks: Sequence[str], measure: str, axes: Axes
) -> Axes:
    values = np.array([[row[task] for task in tasks] for row in rows.values()], float)
    place = np.arange(len(tasks))
    axes.hlines(place, values.min(0), values.max(0), color=style.LINE, lw=2)
    spread = 0.19 * (np.arange(len(values)) - (len(values) - 1) / 2)
    for own, name, shift, (marker, colour) in zip(
        values, rows, spread, itertools.cycle(_MARKS), strict=False
    ):
        axes.scatter(
            own, place + shift, s=22, marker=marker, color=colour, label=name, zorder=3,
            edgecolor="white", linewidth=0.4, clip_on=False,
        )  # fmt: skip
        texts = [f"{task}, {name}: {v:.4f}" for task, v in zip(tasks, own, strict=True)]
        tell(axes, own, place + shift, texts)
    axes.set_yticks(place, tasks)
    axes.set(ylim=(len(tasks) - 0.4, -0.6), xlabel=_what(measure))
    low = float(np.floor((values.min() - 0.005) * 20) / 20)
    axes.set_xlim(min(low, 0.9), 1.0)
    axes.grid(axis="both")
    axes.tick_params(axis="y", length=0)
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, handletextpad=0.2,
        columnspacing=1.2,
    )  # fmt: skip
    return axes


def _what(measure: str) -> str:
    return "accuracy (share of right answers)" if measure == "accuracy" else f"score ({measure})"


def _bars(rows: Mapping[str, Mapping[str, Any]], measure: str, axes: Axes) -> Axes:
    place = np.arange(len(rows))
    values = np.array([row["accuracy"] for row in rows.values()], float)
    low, high = np.array([row["interval"] for row in rows.values()], float).T
    axes.barh(place, values, color=style.BLUE, height=0.6)
    error = np.maximum([values - low, high - values], 0)
    axes.errorbar(values, place, xerr=error, fmt="none", ecolor=style.INK, capsize=2, lw=1)
    texts = [
        f"{name}: {value:.4f} ({a:.4f} to {b:.4f})"
        for name, value, a, b in zip(rows, values, low, high, strict=True)
    ]
    tell(axes, values / 2, place, texts, np.abs(values), 0.6)
    axes.set_yticks(place, list(rows))
    axes.invert_yaxis()
    axes.set(xlim=(min(0.0, float(low.min())), 1), xlabel=_what(measure))
    axes.grid(axis="x")
    return axes


@plots
def confusion(
    answers: Recording | Mapping[str, Any], ax: Axes | None = None, *, trials: Trials | None = None
) -> Axes:
    """How often each right class (rows) of a data set was answered as each class (columns).

    The colour is the share of the right class, the numbers are counts. answers: a recording of the
    network on `trials`, or what `convert` returns for a network in `details`: `classes` and their
    `confusion`. ax: axes to draw into, by default those of a new figure. Returns the axes. Raises
    InputError where the trials have no classes, or are not those of the recording.
    """
    if isinstance(answers, Recording):
        if trials is None:
            raise InputError("confusion: a recording needs its `trials` with the right classes")
        found: Mapping[str, Any] = score(answers.outputs, trials).details
    else:
        found = answers
    if not {"confusion", "classes"} <= set(found):
        raise InputError("confusion: the answers are of no data set with classes")
    classes, counts = list(found["classes"]), np.array(found["confusion"])
    if counts.shape != (len(classes), len(classes)):
        raise InputError(f"confusion: {len(classes)} classes have a matrix of shape {counts.shape}")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes = axes_for(ax, 5.4, 4.6)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="none")
    place = np.arange(len(classes))
    if len(classes) <= _NAMED:
        axes.set_xticks(place, classes, rotation=90)
        axes.set_yticks(place, classes)
        for row, column in zip(*np.nonzero(counts), strict=True):
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", fontsize=8,
                color="white" if shares[row, column] > 0.5 else style.INK,
            )  # fmt: skip
    axes.set(xlabel="answer", ylabel="right class")
    axes.tick_params(length=0)
    style.colorbar(axes, image, "share of the class", aspect=18, ticks=[0, 0.5, 1])
    row, column = np.divmod(np.arange(counts.size), len(classes))
    texts = [
        f"{classes[r]} answered as {classes[c]}: {counts[r, c]:,}, {100 * shares[r, c]:.1f} %"
        for r, c in zip(row, column, strict=True)
    ]
    tell(axes, column, row, texts, 1, 1)
    return axes


@plots
def training(
    metrics: Sequence[Mapping[str, Any]] | str | Path,
    ax: Axes | None = None,
    *,
    of: str = "accuracy",
) -> Axes:
    """A measurement on validation trials over the steps of all phases of a training.

    metrics: a run folder, its metrics.jsonl, or the lines of one. ax: axes to draw into, by default
    those of a new figure. of: what to show, such as "accuracy", "loss", "active_units" or
    "wiring_length". Bands are the phases. Returns the axes. Raises InputError for a file that is
    none, and for a measurement that its lines do not hold.
    """
    entries = read_metrics(metrics) if isinstance(metrics, str | Path) else list(metrics)
    known = [key for key, value in _first(entries).items() if isinstance(value, int | float)]
    for entry in entries:
        for name in ("phase_index", "step", of):
            if not isinstance(entry.get(name), int | float):
                raise unknown_name("training measurement", name, known)
    steps, spans = phases(entries)
    label, colour = _TRAINING.get(of, (of.replace("_", " "), style.INK))
    axes = axes_for(ax, 6.4, 3.0)
    values = [float(entry[of]) for entry in entries]
    axes.plot(steps, values, color=colour, lw=1.6)
    axes.set(xlabel="training step", ylabel=label)
    axes.set_ylim(*((None, 1.0) if of == "accuracy" else (0, None)))
    axes.grid(axis="y")
    for i, (start, end, name) in enumerate(spans):
        axes.axvspan(start, end, color=style.FAINT if i % 2 else "white", zorder=0)
        axes.text(
            (start + end) / 2, 1.03, name, ha="center", color=style.MUTED, fontsize=8,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    axes.set_xlim(0, max(steps[-1], 1))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    texts = [f"step {step:,}: {v:.6g}" for step, v in zip(steps, values, strict=True)]
    tell(axes, steps, values, texts)
    return axes


def _first(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if not entries:
        raise InputError("training: metrics holds no measurement")
    return entries[0]


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl, or of the one of a run folder."""
    file = Path(path)
    return gate.read_json_lines(file / "metrics.jsonl" if file.is_dir() else file)


def phases(
    entries: Sequence[Mapping[str, Any]],
) -> tuple[list[int], list[tuple[int, int, str]]]:
    """Step of each measurement since the start, and each phase's start, end and name."""
    steps: list[int] = []
    spans: list[tuple[int, int, str]] = []
    for index, phase in itertools.groupby(entries, key=lambda entry: entry["phase_index"]):
        measured = list(phase)
        start = steps[-1] if steps else 0
        steps += [start + int(entry["step"]) for entry in measured]
        spans.append((start, steps[-1], str(measured[0].get("phase", index))))
    return steps, spans

"""The sections of the page, from what the run holds; those of training are made here."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from spiking_bimt import plot
from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.analysis.importance import by_rank, importance
from spiking_bimt.analysis.structure import communities
from spiking_bimt.analysis.wiring import CONNECTED
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.page import data_charts
from spiking_bimt.page.activity_sections import chip_charts, spike_charts
from spiking_bimt.page.material import Doubles, Function, Material
from spiking_bimt.page.numbers import trained_units
from spiking_bimt.page.page import Chart, Key, Section
from spiking_bimt.plot import module_figures, style, unit_figures
from spiking_bimt.plot.picture import Picture, draw, draw_axes
from spiking_bimt.plot.score_figures import height_for, network_names
from spiking_bimt.plot.sheet_figures import MOST_LINES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAIN_TASKS = 3
"""Tasks that the legend names for each cluster: those in which it varies most."""


def summary(material: Material) -> str:
    """One sentence that describes the run."""
    rate, network = material.rate, material.network
    if rate is None:
        what = (
            f"A spiking network of {network.n_neurons:,} neurons and {len(network.indices):,} "
            f"synapses, imported, at {network.dt:g} ms steps"
        )
    else:
        trained, rows, cols = trained_units(rate), *rate.sheet
        many = len(rate.tasks)
        tasks = f"{many} task{'s' if many > 1 else ''} of {rate.battery}"
        if material.answers != "task":
            tasks = f"the data set {rate.tasks[0]}"
        what = (
            f"A recurrent network of {rate.n_units} units (of {trained} before pruning) on a "
            f"{rows} x {cols} sheet, trained on {tasks}, converted to spiking neurons at "
            f"{network.dt:g} ms steps"
        )
    what += f" with {network.weight_bits}-bit weights" if network.bits else ""
    if material.on_chip is not None:
        chip = material.on_chip.placed.chip
        what += f", and placed on {chip.name}, {chip.description}"
    return what + "."


def all_sections(material: Material) -> list[Section]:
    """The page's sections that have something to show, in order."""
    rate = material.rate
    sections = [
        Section(
            "accuracy", "Accuracy and training",
            data_charts.CORRECT[material.answers],
            [*_accuracy(material, rate), _conversion(material)] if rate and rate.tasks else [],
        ),
        Section(
            "sheet", "Function on the sheet",
            "Units with the same function form one functional cluster. Training for short wires "
            "should put them side by side.",
            [] if rate is None else list(_sheet(material.function, rate)),
        ),
        Section(
            "spikes", "Spikes",
            "The network as it computes on the chip: inputs drive neurons, neurons send spikes, "
            "and the filtered spikes are the answer."
            if rate is not None else
            f"The network as it computes on the chip, driven by {material.driven.text}.",
            list(spike_charts(material)),
        ),
        Section(
            "chip", "On the chip",
            "The cores of the neurons, the packets of their spikes, what they take, and the "
            "weights in the crossbars.",
            list(chip_charts(material)),
        ),
    ]  # fmt: skip
    return [section for section in sections if section.charts]


UNCONNECTED = (
    f"No recurrent weight above {CONNECTED:g} is left: each unit answers to the inputs alone, and "
    "there is no wire to draw."
)


def _accuracy(material: Material, rate: RateNetwork) -> Iterator[Chart]:
    title = "Accuracy per task"
    measured = material.network.measured or {}
    own = (rate.measured or {}).get("per_task")
    per_task = measured.get("per_task") or ({"rate": own} if own else None)
    if material.answers != "task":
        yield data_charts.errors(material)
    elif per_task and len(rate.tasks) > 1:  # of one task, the numbers say all
        names = network_names(material.network)
        shown = {
            name: {task: per_task[key][task] for task in rate.tasks}
            for key, name in names.items()
            if key in per_task
        }
        trials = (measured or rate.measured or {})["trials_per_task"]
        yield Chart(
            title,
            draw_axes(5.4, height_for(len(rate.tasks)), partial(plot.accuracy, shown)),
            f"Dot plot of the accuracy of {', '.join(shown)} in each of {len(rate.tasks)} tasks.",
            f"{trials} trials per task. The line joins the best and the worst network of a task.",
        )
    elif not per_task:
        yield Chart(title, hint="The run's files hold no accuracy: `convert` measures it.")
    title = "Training"
    if material.metrics:
        yield Chart(
            title,
            _training(material.metrics, height_for(len(rate.tasks))),
            "Accuracy and number of active units over the training steps, phase by phase.",
            "On validation trials, at every checkpoint. Bands are the phases of the training.",
            wide=len(rate.tasks) == 1 and material.answers == "task",
        )
    else:
        yield Chart(title, hint=material.hints.get("metrics.jsonl", "metrics.jsonl is empty."))


def _conversion(material: Material) -> Chart:
    title = "What the conversion lost"
    if material.diagnosis is None:
        return Chart(title, hint=material.hints["diagnosis.svg"], wide=True)
    return Chart(
        title,
        material.diagnosis,
        "Four panels: rates of units in both networks, error over a trial, trials lost by task, "
        "accuracy over spikes.",
        "On validation trials. Each dot is a unit, and its bar the noise of its spikes. A task "
        "loses trials by broken fixation or a wrong choice. The curve is that of the one-to-one "
        "conversion.",
        wide=True,
    )


def _sheet(function: Function | None, rate: RateNetwork) -> Iterator[Chart]:
    matter = importance(rate)
    if function is None:
        yield _wiring(rate)
        yield _importance(rate, matter)
        return
    clusters, tasks = function.clusters, function.variance.tasks
    yield Chart(
        "Functional clusters",
        draw_axes(5.4, 5.2, partial(plot.clusters, rate, clusters)),
        f"The {rate.sheet[0]} by {rate.sheet[1]} sheet with {rate.n_units} units coloured and "
        f"numbered by their {clusters.k} functional clusters.",
        "Each square is a place on the sheet; pale places have no unit after training.",
        legend=tuple(_cluster_keys(clusters, tasks)),
    )
    yield _wiring(rate)
    yield Chart(
        "What each cluster does",
        draw_axes(5.4, 7.4, partial(plot.variance, function.variance, clusters=clusters)),
        "Matrix of normalised task variance, units by tasks, units sorted by cluster.",
        "How much a unit's activity varies over the trials of a task, relative to the task in "
        "which it varies most. Of a data set, a task is a class.",
        tall=True,
    )
    yield _importance(rate, matter)
    yield _glance(rate, function)
    shuffles = len(next(iter(function.nulls.values())))
    yield Chart(
        "Is function local?",
        unit_figures.isolation_histogram(
            function.isolated, function.nulls, int((clusters.labels >= 0).sum())
        ),
        f"The ratio of isolated units, {function.isolated:.3f}, against histograms of shuffles.",
        "Isolated: none of the eight places around the unit holds a unit of its cluster. "
        f"{shuffles:,} shuffles of the clusters among the units, and of the units over the sheet.",
    )


def _glance(rate: RateNetwork, function: Function) -> Chart:
    halves, k = function.halves, function.modularity["k"]
    if not (np.abs(rate.w_rec) > CONNECTED).any():
        return Chart("Modules", hint=UNCONNECTED, wide=True)
    return Chart(
        "Modules",
        module_figures.modules_at_a_glance(
            rate, halves.clusters(0, k, 0), communities(halves.weights), halves.weights,
            halves.variance[0],
        ),
        f"The sheet by {k} functional clusters and by communities of the weights, the weights and "
        "the task variance of units sorted by cluster.",
        "Where function and anatomy are modular together, both maps show the same patches, and "
        "weights are in the blocks on the diagonal. A community has the number of the cluster "
        "that it shares most units with. Weights are free of gain: a unit's rate and its "
        "outgoing weights can be scaled against each other without a change of the function.",
        wide=True,
    )  # fmt: skip


def _importance(rate: RateNetwork, matter: Doubles) -> Chart:
    trained = trained_units(rate)
    return Chart(
        "Importance of the units",
        unit_figures.importance_curve(by_rank(matter), trained),
        f"Importance of the {rate.n_units} units from the largest to the smallest.",
        "Geometric mean of the summed weights into and out of a unit. Training removed "
        f"{trained - rate.n_units} of {trained} units.",
    )


def _wiring(rate: RateNetwork) -> Chart:
    count = int((np.abs(rate.w_rec) > CONNECTED).sum())
    if not count:
        return Chart("Wiring", hint=UNCONNECTED)
    shown = min(count, MOST_LINES)
    which = f"all {count:,}" if shown == count else f"the strongest {shown:,} of {count:,}"
    return Chart(
        "Wiring",
        # An image of many faint lines is large: a low resolution keeps the page small.
        draw_axes(5.4, 5.2, partial(plot.wiring, rate), dpi=130),
        f"Recurrent weights drawn as lines between the places of {rate.n_units} units.",
        f"Lines are {which} recurrent weights above {CONNECTED:g}. A stronger weight has a wider "
        "and less transparent line. A larger dot is a more important unit.",
    )


def _training(metrics: Sequence[Mapping[str, Any]], height: float) -> Picture:
    """Accuracy and active units over the steps."""

    def paint(figure: "Figure") -> None:
        top, bottom = figure.subplots(2, sharex=True)
        plot.training(metrics, top, of="accuracy")
        plot.training(metrics, bottom, of="active_units")
        top.set_xlabel("")
        for name in bottom.texts:  # the names of the phases stand above
            name.set_visible(False)

    return draw(5.4, height, paint)


def _cluster_keys(clusters: Clusters, tasks: tuple[str, ...]) -> Iterator[Key]:
    for label, centre in enumerate(clusters.centres):
        colour = style.cluster_colour(label)
        main = ", ".join(tasks[i] for i in np.argsort(-centre, kind="stable")[:_MAIN_TASKS])
        size = int((clusters.labels == label).sum())
        text = f"{main} ({size} unit{'s' if size > 1 else ''})"
        yield Key(colour, style.ink_on(colour), str(label + 1), text)
    silent = int((clusters.labels < 0).sum())
    if silent:
        yield Key(style.cluster_colour(-1), "#ffffff", "\u00a0", f"varies in no task ({silent})")

"""The sections of the page, from what the run holds."""

from collections.abc import Iterator

import numpy as np

from spiking_bimt.analysis.clusters import Clusters
from spiking_bimt.analysis.importance import by_rank
from spiking_bimt.analysis.wiring import CONNECTED
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.page.chip_numbers import utilisation
from spiking_bimt.page.material import Doubles, Material
from spiking_bimt.page.numbers import network_names, trained_units
from spiking_bimt.page.page import Chart, Key, Section
from spiking_bimt.plot import chip_figures, run_figures, sheet_figures, style

_MAIN_TASKS = 3
"""Tasks that the legend names for each cluster: those in which it varies most."""


def summary(material: Material) -> str:
    """One sentence that describes the run."""
    rate, network = material.rate, material.network
    trained, rows, cols = trained_units(material), *rate.sheet
    what = (
        f"A recurrent network of {rate.n_units} units (of {trained} before pruning) on a "
        f"{rows} x {cols} sheet, trained on {len(rate.tasks)} tasks of {rate.battery}, "
        f"converted to spiking neurons at {network.dt:g} ms steps"
    )
    what += f" with {network.weight_bits}-bit weights" if network.bits else ""
    if material.on_chip is not None:
        chip = material.on_chip.chip
        what += f", and placed on {chip.name}, {chip.description}"
    return what + "."


def all_sections(material: Material) -> list[Section]:
    """The page's sections, in order."""
    return [
        Section(
            "accuracy", "Accuracy and training",
            "A trial is correct when fixation was held until the go signal and the response at the "
            "end is the right one. Every network is scored on the same trials.",
            [*_accuracy(material), _conversion(material)],
        ),
        Section(
            "sheet", "Function on the sheet",
            "Units with the same function form one functional cluster. Training for short wires "
            "should put them side by side.",
            list(_sheet(material)),
        ),
        Section(
            "spikes", "Spikes",
            "The network as it computes on the chip: inputs drive neurons, neurons send spikes, "
            "and the filtered spikes are the answer.",
            list(_spikes(material)),
        ),
        Section(
            "chip", "On the chip",
            "The cores of the neurons, the packets of their spikes, and the weights in the "
            "crossbars.",
            [*_traffic(material), *_tiles(material)],
        ),
    ]  # fmt: skip


def _accuracy(material: Material) -> Iterator[Chart]:
    title = "Accuracy per task"
    measured = material.network.measured or {}
    own = (material.rate.measured or {}).get("per_task")
    per_task = measured.get("per_task") or ({"rate": own} if own else None)
    if per_task:
        names = network_names(material)
        shown = {
            name: {task: per_task[key][task] for task in material.rate.tasks}
            for key, name in names.items()
            if key in per_task
        }
        trials = (measured or material.rate.measured or {})["trials_per_task"]
        yield Chart(
            title,
            run_figures.accuracy_per_task(shown),
            f"Dot plot of the accuracy of {', '.join(shown)} in each of {len(material.rate.tasks)} "
            "tasks.",
            f"{trials} trials a task. The line joins the best and the worst network of a task.",
        )
    else:
        yield Chart(title, hint="The run's files hold no accuracy: `convert` measures it.")
    title = "Training"
    if material.metrics:
        yield Chart(
            title,
            run_figures.training_curve(
                material.metrics, run_figures.height_for(len(material.rate.tasks))
            ),
            "Accuracy and number of active units over the training steps, phase by phase.",
            "On validation trials, at every checkpoint. Bands are the phases of the training.",
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


def _sheet(material: Material) -> Iterator[Chart]:
    rate, function = material.rate, material.function
    clusters = function.clusters
    yield Chart(
        "Functional clusters",
        sheet_figures.cluster_map(rate.positions, rate.sheet, clusters.labels),
        f"The {rate.sheet[0]} by {rate.sheet[1]} sheet with {rate.n_units} units coloured and "
        f"numbered by their {clusters.k} functional clusters.",
        "Each square is a place on the sheet; pale places have no unit after training.",
        legend=tuple(_cluster_keys(clusters, rate.tasks)),
    )
    yield _wiring(rate, function.importance)
    yield Chart(
        "What each cluster does",
        sheet_figures.variance_matrix(function.variance.normalised, clusters.labels, rate.tasks),
        "Matrix of normalised task variance, units by tasks, units sorted by cluster.",
        "How much a unit's activity varies over the trials of a task, relative to the task in "
        "which it varies most.",
        tall=True,
    )
    trained = trained_units(material)
    yield Chart(
        "Importance of the units",
        sheet_figures.importance_curve(by_rank(function.importance), trained),
        f"Importance of the {rate.n_units} units from the largest to the smallest.",
        "Geometric mean of the summed weights into and out of a unit. Training removed "
        f"{trained - rate.n_units} of {trained} units.",
    )
    shuffles = len(next(iter(function.nulls.values())))
    yield Chart(
        "Is function local?",
        sheet_figures.isolation_histogram(
            function.isolated, function.nulls, int((clusters.labels >= 0).sum())
        ),
        f"The ratio of isolated units, {function.isolated:.3f}, against histograms of shuffles.",
        "Isolated: none of the eight places around the unit holds a unit of its cluster. "
        f"{shuffles:,} shuffles of the clusters among the units, and of the units over the sheet.",
    )


def _wiring(rate: RateNetwork, importance: Doubles) -> Chart:
    count = int((np.abs(rate.w_rec) > CONNECTED).sum())
    shown = min(count, sheet_figures.MOST_LINES)
    which = f"all {count:,}" if shown == count else f"the strongest {shown:,} of {count:,}"
    image, full = sheet_figures.wiring_map(
        rate.positions, rate.sheet, rate.w_rec, importance, CONNECTED
    )
    return Chart(
        "Wiring",
        image,
        f"Recurrent weights drawn as lines between the places of {rate.n_units} units.",
        f"Lines are {which} recurrent weights above {CONNECTED:g}. A stronger weight has a wider "
        f"and less transparent line, up to the full width at {full:.2g}. A larger dot is a more "
        "important unit.",
        legend=(
            Key(style.BLUE, "#ffffff", "+", "excitatory weights"),
            Key(style.VERMILLION, "#ffffff", "-", "inhibitory weights"),
        ),
    )


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


def _spikes(material: Material) -> Iterator[Chart]:
    shown = _shown_trial(material)
    trials, k = material.trials, material.shown
    task = trials.tasks[trials.task[k]]
    yield Chart(
        f"One trial of {task}",
        run_figures.raster(shown),
        f"Input channels, spikes of {len(shown.clusters)} neurons and outputs over "
        f"{shown.duration:.0f} ms of one trial of {task}; go signal at "
        f"{shown.go * shown.task_dt:.0f} ms.",
        f"{len(shown.spike_ms):,} spikes. Top: input channels; the active rule channel tells the "
        "task. Middle: spikes, coloured by functional cluster. Bottom: softmax of the outputs; "
        "the largest is the answer. The dashed line is the go signal.",
        wide=True,
    )
    title = "Spike rates"
    if material.spikes is None:
        yield Chart(title, hint=material.hints["spikes.h5"], wide=True)
        return
    spikes = material.spikes
    seconds = float(spikes.duration_ms.sum()) / 1000
    rates = np.bincount(spikes.neurons, minlength=spikes.n_neurons) / seconds
    yield Chart(
        title,
        run_figures.rate_histogram(rates),
        f"Histogram of the mean spike rates of {spikes.n_neurons} neurons.",
        f"From spikes.h5: {len(spikes.neurons):,} spikes in {len(spikes.task):,} trials.",
        wide=True,
    )


def _shown_trial(material: Material) -> run_figures.ShownTrial:
    trials, recording, k = material.trials, material.recording, material.shown
    rows = slice(int(trials.offsets[k]), int(trials.offsets[k + 1]))
    steps, neurons = recording.trial(k)
    ring, rules = recording.outputs.shape[1] - 1, len(trials.tasks)
    seen = trials.n_inputs - rules
    groups: tuple[tuple[str, int], ...] = (("stimulus", seen), ("rule", rules))
    if seen == 1 + 2 * ring:
        groups = (("fixation", 1), ("ring 1", ring), ("ring 2", ring), ("rule", rules))
    return run_figures.ShownTrial(
        inputs=trials.inputs[rows],
        groups=groups,
        outputs=recording.outputs[rows],
        labels=trials.labels[rows],
        go=int(trials.decision[k]),
        task_dt=trials.dt,
        spike_ms=((steps + 1.0) * recording.dt).astype(np.float64),
        spike_neuron=neurons,
        clusters=material.function.clusters.labels,
    )


def _traffic(material: Material) -> Iterator[Chart]:
    title = "Cores and traffic"
    if material.on_chip is None:
        yield Chart(title, hint=material.hints["placement.h5"])
        return
    chip, placement = material.on_chip.chip, material.on_chip.placement
    load = material.on_chip.traffic.link_load / material.trials.n_trials
    cores = len(np.unique(placement.core))
    x0, x1, y0, y1 = chip_figures.window(chip, placement, load)
    yield Chart(
        title,
        chip_figures.core_grid(chip, placement, load),
        f"The {chip.width} by {chip.height} grid of {chip.name} with the neurons of its {cores} "
        "used cores and the packets over the links between tiles.",
        f"Squares are cores with their number of neurons. Lines are links, one for each direction, "
        f"on its right-hand side; packets take {chip.routing} routing. Shown are the tiles x {x0} "
        f"to {x1}, y {y0} to {y1} of the {chip.width} x {chip.height} grid. "
        f"{material.trials.n_trials} trials.",
    )


def _tiles(material: Material) -> Iterator[Chart]:
    if material.tiles is None:
        yield Chart("Tile occupancy", hint=material.hints["tiles.h5"])
        return
    tiles = material.tiles
    t, r, c = tiles.n_tiles, tiles.rows, tiles.cols
    if t == 0:
        yield Chart("Tile occupancy", hint="tiles.h5 holds no tile: the network has no synapse.")
        return
    yield Chart(
        "Tile occupancy",
        chip_figures.utilisation_histogram(utilisation(tiles)),
        f"Histogram of the share of non-zero codes of {t} tiles.",
        f"{t} crossbars of {r} x {c} crosspoints hold a synapse; empty ones are not counted.",
    )
    image, shown = chip_figures.tile_mosaic(tiles)
    which = f"All {t} tiles" if shown == t else f"The fullest {shown} of {t} tiles"
    yield Chart(
        "The tiles",
        image,
        f"Images of the integer codes of {shown} crossbar tiles.",
        f"{which}, the fullest first. Rows are sources, columns neurons; blue codes are positive, "
        "red negative, dark grey rows and columns are unused.",
        wide=True,
    )

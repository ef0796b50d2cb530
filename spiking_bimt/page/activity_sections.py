"""Charts of what the network does: its spikes, and its traffic and energy on the chip."""

from collections.abc import Iterator

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.chip.energy import nj_each
from spiking_bimt.data.trials import Trials
from spiking_bimt.page.chip_numbers import energy_text, utilisation
from spiking_bimt.page.material import Material, OnChip
from spiking_bimt.page.page import Chart, View
from spiking_bimt.plot import chip_figures, run_figures, spike_figures, traffic_figures

MOST_NEURONS = 4000
"""Neurons of a raster: more would have less than a pixel each."""
FEW_TILES = 8
"""Tiles whose occupancy is drawn one by one: a histogram of so few says nothing."""


def spike_charts(material: Material) -> Iterator[Chart]:
    """Rasters to choose from, and the rates of the neurons."""
    trials = material.driven.trials
    if trials is None:
        views = tuple(_run_view(material, k) for k in material.shown)
    else:
        views = tuple(_trial_view(material, trials, k) for k in material.shown)
    if len(views) == 1:
        view = views[0]
        yield Chart(view.name, view.image, view.alt, view.caption, wide=True)
    else:
        what = "Trials" if trials is not None else "Pieces of the run"
        yield Chart(f"{what} (click to open)", wide=True, views=views)
    yield from _rates(material)


def _run_view(material: Material, k: int) -> View:
    """A raster of one piece of a run without trials."""
    recording = material.driven.recording
    steps, neurons = recording.trial(k)
    length = float(recording.lengths[k] * recording.dt)
    every = -(-recording.n_neurons // MOST_NEURONS)
    kept = neurons % every == 0
    times = ((steps + 1.0) * recording.dt).astype(np.float64)
    image = spike_figures.run_raster(times[kept], neurons[kept], recording.n_neurons, length, times)
    which = "every neuron" if every == 1 else f"one in {every} neurons"
    name = f"{material.driven.key}, run {k + 1}" if recording.n_trials > 1 else "Spikes"
    return View(
        name,
        image,
        f"Spikes of {which} over {length:g} ms, and the mean rate of all neurons.",
        f"{len(steps):,} spikes of {recording.n_neurons:,} neurons in {length:g} ms; drawn is "
        f"{which}. Bottom: mean rate of all neurons.",
    )


def _trial_view(material: Material, trials: Trials, k: int) -> View:
    shown = _shown_trial(material, trials, k)
    task = _task(trials, k)
    correct = bool(score(material.driven.recording.outputs, trials).correct[k])
    coloured = "" if shown.clusters is None else ", coloured by functional cluster"
    go, top, end = "", "input channels, standardised", ""
    if shown.go is not None:
        go = f"; go signal at {shown.go * shown.task_dt:.0f} ms"
        top = "input channels; the active rule channel tells the task"
        end = " The dashed line is the go signal."
    bottom = "softmax of the outputs; the largest is the answer"
    if shown.targets is not None:
        bottom = "outputs and, dashed, their targets, standardised"
    return View(
        f"One trial of {task}" if correct else f"A trial of {task} with a wrong answer",
        run_figures.raster(shown),
        f"Input channels, spikes of {shown.n_neurons} neurons and outputs over "
        f"{shown.duration:.0f} ms of one trial of {task}{go}.",
        f"{len(shown.spike_ms):,} spikes. Top: {top}. Middle: spikes{coloured}. Bottom: {bottom}."
        + end,
    )


def _shown_trial(material: Material, trials: Trials, k: int) -> run_figures.ShownTrial:
    recording = material.driven.recording
    rows = slice(int(trials.offsets[k]), int(trials.offsets[k + 1]))
    steps, neurons = recording.trial(k)
    ring, rules = recording.outputs.shape[1] - 1, len(trials.tasks)
    seen = trials.n_inputs - rules
    groups: tuple[tuple[str, int], ...] = (("stimulus", seen), ("rule", rules))
    rings = seen == 1 + 2 * ring
    if rings:
        groups = (("fixation", 1), ("ring 1", ring), ("ring 2", ring), ("rule", rules))
    data = trials.answer.kind != "task"
    if data:
        groups = (("data", trials.n_inputs),)
    return run_figures.ShownTrial(
        inputs=trials.inputs[rows],
        groups=groups,
        outputs=recording.outputs[rows],
        answers="ring" if rings else "choices",
        labels=trials.labels[rows],
        go=None if data else int(trials.decision[k]),
        names=trials.answer.names,
        targets=None if trials.targets is None else trials.targets[rows],
        task_dt=trials.dt,
        spike_ms=((steps + 1.0) * recording.dt).astype(np.float64),
        spike_neuron=neurons,
        n_neurons=recording.n_neurons,
        clusters=None if material.function is None else material.function.clusters.labels,
    )


def _rates(material: Material) -> Iterator[Chart]:
    title, driven = "Spike rates", material.driven
    if driven.trials is None:
        rates = driven.recording.rates_hz
        source = f"Over {driven.seconds:g} s of {driven.text}."
    elif material.spikes is None:
        yield Chart(title, hint=material.hints["spikes.h5"], wide=True)
        return
    else:
        spikes = material.spikes
        seconds = float(spikes.duration_ms.sum()) / 1000
        rates = np.bincount(spikes.neurons, minlength=spikes.n_neurons) / seconds
        source = f"From spikes.h5: {len(spikes.neurons):,} spikes in {len(spikes.task):,} trials."
    if not rates.any():
        yield Chart(title, hint=f"No neuron fires: {source}", wide=True)
        return
    yield Chart(
        title,
        run_figures.rate_histogram(rates),
        f"The mean spike rates of {len(rates)} neurons.",
        source,
        wide=True,
    )


def chip_charts(material: Material) -> Iterator[Chart]:
    """Cores and links, energy by part, traffic over time, and the tiles."""
    on_chip = material.on_chip
    if on_chip is None:
        yield Chart("Cores and traffic", hint=material.hints["placement.h5"])
    else:
        cores, moved = len(np.unique(on_chip.placement.core)), on_chip.traffic.link_load.any()
        if cores > 1 or moved:
            yield _cores(material, on_chip, cores)
        if on_chip.traffic.energy_pj is not None:
            yield _energy(material, on_chip.traffic.energy_pj)
        if on_chip.traffic.packets:
            yield _over_time(material, on_chip)
    yield from _tiles(material)


def _cores(material: Material, on_chip: OnChip, cores: int) -> Chart:
    chip, placement = on_chip.chip, on_chip.placement
    load = on_chip.traffic.link_load / material.units
    x0, x1, y0, y1 = chip_figures.window(chip, placement, load)
    return Chart(
        "Cores and traffic",
        chip_figures.core_grid(chip, placement, load, material.unit),
        f"The {chip.width} by {chip.height} grid of {chip.name} with the neurons of its {cores} "
        "used cores and the packets over the links between tiles.",
        f"Squares are cores with their number of neurons. Lines are links, one for each direction, "
        f"on its right-hand side; packets take {chip.routing} routing. Shown are the tiles x {x0} "
        f"to {x1}, y {y0} to {y1} of the {chip.width} x {chip.height} grid. "
        f"Over {_length(material)}.",
    )


def _length(material: Material) -> str:
    trials = material.driven.trials
    return f"{material.units:g} s" if trials is None else f"{trials.n_trials} trials"


def _energy(material: Material, energy_pj: dict[str, float]) -> Chart:
    parts = nj_each(energy_pj, material.units)
    return Chart(
        "Energy by part",
        traffic_figures.energy_bars(parts, material.unit),
        f"Energy of a {material.unit} by part: "
        + ", ".join(f"{part} {energy_text(value)}" for part, value in parts.items()) + ".",
        f"{energy_text(sum(parts.values()))} a {material.unit}, from the published figures of the "
        "chip. Neurons are updated at every step, whether they spike or not. Over "
        f"{_length(material)}.",
    )  # fmt: skip


def _over_time(material: Material, on_chip: OnChip) -> Chart:
    recording, course, chip = material.driven.recording, on_chip.timeline, on_chip.chip
    k = material.shown[0]
    end = int(recording.lengths[: k + 1].sum())
    own = slice(end - int(recording.lengths[k]), end)
    busiest = course.busiest_load[own]
    link = int(course.busiest_link[own][int(busiest.argmax())])
    where = ""
    if link >= 0:
        tile, direction = np.divmod(link, 4)
        side = ("east", "west", "north", "south")[direction]
        where = (
            f" The most in a step is {busiest.max():,} packets over the link {side} of tile "
            f"({tile // chip.height}, {tile % chip.height}), at "
            f"{int(busiest.argmax()) * recording.dt:g} ms."
        )
    trials = material.driven.trials
    what = "the run" if trials is None else f"the first trial shown above, of {_task(trials, k)}"
    return Chart(
        "Traffic over time",
        traffic_figures.over_time(course.packets[own], busiest, recording.dt),
        "Packets a millisecond, and packets over the busiest link in a step, over time.",
        f"In {what}.{where}",
        wide=True,
    )


def _task(trials: Trials, k: int) -> str:
    own = trials.by_class()
    name = str(own.tasks[int(own.task[k])])
    return f"class {name}" if trials.answer.kind == "sequence" else name


def _tiles(material: Material) -> Iterator[Chart]:
    if material.tiles is None:
        yield Chart("Tile occupancy", hint=material.hints["tiles.h5"])
        return
    tiles = material.tiles
    t, r, c = tiles.n_tiles, tiles.rows, tiles.cols
    if t == 0:
        yield Chart("Tile occupancy", hint="tiles.h5 holds no tile: the network has no synapse.")
        return
    if t > FEW_TILES:
        yield Chart(
            "Tile occupancy",
            chip_figures.utilisation_histogram(utilisation(tiles)),
            f"Histogram of the share of non-zero codes of {t} tiles.",
            f"{t} crossbars of {r} x {c} crosspoints hold a synapse; empty ones are not counted.",
        )
    image, shown, (down, across) = chip_figures.tile_mosaic(tiles)
    which = f"All {t} tiles" if shown == t else f"The fullest {shown} of {t} tiles"
    which = "The only tile" if t == 1 else which
    yield Chart(
        "The tiles",
        image,
        f"Images of the integer codes of {shown} crossbar tiles.",
        f"{which}, the fullest first. Rows are sources, columns neurons; blue codes are positive, "
        f"red negative, dark grey rows and columns are unused. Drawn are {down} x {across} of the "
        f"{r} x {c} crosspoints of a tile; no synapse is outside.",
        wide=True,
    )

"""Charts of what the network does: its spikes, and its traffic and energy on the chip."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from spiking_bimt import plot
from spiking_bimt.battery.accuracy import score
from spiking_bimt.chip.energy import nj_each
from spiking_bimt.chip.timeline import Timeline
from spiking_bimt.data.chip import Traffic
from spiking_bimt.data.trials import Trials
from spiking_bimt.page.chip_numbers import energy_text
from spiking_bimt.page.material import Material, OnChip
from spiking_bimt.page.page import Chart, View
from spiking_bimt.plot import trial_figures
from spiking_bimt.plot.axes import Axes
from spiking_bimt.plot.chip_figures import SIDES, window
from spiking_bimt.plot.picture import Picture, draw, draw_axes
from spiking_bimt.plot.spike_figures import drawn_every
from spiking_bimt.plot.tile_figures import mosaic, mosaic_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        yield Chart(what, wide=True, views=views)
    yield from _rates(material)


def _run_view(material: Material, k: int) -> View:
    """A raster of one piece of a run without trials."""
    recording = material.driven.recording
    spikes = int(recording.offsets[k + 1] - recording.offsets[k])
    length = float(recording.lengths[k] * recording.dt)
    every = drawn_every(recording.n_neurons)
    which = "every neuron" if every == 1 else f"one in {every} neurons"
    name = f"{material.driven.key}, run {k + 1}" if recording.n_trials > 1 else "Spikes"
    return View(
        name,
        trial_figures.draw_run(recording, k),
        f"Spikes of {which} over {length:g} ms, and the mean rate of all neurons.",
        f"{spikes:,} spikes of {recording.n_neurons:,} neurons in {length:g} ms; drawn is "
        f"{which}. Bottom: mean rate of all neurons.",
    )


def _trial_view(material: Material, trials: Trials, k: int) -> View:
    recording = material.driven.recording
    clusters = None if material.function is None else material.function.clusters
    task = _task(trials, k)
    correct = bool(score(recording.outputs, trials).correct[k])
    spikes = int(recording.offsets[k + 1] - recording.offsets[k])
    coloured = "" if clusters is None else ", coloured by functional cluster"
    go, top, end = "", "input channels, standardised", ""
    if trials.answer.kind == "task":
        go = f"; go signal at {trials.decision[k] * trials.dt:.0f} ms"
        top = "input channels; the active rule channel tells the task"
        end = " The dashed line is the go signal."
    bottom = "softmax of the outputs; the largest is the answer"
    if trials.targets is not None:
        bottom = "outputs and, dashed, their targets, standardised"
    return View(
        f"One trial of {task}" if correct else f"A trial of {task} with a wrong answer",
        trial_figures.draw_trial(recording, trials, k, clusters),
        f"Input channels, spikes of {recording.n_neurons} neurons and outputs over "
        f"{trials.lengths[k] * trials.dt:.0f} ms of one trial of {task}{go}.",
        f"{spikes:,} spikes. Top: {top}. Middle: spikes{coloured}. Bottom: {bottom}." + end,
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
    on_sheet = material.rate is not None
    yield Chart(
        title,
        draw_axes(*((5.4, 4.6) if on_sheet else (11.2, 2.4)), partial(plot.rates, rates)),
        f"The mean spike rates of {len(rates)} neurons.",
        source,
        wide=not on_sheet,
    )
    if on_sheet:
        where = partial(plot.sheet, material.network, values=rates, label="mean rate (Hz)")
        yield Chart(
            "Spike rates on the sheet",
            draw_axes(5.4, 4.6, where),
            f"The mean spike rates of {len(rates)} neurons at their places on the sheet.",
            "Pale places have no neuron.",
        )


def chip_charts(material: Material) -> Iterator[Chart]:
    """Cores and links, energy by part, traffic over time, and the tiles."""
    on_chip, charts = material.on_chip, []
    if on_chip is None:
        charts.append(Chart("Cores and traffic", hint=material.hints["placement.h5"]))
    else:
        cores, moved = on_chip.placed.n_cores, on_chip.traffic.link_load.any()
        if cores > 1 or moved:
            charts.append(_cores(material, on_chip, cores))
        if on_chip.traffic.energy_pj is not None:
            charts.append(_energy(material, on_chip.traffic, on_chip.traffic.energy_pj))
        if on_chip.traffic.packets:
            charts.append(_over_time(material, on_chip))
    yield from charts
    narrow = sum(not chart.wide for chart in charts)
    yield from _tiles(material, alone=narrow % 2 == 0)


def _cores(material: Material, on_chip: OnChip, cores: int) -> Chart:
    chip, placed, flow = on_chip.placed.chip, on_chip.placed, on_chip.traffic
    x0, x1, y0, y1 = window(chip, placed.placement.core, flow.link_load)

    def paint(axes: Axes) -> None:
        plot.cores(placed, axes)
        plot.links(placed, flow, axes, units=material.units, unit=material.unit)

    return Chart(
        "Cores and traffic",
        draw_axes(5.4, 4.6, paint),
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


def _energy(material: Material, flow: Traffic, energy_pj: dict[str, float]) -> Chart:
    parts = nj_each(energy_pj, material.units)
    return Chart(
        "Energy by part",
        draw_axes(
            5.4, 4.6, partial(plot.energy, flow, units=material.units, unit=material.unit)
        ),
        f"Energy of a {material.unit} by part: "
        + ", ".join(f"{part} {energy_text(value)}" for part, value in parts.items()) + ".",
        f"{energy_text(sum(parts.values()))} a {material.unit}, from the published figures of the "
        "chip. Neurons are updated at every step, whether they spike or not. Over "
        f"{_length(material)}.",
    )  # fmt: skip


def _over_time(material: Material, on_chip: OnChip) -> Chart:
    recording, course = material.driven.recording, on_chip.timeline
    chip = on_chip.placed.chip
    k = material.shown[0]
    end = int(recording.lengths[: k + 1].sum())
    own = slice(end - int(recording.lengths[k]), end)
    busiest = course.busiest_load[own]
    link = int(course.busiest_link[own][int(busiest.argmax())])
    where = ""
    if link >= 0:
        tile, direction = np.divmod(link, 4)
        where = (
            f" The most in a step is {busiest.max():,} packets over the link {SIDES[direction]} of "
            f"tile ({tile // chip.height}, {tile % chip.height}), at "
            f"{int(busiest.argmax()) * recording.dt:g} ms."
        )
    trials = material.driven.trials
    what = "the run" if trials is None else f"the first trial shown above, of {_task(trials, k)}"
    return Chart(
        "Traffic over time",
        _draw_course(course, own),
        "Packets a millisecond, and packets over the busiest link in a step, over time.",
        f"In {what}.{where}",
        wide=True,
    )


def _draw_course(course: Timeline, own: slice) -> Picture:
    """Packets over time and, where links are used, the load of the busiest below them."""
    links = bool(course.busiest_load[own].any())

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(2 if links else 1, sharex=True, squeeze=False).ravel()
        plot.traffic(course, panels[0], first=own.start, last=own.stop)
        if links:
            plot.traffic(course, panels[1], of="busiest", first=own.start, last=own.stop)
            panels[0].set_xlabel("")
        figure.align_ylabels(list(panels))

    return draw(11.2, 3.6 if links else 2.2, paint)


def _task(trials: Trials, k: int) -> str:
    own = trials.by_class()
    name = str(own.tasks[int(own.task[k])])
    return f"class {name}" if trials.answer.kind == "sequence" else name


def _tiles(material: Material, alone: bool) -> Iterator[Chart]:
    if material.tiles is None:
        yield Chart("Tile occupancy", hint=material.hints["tiles.h5"])
        return
    tiles = material.tiles
    t, r, c = tiles.n_tiles, tiles.rows, tiles.cols
    if t == 0:
        yield Chart("Tile occupancy", hint="tiles.h5 holds no tile: the network has no synapse.")
        return
    if t > 1:
        yield Chart(
            "Tile occupancy",
            draw_axes(*((11.2, 2.8) if alone else (5.4, 4.6)), partial(plot.occupancy, tiles)),
            f"The share of crosspoints with a synapse of {t} tiles.",
            f"{t} crossbars of {r} x {c} crosspoints hold a synapse; empty ones are not counted.",
            wide=alone,
        )
    shown, _, (down, across) = mosaic(tiles)
    which = f"All {t} tiles" if len(shown) == t else f"The fullest {len(shown)} of {t} tiles"
    which = "The only tile" if t == 1 else which
    yield Chart(
        "The tiles",
        draw_axes(*mosaic_size(tiles), partial(plot.tiles, tiles)),
        f"Images of the integer codes of {len(shown)} crossbar tiles.",
        f"{which}, the fullest first. Rows are sources, columns neurons; blue codes are positive, "
        f"red negative, dark grey rows and columns are unused. Drawn are {down} x {across} of the "
        f"{r} x {c} crosspoints of a tile; no synapse is outside.",
        wide=True,
    )

"""`report`: everything about a run on one page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt import run_folder
from spiking_bimt.analysis.clusters import (
    SHUFFLED,
    functional_clusters,
    isolated_null,
    isolated_ratio,
)
from spiking_bimt.analysis.modularity import Effort, measure_halves, measure_modularity
from spiking_bimt.analysis.neurobench import neurobench_figures
from spiking_bimt.battery.accuracy import score
from spiking_bimt.chip.presets import chip_of
from spiking_bimt.chip.timeline import timeline
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data import gate, store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import PlacedNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.formats import sonata, tiles
from spiking_bimt.page.material import Function, Material, OnChip
from spiking_bimt.page.numbers import all_numbers
from spiking_bimt.page.page import Page, Source, render
from spiking_bimt.page.sections import all_sections, summary
from spiking_bimt.plot.picture import Picture
from spiking_bimt.plot.score_figures import read_metrics
from spiking_bimt.simulation.driven import Driven, drive

EFFORT = Effort(trials=30, shuffles=1000, rewirings=200, resolutions=(1.0,), lesions=0)
"""Of the measures of modules, whose trials are those that the task variance is measured on."""
SPIKE_TRIALS = 10
"""Trials per task that are simulated for rates, traffic and the raster."""
SHUFFLES = 10_000
MOST_RASTERS = 8
"""Rasters to choose from: each takes about 100 kB."""


@checked
def report(run: str | Path) -> dict[str, Any]:
    """Write report.html, one page that needs nothing else; returns its path and its numbers.

    network.h5 must be there, and rate.h5 unless the network was imported. Where another file lacks,
    or was made from an earlier version of them, the page says which command makes it. An imported
    network is shown as `simulate` ran it last, or by itself or under random currents.
    Raises InputError where one of the two files is missing.
    """
    folder = Path(run)
    if not run_folder.imported(folder):
        run_folder.require(folder, "rate.h5")
    run_folder.require(folder, "network.h5")
    with run_folder.writing(folder, "report.html"):
        material, files = _gather(folder)
        numbers = all_numbers(material)
        page = Page(
            name=material.name,
            summary=summary(material),
            numbers=numbers,
            sections=all_sections(material),
            sources=[_source(folder / name) for name in files],
            method=_method(material),
            version=store.version(),
        )
        target = folder / "report.html"
        store.write_bytes(target, render(page))
    return {
        "report": str(target),
        "sections": [section.key for section in page.sections] + ["numbers", "provenance"],
        "numbers": {number.key: number.value for group in numbers.values() for number in group},
    }


def _gather(folder: Path) -> tuple[Material, list[str]]:
    """What the page shows, and the names of the files that it comes from."""
    network = store.load(folder / "network.h5", SpikingNetwork)
    rate = None
    if not run_folder.imported(folder):
        rate = store.load(folder / "rate.h5", RateNetwork)
        _check(folder, rate, network)
    network = network if network.codes is None else network.quantised()
    hints = _hints(folder)
    metrics = None if "metrics.jsonl" in hints else _metrics(folder / "metrics.jsonl")
    placement = None if "placement.h5" in hints else store.load(folder / "placement.h5", Placement)
    crossbars = None if "tiles.h5" in hints else tiles.read_tiles(folder / "tiles.h5").tiles
    spikes = None if "spikes.h5" in hints else sonata.read_spikes(folder / "spikes.h5")
    driven = _driven(folder, network, spikes)
    material = Material(
        name=folder.resolve().name,
        rate=rate,
        network=network,
        function=None if rate is None else _function(rate),
        driven=driven,
        shown=_shown(driven),
        metrics=metrics,
        on_chip=None if placement is None else _on_chip(network, placement, driven.recording),
        tiles=crossbars,
        spikes=spikes,
        neurobench=neurobench_figures(network, driven),
        diagnosis=None if "diagnosis.svg" in hints else _diagnosis(folder / "diagnosis.svg"),
        hints=hints,
    )
    made_from = ["network.h5"] if rate is None else ["rate.h5", "network.h5"]
    return material, [*made_from, *(name for name in _OPTIONAL if name not in hints)]


def _driven(folder: Path, network: SpikingNetwork, spikes: sonata.SpikeFile | None) -> Driven:
    """The activity to show: test trials or, of a network without tasks, what spikes.h5 holds."""
    if network.tasks or spikes is None or spikes.n_neurons != network.n_neurons:
        return drive(network, trials=SPIKE_TRIALS if network.tasks else None)
    told = run_folder.provenance(folder / "spikes.h5").settings.get("drive", {})
    trial = np.repeat(np.arange(len(spikes.task)), np.diff(spikes.offsets))
    counts = np.zeros((len(spikes.task), spikes.n_neurons), np.int32)
    np.add.at(counts, (trial, spikes.neurons), 1)
    recording = Recording(
        outputs=np.empty((0, 1), np.float32), spike_counts=counts, offsets=spikes.offsets,
        steps=spikes.steps, neurons=spikes.neurons,
        lengths=np.rint(spikes.duration_ms / spikes.dt).astype(np.int64), dt=spikes.dt,
        n_neurons=spikes.n_neurons,
    )  # fmt: skip
    key = spikes.tasks[0] if spikes.tasks else "run"
    return Driven(recording, None, key, str(told.get("text", "the spikes of spikes.h5")))


_BY_TRAINING = "`train` leaves it as it goes on"
"""Where metrics.jsonl comes from: of a network that was made elsewhere there is none."""
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "metrics.jsonl": (),
    "placement.h5": ("network.h5",),
    "tiles.h5": ("network.h5", "placement.h5"),
    "spikes.h5": ("network.h5",),
}
"""Files that the page can do without, and the files of the run that they are made from."""


def _hints(folder: Path) -> dict[str, str]:
    """Why optional files cannot be shown, by name: they lack, or belong to an earlier network."""
    hints: dict[str, str] = {}
    for name, parents in _OPTIONAL.items():
        if not (folder / name).is_file():
            how = _BY_TRAINING if name == "metrics.jsonl" else run_folder.makes(folder, name)
            hints[name] = f"The run has no {name}: {how}."
        elif name == "metrics.jsonl" and run_folder.outdated(folder, "rate.h5", name):
            hints[name] = f"{name} is not as the training left it: put that one back."
        elif any(run_folder.outdated(folder, name, parent) for parent in parents):
            anew = run_folder.makes(folder, name)
            hints[name] = f"{name} was made from earlier files of this run: {anew} anew."
    if not (folder / "diagnosis.svg").is_file():
        draws = f"`spiking_bimt convert {folder} --diagnose` draws it"
        hints["diagnosis.svg"] = f"The run has no diagnosis.svg: {draws}."
    return hints


def _diagnosis(path: Path) -> Picture:
    """The figure; `convert` leaves none of an earlier network."""
    return Picture(gate.read_bytes(path, gate.MOST_LINES))


def _check(folder: Path, rate: RateNetwork, network: SpikingNetwork) -> None:
    again = f"`spiking_bimt convert {folder}` makes it anew"
    if run_folder.outdated(folder, "network.h5", "rate.h5"):
        raise InputError(f"{folder}/network.h5 was made from another rate.h5: {again}")
    same = rate.n_units == network.n_neurons and rate.tasks == network.tasks
    if not same or rate.battery != network.battery:
        raise InputError(
            f"{folder}/network.h5 has {network.n_neurons} neurons for {len(network.tasks)} tasks "
            f"of {network.battery}, rate.h5 {rate.n_units} units for {len(rate.tasks)} of "
            f"{rate.battery}: {again}"
        )


def _function(rate: RateNetwork) -> Function | None:
    if not rate.tasks:
        return None
    halves = measure_halves(rate, EFFORT.trials)
    variance = halves.variance[0]
    if len(variance.tasks) < 2:
        return None
    clusters = functional_clusters(variance.normalised, variance.responsive)
    if clusters.k == 1:
        return None
    where = (clusters.labels, rate.positions, rate.sheet)
    return Function(
        variance,
        clusters,
        isolated_ratio(*where),
        {name: isolated_null(*where, shuffled=name, shuffles=SHUFFLES) for name in SHUFFLED},
        halves,
        measure_modularity(rate, clusters.k, halves=halves, effort=EFFORT),
    )


def _shown(driven: Driven) -> tuple[int, ...]:
    """Which trials the rasters show: first the longest that the network got right, then others.

    Of each further task one, as long as there are some to show, and one that went wrong.
    """
    recording, trials = driven.recording, driven.trials
    if trials is None:
        return tuple(range(min(recording.n_trials, MOST_RASTERS)))
    correct = score(recording.outputs, trials).correct
    trials = trials.by_class()
    right = correct if correct.any() else np.ones_like(correct)
    first = int(np.argmax(np.where(right, trials.lengths, 0)))
    wrong = np.flatnonzero(~correct)[:1].tolist()
    tasks = [k for k in range(len(trials.tasks)) if k != trials.task[first]]
    others = [int(np.argmax((trials.task == k) * (1 + right))) for k in tasks]
    more = [k for k in dict.fromkeys([*wrong, *others]) if k != first]
    return (first, *more[: MOST_RASTERS - 1])


def _on_chip(network: SpikingNetwork, placement: Placement, recording: Recording) -> OnChip:
    chip = chip_of(placement)
    counts = recording.spike_counts.sum(axis=0)
    steps = recording.n_steps
    return OnChip(
        PlacedNetwork(network, placement, chip), traffic(network, placement, chip, counts, steps),
        timeline(network, placement, chip, recording.steps_on_end, recording.neurons, steps),
    )  # fmt: skip


def _metrics(path: Path) -> Sequence[Mapping[str, Any]]:
    wanted = ("phase_index", "step", "accuracy", "active_units")
    entries = read_metrics(path)
    for entry in entries:
        whole = isinstance(entry, dict) and "phase" in entry
        if whole and all(isinstance(entry.get(name), int | float) for name in wanted):
            continue
        raise InputError(f"{path} has a line that is no measurement: remove it")
    return entries


def _source(path: Path) -> Source:
    if path.suffix != ".h5":
        return Source(path.name, store.hash_of_read(path))
    made = run_folder.provenance(path)
    settings = dict(made.settings)
    command = str(settings.pop("command", ""))
    return Source(
        path.name,
        store.hash_of_read(path),
        made.package_version,
        command,
        json.dumps(settings, indent=1),
        made.inputs,
    )


def _method(material: Material) -> str:
    driven = material.driven
    if driven.trials is None:
        return f"Rates, traffic and rasters are of {driven.seconds:g} s of {driven.text}."
    return (
        f"The report ran {driven.trials.n_trials} test trials ({SPIKE_TRIALS} a task) through "
        "the spiking network for the rates, the traffic and the rasters, and "
        f"twice {EFFORT.trials} a task through the rate network for what its units do; training "
        "used none of them. Accuracies were measured by the commands that wrote the files below."
    )

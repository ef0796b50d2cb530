"""`compare`: several networks side by side on one chip."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.analysis.neurobench import neurobench_figures
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.bundle.networks import BUNDLED, bundled_files
from spiking_bimt.chip.computes import refuse
from spiking_bimt.chip.place import place as place_network
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.tiling import cut, occupancy
from spiking_bimt.data import store, validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.stimuli import stimulus
from spiking_bimt.progress import progress
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.place import Drive, measure, told_of_chip


@checked
def compare(
    *folders: str | Path,
    chip: str | Path | Chip = "loihi16",
    trials: int | None = None,
    seed: int = 0,
    traffic_only: bool = False,
    threads: int | None = None,
    spikes: str | Path | None = None,
    currents: str | Path | None = None,
    poisson_hz: float | None = None,
    weight: float | None = None,
    ms: float | None = None,
) -> dict[str, Any]:
    """Each run's network, as `convert` or `import` left it, at its best placement on one chip.

    folders: runs, which are only read; none for the bundled networks, which are converted first
    (trials per task, 20 by default). traffic_only: also place networks that the chip cannot
    compute, and mark them. A stimulus, as for `simulate`, drives every network. Returns the
    chip and a row per network: its error and wiring where it was trained, its size, cores and
    tiles, and what a trial or a second costs; or why the chip cannot compute it, or hold it.
    Raises InputError where a folder has no network, and for trials beside folders.
    """
    preset = load_chip(chip)
    validate.seed(seed)
    if folders and trials is not None:
        raise InputError("trials are of the bundled networks; convert scores a run's")
    how = Drive(stimulus(spikes, currents, poisson_hz, weight, ms), ms, threads)
    with _runs(folders, trials, threads) as named:
        rows = {}
        with progress("compare", len(named)) as advance:
            for number, (name, folder) in enumerate(named.items()):
                advance(number, name)
                rows[name] = _row(folder, preset, seed, how, traffic_only)
        notes = _differences({name: Path(folder) for name, folder in named.items()}, rows)
    told = told_of_chip(preset, ())
    del told["cannot_compute"]  # a network's own
    return {"chip": preset.name, **told, "networks": rows, "notes": notes}


@contextmanager
def _runs(
    folders: tuple[str | Path, ...], trials: int | None, threads: int | None
) -> Iterator[dict[str, Path]]:
    """Run folders with a converted network, by the name to show."""
    if folders:
        named = {str(folder): Path(folder) for folder in folders}
        for folder in named.values():
            if not run_folder.imported(folder):
                run_folder.require(folder, "rate.h5")
            run_folder.require(folder, "network.h5")
        yield named
        return
    with tempfile.TemporaryDirectory() as scratch:
        named = {name: Path(scratch) / name for name in BUNDLED}
        for name, folder in named.items():
            folder.mkdir()
            store.write_bytes(folder / "rate.h5", bundled_files(name)["rate.h5"])
            convert(folder, trials=20 if trials is None else trials, threads=threads)
        yield named


def _differences(named: dict[str, Path], rows: dict[str, dict[str, Any]]) -> list[str]:
    """In which ways the accuracies of the networks, or what a trial is, cannot be compared."""
    rates = {
        name: store.load(folder / "rate.h5", RateNetwork)
        for name, folder in named.items()
        if "accuracy" in rows[name]
    }
    if not rates:
        return []
    first, *others = rates
    notes = []
    for name in others:
        a, b = rates[first], rates[name]
        if (a.battery, sorted(a.tasks)) != (b.battery, sorted(b.tasks)):
            notes.append(
                f"{name} has other tasks than {first} ({_tasks(b)}; {_tasks(a)}): accuracies and "
                "what a trial costs are not of the same trials"
            )
        elif rows[name]["trials_per_task"] != rows[first]["trials_per_task"]:
            notes.append(
                f"{name} was scored on {rows[name]['trials_per_task']} trials per task, {first} on "
                f"{rows[first]['trials_per_task']}: convert both with the same number"
            )
    return notes


def _tasks(rate: RateNetwork) -> str:
    shown = ", ".join(rate.tasks[:3]) + (", .." if len(rate.tasks) > 3 else "")
    return f"{len(rate.tasks)} of {rate.battery}: {shown}"


def _row(folder: Path, chip: Chip, seed: int, how: Drive, traffic_only: bool) -> dict[str, Any]:
    stored = store.load(folder / "network.h5", SpikingNetwork)
    if stored.codes is None:
        raise InputError(
            f"{folder}/network.h5 has no integer weights: {run_folder.gives_codes(folder)}"
        )
    network = stored.quantised()
    row: dict[str, Any] = {
        "neurons": network.n_neurons,
        "spiking_synapses": len(network.indices),
        **({} if run_folder.imported(folder) else _trained(folder, stored)),
    }
    calibrated = how.calibrated(network)
    try:
        refuse(network, chip, allow=traffic_only)
        placement = place_network(network, chip, calibrated.recording.rates_hz, seed=seed)
        cannot = refuse(network, chip, placement, allow=traffic_only)
    except InputError as error:
        return {**row, "drive": calibrated.described(), "refused": str(error)}
    tested = how.tested(network)
    costs = measure(network, placement, chip, tested)
    tiles = occupancy(cut(network, placement, chip))
    return {
        **row,
        "cores": len(set(placement.core.tolist())),
        **costs,
        "cannot_compute": cannot,
        "tiles": tiles,
        "neurobench": neurobench_figures(network, tested),
    }


def _trained(folder: Path, converted: SpikingNetwork) -> Mapping[str, Any]:
    """What `train` and `convert` measured, and the wiring of the rate network."""
    rate = store.load(folder / "rate.h5", RateNetwork)
    if not rate.tasks:
        return wiring(rate)
    found = converted.measured or {}
    accuracy, trials = found.get("accuracy"), found.get("trials_per_task")
    if trials is None or not isinstance(accuracy, dict) or "quantised" not in accuracy:
        raise InputError(
            f"{folder}/network.h5 lacks what convert measures: `spiking_bimt convert {folder}` "
            "measures it"
        )
    return {"accuracy": accuracy, "trials_per_task": trials, **wiring(rate)}

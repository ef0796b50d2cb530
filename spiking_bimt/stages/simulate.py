"""`simulate`: trials through network.h5 or, on a memory device, through tiles.h5."""

import contextlib
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spiking_bimt import plot, run_folder
from spiking_bimt.battery import sources
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.battery.drive import trials_of
from spiking_bimt.chip.analog import has_effect
from spiking_bimt.chip.device_effects import score_device_effects, variants
from spiking_bimt.chip.on_chip import run_on_chip
from spiking_bimt.chip.presets import chip_of, load_chip, load_device
from spiking_bimt.chip.tiling import rebuild
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.device import Device
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import PlacedNetwork
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.formats.sonata import write_spikes
from spiking_bimt.formats.stimuli import stimulus
from spiking_bimt.formats.tiles import read_tiles
from spiking_bimt.plot.picture import draw_axes, store_figure
from spiking_bimt.progress import progress
from spiking_bimt.simulation.driven import PROBE_TRIALS, Driven, Stimulus, drive
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.fixed import FixedPoint, run_fixed
from spiking_bimt.simulation.ranks.cut import split_by_rank
from spiking_bimt.simulation.ranks.world import size_of
from spiking_bimt.simulation.run import simulate_trials

_WEIGHTS = ("auto", "float", "codes")

DAY = 86400.0
"""Age at which memory devices are simulated where none is given, s: a day after programming."""


@checked
def simulate(
    run: str | Path | None = None,
    *,
    file: str | Path | None = None,
    device: str | Path | Device | None = None,
    seconds: float | None = None,
    state_bits: int | None = None,
    chip: str | Path | Chip | None = None,
    trials: int | None = None,
    weights: str = "auto",
    seed: int = 0,
    threads: int | None = None,
    spikes: str | Path | None = None,
    currents: str | Path | None = None,
    poisson_hz: float | None = None,
    weight: float | None = None,
    ms: float | None = None,
    comm: Any = None,
) -> dict[str, Any]:
    """Run the spiking network and write spikes.h5; returns what it measured.

    It runs on test trials of its tasks, or under a stimulus (docs/how-to/stimuli.md): a file of
    spikes or of currents, or Poisson input of poisson_hz; weight: of a spike; ms: length. Without
    either it runs by itself, or under random currents where it does not fire then. trials: trials a
    task, 10 by default. weights: "codes" (integer weights, as the chip has them), "float", or
    "auto": codes where the network has them. seed: of the initial membrane potentials.

    state_bits: hold membranes and currents in fixed point of that many bits. Returns the results
    beside those of floating point, and how often a state saturated; writes no file.

    chip: run the integer network in the integers of a chip: a preset's name, TOML file or record.
    Returns the results beside those of floating point, and what the integers lose; writes no file.

    device: run the tiles of `run`, or of `file` in its place, as this memory device holds and reads
    them: a preset or TOML file. seconds: time since programming, a day by default. Returns the
    accuracy with each effect of the device and draws it beside the tile file. seed is of the
    devices and their noise too.

    comm: communicator of mpi4py, whose ranks run the network together: whole cores of
    RUN/placement.h5 each where there is one, else blocks of neurons. Rank 0 writes and returns what
    is of the whole network, the others what is of their own neurons. Raises InputError for settings
    that do not go together, and where network.h5 is missing.
    """
    size_of(comm)  # refuses what is none
    given = stimulus(spikes, currents, poisson_hz, weight, ms)
    ways = [way for way in (device, state_bits, chip) if way is not None]
    if ways and (given is not None or ms is not None):
        raise InputError("device, state_bits and chip take trials: leave stimuli and `ms` out")
    if ways and size_of(comm) > 1:
        raise InputError("device, state_bits and chip run in one process: start it without mpiexec")
    if len(ways) > 1:
        raise InputError("device, state_bits and chip are ways to run the network: give one")
    if device is not None:
        if weights != "auto" or threads is not None or state_bits is not None:
            raise InputError("weights, threads and state_bits do not go with device: leave them")
        if run is not None and file is None:
            tiles = run_folder.require(Path(run), "tiles.h5")
        elif file is not None and run is None:
            tiles = Path(file)
        else:
            raise InputError("device takes the tiles of a run or of a file: give one of the two")
        many = PROBE_TRIALS if trials is None else trials
        return _on_device(tiles, device, seconds, many, seed)
    if file is not None or seconds is not None:
        raise InputError("file and seconds go with device: name one, or leave them out")
    if run is None:
        raise InputError("no run is given: name a run folder, or a file and a device")
    source = run_folder.require(Path(run), "network.h5")
    if chip is not None:
        if weights == "float":
            raise InputError("a chip has integer weights: leave `weights` out")
        many = PROBE_TRIALS if trials is None else trials
        with run_folder.naming_commands(Path(run)):
            return _in_integers(source, load_chip(chip), many, seed, threads)
    if state_bits is None:
        how = _How(given, trials, ms, seed, threads, comm)
        return _in_floating_point(Path(run), source, weights, how)
    if threads is not None:
        raise InputError("threads does not go with state_bits, which uses one: leave it out")
    many = PROBE_TRIALS if trials is None else trials
    with run_folder.naming_commands(Path(run)):
        return _in_fixed_point(source, state_bits, many, weights, seed)


class _How(NamedTuple):
    """The settings of `drive`."""

    stimulus: Stimulus | None
    trials: int | None
    ms: float | None
    seed: int
    threads: int | None
    comm: Any

    @property
    def alone(self) -> bool:
        """Whether this process runs the network alone."""
        return size_of(self.comm) == 1

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files."""
        return self.alone or self.comm.Get_rank() == 0


def _in_floating_point(folder: Path, source: Path, weights: str, how: _How) -> dict[str, Any]:
    """Simulate the network of the file `source` and write spikes.h5 into the folder."""
    writing = run_folder.writing(folder, "spikes.h5") if how.writes else contextlib.nullcontext()
    with writing:
        network = with_weights(store.load(source, SpikingNetwork, mapped=not how.alone), weights)
        ranks = None if how.alone else _ranks_of_cores(folder, network, how.comm.Get_size())
        # One small run first: compiling the kernel belongs to no measured figure.
        if how.stimulus is None and network.tasks and how.alone:
            simulate_trials(*trials_of(network, 1, "calibrate"), threads=how.threads)
        else:
            simulate_network(network, network.dt)
        start = time.perf_counter()
        driven = drive(network, ranks=ranks, **how._asdict())
        elapsed = time.perf_counter() - start
        if how.writes:
            _write(folder / "spikes.h5", driven, source, weights, how)
    recording = driven.recording
    test = driven.trials
    result = None if test is None else score(recording.outputs, test)
    events = int(recording.spike_counts.sum(0) @ np.diff(network.indptr))
    return {
        "drive": driven.described(),
        "trials": None if test is None else test.n_trials,
        "accuracy": result and result.accuracy,
        "interval": result and list(result.interval),
        "per_task": dict(zip(test.tasks, result.per_task().tolist(), strict=True))
        if test and result
        else {},
        "simulated_seconds": driven.seconds,
        "spikes": recording.n_spikes,
        "mean_rate_hz": recording.mean_rate_hz,
        "synaptic_events": events,
        "wall_seconds": elapsed,
        "events_per_second": events / elapsed,
    }


def _write(path: Path, driven: Driven, source: Path, weights: str, how: _How) -> None:
    write_spikes(
        path,
        driven.recording,
        driven.trials,
        kind=driven.key,
        settings={
            "command": "simulate", "trials": how.trials, "weights": weights, "seed": how.seed,
            "drive": driven.described(),
        },
        inputs={"network.h5": source},
    )  # fmt: skip


def _ranks_of_cores(folder: Path, network: SpikingNetwork, size: int) -> Any:
    """(N,) rank of each neuron by whole cores of the run's placement; None where it has none."""
    if not run_folder.is_current(folder, "placement.h5"):
        return None
    placement = store.load(folder / "placement.h5", Placement)
    return split_by_rank(PlacedNetwork(network, placement, chip_of(placement)), size)


def _in_fixed_point(
    source: Path, state_bits: int, trials: int, weights: str, seed: int
) -> dict[str, Any]:
    """Simulate with states of `state_bits` bits and in floating point; writes nothing."""
    widths = FixedPoint(membrane=state_bits, current=state_bits)
    network = with_weights(store.load(source, SpikingNetwork), weights)
    driven, test = trials_of(network, trials, "test")
    fixed = run_fixed(driven, test, widths, seed=seed)
    floating = simulate_trials(driven, test, seed=seed, record_spikes=False)
    return {
        "trials": test.n_trials,
        "state_bits": state_bits,
        "decay_bits": widths.decay,
        "accuracy": score(fixed.outputs, test).accuracy if network.tasks else None,
        "floating_accuracy": score(floating.outputs, test).accuracy if network.tasks else None,
        "spikes": int(fixed.spike_counts.sum()),
        "floating_spikes": int(floating.spike_counts.sum()),
        "membrane_overflows": fixed.membrane_overflows,
        "current_overflows": fixed.current_overflows,
    }


def _in_integers(
    source: Path, chip: Chip, trials: int, seed: int, threads: int | None
) -> dict[str, Any]:
    """Simulate in a chip's integers and in floating point; writes nothing."""
    network = with_weights(store.load(source, SpikingNetwork), "codes")
    if not network.tasks:
        raise InputError("the network has no tasks to draw trials of: chip takes trials of tasks")
    driven, test = trials_of(network, trials, "test")
    ours = run_on_chip(driven, chip, test, seed=seed, threads=threads)
    floating = simulate_trials(driven, test, seed=seed, threads=threads, record_spikes=False)
    made = ours.network
    result = score(ours.recording.outputs, test)
    return {
        "chip": chip.name,
        "trials": test.n_trials,
        "neurons": made.n_neurons,
        "channels": len(made.channels),
        "accuracy": result.accuracy,
        "interval": list(result.interval),
        "floating_accuracy": score(floating.outputs, test).accuracy,
        "spikes": int(ours.recording.spike_counts.sum()),
        "floating_spikes": int(floating.spike_counts[:, made.neurons].sum()),
        "weight_shift": made.shift,
        "thresholds": [int(made.v_th.min()), int(made.v_th.max())],
        "lost": list(made.lost),
    }


def _on_device(
    path: Path, device: str | Path | Device, seconds: float | None, trials: int, seed: int
) -> dict[str, Any]:
    """Simulate a tile file with each effect of a memory device; draws a figure beside the file."""
    preset = load_device(device)
    if seconds is not None and not has_effect(preset, "drift"):
        raise InputError(f"device {device} does not drift: leave `seconds` out")
    seconds = DAY if seconds is None else seconds
    sources.use(path.parent)
    content = read_tiles(path)
    network = rebuild(content)
    if not network.tasks:
        raise InputError(f"{path} holds a network without tasks: there is no accuracy to measure")
    test = draw_trials(network.battery, network.tasks, trials, network.task_dt, stream="test")
    with progress("simulate", len(variants(preset))) as advance:
        rows = score_device_effects(
            network, content.tiles, preset, test, seconds=seconds, seed=seed, advance=advance
        )
    figure = path.with_suffix(".device.svg")
    title = f"{preset.name}, {test.n_trials} trials"
    store_figure(
        figure,
        draw_axes(6.4, 0.9 + 0.32 * len(rows), lambda ax: plot.accuracy(rows, ax).set_title(title)),
    )
    return {
        "file": str(path),
        "device": preset.name,
        "trials": test.n_trials,
        "seconds": seconds,
        "runs": rows,
        "figure": str(figure),
    }


def with_weights(network: SpikingNetwork, weights: str) -> SpikingNetwork:
    """The network with the weights asked for: "float", "codes", or "auto"."""
    if weights not in _WEIGHTS:
        raise unknown_name("weights", weights, _WEIGHTS)
    wants_codes = weights == "codes" or (weights == "auto" and network.codes is not None)
    return network.quantised() if wants_codes else network

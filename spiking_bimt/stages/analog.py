"""`simulate --device`: a tile file on real memory devices, and what each of their effects costs."""

from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.chip.analog import EFFECTS, has_effect, ideal, program, with_effects
from spiking_bimt.chip.presets import load_device
from spiking_bimt.chip.tiling import rebuild
from spiking_bimt.data.crossbars import Crossbars
from spiking_bimt.data.device import Device
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.errors import InputError
from spiking_bimt.formats.tiles import read_tiles
from spiking_bimt.plot.device_figures import accuracy_bars
from spiking_bimt.plot.files import store_figure
from spiking_bimt.progress import progress
from spiking_bimt.simulation.crossbar import run_crossbars


def analog(
    file: str | Path,
    *,
    device: str = "pcm",
    trials: int = 10,
    seconds: float = 86400.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Run test trials through the tiles of a file as the device holds and reads them.

    device: a preset or TOML file. seconds: time since programming. seed: devices, noise and initial
    potentials. Every run has the same trials: digital tiles, the device without effects, each
    effect alone, all together. Writes a figure of their accuracy beside the file.
    """
    path, preset = Path(file), load_device(device)
    if seed < 0:
        raise InputError(f"seed is {seed}: it must not be negative")
    if not 0 <= seconds < np.inf:
        raise InputError(f"seconds is {seconds}: it must be a finite time, least 0")
    content = read_tiles(path)
    network = rebuild(content)
    if not network.tasks:
        raise InputError(f"{path} holds a network without tasks: there is no accuracy to measure")
    test = draw_trials(network.battery, network.tasks, trials, network.task_dt, stream="test")
    rows: dict[str, Any] = {}
    runs = _runs(preset)
    with progress("simulate", len(runs)) as advance:
        for number, (name, one) in enumerate(runs.items()):
            advance(number, name)
            crossbars = _crossbars(content.tiles, one, seed, seconds)
            recording = run_crossbars(network, crossbars, test, seed=seed)
            result = score(recording.outputs, test)
            rows[name] = {
                "accuracy": result.accuracy,
                "interval": list(result.interval),
                "spikes": int(recording.spike_counts.sum()),
            }
    figure = path.with_suffix(".device.svg")
    image = accuracy_bars(rows, f"{preset.name}, {test.n_trials} trials")
    store_figure(figure, image)
    return {
        "file": str(path),
        "device": preset.name,
        "trials": test.n_trials,
        "seconds": seconds,
        "runs": rows,
        "figure": str(figure),
    }


def _runs(device: Device) -> dict[str, Device | None]:
    """What to run, by name; None stands for digital tiles."""
    shown = [name for name in EFFECTS if has_effect(device, name)]
    alone = {name: with_effects(device, (name,)) for name in shown}
    return {"digital": None, "no effect": with_effects(device, ())} | alone | {"all": device}


def _crossbars(tiles: TileSet, device: Device | None, seed: int, seconds: float) -> Crossbars:
    if device is None:
        return ideal(tiles)
    return program(tiles, device, np.random.default_rng((seed, 2)), seconds)

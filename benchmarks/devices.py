"""What does each effect of a memory device cost, by its magnitude? The bundled BIMT network.

python benchmarks/devices.py [--quick] [--json FILE]    (redraws docs/figures/device-effects.svg)
"""

import tempfile
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from common.rows import Row, parser, show

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.chip.analog import ideal, program, with_effects
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip, load_device
from spiking_bimt.chip.tiling import cut
from spiking_bimt.data import store
from spiking_bimt.data.crossbars import Crossbars
from spiking_bimt.data.device import Device
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.data.trials import Trials
from spiking_bimt.plot import picture, style
from spiking_bimt.simulation.crossbar import run_crossbars
from spiking_bimt.stages.convert import convert

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "device-effects.svg"
PCM = load_device("pcm")
PLAIN = with_effects(PCM, ())
MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0


class Sweep(NamedTuple):
    """One effect alone, at growing magnitudes."""

    axis: str
    at: list[float]
    device: list[Device]
    seconds: list[float]
    ages: list[str] | None = None

    @property
    def labels(self) -> list[str]:
        """Of the magnitudes: their numbers, or ages in words."""
        return self.ages or [f"{at:g}" for at in self.at]


def sweeps() -> dict[str, Sweep]:
    """The effects of `chip.analog`, each with the others taken away."""
    times, shares = [0.25, 0.5, 1.0, 2.0, 4.0], [0.001, 0.003, 0.01, 0.03, 0.1]
    levels, bits = [5, 9, 17, 33, 65], [4, 5, 6, 7, 8]
    ages, louder = [MINUTE, HOUR, DAY, 30 * DAY, 365 * DAY], [1.0, 2.0, 4.0, 8.0, 16.0]
    a, b, cap = PCM.read_noise
    noise, drift = (with_effects(PCM, (name,)) for name in ("programming noise", "drift"))
    written = [replace(noise, program_noise=[k * c for c in PCM.program_noise]) for k in times]
    stuck = [replace(PLAIN, stuck_min=s / 2, stuck_max=s / 2) for s in shares]
    read = [replace(PLAIN, read_noise=[k * a, b, k * cap]) for k in louder]
    now = [0.0] * 5
    return {
        "conductance levels": Sweep(
            "levels of a device", [*levels], [replace(PLAIN, levels=k) for k in levels], now
        ),
        "programming noise": Sweep("times that of pcm", times, written, now),
        "stuck devices": Sweep("share, half at each end", shares, stuck, now),
        "drift": Sweep(
            "after programming", ages, [drift] * 5, ages, ["1 min", "1 h", "1 d", "30 d", "1 y"]
        ),
        "read noise": Sweep("times that of pcm", louder, read, now),
        "converter": Sweep(
            "bits over 8 crosspoints",
            [*bits],
            [replace(PLAIN, adc_bits=k, adc_range=8.0) for k in bits],
            now,
        ),
    }


def tiled(folder: Path) -> tuple[SpikingNetwork, TileSet]:
    """The bundled BIMT network with 8-bit weights, and its tiles of 256 x 256."""
    source = resources.files("spiking_bimt.bundle") / "bimt.h5"
    store.write_bytes(folder / "rate.h5", source.read_bytes())
    convert(folder, trials=1)
    network = store.load(folder / "network.h5", SpikingNetwork).quantised()
    chip = load_chip("loihi")
    return network, cut(network, place(network, chip, np.ones(network.n_neurons), effort=0.1), chip)


def accuracy(network: SpikingNetwork, crossbars: Crossbars, test: Trials) -> float:
    """Accuracy of the network on the trials through these crossbars."""
    return score(run_crossbars(network, crossbars, test).outputs, test).accuracy


def swept(
    sweep: Sweep, network: SpikingNetwork, tiles: TileSet, test: Trials, seeds: int
) -> list[list[float]]:
    """Accuracy at each magnitude, for each seed of the devices."""
    return [
        [
            accuracy(network, program(tiles, one, np.random.default_rng((seed, 2)), age), test)
            for seed in range(seeds)
        ]
        for one, age in zip(sweep.device, sweep.seconds, strict=True)
    ]


def draw(found: dict[str, list[list[float]]], digital: float) -> None:
    """Accuracy against magnitude, a panel an effect; a mark is the mean, a bar spans the seeds."""

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(2, 3, sharey=True).ravel()
        for axes, (name, sweep) in zip(panels, sweeps().items(), strict=True):
            seeds = np.array(found[name])
            mean = seeds.mean(1)
            spread = [mean - seeds.min(1), seeds.max(1) - mean]
            axes.axhline(digital, color=style.MUTED, lw=1, ls="--")
            axes.errorbar(sweep.at, mean, spread, color=style.BLUE, marker="o", ms=4, capsize=2)
            axes.set(title=name, xlabel=sweep.axis, ylim=(0, 1))
            if name != "converter":
                axes.set_xscale("log")
            axes.set_xticks(sweep.at, sweep.labels)
            axes.minorticks_off()
            axes.grid(axis="y")
        for axes in panels[::3]:
            axes.set_ylabel("accuracy")

    picture.store_figure(FIGURE, picture.draw(7.2, 4.6, paint))


def main() -> None:
    """Run all, print the table and, of a full run, draw the figure."""
    options = parser(__doc__).parse_args()
    per_task, seeds = (1, 1) if options.quick else (5, 2)
    with tempfile.TemporaryDirectory() as name:
        network, tiles = tiled(Path(name))
    test = draw_trials(network.battery, network.tasks, per_task, network.task_dt, stream="test")
    digital = accuracy(network, ideal(tiles), test)
    found, rows = {}, []
    for name, sweep in sweeps().items():
        found[name] = swept(sweep, network, tiles, test, seeds)
        for label, values in zip(sweep.labels, found[name], strict=True):
            note = f"{sweep.axis}; reference: digital; seeds {min(values):.3f} to {max(values):.3f}"
            mean = float(np.mean(values))
            rows.append(Row(f"{name}, {label}", mean, digital, None, None, None, "accuracy", note))
    show(f"device effects, {test.n_trials} trials", rows, options.json)
    if not options.quick:
        draw(found, digital)


if __name__ == "__main__":
    main()

"""Is exporting tiles fast, small and exact? A local sheet of a million neurons; packed rows.

python benchmarks/export.py [--quick] [--json FILE]
"""

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from common.fewest_tiles import fewest_tiles
from common.networks import bundled
from common.rows import Row, parser, show

from spiking_bimt.bundle.networks import BUNDLED
from spiking_bimt.chip.packing import count_natural_tiles
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.start import slots
from spiking_bimt.chip.tiling import cut, occupancy, synapses
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.formats.tiles import write_tiles
from spiking_bimt.simulation.build import random_sheet
from spiking_bimt.stages.verify import verify

PATCH = 16
"""Side of the square of neurons on a core."""


def at_most(what: str, ours: float, target: float, unit: str, note: str) -> Row:
    """A row whose figure must not exceed its target."""
    return Row(what, ours, None, None, target, ours <= target, unit, note)


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result of a call, its CPU and its wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def peak_gib() -> float:
    """Largest resident memory of the process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def patches(side: int) -> tuple[Placement, Chip]:
    """Squares of the sheet on a grid of cores with one 256 x 256 crossbar's columns each."""
    grid = -(-side // PATCH)
    chip = replace(
        load_chip("loihi"), name="patches", width=grid, height=grid, cores_per_tile=1,
        neurons_per_core=PATCH**2, input_axons=None, output_axons=None, synapse_bits=None,
    )  # fmt: skip
    x, y = np.divmod(np.arange(side**2), side)
    core = (x // PATCH * grid + y // PATCH).astype(np.int32)
    return Placement(chip.name, chip.n_cores, core, slots(core)), chip


def export(source: Path, path: Path, side: int) -> int:
    """Read a network, cut it into tiles and write them; the number of synapses."""
    network = store.load(source, SpikingNetwork).quantised()
    placement, chip = patches(side)
    tiles = cut(network, placement, chip)
    write_tiles(path, TileFile(tiles, network, placement, chip), {}, {})
    return len(tiles.codes)


def entropy(values: npt.NDArray[Any]) -> float:
    """Bytes that a value takes at least where each is coded by itself."""
    share = np.bincount(values.astype(np.int64) - int(values.min())) / len(values)
    return float(-(share[share > 0] * np.log2(share[share > 0])).sum() / 8)


def sheet_rows(side: int, per: str, folder: Path) -> list[Row]:
    """Export and verify of a local sheet of side x side neurons with 30 synapses each."""
    name = f"{side**2:,} neurons, one scale a {per}"
    store.save(quantise(random_sheet(side, seed=0), 8, per), folder / "network.h5", {})
    path = folder / "tiles.h5"
    n, cpu, wall = timed(lambda: export(folder / "network.h5", path, side))
    rows = [
        at_most(f"export, {name}", wall, 60, "s", f"wall; {cpu:.1f} s of CPU; {n:,} synapses"),
        at_most(f"peak memory, {name}", peak_gib(), 4, "GiB", "the network included"),
    ]
    with h5py.File(path) as file:
        code, step = (entropy(file["tiles"][name][()]) for name in ("code", "step"))
    note = f"all of the file; entropy of a code {code:.2f}, of a step {step:.2f}"
    rows.append(at_most(f"file, {name}", path.stat().st_size / n, 1.5, "bytes per synapse", note))
    found, cpu, wall = timed(lambda: verify(path, trials=1))
    note = f"wall; {cpu:.1f} s of CPU; every integer and {found['spikes']:,} spikes"
    return [*rows, at_most(f"verify, {name}", wall, 120, "s", note)]


def no_placement_below(network: SpikingNetwork, chip: Chip, most: int) -> int:
    """Tiles that every placement takes at least: exact where two cores' columns hold the network.

    Otherwise a neuron's columns and a source's rows, as if cores shared tiles.
    """
    source, target = synapses(network)
    rows, cols = chip.crossbar_rows, chip.crossbar_cols
    if chip.neurons_per_core <= cols and network.n_neurons <= 2 * cols:
        reaches = np.zeros((network.n_neurons + network.n_inputs, network.n_neurons), bool)
        reaches[source, target] = True
        return fewest_tiles(reaches[reaches.any(1)], (rows, cols), most)
    columns = (-(-np.bincount(target) // rows)).sum() / cols
    return int(np.ceil(max(columns, (-(-np.bincount(source) // cols)).sum() / rows)))


def packing_rows(folder: Path) -> list[Row]:
    """Tiles of the bundled networks against the natural order at the same placement."""
    rows = []
    for name in BUNDLED:
        network = bundled(name, folder / name)
        if network is None:
            rows.append(Row(f"tiles, {name}", None, None, None, 0.2, None, "", "not bundled"))
            continue
        for chip in (load_chip("grid64"), load_chip("loihi")):
            placement = place(network, chip, np.ones(network.n_neurons), effort=0.1)
            tiles = cut(network, placement, chip)
            shape = tiles.rows, tiles.cols
            natural = count_natural_tiles(*synapses(network), network.n_neurons, placement, shape)
            less = 1 - tiles.n_tiles / natural
            what = f"tiles of {shape[0]} x {shape[1]}, {name}"
            filled = occupancy(tiles)
            note = (
                "reference: natural order; ratio: share saved; at least "
                f"{filled['lower_bound']} in any order here, "
                f"{no_placement_below(network, chip, tiles.n_tiles)} at any placement; "
                f"{filled['utilisation']:.0%} of the crosspoints used"
            )
            rows.append(Row(what, tiles.n_tiles, natural, less, 0.2, less >= 0.2, "tiles", note))
    return rows


def main() -> None:
    """Run all and print the table."""
    options = parser(__doc__).parse_args()
    side = 200 if options.quick else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row for per in ("network", "neuron") for row in sheet_rows(side, per, folder)]
        rows += packing_rows(folder)
    show("tile export", rows, options.json)


if __name__ == "__main__":
    main()

"""`export`: network.h5 and placement.h5 to the formats that other tools read."""

from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.battery.drive import trials_of
from spiking_bimt.chip.analog import conductance_pairs
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.limits import check
from spiking_bimt.chip.packing import count_natural_tiles
from spiking_bimt.chip.presets import load_chip, load_device
from spiking_bimt.chip.tiling import cut, occupancy, synapses
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.formats.tiles import TileFile, write_tiles
from spiking_bimt.simulation.golden import make_selftest
from spiking_bimt.stages.formats import FORMATS, require, write_format


def export(
    run: str | Path,
    formats: tuple[str, ...] = ("tiles",),
    *,
    lossy: bool = False,
    device: str | None = None,
    selftest: int = 0,
) -> dict[str, Any]:
    """Write the run's network in each format; returns what was written, and what was lost.

    lossy: whether to write a format that cannot hold all of the network (docs/formats.md). For
    tiles: device, a preset or TOML file, also writes the codes as conductance pairs; selftest, the
    trials a task, also writes trials with the spikes that a chip should give.
    """
    folder = Path(run)
    for option, given in (("device", device is not None), ("selftest", selftest != 0)):
        if given and "tiles" not in formats:
            raise InputError(f"{option} goes into tiles: add tiles to the formats, or leave it out")
    for name in formats:
        if name != "tiles" and name not in FORMATS:
            raise unknown_name("format", name, ("tiles", *FORMATS))
    for name in formats:
        if name == "tiles":
            run_folder.require(folder, "network.h5")
            run_folder.require(folder, "placement.h5")
        else:
            require(name, folder)
    with run_folder.writing(folder):
        return {
            name: _tiles(folder, device, selftest)
            if name == "tiles"
            else write_format(name, folder, lossy=lossy)
            for name in formats
        }


def _tiles(folder: Path, device: str | None, selftest: int) -> dict[str, Any]:
    network = store.load(folder / "network.h5", SpikingNetwork).quantised()
    placement = store.load(folder / "placement.h5", Placement)
    chip = load_chip(placement.chip)
    check(chip, axon_graph(network), placement)
    tiles = cut(network, placement, chip)
    pairs = (
        None if device is None else conductance_pairs(tiles.codes, tiles.bits, load_device(device))
    )
    golden = None
    if selftest:
        golden = make_selftest(network, trials_of(network, selftest, "test")[1])
    path = folder / "tiles.h5"
    write_tiles(
        path,
        TileFile(tiles, network, placement, chip),
        settings={"command": "export", "format": "tiles", "device": device, "selftest": selftest},
        inputs={name: folder / name for name in ("network.h5", "placement.h5")},
        device=pairs,
        selftest=golden,
    )
    natural = count_natural_tiles(
        *synapses(network), network.n_neurons, placement, (tiles.rows, tiles.cols)
    )
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "natural_order_tiles": natural,
        **occupancy(tiles),
    }

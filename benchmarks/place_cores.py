"""What the networks of `compare` cost at 16, 64 and 256 neurons per core, at their best placement.

    python benchmarks/place_cores.py [--quick] [--seeds 3] [--json FILE]

Loihi's energies on the smallest square grid of one core a tile, limits on axons and memory lifted,
crossbars as wide as a core. Rates are those of calibration trials; means over seeds of the placer.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from common.networks import bundled
from common.rows import Row, parser, write_json
from place import smallest
from rich.console import Console
from rich.table import Table

from spiking_bimt.bundle.networks import BUNDLED
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.tiling import cut, occupancy
from spiking_bimt.simulation.driven import drive

COLUMNS = ("network", "neurons per core", "neurons", "cores", "spikes a ms", "packets a ms",
           "multicast hops a ms", "nJ a ms", "tiles")  # fmt: skip


def rows_of(name: str, seeds: range, folder: Path) -> list[list[object]]:
    """A row for each size of core."""
    network = bundled(name, folder)
    if network is None:
        raise RuntimeError(f"no bundled network {name}")
    activity = drive(network, stream="calibrate").recording
    rates, rows = activity.rates_hz, []
    for per_core in (16, 64, 256):
        loihi = replace(load_chip("loihi"), crossbar_rows=per_core, crossbar_cols=per_core)
        chip = smallest(loihi, network.n_neurons, per_core)
        found = []
        for seed in seeds:
            placement = place(network, chip, 1000 * rates, seed=seed)
            score = placement.measured or {}
            tiles = occupancy(cut(network, placement, chip))["tiles"]
            values = (score["packets"], score["multicast_hops"], score["cost"], tiles)
            found.append([float(value) for value in values])  # type: ignore[arg-type]
        packets, hops, picojoules, tiles = np.mean(found, axis=0)
        cores = len(np.unique(placement.core))
        rows.append([name, per_core, network.n_neurons, cores, float(rates.sum()), packets, hops,
                     picojoules / 1000, tiles])  # fmt: skip
    return rows


def json_rows(rows: list[list[object]]) -> Iterator[Row]:
    """A row for each number of the table."""
    for name, per_core, *values in rows:
        for column, value in zip(COLUMNS[2:], values, strict=True):
            what = f"{column}, {name}, {per_core} neurons per core"
            yield Row(what, float(str(value)), None, None, None, None, "", "")


def main() -> None:
    """Run all and print the table."""
    known = parser(__doc__)
    known.add_argument("--seeds", type=int, default=3)
    options = known.parse_args()
    seeds = range(1 if options.quick else options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in BUNDLED
                for row in rows_of(name, seeds, Path(folder) / name)]  # fmt: skip
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
    Console(width=140).print(table)
    write_json(list(json_rows(rows)), options.json)


if __name__ == "__main__":
    main()

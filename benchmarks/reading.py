"""How much longer does a large network take to read because its digest is checked?

    python benchmarks/reading.py [--quick] [--json FILE]

A random sheet of 1e8 synapses (2e6 with --quick) is written once and read in turns with and without
the check. CPU time and wall time are the medians of the turns. 1e8 synapses take
1 GB of disk and 4 GB of memory.
"""

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy.typing as npt
from common.rows import Row, parser, show

from spiking_bimt.data import digest, gate, store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.build import random_sheet

FAN_OUT = 100
MOST = 1.1
"""Times that reading without the check may take."""


def _unhashed(dataset: h5py.Dataset) -> tuple[npt.NDArray[Any], bytes]:
    return gate.read_dataset(dataset), b""


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Reading without hashing, and without comparing a digest."""
    with (
        mock.patch.object(digest, "read_hashed", _unhashed),
        mock.patch.object(store, "_check_digest", return_value=None),
    ):
        yield


def seconds(path: Path) -> tuple[float, float]:
    """CPU and wall seconds of one reading."""
    cpu, wall = time.process_time(), time.perf_counter()
    store.load(path, SpikingNetwork)
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Write the network, read it in turns, print both ratios."""
    options = parser(__doc__)
    options.add_argument("--side", type=int, help="neurons along a side of the sheet")
    options.add_argument("--repeats", type=int, default=5)
    chosen = options.parse_args()
    side = chosen.side or (141 if chosen.quick else 1000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.h5"
        store.save(random_sheet(side, fan_out=FAN_OUT, seed=0), path, {})
        size = path.stat().st_size
        seconds(path)  # the file is in the system's cache from now on
        found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for _ in range(chosen.repeats):
            found[True].append(seconds(path))
            with unchecked():
                found[False].append(seconds(path))
    rows = []
    for at, what in enumerate(("CPU time", "wall time")):
        ours, reference = (statistics.median(x[at] for x in found[k]) for k in (True, False))
        ratio = ours / reference
        rows.append(
            Row(f"reading, {what}", ours, reference, ratio, MOST, ratio <= MOST, "s",
                f"{side**2 * FAN_OUT:,} synapses, {size / 1e6:,.0f} MB, without the check")
        )  # fmt: skip
    show("reading", rows, chosen.json)


if __name__ == "__main__":
    main()

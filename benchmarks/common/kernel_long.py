"""Very many synaptic events, and very many synapses: time, memory, and what goes to disk."""

import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common.rows import Row

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import PoissonSources
from spiking_bimt.simulation.longrun import stream

SIDE = 100
"""Neurons along each side of the sheet."""
FAN_OUT = 30
"""Synapses of a neuron."""
RATE_HZ = 10.0
DT = 0.1
"""Simulation step, ms."""


def resident() -> float:
    """Resident memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def run(mode: str, steps: int, path: Path) -> tuple[float, int, list[float], npt.NDArray[Any]]:
    """CPU seconds, spikes, resident memory in the course of it, and the state at the end."""
    n = SIDE * SIDE
    network = build.random_sheet(SIDE, fan_out=FAN_OUT, dt=DT, tau_syn=5.0, t_ref=2.0)
    drive = [PoissonSources(np.arange(n), RATE_HZ, 2.5)]
    simulation = Simulation(network, mode=mode, inputs=drive, v_start=np.zeros(n))
    sizes: list[float] = []
    start = time.process_time()
    spikes = stream(
        simulation, steps, path, every=10_000, report=lambda done: sizes.append(resident())
    )
    taken = time.process_time() - start
    simulation.settle()
    return taken, spikes, sizes, simulation.parts[0].cells


def rows(events: float) -> list[Row]:
    """Both modes over so many synaptic events."""
    n = SIDE * SIDE
    # A neuron fires for each of its driving spikes, all but exactly.
    steps = round(events / FAN_OUT / (n * RATE_HZ) * 1000 / DT / 10_000 + 0.5) * 10_000
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / mode for mode in ("event", "clock")]
        event, clock = (run(path.name, steps, path) for path in paths)
        same = store.sha256(paths[0]) == store.sha256(paths[1])
        size = paths[0].stat().st_size / 2**20
    bits = np.array_equal(event[3].view(np.int32), clock[3].view(np.int32))
    text = f"{event[1]} spikes, {event[1] * FAN_OUT / 1e9:.2f}e9 synaptic events, {steps} steps; "
    text += f"same file of spikes ({size:.0f} MiB): {same}; same bits of the state: {bits}"
    what = f"long run, {n:,} at {RATE_HZ:g} Hz, dt {DT}, event mode vs clock mode"
    ratio, met = clock[0] / event[0], same and bits and event[1] * FAN_OUT >= events
    found = [Row(what, event[0], clock[0], ratio, None, met, "CPU s", text)]
    for mode, (_, _, sizes, _) in (("event", event), ("clock", clock)):
        half, last = max(sizes[: len(sizes) // 2]), max(sizes[len(sizes) // 2 :])
        text = f"largest of {len(sizes) - len(sizes) // 2} samples of its second half and of the "
        text += f"first; after the first 10,000 steps {sizes[0]:.0f}"
        what = f"long run, resident memory, {mode} mode"
        found.append(Row(what, last, half, half / last, 0.99, half / last >= 0.99, "MiB", text))
    return found


def large_rows(side: int = 1000, fan_out: int = 100) -> list[Row]:
    """10^8 synapses: written, loaded from the disk (from its cache, where it has one) and run."""
    network = build.random_sheet(side, fan_out=fan_out, dt=DT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.h5"
        store.save(network, path, settings={})
        del network
        size = path.stat().st_size / 1e6
        start = time.perf_counter()
        path.read_bytes()
        read = time.perf_counter() - start
        loads = []
        for _ in range(5):
            start = time.perf_counter()
            loaded = store.load(path, SpikingNetwork)
            loads.append(time.perf_counter() - start)
    loading = statistics.median(loads)
    Simulation(loaded, mode="clock").advance(200)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    what = f"{side * side:,} neurons, {len(loaded.indices):,} synapses"
    text = f"{loading:.2f} s, {size:.0f} MB; reference: the file's bytes alone, {size / read:.0f}"
    return [
        Row(f"{what}: loading", size / loading, size / read, read / loading, 500.0,
            size / loading >= 500 or loading <= read, "MB/s", text),
        Row(f"{what}: peak of memory, 20 ms of clock mode included", peak, None, None, 6.0,
            peak <= 6, "GiB", "run by itself, with --only"),
    ]  # fmt: skip

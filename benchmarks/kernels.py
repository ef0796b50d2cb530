"""Speed of single networks: against plain Numba kernels, other simulators, and between modes.

    python benchmarks/kernels.py [--quick] [--json FILE] [--peers NAME=PYTHON ...]

Peers are brian2, brainevent and nest, each with the interpreter that has it, as in
`--peers brian2=venv/bin/python`, or in the environment variable KERNEL_PEERS, separated by spaces.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from kernel_floor import plain
from rows import Row, at_least, show

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import PoissonSources
from spiking_bimt.simulation.rules import response

Array = npt.NDArray[Any]
REPEATS = 5
PEERS = ("brian2", "brainevent", "nest")
NEST_LIMIT = 20_000  # neurons: beyond, NEST takes minutes


@dataclass(frozen=True)
class Workload:
    """A network, in the peers' terms (see `kernel_peers`) and in ours."""

    name: str
    given: dict[str, Any]
    network: SpikingNetwork

    @property
    def steps(self) -> int:
        """Steps of the measured run."""
        ratio: float = self.given["duration"] / self.given["dt"]
        return round(ratio)


def workload(name: str, indptr: Array, indices: Array, weights: Array, **given: Any) -> Workload:
    """Both forms of one workload."""
    tau = np.where(weights < 0, given["tau_inh"] or given["tau_syn"], given["tau_syn"])
    network = build.from_csr(
        indptr, indices, (weights * tau / given["tau_mem"]).astype(np.float32),
        bias=given["bias"] / given["tau_mem"],
        **{k: given[k] for k in ("dt", "tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "t_ref")},
    )  # fmt: skip
    arrays = {"indptr": indptr, "indices": indices, "weights": weights.astype(np.float32)}
    return Workload(name, arrays | given, network)


def cuba(name: str, n: int, fan_out: float, scale: float, duration: float) -> Workload:
    """W1 and W2: the CUBA network, 80% excitatory, random targets (Vogels and Abbott 2005)."""
    rng = np.random.default_rng(1)
    counts = rng.binomial(n, fan_out / n, n) if n <= 4000 else np.full(n, round(fan_out))
    indptr = np.append(0, np.cumsum(counts))
    if n <= 4000:
        rows = [np.sort(rng.choice(n, count, replace=False)) for count in counts]
        indices = np.concatenate(rows).astype(np.int32)
    else:
        indices = np.sort(rng.integers(0, n, (n, round(fan_out)), np.int32), axis=1).ravel()
    weights = np.repeat(np.where(np.arange(n) < 0.8 * n, 1.62, -9.0) * scale, counts)
    return workload(
        name, indptr, indices, weights, bias=np.zeros(n, np.float32),
        v0=rng.uniform(-60, -50, n), tau_mem=20.0, tau_syn=5.0, tau_inh=10.0, v_leak=-49.0,
        v_th=-50.0, v_reset=-60.0, t_ref=5.0, dt=0.1, duration=duration,
    )  # fmt: skip


def sheet(side: int, mu: float, duration: float) -> Workload:
    """W3: a torus of local synapses, 30 each, driven by constant currents."""
    drawn, rng = build.random_sheet(side, seed=3), np.random.default_rng(4)
    n = side * side
    return workload(
        f"W3 {n:,} at {mu}", drawn.indptr, drawn.indices, drawn.weights,
        bias=(mu + 0.2 * rng.standard_normal(n)).astype(np.float32), v0=rng.random(n),
        tau_mem=20.0, tau_syn=100.0, tau_inh=0.0, v_leak=0.0, v_th=1.0, v_reset=0.0, t_ref=2.0,
        dt=1.0, duration=duration,
    )  # fmt: skip


def plain_run(work: Workload, ahead: int) -> tuple[float, int]:
    """CPU seconds and spikes of the floor."""
    w, net, f = work.given, work.network, np.float32
    a, b, c = (np.array(w["dt"] / (w[k] or 1.0)) for k in ("tau_mem", "tau_syn", "tau_inh"))
    one = np.array(1.0)
    q, p = np.zeros(len(w["v0"]), f), np.zeros(len(w["v0"]) if w["tau_inh"] else 0, f)
    constant = ((1 - np.exp(-a)) * (w["v_leak"] + w["bias"])).astype(f)
    scalars = (np.exp(-a), response(a, b, one), response(a, c, one), np.exp(-b), np.exp(-c))
    v, hold = w["v0"].astype(f), round(w["t_ref"] / w["dt"])
    start = time.process_time()
    spikes = plain(
        v, q, p, constant, net.indptr, net.indices, net.weights, *(f(x) for x in scalars),
        f(w["v_th"]), f(w["v_reset"]), hold, work.steps, ahead,
    )  # fmt: skip
    return time.process_time() - start, spikes


def our_run(work: Workload, mode: str = "clock", threads: int = 1) -> tuple[float, int]:
    """CPU seconds (elapsed, with more than one thread) and spikes of ours."""
    simulation = Simulation(
        work.network, mode=mode, threads=threads, v_start=work.given["v0"],
        tau_negative=work.given["tau_inh"] or None,
    )  # fmt: skip
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    activity = simulation.advance(work.steps)
    return clock() - start, len(activity.neurons)


def medians(runs: list[Callable[[], tuple[float, int]]], repeats: int) -> list[tuple[float, int]]:
    """Median seconds and the spikes of each, taken in turn, after one run that is not counted."""
    spikes = [run()[1] for run in runs]
    taken = [[run()[0] for run in runs] for _ in range(repeats)]
    return [
        (statistics.median(column), n)
        for column, n in zip(zip(*taken, strict=True), spikes, strict=True)
    ]


def peer_run(peer: str, python: str, work: Workload, repeats: int) -> tuple[float, int] | str:
    """CPU seconds and spikes of a peer, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workload.npz"
        np.savez(path, **work.given)
        script = Path(__file__).with_name("kernel_peers.py")
        done = subprocess.run(
            [python, str(script), peer, str(path), str(repeats)], capture_output=True, text=True,
            cwd=folder,
        )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        reason: str = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return f"failed: {reason[:80]}"
    result = json.loads(lines[-1])
    return result["seconds"], result["spikes"]


def compared(work: Workload, peers: dict[str, str]) -> list[Row]:
    """Ours against the floor, with and without prefetch, and against every peer."""
    ours, floor, ahead = medians(
        [lambda: our_run(work), lambda: plain_run(work, 0), lambda: plain_run(work, 6)], REPEATS
    )
    bio = work.given["duration"] / 1000
    hz = ours[1] / len(work.given["v0"]) / bio
    note = f"{hz:.2f} Hz; spikes {ours[1]} to {{}}"
    rows = [
        at_least(f"{work.name} vs {what}", ours[0], taken, 1.0, "CPU s", note.format(n))
        for what, (taken, n) in (("ref-numba", floor), ("ref-numba-prefetch", ahead))
    ]
    for peer in PEERS:
        what = f"{work.name} vs {peer}"
        if peer not in peers:
            rows.append(Row(what, ours[0], None, None, 2.5, None, "CPU s", "absent"))
        elif peer == "nest" and len(work.given["v0"]) > NEST_LIMIT:
            rows.append(Row(what, ours[0], None, None, 2.5, None, "CPU s", "not run: minutes"))
        else:
            found = peer_run(peer, peers[peer], work, REPEATS)
            if isinstance(found, str):
                rows.append(Row(what, ours[0], None, None, 2.5, None, "CPU s", found))
            else:
                rows.append(at_least(what, ours[0], found[0], 2.5, "CPU s", note.format(found[1])))
    return rows


def modes(side: int, hz: float, duration: float, target: float) -> list[Row]:
    """Event mode against clock mode on a sheet whose neurons are made to spike at a rate."""
    n = side * side
    network = build.random_sheet(side, dt=0.1, tau_syn=5.0, t_ref=2.0)
    drive = [PoissonSources(np.arange(n), hz, 2.5)]
    taken: dict[str, list[float]] = {"event": [], "clock": []}
    spikes: dict[str, Array] = {}
    runs = {
        mode: Simulation(network, mode=mode, inputs=drive, v_start=np.zeros(n)) for mode in taken
    }
    for run in runs.values():
        run.advance(2000)  # so that decays have their usual length to catch up
    for _ in range(REPEATS):
        for mode, run in runs.items():
            start = time.process_time()
            spikes[mode] = run.advance(round(duration / 0.1)).neurons
            taken[mode].append(time.process_time() - start)
    event, clock = (statistics.median(taken[mode]) for mode in ("event", "clock"))
    same = np.array_equal(spikes["event"], spikes["clock"])
    each = 1e9 * event / max(30 * len(spikes["event"]), 1)
    note = f"same spikes: {same}; {each:.0f} ns per synaptic event"
    return [at_least(f"event mode, {n:,} at {hz} Hz, dt 0.1", event, clock, target, "CPU s", note)]


def two_threads(work: Workload) -> list[Row]:
    """One network over two threads, elapsed time."""
    one, two = medians([lambda: wall(work, 1), lambda: our_run(work, threads=2)], REPEATS)
    note = f"elapsed; same spikes: {one[1] == two[1]}"
    return [at_least(f"{work.name}, two threads vs one", two[0], one[0], 1.7, "s", note)]


def wall(work: Workload, threads: int) -> tuple[float, int]:
    """`our_run` by elapsed time."""
    start = time.perf_counter()
    cpu, spikes = our_run(work, threads=threads)
    del cpu
    return time.perf_counter() - start, spikes


def overhead() -> list[Row]:
    """Cost of a step of a network of 100 silent neurons."""
    network = build.from_csr(np.zeros(101), [], [])
    simulation = Simulation(network, mode="clock")
    simulation.advance(20_000)
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        simulation.advance(100_000)
        taken.append((time.process_time() - start) / 0.1)
    cost = statistics.median(taken)
    return [at_least("a step of 100 neurons", cost, 0.5, 1.0, "us", "reference is the limit")]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under five minutes")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--peers", nargs="*", default=os.environ.get("KERNEL_PEERS", "").split())
    options = parser.parse_args()
    peers = dict(entry.split("=", 1) for entry in options.peers)
    rows: list[Row] = []
    for part in measurements(options.quick, peers):
        rows += part
        for row in part:
            print(json.dumps(asdict(row)), file=sys.stderr, flush=True)
    show("Single networks", rows, options.json)


def measurements(quick: bool, peers: dict[str, str]) -> Iterator[list[Row]]:
    """All rows, as they are measured."""
    rates = (0.64, 0.85, 2.2)
    yield overhead()
    yield modes(500, 0.1, 100.0, 10.0)
    yield compared(cuba("W1", 4000, 80, 1.0, 1000.0), peers)
    for side in (20, 100):
        for mu in (0.85,) if quick else rates:
            yield compared(sheet(side, mu, 10_000.0), peers)
    if quick:
        return
    for hz in (0.01, 0.1, 1.0):
        yield modes(1000, hz, 100.0, 10.0 if hz <= 0.1 else 1.0)
    yield modes(500, 1.0, 100.0, 3.0)
    large = cuba("W2", 100_000, 100, 0.8, 1000.0)
    yield compared(large, peers)
    yield two_threads(large)
    for mu in rates:
        yield compared(sheet(500, mu, 2000.0), peers)
    yield two_threads(sheet(500, 0.85, 2000.0))


if __name__ == "__main__":
    main()

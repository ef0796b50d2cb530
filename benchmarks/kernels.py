"""Speed of single networks: against plain Numba kernels, other simulators, and between modes.

    python benchmarks/kernels.py [--quick] [--only TEXT] [--keep FILE] [--json FILE]
                                 [--peers NAME=PYTHON ...] [--figure FILE.svg] [--against DIR]

Peers are brian2, brainevent, nest and snntorch, each with the interpreter that has it, as in
`--peers brian2=venv/bin/python`, or in the environment variable KERNEL_PEERS, separated by spaces.
--keep stores each measurement in FILE as it comes and does not make it again while it is there.
--only makes those whose names contain TEXT: `--only threads`, under five minutes, and `--only
first` need idle cores. --quick makes one of each kind. --figure draws the measured cost of event
mode against the rate. --against makes nothing but turns with another checkout of this repository.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import kernel_against, kernel_agreement, kernel_figure, kernel_first, kernel_long
from common.kernel_turns import Peer, PeerError, Run, in_turns
from common.kernel_workloads import Workload, cuba, our_run, plain_run, sheet, simulation_of
from common.rows import Row, at_least, parser, show

from spiking_bimt.data import atomic
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import PoissonSources
from spiking_bimt.simulation.modes import MODES
from spiking_bimt.simulation.run import simulate_trials

Array = npt.NDArray[Any]
Measurement = Callable[[], list[Row]]
REPEATS = 5
PEERS = ("brian2", "brainevent", "nest", "snntorch")
NO_GENN = "absent: PyPI has no pygenn, neither wheels nor source"
NEST_LIMIT = 20_000  # neurons: beyond, NEST takes minutes
QUICK = ("overhead", "W1 ", "W3 400 at 0.85 floor", "modes 500 1.0", "modes W3", "threads trials")
"""Beginnings of the names of the measurements that --quick makes."""
RATES = (0.64, 0.85, 2.2)  # mean drives of W3, for about 1, 10 and 50 Hz

WORKLOADS: Mapping[str, Callable[[], Workload]] = {
    "W1": partial(cuba, "W1", 4000, 80, 1.0, 1000.0),
    "W2": partial(cuba, "W2", 100_000, 100, 0.8, 500.0),
} | {
    f"W3 {side * side:,} at {mu}": partial(sheet, side, mu, 1000.0 if side == 500 else 10_000.0)
    for side in (20, 100, 500)
    for mu in RATES
}


@lru_cache(maxsize=1)
def workload(name: str) -> Workload:
    """One of WORKLOADS; the last one is kept, because its peers come one after the other."""
    return WORKLOADS[name]()


def note(work: Workload, ours: int, theirs: int) -> str:
    """Rate and spikes of a comparison."""
    hz = 1000 * ours / len(work.given["v0"]) / work.given["duration"]
    return f"{hz:.2f} Hz; spikes {ours} to {theirs}"


def against_floor(name: str) -> list[Row]:
    """Ours against the plain kernel, with and without prefetch."""
    work = workload(name)
    runs = [lambda: our_run(work), lambda: plain_run(work, 0), lambda: plain_run(work, 6)]
    ours, floor, ahead = in_turns(runs, REPEATS)
    return [
        at_least(f"{name} vs {what}", ours[0], taken, 1.0, "CPU s", note(work, ours[1], n))
        for what, (taken, n) in (("ref-numba", floor), ("ref-numba-prefetch", ahead))
    ]


def against_peer(name: str, peer: str, python: str | None) -> list[Row]:
    """Ours against a peer, in turns."""
    work, what = workload(name), f"{name} vs {peer}"
    if python is None or (peer == "nest" and len(work.given["v0"]) > NEST_LIMIT):
        reason = "absent" if python is None else "not run: minutes"
        return [Row(what, None, None, None, 2.5, None, "CPU s", reason)]
    try:
        with Peer(peer, python, work) as other:
            ours, theirs = in_turns([lambda: our_run(work), other.run], REPEATS)
    except PeerError as error:
        return [Row(what, None, None, None, 2.5, None, "CPU s", str(error))]
    return [at_least(what, ours[0], theirs[0], 2.5, "CPU s", note(work, ours[1], theirs[1]))]


def against_checkout(name: str, other: Path) -> list[Row]:
    """Ours against another checkout's."""
    return kernel_against.rows(workload(name), other)


def without_genn(name: str) -> list[Row]:
    """Names GeNN as absent."""
    return [Row(f"{name} vs genn", None, None, None, 2.5, None, "CPU s", NO_GENN)]


def forced_modes(side: int, hz: float, target: float) -> list[Row]:
    """Event mode against clock mode on a sheet whose neurons are made to spike at a rate."""
    n = side * side
    network = build.random_sheet(side, dt=0.1, tau_syn=5.0, t_ref=2.0)
    drive = [PoissonSources(np.arange(n), hz, 2.5)]
    start = partial(Simulation, network, inputs=drive, v_start=np.zeros(n))
    return modes(f"{n:,} at {hz} Hz", start, target)


def biased_modes() -> list[Row]:
    """The same on W3 itself, whose constant currents hold 6% of neurons above threshold."""
    work = sheet(500, 0.64, 100.0, dt=0.1)
    return modes("W3 250,000 at 0.64", partial(simulation_of, work), 3.0)


def modes(what: str, start: Callable[..., Simulation], target: float) -> list[Row]:
    """Event mode against clock mode from the same start."""
    spikes: list[Array] = [np.empty(0, np.int32)] * 2
    simulations = [start(mode=mode) for mode in ("event", "clock")]
    for simulation in simulations:
        simulation.advance(1000)  # so that decays have their usual length to catch up

    def run(i: int) -> tuple[float, int]:
        start = time.process_time()
        spikes[i] = simulations[i].advance(1000).neurons
        return time.process_time() - start, len(spikes[i])

    (event, count), (clock, _) = in_turns([partial(run, 0), partial(run, 1)], REPEATS)
    same, each = np.array_equal(spikes[0], spikes[1]), 1e9 * event / max(30 * count, 1)
    text = f"100 ms; same spikes: {same}; {each:.0f} ns per synaptic event"
    return [at_least(f"event mode, {what}, dt 0.1", event, clock, target, "CPU s", text)]


def two_threads(
    what: str, run: Callable[[int], tuple[float, int]], pair: Run | None = None
) -> list[Row]:
    """`run` of a number of threads, elapsed: two against one, and `pair`, half of two at once."""
    runs = [lambda: run(1), lambda: run(2)] + ([] if pair is None else [pair])
    one, two, *apart = in_turns(runs, 2 * REPEATS - 1)  # two threads feel more of what else runs
    load = f"load average {os.getloadavg()[0]:.1f} with this"
    text = f"elapsed; same number of spikes: {one[1] == two[1]}; {load}"
    rows = [at_least(f"{what}, two threads vs one", two[0], one[0], 1.7, "s", text)]
    for taken, _ in apart:
        note = "elapsed; what the machine gives to threads that share nothing"
        name = f"{what}, two separate runs at once vs one"
        rows.append(Row(name, taken, one[0], one[0] / taken, None, None, "s", note))
    return rows


def network_threads(name: str) -> list[Row]:
    """One network over two threads, and two networks over a thread each."""
    work = workload(name)

    def pair() -> tuple[float, int]:
        simulations = [simulation_of(work, mode="clock") for _ in range(2)]
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            counts = list(pool.map(lambda s: len(s.advance(work.steps).neurons), simulations))
        return (time.perf_counter() - start) / 2, counts[0]

    return two_threads(name, lambda n: our_run(work, time.perf_counter, threads=n), pair)


def trial_threads() -> list[Row]:
    """A batch of 64 trials of 400 neurons over two threads."""
    drawn = build.random_sheet(20, seed=3)
    network = build.from_csr(
        drawn.indptr, drawn.indices, drawn.weights, bias=0.045, dt=1.0, tau_mem=20.0, tau_syn=100.0
    )
    steps = round(2000 / network.task_dt)
    empty = np.zeros((64 * steps, network.n_inputs), np.float32)
    none = np.zeros(64, np.int32)
    trials = Trials(
        empty, np.zeros(64 * steps, np.int32), np.arange(0, 64 * steps + 1, steps), none, none,
        ("none",), network.task_dt,
    )  # fmt: skip

    def run(threads: int) -> tuple[float, int]:
        start = time.perf_counter()
        recording = simulate_trials(network, trials, threads=threads)
        return time.perf_counter() - start, int(recording.spike_counts.sum())

    return two_threads("64 trials of 400 neurons, 2 s each", run)


def overhead() -> list[Row]:
    """Cost of a step of a network of 100 silent neurons."""
    simulation = Simulation(build.from_csr(np.zeros(101), [], []), mode="clock")

    def run() -> tuple[float, int]:
        start = time.process_time()
        simulation.advance(100_000)
        return time.process_time() - start, 0

    cost = in_turns([run], REPEATS)[0][0] / 0.1
    return [at_least("a step of 100 neurons", cost, 0.5, 1.0, "us", "reference is the limit")]


def measurements(
    peers: dict[str, str], other: Path | None = None
) -> Iterator[tuple[str, Measurement]]:
    """All measurements by name; those against another checkout alone, where one is given."""
    if other is not None:
        for name in WORKLOADS:
            yield f"{name} against", partial(against_checkout, name, other)
        return
    yield "overhead", overhead
    for mode in MODES:
        yield f"first {mode}", partial(kernel_first.rows, mode)
    for name in WORKLOADS:
        yield f"{name} floor", partial(against_floor, name)
        for peer in PEERS:
            yield f"{name} {peer}", partial(against_peer, name, peer, peers.get(peer))
        yield f"{name} genn", partial(without_genn, name)
    for peer in ("brian2", "nest"):
        if peer in peers:
            yield f"agreement {peer}", partial(kernel_agreement.rows, peer, peers[peer])
    for side, hz, target in ((500, 0.1, 10.0), (500, 1.0, 3.0)):
        yield f"modes {side} {hz}", partial(forced_modes, side, hz, target)
    yield "modes W3", biased_modes
    for hz in kernel_figure.RATES:
        yield f"modes 1000 {hz}", partial(forced_modes, 1000, hz, 10.0 if hz <= 0.1 else 1.0)
    for name in ("W2", "W3 250,000 at 0.85", "W3 250,000 at 2.2"):
        yield f"threads {name}", partial(network_threads, name)
    yield "threads trials", trial_threads
    yield "long run", partial(kernel_long.rows, 1e9)
    yield "large", kernel_long.large_rows


def main() -> None:
    """Measure what is asked for and not stored, and print all that is stored."""
    known = parser(__doc__)
    known.add_argument("--only", default="", help="measurements whose names contain this")
    known.add_argument("--keep", type=Path, metavar="FILE", help="stored measurements, added to")
    known.add_argument("--peers", nargs="*", default=os.environ.get("KERNEL_PEERS", "").split())
    known.add_argument("--against", type=Path, metavar="DIR", help="another checkout")
    known.add_argument("--figure", type=Path, help="SVG of event mode's cost against the rate")
    options = known.parse_args()
    peers = dict(entry.split("=", 1) for entry in options.peers)
    stored: dict[str, list[dict[str, Any]]] = {}
    if options.keep and options.keep.exists():
        stored = json.loads(options.keep.read_text())
    rows: list[Row] = []
    for name, measure in measurements(peers, options.against):
        if name in stored:
            rows += [Row(**row) for row in stored[name]]
        left_out = options.quick and not name.startswith(QUICK)
        if name in stored or left_out or options.only not in name:
            continue
        found = measure()
        rows += found
        print(*(json.dumps(asdict(row)) for row in found), sep="\n", flush=True)
        if options.keep and found[0].ours is not None:
            stored[name] = [asdict(row) for row in found]
            with atomic.replacing(options.keep) as file:
                file.write(json.dumps(stored, indent=1).encode())
    show("Single networks", rows, options.json)
    if options.figure:
        kernel_figure.draw(rows, options.figure)


if __name__ == "__main__":
    main()

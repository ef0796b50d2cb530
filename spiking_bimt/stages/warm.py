"""`warm`: compiles the kernels before they are wanted, for images, clusters and tests.

What is compiled is kept beside the package, or in NUMBA_CACHE_DIR, and serves every later process.
"""

import importlib.util
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.chip.placed import cut_tiles, place_network, timeline, traffic
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.formats.tiles import read_tiles, write_tiles
from spiking_bimt.progress import Compilations, progress
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation, simulate_network
from spiking_bimt.simulation.inputs import HeldCurrents, Input, PoissonSources, SpikeTrains
from spiking_bimt.simulation.run import simulate_trials

_SIDE = 20
"""Neurons along a side of the sheet that is simulated."""
_STEPS = 80
"""Steps of a run: more than an epoch has, of which event mode needs one."""
_TRAINING = """
sheet = [4, 4]
pool = 8
checkpoint_every = 2
validation_trials = 2
[[phases]]
name = "grow"
steps = 2
l1 = 1e-4
distance = 0.3
[[phases]]
name = "chip"
steps = 2
prune = 1e-2
"""


def _simulate(**options: Any) -> None:
    """Run a sheet in the engine, under each kind of stimulus and step by step."""
    network = build.random_sheet(_SIDE, dt=0.1, t_ref=2.0, **options.pop("network", {}))
    inputs: list[Input] = [
        PoissonSources(range(network.n_neurons), 50.0, 1.0),
        SpikeTrains([3.0], [1], 2.0),
        HeldCurrents([2.0], [2], 0.1),
    ]
    simulation = Simulation(network, inputs=inputs, traces=[1], **options)
    simulation.advance(_STEPS)
    simulation.step()
    simulation.settle()


def _event_mode() -> None:
    """Event mode's form that catches states up, which different time constants ask for."""
    tau = np.linspace(10.0, 20.0, _SIDE * _SIDE)
    _simulate(mode="event", network={"tau_mem": tau})


def _trials() -> None:
    """Trials, with spikes and without, of a network with inputs and a readout."""
    network = _with_channels()
    n, steps = 4, 5
    inputs = np.ones((n * steps, network.n_inputs), np.float32)
    zeros, none = np.zeros(n * steps, np.int32), np.zeros(n, np.int32)
    offsets = np.arange(0, n * steps + 1, steps)
    trials = Trials(inputs, zeros, offsets, none, none, ("none",), network.task_dt)
    for record_spikes in (True, False):
        simulate_trials(network, trials, record_spikes=record_spikes, threads=1)


def _with_channels() -> SpikingNetwork:
    drawn = build.random_sheet(_SIDE, dt=1.0, bias=0.1)
    return replace(
        drawn, in_indptr=np.array([0, 2]), in_indices=np.array([0, 1]),
        in_weights=np.ones(2, np.float32),
        w_out=np.ones((2, drawn.n_neurons), np.float32), b_out=np.zeros(2, np.float32),
    )  # fmt: skip


def _place() -> None:
    """A placement, its traffic, and its tiles written and read."""
    network = quantise(build.random_sheet(_SIDE, weights=(0.1, -0.2)), bits=8).quantised()
    run = simulate_network(network, 20.0, mode="clock")
    placed = place_network(network, "loihi16", run.rates_hz, effort=0.1)
    traffic(placed, run)
    timeline(placed, run)
    with tempfile.TemporaryDirectory() as folder:
        write_tiles(Path(folder) / "tiles.h5", cut_tiles(placed))
        read_tiles(Path(folder) / "tiles.h5")


def _train() -> None:
    """A training of a few steps, and its conversion."""
    from spiking_bimt.stages.convert import convert
    from spiking_bimt.stages.train import train

    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    inputs = rng.random((24, 8, 2)) + labels[:, None, None]
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "tiny.toml"
        config.write_text(_TRAINING)
        data = {"inputs": inputs, "labels": labels}
        train(Path(name) / "run", data=data, dt=20.0, config=config, announce=lambda _: None)
        convert(Path(name) / "run", threads=1)


KERNELS: dict[str, Callable[[], None]] = {
    "clock mode": lambda: _simulate(mode="clock"),
    "event mode, caught up": _event_mode,
    "event mode, swept": lambda: _simulate(mode="event"),
    "trials": _trials,
    "placement": _place,
    "training": _train,
}
"""What is compiled, each by running it on something small."""


def _compile(name: str) -> tuple[int, str]:
    """Run an entry of KERNELS: kernels compiled, and why it was left out."""
    if name == "training" and importlib.util.find_spec("torch") is None:
        return 0, "needs the extra `train`"
    with Compilations() as compiled:
        KERNELS[name]()
    return compiled.count, ""


@checked
def warm(*, threads: int | None = None) -> dict[str, Any]:
    """Compile the kernels that commands and functions use, and keep them for later processes.

    threads: processes that compile side by side, by default the cores at hand. Returns kernels
    compiled by what they are for, the seconds taken, and the folder that keeps them.
    Raises InputError for less than one thread.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}: at least 1 is needed")
    begun, found = time.perf_counter(), {}
    context = multiprocessing.get_context("spawn")
    workers = min(threads or len(os.sched_getaffinity(0)), len(KERNELS))
    with (
        ProcessPoolExecutor(workers, mp_context=context) as pool,
        progress("warm", len(KERNELS)) as advance,
    ):
        for name, result in zip(KERNELS, pool.map(_compile, KERNELS), strict=True):
            found[name] = result
            advance(len(found), name)
    return {
        "compiled": {name: count for name, (count, _) in found.items()},
        "left_out": {name: why for name, (_, why) in found.items() if why},
        "seconds": time.perf_counter() - begun,
        "kept_in": os.environ.get("NUMBA_CACHE_DIR", "__pycache__ beside the kernels"),
    }

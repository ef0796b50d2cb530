"""`simulate`: task trials through network.h5, spikes to spikes.h5."""

import time
from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.drive import trials_of
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.sonata import write_spikes
from spiking_bimt.simulation.run import run_trials


def simulate(
    run: str | Path,
    *,
    trials: int = 10,
    weights: str = "auto",
    seed: int = 0,
    threads: int | None = None,
) -> dict[str, Any]:
    """Run test trials through the spiking network and write spikes.h5; returns what it did.

    A network without tasks is driven by random currents (`simulation.probe`) and has no accuracy.
    trials: trials a task. weights: "codes" (integer weights, as the chip has them), "float", or
    "auto": codes where the network has them. seed: initial membrane potentials.
    """
    folder = Path(run)
    source = run_folder.require(folder, "network.h5")
    with run_folder.writing(folder):
        network = with_weights(store.load(source, SpikingNetwork), weights)
        driven, test = trials_of(network, trials, "test")
        # One small run first: compiling the kernel belongs to no measured figure.
        run_trials(*trials_of(network, 1, "calibrate"), threads=threads)
        start = time.perf_counter()
        recording = run_trials(driven, test, seed=seed, threads=threads)
        elapsed = time.perf_counter() - start
        write_spikes(
            folder / "spikes.h5",
            recording,
            test,
            settings={"command": "simulate", "trials": trials, "weights": weights, "seed": seed},
            inputs={"network.h5": source},
        )
    result = score(recording.outputs, test) if network.tasks else None
    spikes = int(recording.spike_counts.sum())
    out_degree = network.indptr[1:] - network.indptr[:-1]
    events = int(recording.spike_counts.sum(0) @ out_degree)
    seconds = len(test.labels) * test.dt / 1000
    return {
        "trials": test.n_trials,
        "accuracy": result and result.accuracy,
        "interval": result and list(result.interval),
        "per_task": dict(zip(test.tasks, result.per_task().tolist(), strict=True))
        if result
        else {},
        "simulated_seconds": seconds,
        "spikes": spikes,
        "mean_rate_hz": spikes / seconds / network.n_neurons,
        "synaptic_events": events,
        "wall_seconds": elapsed,
        "events_per_second": events / elapsed,
    }


def with_weights(network: SpikingNetwork, weights: str) -> SpikingNetwork:
    """The network with the weights asked for: "float", "codes", or "auto"."""
    if weights not in ("auto", "float", "codes"):
        raise InputError(f"weights is {weights!r}; known: auto, float, codes")
    wants_codes = weights == "codes" or (weights == "auto" and network.codes is not None)
    return network.quantised() if wants_codes else network

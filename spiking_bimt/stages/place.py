"""`place`: network.h5 to placement.h5."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spiking_bimt.chip.place import ROUNDS
from spiking_bimt.chip.place import place as place_network
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.run import run_trials
from spiking_bimt.stages import run as runs
from spiking_bimt.stages.progress import progress
from spiking_bimt.stages.simulate import with_weights
from spiking_bimt.stages.trials import trials_of

ACTIVITY_TRIALS = 10


def place(
    run: str | Path, *, chip: str = "grid16", seed: int = 0, threads: int | None = None
) -> dict[str, Any]:
    """Put the run's network on a chip's cores and write placement.h5; returns what it costs.

    chip: a preset's name or a TOML file. The placement is improved for the spike rates of
    calibration trials; the traffic reported is that of test trials. InputError where the network
    does not fit, with the limit, the core and the excess.
    """
    folder = Path(run)
    source = runs.require(folder, "network.h5")
    preset = load_chip(chip)
    with runs.writing(folder):
        network = with_weights(store.load(source, SpikingNetwork), "auto")
        counts, steps, _ = spikes(network, "calibrate", threads)
        with progress("place", ROUNDS) as advance:
            placement = place_network(
                network, preset, counts / (steps * network.dt), seed=seed, progress=advance
            )
        measured = {
            **(placement.measured or {}),
            **measure(network, placement, preset, threads),
        }
        store.save(
            replace(placement, measured=measured),
            folder / "placement.h5",
            settings={"command": "place", "chip": chip, "seed": seed},
            inputs={"network.h5": source},
        )
    return measured


def spikes(network: SpikingNetwork, stream: str, threads: int | None) -> tuple[Any, int, int]:
    """Spikes of each neuron over trials of every task, simulated steps, and trials."""
    driven, trials = trials_of(network, ACTIVITY_TRIALS, stream)
    recording = run_trials(driven, trials, threads=threads, record_spikes=False)
    steps = len(trials.labels) * driven.steps_per_task_step
    return recording.spike_counts.sum(0), steps, trials.n_trials


def measure(
    network: SpikingNetwork, placement: Placement, chip: Chip, threads: int | None
) -> dict[str, Any]:
    """Packets, hops and energy of test trials on a placement, as JSON values."""
    counts, steps, trials = spikes(network, "test", threads)
    flow = traffic(network, placement, chip, counts, steps)
    hops = flow.multicast_hops if chip.routing == "multicast" else flow.unicast_hops
    energy = flow.energy_pj
    return {
        "chip": chip.name,
        "routing": chip.routing,
        "packets_per_spike": flow.packets / max(flow.spikes, 1),
        "hops_per_spike": hops / max(flow.spikes, 1),
        "packets_per_trial": flow.packets / trials,
        "hops_per_trial": hops / trials,
        "busiest_link_packets": int(flow.link_load.max(initial=0)),
        "energy_nj_per_trial": None
        if energy is None
        else {event: value / trials / 1000 for event, value in energy.items()},
    }

"""`place`: network.h5 to placement.h5."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt import run_folder
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.drive import trials_of
from spiking_bimt.chip.energy import nj_per_trial
from spiking_bimt.chip.place import kept
from spiking_bimt.chip.place import place as place_network
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.refine import ROUNDS
from spiking_bimt.chip.timeline import timeline
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.progress import progress
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.stages.simulate import with_weights

ACTIVITY_TRIALS = 10
_DIRECTIONS = ("east", "west", "north", "south")


@checked
def place(
    run: str | Path,
    *,
    chip: str | Path | Chip = "grid16",
    seed: int = 0,
    time_limit: float | None = None,
    starts: Sequence[str] | None = None,
    keep: bool = False,
    threads: int | None = None,
) -> dict[str, Any]:
    """Put the run's network on a chip's cores and write placement.h5; returns what it costs.

    chip: a preset's name, a TOML file or a record. time_limit: seconds after which the best
    placement so far is kept. starts: those of the placer's to try (`chip.begin.STARTS`). keep:
    leave the neurons on the cores that the network was made for, which have their scales and time
    constants. The placement is improved for the spike rates of calibration trials; the traffic
    reported is that of test trials.
    InputError where the network does not fit, with the limit, the core and the excess.
    """
    folder = Path(run)
    source = run_folder.require(folder, "network.h5")
    preset = load_chip(chip)
    if keep and (starts is not None or time_limit is not None):
        raise InputError("kept cores are not searched for: leave starts and the time out")
    with run_folder.writing(folder, "placement.h5"):
        network = with_weights(store.load(source, SpikingNetwork), "auto")
        counts, steps, _ = spikes(network, "calibrate", threads)
        rates_hz = 1000 * counts / (steps * network.dt)
        with progress("place", ROUNDS) as advance:
            placement = kept(network, preset, rates_hz) if keep else place_network(
                network, preset, rates_hz, seed=seed, time_limit=time_limit, starts=starts,
                progress=advance,
            )  # fmt: skip
        measured = {
            **(placement.measured or {}),
            **measure(network, placement, preset, threads),
            "trained_for": network.chip or None,
        }
        store.save(
            replace(placement, profile=dataclasses.asdict(preset), measured=measured),
            folder / "placement.h5",
            settings={
                "command": "place",
                "chip": preset.name,
                "seed": seed,
                "time_limit": time_limit,
                "starts": None if starts is None else list(starts),
                "keep": keep,
            },
            inputs={"network.h5": source},
        )
    return measured


def spikes(network: SpikingNetwork, stream: str, threads: int | None) -> tuple[Any, int, int]:
    """Spikes of each neuron over trials of every task, simulated steps, and trials."""
    driven, trials = trials_of(network, ACTIVITY_TRIALS, stream)
    recording = simulate_trials(driven, trials, threads=threads, record_spikes=False)
    steps = len(trials.labels) * driven.steps_per_task_step
    return recording.spike_counts.sum(0), steps, trials.n_trials


def measure(
    network: SpikingNetwork, placement: Placement, chip: Chip, threads: int | None
) -> dict[str, Any]:
    """Packets, hops and energy of test trials on a placement, as JSON values."""
    driven, trials = trials_of(network, ACTIVITY_TRIALS, "test")
    recording = simulate_trials(driven, trials, threads=threads)
    steps = len(trials.labels) * driven.steps_per_task_step
    counts = recording.spike_counts.sum(0)
    flow = traffic(network, placement, chip, counts, steps)
    energy, n = flow.energy_pj, trials.n_trials
    return {
        "chip": chip.name,
        "routing": chip.routing,
        "mean_rate_hz": 1000 * flow.spikes / (steps * network.dt) / network.n_neurons,
        "packets_per_spike": flow.packets / max(flow.spikes, 1),
        "hops_per_spike": flow.hops / max(flow.spikes, 1),
        "packets_per_trial": flow.packets / n,
        "hops_per_trial": flow.hops / n,
        "busiest_link_packets": int(flow.link_load.max(initial=0)),
        "energy_nj_per_trial": None if energy is None else nj_per_trial(energy, n),
        **_over_time(
            network, placement, chip, trials.lengths * driven.steps_per_task_step, trials, recording
        ),
    }


def _over_time(
    network: SpikingNetwork, placement: Placement, chip: Chip, lengths: npt.NDArray[np.int64],
    trials: Trials, recording: Recording,
) -> dict[str, Any]:  # fmt: skip
    """The busiest step, and the energy of each task and of a correct answer, as JSON values.

    lengths: simulated steps of each trial.
    """
    began = np.concatenate([[0], np.cumsum(lengths)])
    trial_of = np.repeat(np.arange(trials.n_trials), np.diff(recording.offsets))
    steps = began[trial_of] + recording.steps
    course = timeline(network, placement, chip, steps, recording.neurons, int(began[-1]))
    at = int(course.busiest_load.argmax())
    trial = int(np.searchsorted(began, at, side="right")) - 1
    tile, direction = np.divmod(int(course.busiest_link[at]), 4)
    found: dict[str, Any] = {
        "packets_per_step": {
            "mean": float(course.packets.mean()), "max": int(course.packets.max())},
        "busiest_step": None if course.busiest_link[at] < 0 else {
            "trial": trial, "ms": float((at - began[trial]) * network.dt),
            "packets_on_a_link": int(course.busiest_load[at]),
            "link": f"{_DIRECTIONS[direction]} of tile "
                    f"({tile // chip.height}, {tile % chip.height})",
        },
    }  # fmt: skip
    if course.time_ns is not None:
        found["step_time_ns"] = {
            "mean": float(course.time_ns.mean()), "max": float(course.time_ns.max())}  # fmt: skip
    if course.energy_pj is not None:
        per_trial = np.add.reduceat(course.energy_pj, began[:-1]) / 1000
        found["energy_nj_per_task"] = {
            name: float(per_trial[trials.task == k].mean()) for k, name in enumerate(trials.tasks)
        }
        correct = int(score(recording.outputs, trials).correct.sum()) if network.tasks else 0
        found["energy_nj_per_correct"] = float(per_trial.sum() / correct) if correct else None
    return found

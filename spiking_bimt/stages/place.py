"""`place`: network.h5 to placement.h5."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt import run_folder
from spiking_bimt.battery.accuracy import score
from spiking_bimt.chip.computes import refuse
from spiking_bimt.chip.energy import event_energies, nj_each
from spiking_bimt.chip.place import kept
from spiking_bimt.chip.place import place as place_network
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.refine import ROUNDS
from spiking_bimt.chip.rest import find_rest
from spiking_bimt.chip.timeline import timeline
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip, Placement, Traffic
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.stimuli import read_rates, stimulus
from spiking_bimt.progress import progress
from spiking_bimt.simulation.driven import Driven, Stimulus, drive, rate_summary
from spiking_bimt.stages.simulate import with_weights

LONG_S = 1e6
"""Seconds that rates alone are counted over: a spike in each is a rate of 1e-6 Hz."""
Floats = npt.NDArray[np.float64]

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
    traffic_only: bool = False,
    threads: int | None = None,
    spikes: str | Path | None = None,
    currents: str | Path | None = None,
    poisson_hz: float | None = None,
    weight: float | None = None,
    ms: float | None = None,
    neuron_rates: str | Path | None = None,
) -> dict[str, Any]:
    """Put the run's network on a chip's cores and write placement.h5; returns what it costs.

    chip: a preset's name, a TOML file or a record. time_limit: seconds after which the best
    placement so far is kept. starts: those of the placer's to try (`chip.begin.STARTS`). keep:
    leave the neurons on the cores that the network was made for, which have their scales and time
    constants. traffic_only: go on where the chip cannot compute the network, and mark the result as
    the traffic of one that it cannot run. The placement is improved for the spike rates of
    calibration trials; the traffic reported is that of test trials. In their place: a stimulus, as
    for `simulate`, whose potentials and random input differ between the two; or neuron_rates, a
    file of each neuron's mean rate (docs/how-to/stimuli.md).
    InputError where the chip cannot compute the network, with all reasons, or where it does not
    fit, with the limit, the core and the excess.
    """
    folder = Path(run)
    source = run_folder.require(folder, "network.h5")
    preset = load_chip(chip)
    if keep and (starts is not None or time_limit is not None):
        raise InputError("kept cores are not searched for: leave starts and the time out")
    given = stimulus(spikes, currents, poisson_hz, weight, ms)
    if neuron_rates is not None and (given is not None or ms is not None):
        raise InputError("neuron_rates and a stimulus both say how neurons fire: give one")
    with run_folder.writing(folder, "placement.h5"):
        network = with_weights(store.load(source, SpikingNetwork), "auto")
        if not traffic_only:
            refuse(network, preset)
        known = None if neuron_rates is None else read_rates(neuron_rates, network.n_neurons)
        how = Drive(given, ms, threads)
        rates_hz = how.calibrated(network).recording.rates_hz if known is None else known
        with progress("place", ROUNDS) as advance:
            placement = kept(network, preset, rates_hz) if keep else place_network(
                network, preset, rates_hz, seed=seed, time_limit=time_limit, starts=starts,
                progress=advance,
            )  # fmt: skip
        cannot = refuse(network, preset, placement, allow=traffic_only)
        costs = (
            measure(network, placement, preset, how.tested(network)) if known is None
            else measure_rates(network, placement, preset, known, Path(str(neuron_rates)).name)
        )  # fmt: skip
        measured = {
            **(placement.measured or {}),
            **costs,
            **told_of_chip(preset, cannot),
            "populations": populations_on(network, placement, rates_hz),
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
                "traffic_only": traffic_only,
                "drive": costs["drive"]["text"],
            },
            inputs={"network.h5": source},
        )
    return measured


def told_of_chip(chip: Chip, cannot: Sequence[str]) -> dict[str, Any]:
    """What stands beside costs on a chip, as JSON values.

    cannot: what of the network the chip cannot compute.
    """
    return {
        "declares_neuron": chip.neuron is not None,
        "cannot_compute": list(cannot),
        "caveat": chip.caveat if chip.energy is not None else "",
    }


def populations_on(
    network: SpikingNetwork, placement: Placement, rates_hz: Floats
) -> list[dict[str, Any]]:
    """Each named population with its cores and mean rate, as JSON values."""
    return [
        {
            "name": name,
            "first": first,
            "last": last,
            "cores": len(np.unique(placement.core[first : last + 1])),
            "mean_rate_hz": float(rates_hz[first : last + 1].mean()),
        }
        for name, first, last in network.populations
    ]


class Drive(NamedTuple):
    """How the networks of a command are driven."""

    stimulus: Stimulus | None
    ms: float | None
    threads: int | None

    def calibrated(self, network: SpikingNetwork) -> Driven:
        """The activity that a placement is made for."""
        return drive(network, stream="calibrate", **self._asdict())

    def tested(self, network: SpikingNetwork) -> Driven:
        """The activity that is reported."""
        return drive(network, **self._asdict())


def measure(
    network: SpikingNetwork, placement: Placement, chip: Chip, driven: Driven
) -> dict[str, Any]:
    """Packets, hops and energy of a network's activity on a placement, as JSON values.

    Every cost a second; a trial too, where trials were run.
    """
    recording = driven.recording
    counts = recording.spike_counts.sum(0)
    flow = traffic(network, placement, chip, counts, recording.n_steps)
    return {
        "drive": driven.described(),
        "mean_rate_hz": recording.mean_rate_hz,
        **_costs(flow, chip, driven.units),
        **_over_time(network, placement, chip, driven),
        "rest": _rest(network, placement, chip, driven),
    }


def _rest(
    network: SpikingNetwork, placement: Placement, chip: Chip, driven: Driven
) -> dict[str, Any]:
    """Cores that rest in a trial or run, and the neurons' energy without them, as JSON values."""
    run = driven.network or network  # random currents come through input channels of their own
    found = find_rest(run, placement, driven.recording, driven.levels)
    events = event_energies(chip)
    rest: dict[str, Any] = {}
    for name, resting in (("quiet", found.quiet), ("asleep", found.asleep)):
        energy = (
            None
            if resting is None or events is None
            else {"soma": events["soma"] * found.updates(resting)}
        )
        rest[name] = {
            "share_of_cores": None if resting is None else float(resting.mean()),
            **{
                f"soma_nj_per_{unit}": None if energy is None else nj_each(energy, many)["soma"]
                for unit, many in driven.units.items()
            },
        }
    return rest


def measure_rates(
    network: SpikingNetwork, placement: Placement, chip: Chip, rates_hz: Floats, name: str
) -> dict[str, Any]:
    """What neurons of these mean rates cost a second: there are no spikes to follow."""
    counts = np.rint(rates_hz * LONG_S)
    steps = round(1000 * LONG_S / network.dt)
    flow = traffic(network, placement, chip, counts, steps)
    described = {"kind": "rates", "text": f"the rates of {name}", "seconds": None}
    return {
        "drive": {**described, **rate_summary(rates_hz)},
        "mean_rate_hz": float(rates_hz.mean()),
        **_costs(flow, chip, {"second": LONG_S}),
    }


def _costs(flow: Traffic, chip: Chip, units: dict[str, float]) -> dict[str, Any]:
    spikes, energy = max(flow.spikes, 1), flow.energy_pj
    out = {
        "chip": chip.name,
        "routing": chip.routing,
        "packets_per_spike": flow.packets / spikes,
        "hops_per_spike": flow.hops / spikes,
    }
    busiest = int(flow.link_load.max(initial=0))
    for unit, many in units.items():
        out |= {
            f"packets_per_{unit}": flow.packets / many,
            f"hops_per_{unit}": flow.hops / many,
            f"busiest_link_packets_per_{unit}": busiest / many,
            f"energy_nj_per_{unit}": None if energy is None else nj_each(energy, many),
        }
    return out


def _over_time(
    network: SpikingNetwork, placement: Placement, chip: Chip, driven: Driven
) -> dict[str, Any]:
    """The busiest step, and the energy of each task and of a correct answer, as JSON values."""
    recording, trials = driven.recording, driven.trials
    ends = np.cumsum(recording.lengths)
    course = timeline(
        network, placement, chip, recording.steps_on_end, recording.neurons, int(ends[-1])
    )
    at = int(course.busiest_load.argmax())
    part = int(np.searchsorted(ends, at, side="right"))
    tile, direction = np.divmod(int(course.busiest_link[at]), 4)
    found: dict[str, Any] = {
        "packets_per_step": {
            "mean": float(course.packets.mean()), "max": int(course.packets.max())},
        "busiest_step": None if course.busiest_link[at] < 0 else {
            "trial": None if trials is None else part,
            "ms": float((at - (0 if trials is None else ends[part] - recording.lengths[part]))
                        * network.dt),
            "packets_on_a_link": int(course.busiest_load[at]),
            "link": f"{_DIRECTIONS[direction]} of tile "
                    f"({tile // chip.height}, {tile % chip.height})",
        },
    }  # fmt: skip
    if course.time_ns is not None:
        found["step_time_ns"] = {
            "mean": float(course.time_ns.mean()), "max": float(course.time_ns.max())}  # fmt: skip
    if course.energy_pj is not None and trials is not None:
        per_trial = np.add.reduceat(course.energy_pj, ends - recording.lengths) / 1000
        found["energy_nj_per_task"] = {
            name: float(per_trial[trials.task == k].mean()) for k, name in enumerate(trials.tasks)
        }
        correct = int(score(recording.outputs, trials).correct.sum())
        found["energy_nj_per_correct"] = float(per_trial.sum() / correct) if correct else None
    return found

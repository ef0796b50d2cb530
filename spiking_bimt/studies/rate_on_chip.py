"""What a rate network would cost on a chip, with the spikes that its rates stand for."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.chip.energy import nj_each
from spiking_bimt.chip.graph import axon_graph, packet_destinations
from spiking_bimt.chip.place import place
from spiking_bimt.chip.tiling import cut, occupancy
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.converting.one_to_one import ConversionConfig, to_spiking
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.rate import rate_steps
from spiking_bimt.simulation.run import simulate_trials

BITS = 8
TRIALS = 20
"""Trials per task whose rates are counted."""


def expected_spikes(
    network: RateNetwork, trials: Trials, config: ConversionConfig
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """(N,) spikes of each unit over all trials at its mean rate, and its full scale (N,)."""
    total = np.zeros(network.n_units)
    drives = []
    for _, rates, drive in rate_steps(network, trials):
        total += rates.sum(0)
        drives.append(drive)
    full_scale = np.percentile(np.concatenate(drives), config.percentile, axis=0)
    full_scale = np.maximum(full_scale, 1e-3 * full_scale.max()).astype(np.float32)
    return total / full_scale * config.full_rate * trials.dt / 1000, full_scale


def spikes_of(network: RateNetwork) -> tuple[SpikingNetwork, npt.NDArray[np.float64], int, int]:
    """The 8-bit spiking network, whole spikes of each neuron, simulated steps, trials."""
    config = ConversionConfig()
    trials = draw_trials(network.battery, network.tasks, TRIALS, network.dt, stream="calibrate")
    spikes, full_scale = expected_spikes(network, trials, config)
    spiking = quantise(to_spiking(network, full_scale, config), BITS).quantised()
    steps = round(len(trials.labels) * trials.dt / config.dt)
    return spiking, np.rint(spikes), steps, trials.n_trials


def spiking_error(network: RateNetwork, trials: Trials) -> float:
    """Error of the 8-bit spiking network as it comes from the rate network, not fine-tuned."""
    spiking, *_ = spikes_of(network)
    return 1 - score(simulate_trials(spiking, trials, record_spikes=False).outputs, trials).accuracy


def chip_costs(network: RateNetwork, chip: Chip, seed: int = 0) -> dict[str, Any]:
    """Cores, tiles, packets, hops and energy at the network's best placement, as JSON values."""
    spiking, spikes, steps, n_trials = spikes_of(network)
    rates_hz = 1000 * spikes / (steps * spiking.dt)
    placement = place(spiking, chip, rates_hz, seed=seed)
    flow = traffic(spiking, placement, chip, spikes, steps)
    row = {
        "cores": len(np.unique(placement.core)),
        "tiles": occupancy(cut(spiking, placement, chip))["tiles"],
        "connections": len(spiking.indices),
        "packets_per_spike": remote_packets(spiking, placement, chip, spikes) / spikes.sum(),
        "packets_per_trial": flow.packets / n_trials,
        "hops_per_trial": flow.hops / n_trials,
        "spikes_per_trial": float(spikes.sum()) / n_trials,
        "core": placement.core.tolist(),
    }
    if flow.energy_pj is not None:
        row["energy_nj_per_trial"] = nj_each(flow.energy_pj, n_trials)
    return row


def remote_packets(
    network: SpikingNetwork, placement: Placement, chip: Chip, spikes: npt.NDArray[np.float64]
) -> float:
    """Packets to other cores, one per spike and core, whether or not the chip sends local ones."""
    remote = dataclasses.replace(chip, local_packets=False)
    indptr, _ = packet_destinations(remote, axon_graph(network), placement.core)
    return float(spikes @ np.diff(indptr))

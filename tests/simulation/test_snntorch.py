"""The simulator against snnTorch, spike for spike.

How snnTorch orders a step, and what is done about it here:

* its `Synaptic` integrates the membrane with the current after this step's arrivals, ours with
  the current at the step's start: so the current is a `Leaky` without reset of its own, stepped
  after the membrane;
* `Leaky` resets one step late by default: `reset_delay=False` resets in the spike's own step;
* a membrane that its reset leaves above threshold is reset once more before the next test, ours
  after it: `snntorch_spikes` refuses such a run;
* it has no membrane floor: v is clamped between steps, which is the same, since the floor lies
  below the threshold; no refractory time either, and none is accepted.
"""

import numpy as np
import pytest
import snntorch
import torch

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.run import simulate_trials
from tests.kernels.networks import (
    Array,
    dense,
    drive_of,
    random_network,
    random_trials,
    start_of,
)


def snntorch_spikes(network: SpikingNetwork, trials: Trials, seed: int, trial: int) -> Array:
    """(T, N) spikes of one trial in float64; u = v - v_reset, so that reset takes v_th off."""
    assert network.reset == "subtract"
    assert not network.t_ref.any()
    assert network.delays is None
    dt, n = network.dt, network.n_neurons
    a, unfiltered = dt / network.tau_mem.astype(float), network.tau_syn == 0
    tau_syn = np.where(unfiltered, 1.0, network.tau_syn.astype(float))
    b = np.where(unfiltered, np.inf, dt / tau_syn)
    v_reset, leak = network.v_reset.astype(float), network.v_leak.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        from_input = dt * np.where(a == 0, 1.0, (1 - np.exp(-a)) / a)
        from_syn = np.where(a == b, dt * np.exp(-b), dt * (np.exp(-b) - np.exp(-a)) / (a - b))
    # Without filter `Leaky` alone: what arrives is in the membrane, and decays with it.
    gain = torch.tensor(np.where(unfiltered, np.exp(-a), from_syn))
    threshold = torch.tensor(network.v_th.astype(float) - v_reset)
    membrane = snntorch.Leaky(beta=torch.tensor(np.exp(-a)), threshold=threshold, reset_delay=False)
    synapse = snntorch.Leaky(beta=torch.tensor(np.exp(-b)), reset_mechanism="none")
    per_spike = dense(network.indptr, network.indices, network.weights, n)
    weights = torch.tensor(per_spike / tau_syn)
    drive = from_input * drive_of(network, trials, trial) + (1 - np.exp(-a)) * (leak - v_reset)
    floor = torch.tensor(network.v_min.astype(float) - v_reset)
    u = torch.tensor(start_of(network, seed, trial) - v_reset)
    i, spikes = torch.zeros(n, dtype=torch.float64), []
    for t, now in enumerate(torch.tensor(drive)):
        spike, u = membrane(now + gain * i, u)
        assert (u <= threshold).all(), "snnTorch would reset once more"
        u = torch.maximum(u, floor)
        spikes.append(spike.to(torch.float64))
        arrived = spikes[t - network.delay] @ weights if t >= network.delay else 0 * i
        _, i = synapse(arrived, i)
    return torch.stack(spikes).numpy() > 0


def assert_equals_snntorch(network: SpikingNetwork, trials: Trials, seed: int) -> int:
    """Compare the spikes of every trial; returns their number."""
    recording = simulate_trials(network, trials, seed=seed, dtype=np.float64)
    for k in range(trials.n_trials):
        steps, neurons = np.nonzero(snntorch_spikes(network, trials, seed, k))
        np.testing.assert_array_equal(recording.trial(k)[0], steps)
        np.testing.assert_array_equal(recording.trial(k)[1], neurons)
    return len(recording.neurons)


@pytest.mark.parametrize(
    ("delay", "floor", "unfiltered"),
    [(1, False, False), (1, True, False), (10, True, False), (0, True, True)],
)
def test_spikes_equal_snntorchs(delay: int, floor: bool, unfiltered: bool) -> None:
    network = random_network(
        11, 40, delay=delay, weight=0.1, refractory=False, unfiltered=unfiltered
    )
    # Far-apart time constants: the textbook propagator used here cancels where they are close.
    tau_mem = np.where(np.isinf(network.tau_mem), np.inf, 2.5 * network.tau_syn)
    tau_mem = np.where(network.tau_syn == 0, 20.0, tau_mem)
    changed = {"tau_mem": tau_mem.astype(np.float32)}
    if not floor:
        changed["v_min"] = np.full(40, -np.inf, np.float32)
    network = SpikingNetwork(**vars(network) | changed)
    trials = random_trials(network, 11, (60, 20))
    assert assert_equals_snntorch(network, trials, seed=4) > 500

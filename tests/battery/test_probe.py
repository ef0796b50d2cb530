"""Random currents keep every part of a network without tasks active, and are the same each time."""

import numpy as np
import pytest

from spiking_bimt.battery.probe import CHANNELS, probe_trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.run import simulate_trials
from tests.kernels.networks import random_network


def test_every_neuron_spikes_at_some_tens_of_hertz() -> None:
    rng = np.random.default_rng(0)
    n = 200
    alone = from_csr(
        np.zeros(n + 1, int), [], [], tau_mem=np.where(rng.random(n) < 0.5, np.inf, 20.0),
        v_th=rng.uniform(0.5, 2, n), v_leak=rng.uniform(-0.5, 0.3, n), bias=rng.uniform(0, 0.02, n),
    )  # fmt: skip
    driven, trials = probe_trials(alone, 4)
    counts = simulate_trials(driven, trials).spike_counts.sum(0)
    seconds = len(trials.labels) * trials.dt / 1000
    assert (counts > 0).all()
    assert 5 < counts.mean() / seconds < 60


def test_equal_networks_get_equal_trials_and_keep_their_own_channels() -> None:
    network = random_network(1)
    (one, a), (two, b) = (probe_trials(network, 2, seed=3) for _ in range(2))
    np.testing.assert_array_equal(a.inputs, b.inputs)
    np.testing.assert_array_equal(one.in_weights, two.in_weights)
    assert one.n_inputs == network.n_inputs + CHANNELS
    own = len(network.in_indices)
    np.testing.assert_array_equal(one.in_weights[:own], network.in_weights)
    other = probe_trials(network, 2, seed=4)[1]
    assert (other.inputs != a.inputs).any()


def test_no_trials_are_refused() -> None:
    with pytest.raises(InputError, match="0 trials: ask for at least 1"):
        probe_trials(random_network(1), 0)

"""What drives a network where nothing is given, and how it is told."""

import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import from_coo
from spiking_bimt.simulation.driven import drive, into, poisson
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import PoissonSources, SpikeTrains, ThroughSynapses
from tests.chip.networks import random_network


def cells(bias: float, n: int = 20, dt: float = 0.5) -> SpikingNetwork:
    return from_coo([0], [1], [0.1], n, dt=dt, tau_mem=20.0, bias=bias)


def test_a_network_that_fires_by_itself_is_left_alone() -> None:
    network = cells(0.07)
    found = drive(network)
    assert found.key == "own"
    assert found.trials is None
    alone = simulate_network(network, 1000.0)
    np.testing.assert_array_equal(found.recording.steps, alone.steps)
    other = drive(network, stream="calibrate").recording
    assert not np.array_equal(other.steps, alone.steps)
    told = drive(network, ms=300.0).described()
    assert told["text"] == "its own activity, without input"
    assert told["seconds"] == pytest.approx(0.3)
    assert told["silent"] == 0
    assert told["mean_rate_hz"] > 5


def test_what_only_its_start_makes_fire_is_probed() -> None:
    """Potentials at the start give spikes through a strong synapse, and nothing after them."""
    network = from_coo(np.arange(19), np.arange(1, 20), np.full(19, 3.0), 20, dt=0.5)
    started = simulate_network(network, 1000.0, v_start=np.linspace(0, 1.2, 20))
    assert started.n_spikes > 0
    found = drive(network)
    assert found.key == "probe"
    assert found.seconds == pytest.approx(5.0)
    assert "random currents, 10 times 500 ms" in found.text
    assert drive(network, ms=700.0).seconds == pytest.approx(1.0)


def test_silent_and_very_fast_neurons_are_counted() -> None:
    network = from_coo([], [], [], 3, dt=0.1, tau_mem=np.inf, bias=[0.0, 0.05, 0.9])
    told = drive(network).described()
    assert (told["silent"], told["above_500_hz"], told["neurons"]) == (1, 1, 3)


def test_poisson_input_reaches_channels_where_there_are_any() -> None:
    of = random_network(3, n=12, inputs=5)
    given = poisson(50.0, weight=2.0, ms=200.0)
    assert given.describe(of) == "Poisson input of 50 Hz into each input channel"
    source = given.make(of, 7)
    assert isinstance(source, ThroughSynapses)
    steps, neurons, values = source.events(0, 1000, of.dt)
    own = PoissonSources(np.arange(5), 50.0, 1.0, 7).events(0, 1000, of.dt)
    wanted = [
        (step, int(of.in_indices[k]), 2.0 * of.dt * float(of.in_weights[k]))
        for step, channel, _ in zip(*own, strict=True)
        for k in range(of.in_indptr[channel], of.in_indptr[channel + 1])
    ]
    assert len(wanted) > 20
    np.testing.assert_array_equal(steps, [w[0] for w in wanted])
    np.testing.assert_array_equal(neurons, [w[1] for w in wanted])
    np.testing.assert_allclose(values, [w[2] for w in wanted], rtol=1e-6)
    assert given.describe(cells(0.0)) == "Poisson input of 50 Hz into each neuron"


def test_a_spike_into_a_neuron_is_by_default_its_way_to_threshold() -> None:
    network = from_coo([], [], [], 2, dt=0.5, v_th=[1.0, 3.0], v_reset=[0.0, -1.0])
    source = into(network, False, SpikeTrains([1.0, 1.0], [0, 1]), None)
    assert source.events(0, 10, 0.5)[2].tolist() == [1.0, 4.0]
    assert into(network, False, SpikeTrains([1.0], [1]), 0.5).events(0, 10, 0.5)[2].tolist() == [
        0.5
    ]


def test_a_stimulus_drives_the_network_as_simulate_network_does() -> None:
    network = cells(0.0)
    found = drive(network, poisson(100.0, weight=1.5, ms=400.0), seed=3)
    inputs = [PoissonSources(np.arange(20), 100.0, 1.5, 3)]
    alone = simulate_network(network, 400.0, inputs=inputs, seed=3)
    np.testing.assert_array_equal(found.recording.steps, alone.steps)
    np.testing.assert_array_equal(found.recording.neurons, alone.neurons)
    assert alone.n_spikes > 50


def test_settings_without_effect_are_refused() -> None:
    with pytest.raises(InputError, match="trials are of tasks"):
        drive(cells(0.1), poisson(1.0), trials=3)
    with pytest.raises(InputError, match="no tasks to draw trials of: give its length as `ms`"):
        drive(cells(0.1), trials=3)
    with pytest.raises(InputError, match=r"outside 0\.\.1"):
        ThroughSynapses(SpikeTrains([1.0], [2]), [0, 1, 2], [0, 0], [1.0, 1.0])

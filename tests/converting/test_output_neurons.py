"""Output units: the largest readout is the output neuron that spikes the most."""

from dataclasses import replace

import numpy as np
import pytest

from spiking_bimt.converting.one_to_one import ConversionConfig, to_spiking
from spiking_bimt.converting.output_neurons import add_output_units
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs
from spiking_bimt.simulation.run import simulate_trials
from tests.converting.test_one_to_one import f32, held_inputs, random_rate_network


def test_the_largest_output_spikes_the_most() -> None:
    # Read slowly, so that one shift is for all.
    network, trials = replace(random_rate_network(), tau=20.0), held_inputs(1, steps=80)
    expected = rate_outputs(network, trials)
    read = add_output_units(network, expected)
    assert read.n_units == 12 + 3
    last = trials.offsets[1:] - 1
    answers = rate_outputs(read, trials)
    # Settled outputs are those of the network, shifted together, and those below 0 are at 0.
    shift = read.b[12] - network.b_out[0]
    settled = np.maximum(expected[last] + shift, 0)
    np.testing.assert_allclose(answers[last], settled, atol=0.02 * np.ptp(settled))
    config = ConversionConfig(full_rate=800.0, dt=0.1)
    full_scale = drive_percentile(read, trials, 100.0)
    full_scale[12:] = full_scale[12:].max()
    spiking = to_spiking(read, full_scale, config)
    assert not spiking.w_out[:, :12].any()
    recording = simulate_trials(spiking, trials)
    for trial in range(trials.n_trials):
        own = slice(recording.offsets[trial], recording.offsets[trial + 1])
        late = recording.steps[own] > 40 * 200
        counts = np.bincount(recording.neurons[own][late], minlength=15)[12:]
        assert counts.argmax() == expected[last[trial]].argmax()


def test_only_fixation_spikes_at_rest_where_it_is_read_at_once() -> None:
    network = random_rate_network()
    assert network.dt < network.tau
    outputs = rate_outputs(network, held_inputs(1)) - 5
    slow, fast = (
        add_output_units(replace(network, tau=tau), outputs).b[12:] for tau in (network.dt, 100.0)
    )
    assert slow[1:].max() > 0
    np.testing.assert_array_equal(fast, np.append(slow[0], np.minimum(slow[1:], 0)))


def test_leaky_rates_have_no_output_units() -> None:
    curve = f32([20.0, 2.0, 100.0, 0.02])
    network = replace(random_rate_network(), activation="lif", lif_curve=curve)
    with pytest.raises(InputError, match="output units are rectified"):
        add_output_units(network, f32(np.ones((1, 3))))


def test_no_class_of_data_spikes_by_itself_and_numbers_are_refused() -> None:
    network = replace(random_rate_network(), tau=100.0)
    outputs = rate_outputs(network, held_inputs(1)) - 5
    of_task, of_data = (
        add_output_units(network, outputs, kind).b[12:] for kind in ("task", "sequence")
    )
    assert of_task[0] > 0
    np.testing.assert_array_equal(of_data, np.append(0, of_task[1:]))
    with pytest.raises(InputError, match="a regression has numbers"):
        add_output_units(network, outputs, "regression")

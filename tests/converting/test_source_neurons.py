"""Source units: the network hears its input through them, filtered, and as spikes."""

from dataclasses import replace

import numpy as np
import pytest

from spiking_bimt.converting.one_to_one import ConversionConfig, to_spiking
from spiking_bimt.converting.source_neurons import add_source_units
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs
from spiking_bimt.simulation.run import simulate_trials
from tests.converting.test_one_to_one import f32, held_inputs, random_rate_network

SIGNED = np.array([True, False, True, True])


def test_held_input_settles_as_without_sources() -> None:
    network, trials = random_rate_network(), held_inputs(1, steps=80)
    level = trials.inputs.copy()
    level[:, 2] *= -1
    trials = replace(trials, inputs=level)
    sourced = add_source_units(network, SIGNED)
    assert sourced.n_units == 12 + 4 + 3
    last = trials.offsets[1:] - 1
    expected = rate_outputs(network, trials)[last]
    np.testing.assert_allclose(rate_outputs(sourced, trials)[last], expected, atol=5e-3)
    config = ConversionConfig(full_rate=800.0, dt=0.1)
    spiking = to_spiking(sourced, drive_percentile(sourced, trials, 100.0), config)
    assert (spiking.in_indices >= 12).all()
    outputs = simulate_trials(spiking, trials).outputs
    settled = [outputs[end - 25 : end].mean(0) for end in trials.offsets[1:]]
    spread = np.ptp(expected, axis=0).max()
    np.testing.assert_allclose(settled, expected, atol=0.1 * spread)


def test_leaky_rates_have_no_sources() -> None:
    curve = f32([20.0, 2.0, 100.0, 0.02])
    network = replace(random_rate_network(), activation="lif", lif_curve=curve)
    with pytest.raises(InputError, match="source units are rectified"):
        add_source_units(network, SIGNED)

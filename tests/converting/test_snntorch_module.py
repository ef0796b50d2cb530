"""The snnTorch module against the kernel, and its training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from spiking_bimt.converting.snntorch_module import SpikingModule, padded_inputs
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.simulation.start import starts
from tests.kernels.networks import Array, random_network, random_trials


def start_of_all(network: SpikingNetwork, trials: Trials, seed: int) -> Array:
    return starts(network, seed, slice(0, trials.n_trials), np.dtype(np.float64))


def compare(network: SpikingNetwork, dtype: torch.dtype) -> tuple[int, int]:
    """Spikes of the kernel, and how many spikes the module has in other steps."""
    trials = random_trials(network, 3, (40, 25, 40))
    width = np.float64 if dtype == torch.float64 else np.float32
    recording = simulate_trials(network, trials, seed=2, dtype=width)
    module = SpikingModule(network, dtype)
    with torch.no_grad():
        outputs, spikes = module(
            padded_inputs(trials, dtype),
            torch.tensor(start_of_all(network, trials, 2), dtype=dtype),
        )
    differ = 0
    for trial in range(trials.n_trials):
        steps = int(trials.lengths[trial]) * network.steps_per_task_step
        expected = np.zeros((steps, network.n_neurons), bool)
        expected[recording.trial(trial)] = True
        differ += int((expected != (spikes[:steps, trial].numpy() > 0)).sum())
        if dtype == torch.float64:
            rows = slice(trials.offsets[trial], trials.offsets[trial + 1])
            found = outputs[: int(trials.lengths[trial]), trial].numpy()
            np.testing.assert_allclose(found, recording.outputs[rows], rtol=1e-4, atol=1e-4)
    return len(recording.neurons), differ


@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize("delay", [1, 7])
def test_the_spikes_are_the_kernels_step_for_step(reset: str, delay: int) -> None:
    network = random_network(8, 40, reset=reset, delay=delay, drive=0.4)
    spikes, differ = compare(network, torch.float64)
    assert spikes > 1000
    assert differ == 0


def test_float32_agrees_but_for_rounding() -> None:
    spikes, differ = compare(random_network(8, 40, weight=0.1), torch.float32)
    assert spikes > 1000
    assert differ <= 0.01 * spikes


def test_it_converts_back() -> None:
    network = random_network(9)
    back = SpikingModule(network).to_network()
    for name in ("weights", "in_weights", "bias", "w_out", "b_out", "indices", "tau_mem"):
        np.testing.assert_array_equal(getattr(back, name), getattr(network, name), err_msg=name)


def test_it_can_be_trained_and_goes_back() -> None:
    network = random_network(10, 12, n_sub=4)
    trials = random_trials(network, 1, (6, 6))
    module = SpikingModule(network)
    adam = torch.optim.Adam(module.parameters(), lr=1e-2)
    inputs, start = padded_inputs(trials), torch.tensor(start_of_all(network, trials, 0)).float()
    losses = []
    for _ in range(15):
        outputs, _ = module(inputs, start)
        loss = (outputs - 1).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    trained = module.to_network()
    assert (trained.weights != network.weights).any()
    found = simulate_trials(trained, trials, seed=0).outputs
    with torch.no_grad():
        expected = module(inputs, start)[0]
    np.testing.assert_allclose(found[:6], expected[:, 0], rtol=0.05, atol=0.05)


def test_delays_of_their_own_are_refused() -> None:
    network = random_network(4, longest_delay=5)
    with pytest.raises(InputError, match="one delay for all"):
        SpikingModule(network)
    SpikingModule(replace(network, delays=None))

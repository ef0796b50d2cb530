"""The kernel against its NumPy twin and against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.kernels import sim_trials, sim_twin
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.run import simulate_trials
from tests.kernels.networks import Array, dense, random_network, random_trials, reference_spikes


def assert_equals_the_twin(network: SpikingNetwork, trials: Trials, seed: int) -> int:
    """Compare every spike and output with the twin's; returns the number of spikes."""
    recording = simulate_trials(network, trials, seed=seed, threads=1, dtype=np.float64)
    decay = np.exp(-network.dt / network.tau_out)
    for k in range(trials.n_trials):
        expected = reference_spikes(network, trials, seed, k)
        steps, neurons = np.nonzero(expected)
        np.testing.assert_array_equal(recording.trial(k)[0], steps)
        np.testing.assert_array_equal(recording.trial(k)[1], neurons)
        np.testing.assert_array_equal(recording.spike_counts[k], expected.sum(axis=0))
        outputs = recording.outputs[trials.offsets[k] : trials.offsets[k + 1]]
        explicit = sim_twin.readout(
            expected, network.w_out, network.b_out, decay, network.steps_per_task_step
        )
        np.testing.assert_allclose(outputs, explicit, rtol=1e-5, atol=1e-5)
    return len(recording.neurons)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    reset=st.sampled_from(["subtract", "value"]),
    drive=st.sampled_from([0.0, 0.02, 0.2, 3.0]),
    weight=st.sampled_from([0.1, 0.5, 3.0]),
    refractory=st.booleans(),
    delay=st.integers(0, 7),
    longest_delay=st.none() | st.integers(0, 7),
    dt=st.sampled_from([0.1, 1.0]),
    n_sub=st.integers(1, 6),
    lengths=st.lists(st.integers(1, 8), min_size=1, max_size=3).map(tuple),
    unfiltered=st.booleans(),
)
def test_every_spike_of_a_random_network_equals_the_twins(
    seed: int, n: int, reset: str, drive: float, weight: float, refractory: bool, delay: int,
    longest_delay: int | None, dt: float, n_sub: int, lengths: tuple[int, ...], unfiltered: bool,
) -> None:  # fmt: skip
    network = random_network(
        seed, n, reset=reset, drive=drive, weight=weight, refractory=refractory, delay=delay,
        longest_delay=longest_delay, dt=dt, n_sub=n_sub, unfiltered=unfiltered,
    )  # fmt: skip
    assert_equals_the_twin(network, random_trials(network, seed, lengths), seed)


@pytest.mark.parametrize("longest_delay", [None, 12])
def test_long_busy_trials_equal_the_twins(longest_delay: int | None) -> None:
    network = random_network(3, 130, weight=0.2, delay=4, longest_delay=longest_delay)
    trials = random_trials(network, 3, (80, 1, 60))
    assert assert_equals_the_twin(network, trials, seed=5) > 5_000


def test_everybody_spiking_in_every_step_outgrows_the_buffer_rightly() -> None:
    network = random_network(1, 70, drive=50.0, refractory=False, reset="value", weight=0.01)
    trials = random_trials(network, 1, (30,))
    quiet = Trials(**vars(trials) | {"inputs": 0 * trials.inputs})
    assert assert_equals_the_twin(network, quiet, seed=0) == 70 * 30 * 5


def test_a_silent_network_says_nothing_but_its_output_bias() -> None:
    network = random_network(2, drive=0.0)
    trials = random_trials(network, 2, (4,))
    recording = simulate_trials(network, trials)
    assert len(recording.neurons) == 0
    np.testing.assert_array_equal(recording.outputs, np.tile(network.b_out, (4, 1)))


def test_a_neuron_at_its_threshold_does_not_spike() -> None:
    v, limit = np.zeros(sim_trials.BLOCK), np.ones(sim_trials.BLOCK)
    v[:3] = 1.0, np.nextafter(1.0, 2.0), 0.5
    none = np.zeros(sim_trials.BLOCK, np.int32)
    spikes, free_at = np.zeros(sim_trials.BLOCK, np.int32), none.copy()
    count = sim_trials.fire(
        v, limit, none, np.zeros(sim_trials.BLOCK), v * 0, free_at, 0, spikes, 0
    )
    assert (count, spikes[0], v[0], v[1]) == (1, 1, 1.0, 0.0)


def one_neuron(reset: str, tau_mem: float, current: float, t_ref: float = 0.0) -> SpikingNetwork:
    return random_network(
        0, 1, reset=reset, indptr=[0, 0], indices=[], weights=[], dt=0.25, n_sub=4,
        tau_mem=[tau_mem], tau_syn=[5.0], v_th=[1.0], v_reset=[0.25], v_leak=[0.1],
        v_min=[-np.inf], t_ref=[t_ref], bias=[current],
    )  # fmt: skip


def intervals(network: SpikingNetwork, task_steps: int = 400) -> Array:
    trials = random_trials(network, 0, (task_steps,))
    quiet = Trials(**vars(trials) | {"inputs": 0 * trials.inputs})
    return np.diff(simulate_trials(network, quiet, dtype=np.float64).steps)


@pytest.mark.parametrize("t_ref", [0.0, 2.0])
def test_leaky_interspike_interval_is_the_closed_form(t_ref: float) -> None:
    network = one_neuron("value", tau_mem=12.0, current=0.11, t_ref=t_ref)
    settled = 0.1 + 12.0 * float(network.bias[0])
    crossing = 12.0 * np.log((settled - 0.25) / (settled - 1.0))
    expected = np.floor(crossing / network.dt) + 1 + t_ref / network.dt
    np.testing.assert_array_equal(np.unique(intervals(network)), [expected])


def test_nonleaky_interspike_interval_is_the_closed_form() -> None:
    network = one_neuron("value", tau_mem=np.inf, current=0.07)
    expected = np.floor(0.75 / (float(network.bias[0]) * network.dt)) + 1
    np.testing.assert_array_equal(np.unique(intervals(network)), [expected])


def test_subtraction_loses_nothing_so_the_mean_interval_is_exact() -> None:
    network = one_neuron("subtract", tau_mem=np.inf, current=0.07)
    gaps = intervals(network, 4000)
    mean = 0.75 / float(network.bias[0]) / network.dt
    assert set(np.unique(gaps)) == {np.floor(mean), np.ceil(mean)}
    assert abs(gaps.sum() - len(gaps) * mean) < 1


@pytest.mark.parametrize(("tau_mem", "tau_syn"), [(20.0, 5.0), (4.0, 9.0), (7.0, 7.0)])
def test_one_spike_gives_the_alpha_shaped_potential_and_its_peak(
    tau_mem: float, tau_syn: float
) -> None:
    network = random_network(
        0, 1, dt=0.125, n_sub=1, bias=[0.0], v_leak=[0.0], v_min=[-np.inf],
        tau_mem=[tau_mem], tau_syn=[tau_syn],
    )  # fmt: skip
    step_of = propagators.padded_step(network, np.float64)
    weight = 0.8
    v, charge, zeros = (
        np.zeros(sim_trials.BLOCK),
        np.zeros(sim_trials.BLOCK),
        np.zeros(sim_trials.BLOCK),
    )
    free_at, trace = np.zeros(sim_trials.BLOCK, np.int32), np.zeros(400)
    sim_trials.deliver(np.array([0]), np.array([0, 1]), np.array([0]), np.array([weight]), charge)
    for step in range(400):
        sim_trials.integrate(
            v, charge, zeros, step_of.decay_mem, step_of.gain_syn, step_of.v_min, free_at, step
        )
        sim_trials.decay(charge, step_of.decay_syn)
        trace[step] = v[0]
    t = 0.125 * np.arange(1, 401)
    if tau_mem == tau_syn:
        expected, peak = weight / tau_syn * t * np.exp(-t / tau_syn), tau_syn
    else:
        rate = 1 / tau_syn - 1 / tau_mem
        expected = weight / tau_syn * (np.exp(-t / tau_mem) - np.exp(-t / tau_syn)) / rate
        peak = np.log(tau_mem / tau_syn) / rate
    np.testing.assert_allclose(trace, expected, rtol=1e-12)
    assert abs(t[np.argmax(trace)] - peak) <= 0.125


@pytest.mark.parametrize("tau_mem", [20.0, np.inf])
def test_without_filter_is_the_limit_of_a_short_one(tau_mem: float) -> None:
    """A spike moves v by its weight at once, which decays with the membrane from then on."""
    limit, near = (
        propagators.step_of(
            random_network(0, 1, dt=0.5, tau_mem=[tau_mem], tau_syn=[tau_syn]), np.float64
        )
        for tau_syn in (0.0, 1e-9)
    )
    for one, other in zip(limit, near, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)
    assert limit.decay_syn == 0
    np.testing.assert_allclose(limit.gain_syn, np.exp(-0.5 / tau_mem), rtol=1e-15)


@settings(max_examples=200, deadline=None)
@given(
    tau_mem=st.floats(0.05, 1e4) | st.just(np.inf),
    tau_syn=st.floats(0.05, 1e4),
    nearness=st.sampled_from([None, 0.0, 1e-7, 1e-5, 1e-3]),
    dt=st.sampled_from([0.1, 1.0]),
)
def test_propagators_are_the_exponential_of_the_equations(
    tau_mem: float, tau_syn: float, nearness: float | None, dt: float
) -> None:
    tau = tau_mem if nearness is None else tau_syn * (1 + nearness)
    network = random_network(0, 1, dt=dt, tau_mem=[tau], tau_syn=[tau_syn], bias=[0.3],
                             v_leak=[0.2])  # fmt: skip
    found = [row[0] for row in propagators.step_of(network, np.float64)]
    wide_mem, wide_syn = network.tau_mem.astype(float), network.tau_syn.astype(float)
    matrix = sim_twin.step_matrices(wide_mem, wide_syn, dt)[0]
    constant = matrix[0, 2] * (np.float32(0.3) + np.float32(0.2) / wide_mem[0])
    expected = [matrix[0, 0], matrix[0, 1] / wide_syn[0], matrix[0, 2], constant]
    np.testing.assert_allclose(found[:4], expected, rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(found[5], matrix[1, 1], rtol=1e-10, atol=1e-300)


@given(seed=st.integers(0, 1000), n=st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_delivery_is_the_product_with_the_dense_matrix(seed: int, n: int) -> None:
    network = random_network(seed, n)
    sources = np.flatnonzero(np.random.default_rng(seed).random(n) < 0.5)
    charge = np.zeros(sim_trials.padded(n))
    weights = network.weights.astype(float)
    sim_trials.deliver(sources, network.indptr, network.indices, weights, charge)
    expected = dense(network.indptr, network.indices, weights, n)[sources].sum(axis=0)
    np.testing.assert_allclose(charge[:n], expected, atol=1e-12)

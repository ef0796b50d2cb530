"""The driver: one result whatever the threads and pieces, and clear refusals."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_trials
from spiking_bimt.simulation import run
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.fixed import FixedPoint, run_fixed
from spiking_bimt.simulation.run import simulate_trials
from tests.kernels.networks import random_network, random_trials

LENGTHS = (7, 1, 12, 30, 2, 9, 9, 4, 21, 3, 3)


def assert_equal(a: Recording, b: Recording) -> None:
    for field in fields(Recording):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), field.name)


@pytest.mark.parametrize("longest_delay", [None, 9])
def test_threads_and_pieces_of_work_do_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, longest_delay: int | None
) -> None:
    network = random_network(4, longest_delay=longest_delay)
    trials = random_trials(network, 4, LENGTHS)
    expected = simulate_trials(network, trials, seed=3, threads=1)
    assert len(expected.neurons) > 1000
    for threads in (1, 2, 5):
        for piece in (1, 3, 32):
            monkeypatch.setattr(run, "_PIECES_PER_THREAD", 1)
            monkeypatch.setattr(run, "_LARGEST_PIECE", piece)
            assert_equal(simulate_trials(network, trials, seed=3, threads=threads), expected)


def test_a_trial_does_not_depend_on_those_after_it() -> None:
    network = random_network(5)
    trials = random_trials(network, 5, LENGTHS)
    rows = trials.offsets[4]
    first = Trials(
        inputs=trials.inputs[:rows], labels=trials.labels[:rows], offsets=trials.offsets[:5],
        decision=trials.decision[:4], task=trials.task[:4], tasks=trials.tasks, dt=trials.dt,
    )  # fmt: skip
    whole, part = simulate_trials(network, trials), simulate_trials(network, first)
    np.testing.assert_array_equal(whole.outputs[:rows], part.outputs)
    np.testing.assert_array_equal(whole.neurons[: whole.offsets[4]], part.neurons)


def test_seeds_differ_and_repeat() -> None:
    network = random_network(6)
    trials = random_trials(network, 6, (10, 10))
    assert_equal(simulate_trials(network, trials, seed=1), simulate_trials(network, trials, seed=1))
    other = simulate_trials(network, trials, seed=2).spike_counts
    assert (other != simulate_trials(network, trials, seed=1).spike_counts).any()


def test_spikes_are_sorted_and_counted() -> None:
    network = random_network(7)
    recording = simulate_trials(network, random_trials(network, 7, LENGTHS))
    for k in range(recording.n_trials):
        steps, neurons = recording.trial(k)
        order = np.lexsort((neurons, steps))
        np.testing.assert_array_equal(order, np.arange(len(order)))
        counts = np.bincount(neurons, minlength=network.n_neurons)
        np.testing.assert_array_equal(counts, recording.spike_counts[k])


def test_without_recording_all_but_the_spikes_is_the_same() -> None:
    network = random_network(8, longest_delay=3)
    trials = random_trials(network, 8, LENGTHS)
    full, lean = (
        simulate_trials(network, trials),
        simulate_trials(network, trials, record_spikes=False),
    )
    np.testing.assert_array_equal(full.outputs, lean.outputs)
    np.testing.assert_array_equal(full.spike_counts, lean.spike_counts)
    assert len(lean.neurons) == 0
    assert (lean.offsets == 0).all()


def test_float32_keeps_the_rates_of_float64() -> None:
    network = random_network(9, 60)
    trials = random_trials(network, 9, (200,) * 5)
    single = simulate_trials(network, trials).spike_counts.sum()
    double = simulate_trials(network, trials, dtype=np.float64).spike_counts.sum()
    assert abs(int(single) - int(double)) < 0.01 * double


def test_a_network_without_inputs_or_synapses_runs() -> None:
    network = random_network(
        10, 4, indptr=np.zeros(5), indices=[], weights=[], in_indptr=[0], in_indices=[],
        in_weights=[], reset="value", longest_delay=None,
    )  # fmt: skip
    assert len(simulate_trials(network, random_trials(network, 10, (20,))).neurons) > 0


def test_trials_of_another_step_are_refused() -> None:
    network = random_network(0)
    trials = replace(random_trials(network, 0, (3,)), dt=100.0)
    with pytest.raises(InputError, match=r"steps of 100\.0 ms, .* every 5\.0 ms: draw trials"):
        simulate_trials(network, trials)


def test_trials_with_other_channels_are_refused() -> None:
    network = random_network(0)
    trials = replace(random_trials(network, 0, (3,)), inputs=np.zeros((3, 7), np.float32))
    with pytest.raises(InputError, match="7 input channels, the network 4: draw trials of"):
        simulate_trials(network, trials)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"threads": 0}, "threads is 0: at least 1"),
        ({"seed": -1}, "seed is -1: it must not be negative"),
        ({"dtype": np.int32}, "dtype is int32: the state is float32 or float64"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], line: str) -> None:
    network = random_network(0)
    with pytest.raises(InputError, match=line):
        simulate_trials(network, random_trials(network, 0, (3,)), **options)


def test_a_refractory_time_between_steps_is_refused() -> None:
    network = random_network(0, 3, t_ref=[0.0, 1.0, 1.5])
    with pytest.raises(InputError, match=r"t_ref of neuron 2 is 1\.5 ms, not a multiple of dt"):
        simulate_trials(network, random_trials(network, 0, (3,)))


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("steps", [-1, 0], "steps must not be negative"),
        ("neurons", [0, 5], "neurons holds 5, outside 0..2"),
        ("spike_counts", np.zeros((1, 4)), r"spike_counts has shape \(1, 4\), expected \(1, 3\)"),
        ("spike_counts", [[1, 1, 0]], r"spike_counts\[0, 1\] is 1, .* 0 spikes of neuron 1 in"),
        ("spike_counts", [[2, 0, -1]], "spike_counts must not be negative"),
        ("first_step", -5, "first_step is -5, outside"),
    ],
)
def test_a_recording_checks_itself(field: str, value: Any, line: str) -> None:
    good: dict[str, Any] = {
        "outputs": np.zeros((2, 2)), "spike_counts": [[1, 0, 1]], "offsets": [0, 2],
        "steps": [0, 1], "neurons": [0, 2], "lengths": [2], "dt": 1.0, "n_neurons": 3,
    }  # fmt: skip
    Recording(**good)
    with pytest.raises(InputError, match=line):
        Recording(**good | {field: value})


RATES = np.array([0.005, 0.03, 0.1, 0.3])


def poisson_network(reset: str) -> SpikingNetwork:
    """Four Poisson sources of RATES spikes per ms, and the input that drives them."""
    alone = from_csr([0] * 5, [], [], dt=1.0, tau_mem=np.inf, v_min=0.0, reset=reset)
    return replace(
        alone, in_indptr=np.array([0, 4]), in_indices=np.arange(4), in_weights=RATES, task_dt=20.0,
        poisson=np.ones(4, bool),
    )  # fmt: skip


@pytest.mark.parametrize("reset", ["subtract", "value"])
def test_poisson_sources_fire_as_poisson_processes(reset: str) -> None:
    network, lengths = poisson_network(reset), (1000,) * 20
    trials = replace(random_trials(network, 0, lengths), inputs=np.ones((20_000, 1), np.float32))
    found = simulate_trials(network, trials, seed=1)
    ms = 20_000
    expected = RATES * ms
    counts = found.spike_counts
    assert (np.abs(counts.sum(0) - 20 * expected) < 4 * np.sqrt(20 * expected)).all()
    # Twenty counts of a Poisson process: their variance over their mean is chi squared over 19.
    spread = counts.var(0, ddof=1) / counts.mean(0)
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], 19) / 19
    assert ((spread > low) & (spread < high)).all()
    # Intervals are exponential, of the sources that the grid of a ms resolves.
    rng = np.random.default_rng(0)
    for neuron in (0, 1):
        gaps = []
        for k in range(20):
            steps, neurons = found.trial(k)
            own = steps[neurons == neuron]
            gaps.append(np.diff(own + rng.random(len(own))))
        assert stats.kstest(np.concatenate(gaps) * RATES[neuron], "expon").pvalue > 1e-3
    # Sources, trials and seeds differ.
    assert len({tuple(found.trial(k)[0][found.trial(k)[1] == 3][:20]) for k in range(20)}) == 20
    assert (simulate_trials(network, trials, seed=2).spike_counts != counts).any()
    assert abs(np.corrcoef(counts.T)[0, 1]) < 0.8


def test_poisson_sources_do_not_depend_on_threads_and_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = poisson_network("value")
    trials = random_trials(network, 4, LENGTHS)
    expected = simulate_trials(network, trials, seed=3, threads=1)
    monkeypatch.setattr(run, "_LARGEST_PIECE", 1)
    assert_equal(simulate_trials(network, trials, seed=3, threads=3), expected)


def test_a_poisson_source_neither_leaks_nor_rests() -> None:
    network = poisson_network("value")
    with pytest.raises(InputError, match=r"Poisson source 0 has tau_mem 20\.0 ms .* nor rest"):
        replace(network, tau_mem=np.full(4, 20.0))
    with pytest.raises(InputError, match=r"Poisson source 0 has .* t_ref 2\.0 ms: .* nor rest"):
        replace(network, t_ref=np.full(4, 2.0))
    with pytest.raises(InputError, match="a long run has no Poisson sources"):
        Simulation(network)
    with pytest.raises(InputError, match="fixed point has no Poisson sources"):
        run_fixed(network, random_trials(network, 0, (3,)), FixedPoint())


def test_negative_synapses_of_their_own_are_run_by_the_engine() -> None:
    """With the time constant of the others they change nothing but the last bits."""
    network = random_network(4)
    trials = random_trials(network, 4, LENGTHS)
    of: dict[str, Any] = {"seed": 3, "dtype": np.float64}
    expected = simulate_trials(network, trials, **of)
    same = simulate_trials(replace(network, tau_syn_negative=network.tau_syn), trials, **of)
    for field in ("spike_counts", "offsets", "steps", "neurons", "lengths"):
        np.testing.assert_array_equal(getattr(same, field), getattr(expected, field), field)
    np.testing.assert_allclose(same.outputs, expected.outputs, rtol=1e-5, atol=1e-5)
    counted = simulate_trials(
        replace(network, tau_syn_negative=network.tau_syn), trials, record_spikes=False, **of
    )
    np.testing.assert_array_equal(counted.spike_counts, expected.spike_counts)
    assert len(counted.neurons) == 0
    longer = replace(network, tau_syn_negative=network.tau_syn * np.float32(1.5))
    other = simulate_trials(longer, trials, **of)
    assert not np.array_equal(other.spike_counts, expected.spike_counts)


def test_readouts_of_any_size_use_one_compiled_kernel() -> None:
    """Whether the readout's transpose is a copy, or a view that nobody can write to."""
    network = random_network(7)
    trials = random_trials(network, 7, (2,))
    simulate_trials(network, trials)
    before = list(sim_trials.run.signatures)
    one = replace(network, w_out=network.w_out[:1], b_out=network.b_out[:1])
    simulate_trials(one, trials)
    assert sim_trials.run.signatures == before

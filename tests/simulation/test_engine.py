"""Running any network: one result whatever the mode, threads and cuts; closed forms; refusals."""

import dataclasses
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation, simulate_network
from spiking_bimt.simulation.inputs import (
    HeldCurrents,
    Input,
    PoissonSources,
    SpikeTrains,
    channel_currents,
)
from spiking_bimt.simulation.parts import start_apart
from spiking_bimt.simulation.run import simulate_trials
from tests.kernels.networks import random_network, random_trials

N = 900


def sheet(**options: Any) -> SpikingNetwork:
    z = np.random.default_rng(5).standard_normal(N)
    values: dict[str, Any] = {"dt": 0.5, "t_ref": 2.0, "bias": (0.85 + 0.2 * z) / 20}
    return build.random_sheet(30, weights=(0.05, -0.2), **values | options)


def drives() -> list[Input]:
    return [
        PoissonSources(np.arange(0, N, 3), 20.0, 0.4, seed=7),
        HeldCurrents(np.array([10.0, 50.0, 50.0]), np.array([3, 5, 3]), np.array([1.0, 2.0, -0.1])),
        SpikeTrains(np.array([3.0, 40.0]), np.array([9, 8]), 2.0),
    ]


def assert_same(a: Recording, b: Recording) -> None:
    np.testing.assert_array_equal(a.steps, b.steps)
    np.testing.assert_array_equal(a.neurons, b.neurons)
    np.testing.assert_array_equal(a.traces, b.traces)


def assert_checked(made: Recording) -> None:
    """What an engine made without checks passes them, and they change neither type nor value."""
    fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(Recording)}
    for name, value in vars(Recording(**fields)).items():
        if isinstance(value, np.ndarray):
            assert (fields[name].dtype, fields[name].flags.writeable) == (value.dtype, False)
        np.testing.assert_array_equal(fields[name], value)


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "late": {"delay": 4},
    "at once": {"delay": 0, "tau_syn": 0.0},
    "in the next step": {"delay": 0},
    "own delays": {"delays": np.random.default_rng(1).integers(0, 12, 30 * N)},
    "subtract": {"reset": "subtract"},
    "floor": {"v_min": -0.2},
    "no filter": {"tau_syn": 0.0},
    "some without": {"tau_syn": np.where(np.arange(N) % 3, 0.0, 5.0), "v_min": -0.2},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epoch", [1, 12])
@pytest.mark.parametrize("tau_negative", [None, 10.0])
def test_mode_threads_and_switching_do_not_change_a_bit(
    kind: str, epoch: int, tau_negative: float | None
) -> None:
    if kind in ("floor", "no filter", "some without", "at once") and epoch > 1:
        pytest.skip("a floor, and synapses without filter, need epochs of one step")
    network = sheet(**KINDS[kind], tau_syn_negative=tau_negative)
    options: dict[str, Any] = {
        "epoch": epoch, "traces": [3, 5, 800], "inputs": drives(),
    }  # fmt: skip
    expected = simulate_network(network, 300.0, mode="clock", **options)
    assert len(expected.neurons) > 500
    for mode, threads in (("event", 1), ("event", 2), ("clock", 3), ("auto", 2)):
        got = simulate_network(network, 300.0, mode=mode, threads=threads, **options)
        assert_same(got, expected)
        assert_checked(got)
    cut = Simulation(network, mode="clock", **options)
    parts = []
    for i in range(30):
        cut.switch(("clock", "event", "auto", "event")[i % 4])
        parts.append(cut.advance(20))
        assert_checked(parts[-1])
    assert [part.first_step for part in parts] == list(range(0, 600, 20))
    for field in ("steps", "neurons", "traces"):
        whole = np.concatenate([getattr(part, field) for part in parts])
        np.testing.assert_array_equal(whole, getattr(expected, field))


@pytest.mark.parametrize("unfiltered", [False, True])
def test_one_trial_of_the_batch_kernel_has_the_same_spikes(unfiltered: bool) -> None:
    network = random_network(4, 60, n_sub=5, unfiltered=unfiltered)
    trials = random_trials(network, 4, (40,))
    batch = simulate_trials(network, trials, seed=2, dtype=np.float64)
    single = simulate_network(
        network, 200.0, inputs=[channel_currents(network, trials.inputs)], seed=2, dtype=np.float64
    )
    assert_checked(batch)
    assert_checked(simulate_trials(network, trials, record_spikes=False))
    assert_checked(Simulation(network).advance(0))
    assert len(batch.neurons) > 1000
    np.testing.assert_array_equal(batch.steps, single.steps)
    np.testing.assert_array_equal(batch.neurons, single.neurons)


@pytest.mark.parametrize("mode", ["clock", "event"])
def test_a_second_equal_time_constant_changes_nothing(mode: str) -> None:
    """Negative charges decay by themselves, in neurons of different kinds with a floor as well."""
    rng = np.random.default_rng(8)
    network = sheet(
        tau_mem=rng.uniform(5, 40, N), v_min=np.where(rng.random(N) < 0.5, -0.3, -np.inf)
    )
    options: dict[str, Any] = {"inputs": drives(), "mode": mode, "dtype": np.float64}
    one = simulate_network(network, 150.0, **options)
    equal, longer = (
        replace(network, tau_syn_negative=np.full(N, tau, np.float32)) for tau in (5.0, 15.0)
    )
    two = simulate_network(equal, 150.0, **options)
    slower = simulate_network(longer, 150.0, **options)
    np.testing.assert_array_equal(two.steps, one.steps)
    np.testing.assert_array_equal(two.neurons, one.neurons)
    assert len(one.neurons) > 500
    assert len(slower.neurons) != len(one.neurons)


def test_epochs_change_the_rounding_alone() -> None:
    quiet = sheet(bias=0.04)
    inputs = [PoissonSources(np.arange(N), 5.0, 0.3)]
    traces = [
        simulate_network(quiet, 100.0, epoch=epoch, inputs=inputs, traces=[1, 2], seed=1).traces
        for epoch in (1, 20)
    ]
    np.testing.assert_allclose(traces[0], traces[1], atol=3e-6)


@pytest.mark.parametrize("mode", ["clock", "event"])
def test_one_spike_gives_the_alpha_shaped_potential(mode: str) -> None:
    network = build.from_csr([0, 0], [], [], dt=0.1, tau_mem=20.0, tau_syn=5.0)
    trains = SpikeTrains(np.array([0.0]), np.array([0]), 0.8)
    run = simulate_network(
        network, 80.0, inputs=[trains], traces=[0], v_start=[0.0], mode=mode, dtype=np.float64
    )
    t = 0.1 * np.arange(800)
    expected = 0.8 / 5.0 * (np.exp(-t / 20.0) - np.exp(-t / 5.0)) / (1 / 5.0 - 1 / 20.0)
    np.testing.assert_allclose(run.traces[:, 0], expected, atol=1e-6)
    peak = np.log(20.0 / 5.0) / (1 / 5.0 - 1 / 20.0)
    assert abs(t[np.argmax(run.traces[:, 0])] - peak) <= 0.1


@pytest.mark.parametrize("mode", ["clock", "event"])
def test_interspike_interval_is_the_closed_form(mode: str) -> None:
    network = build.from_csr([0, 0], [], [], dt=0.1, bias=0.06, t_ref=2.0)
    run = simulate_network(network, 2000.0, mode=mode, dtype=np.float64)
    crossing = 20.0 * np.log(1.2 / (1.2 - 1.0)) / 0.1
    np.testing.assert_array_equal(np.unique(np.diff(run.steps)), [np.floor(crossing) + 1 + 20])


def test_poisson_spikes_are_as_many_as_they_should_be_wherever_cut() -> None:
    source = PoissonSources(np.arange(500), np.linspace(0, 40, 500), 0.1, seed=3)
    whole = source.events(0, 20_000, 0.5)
    counts = np.bincount(whole[1], minlength=500)
    wanted = np.linspace(0, 40, 500) * 10
    assert counts[0] == 0
    assert abs(((counts - wanted)[1:] ** 2 / wanted[1:]).mean() - 1) < 0.25
    parts = [source.events(low, low + 137, 0.5) for low in range(0, 20_000, 137)]
    for column in range(3):
        cut = np.concatenate([part[column] for part in parts])
        np.testing.assert_array_equal(cut[: len(whole[column])], whole[column])


def test_sparse_coo_and_csr_build_the_same_network() -> None:
    matrix = scipy.sparse.random_array((50, 50), density=0.1, rng=1, format="coo")
    pre, post = matrix.coords
    a, b = build.from_sparse(matrix), build.from_coo(pre, post, matrix.data, 50)
    for name in ("indptr", "indices", "weights"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_allclose(matrix.toarray()[3], _dense_row(a, 3), rtol=1e-6)


def _dense_row(network: SpikingNetwork, row: int) -> np.ndarray[Any, Any]:
    out, own = np.zeros(network.n_neurons), slice(*network.indptr[row : row + 2])
    out[network.indices[own]] = network.weights[own]
    return out


def test_a_sheet_is_local_distinct_and_repeats() -> None:
    network, again = build.random_sheet(40, reach=5), build.random_sheet(40, reach=5)
    np.testing.assert_array_equal(network.indices, again.indices)
    targets = network.indices.reshape(1600, 30)
    assert (np.diff(targets, axis=1) > 0).all()
    apart = np.abs(network.positions[targets] - network.positions[:, None])
    assert np.minimum(apart, 40 - apart).max() == 5


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"mode": "fast"}, "unknown mode 'fast'; known: clock, event, auto"),
        ({"threads": 0}, "threads is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"dtype": np.int32}, "dtype is int32"),
        ({"traces": [N]}, "traces must name neurons in 0..899"),
        ({"v_start": [0.0]}, r"v_start has shape \(1,\), expected \(900\)"),
        ({"epoch": 0}, "epoch is 0"),
        ({"order": "fast"}, "unknown order 'fast'; known: given, sheet"),
        ({"order": [0] * N}, r"order must name each of the neurons 0\.\.899 once"),
        ({"epoch": 10_000}, "precision is lost"),
        ({"inputs": [SpikeTrains(np.zeros(1), np.array([N]))]}, "names neuron 900, outside 0..899"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line):
        simulate_network(sheet(), 10.0, **options)


def test_stimuli_check_themselves() -> None:
    with pytest.raises(InputError, match=r"times_ms has shape \(2,\), neurons \(1,\)"):
        SpikeTrains([0.0, 1.0], [1])
    with pytest.raises(InputError, match=r"SpikeTrains\.times_ms holds -1\.0"):
        SpikeTrains([-1.0], [1])
    with pytest.raises(InputError, match=r"HeldCurrents\.values has shape \(3,\)"):
        HeldCurrents([1.0], [1], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"PoissonSources\.rate_hz is -1\.0"):
        PoissonSources([1], -1.0, 0.5)
    with pytest.raises(InputError, match=r"neurons\[0\] is 0\.5: no whole number"):
        PoissonSources([0.5], 1.0, 0.5)


def test_bad_networks_are_refused() -> None:
    with pytest.raises(TypeError, match="from_csr: unknown argument 'tau'; did you mean 'tau_syn'"):
        build.from_csr([0, 0], [], [], tau=3.0)  # type: ignore[call-arg]
    with pytest.raises(InputError, match=r"matrix has shape \(2, 3\)"):
        build.from_sparse(scipy.sparse.csr_array((2, 3)))
    with pytest.raises(InputError, match=r"pre lies in 7\.\.7, outside 0\.\.1"):
        build.from_coo([7], [0], [1.0], 2)
    with pytest.raises(InputError, match="cannot hold fan_out 30 distinct targets within reach 9"):
        build.random_sheet(15)
    with pytest.raises(InputError, match=r"duration_ms is 0\.7: it must be a positive multiple"):
        simulate_network(sheet(), 0.7)


@pytest.mark.parametrize("mode", ["clock", "event"])
@pytest.mark.parametrize("hold", [4095, 4096, 4097, 4098, 9001])
def test_refractory_times_beyond_the_lists_end_when_they_should(mode: str, hold: int) -> None:
    """Charged above threshold once per step, a neuron spikes every hold + 1 steps."""
    network = build.from_csr([0, 0, 0], [], [], dt=0.5, bias=4.0, t_ref=[0.5 * hold, 1.0])
    activity = Simulation(network, mode=mode, v_start=[0.5, 0.5]).advance(3 * hold)
    own = activity.steps[activity.neurons == 0]
    assert own.tolist() == [0, hold + 1, 2 * hold + 2]
    assert np.array_equal(activity.steps[activity.neurons == 1], np.arange(0, 3 * hold, 3))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system binds no threads")
def test_a_thread_may_leave_the_core_that_it_starts_on() -> None:
    cores = os.sched_getaffinity(0)
    for threads in (1, len(cores), len(cores) + 1):
        start_apart(threads - 1, threads)
        assert os.sched_getaffinity(0) == cores

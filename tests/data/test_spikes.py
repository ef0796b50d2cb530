"""A recording in units: rates in Hz, times in ms, trains of each neuron, a table."""

from dataclasses import replace

import numpy as np
import pytest

from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.engine import Simulation, simulate_network


def two_trials() -> Recording:
    """Trials of 10 and 30 steps of 0.5 ms: neuron 1 spikes once in each, neuron 2 twice."""
    return Recording(
        outputs=np.zeros((4, 1), np.float32),
        spike_counts=np.array([[0, 1, 0], [0, 1, 2]], np.int32),
        offsets=np.array([0, 1, 4]),
        steps=np.array([9, 0, 4, 29], np.int32),
        neurons=np.array([1, 2, 1, 2], np.int32),
        lengths=np.array([10, 30]),
        dt=0.5,
        n_neurons=3,
    )


def test_rates_are_in_hz_and_times_in_ms() -> None:
    recording = two_trials()
    assert (recording.n_steps, recording.duration_ms, recording.n_spikes) == (40, 20.0, 4)
    np.testing.assert_allclose(recording.rates_hz, [0.0, 100.0, 100.0])
    assert recording.mean_rate_hz == pytest.approx(200 / 3)
    np.testing.assert_allclose(recording.times_ms, [5.0, 0.5, 2.5, 15.0])
    np.testing.assert_array_equal(recording.trial_of_spike, [0, 1, 1, 1])
    np.testing.assert_array_equal(recording.steps_on_end, [9, 10, 14, 39])
    trains = [train.tolist() for train in recording.spike_trains(2)]
    assert trains == [[], [0.5, 15.0]]
    assert [train.tolist() for train in recording.spike_trains(0)] == [[], []]


def test_a_table_has_a_row_a_spike() -> None:
    pandas = pytest.importorskip("pandas")
    table = two_trials().to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert table.columns.tolist() == ["trial", "time_ms", "neuron"]
    assert table.query("neuron == 2").time_ms.tolist() == [0.5, 15.0]


def test_without_spikes_what_needs_them_is_refused() -> None:
    none = np.zeros(0, np.int32)
    lean = replace(two_trials(), steps=none, neurons=none, offsets=np.zeros(3, np.int64))
    np.testing.assert_array_equal(lean.rates_hz, two_trials().rates_hz)
    for use in (lambda: lean.times_ms, lambda: lean.spike_trains(1), lean.to_pandas):
        with pytest.raises(InputError, match=r"kept spike counts alone.*record_spikes=True"):
            use()
    with pytest.raises(InputError, match=r"spike_trains: neuron is 3, outside 0\.\.2"):
        lean.spike_trains(3)


def test_a_clock_like_neuron_has_the_rate_and_times_of_its_closed_form() -> None:
    """Without a leak, 0.25 a ms against a threshold of 1 of its own: a spike every 4.5 ms."""
    network = from_csr([0, 0], [], [], dt=0.5, tau_mem=np.inf, bias=0.25, v_th=1.0)
    run = simulate_network(network, 900, v_start=[0.0], mode="clock")
    (train,) = run.spike_trains(0)
    np.testing.assert_allclose(train, 4.5 * np.arange(1, 201))
    np.testing.assert_allclose(run.rates_hz, [1000 / 4.5])


def test_pieces_of_a_run_keep_its_time() -> None:
    network = from_csr([0, 0], [], [], dt=0.5, tau_mem=np.inf, bias=0.25, v_th=1.0)
    simulation = Simulation(network, v_start=[0.0], mode="clock")
    first, second = simulation.advance(100), simulation.advance(100)
    assert (first.first_step, second.first_step) == (0, 100)
    assert second.times_ms[0] == 54.0
    assert second.steps_on_end[0] == 7
    np.testing.assert_allclose(second.rates_hz, [220.0])

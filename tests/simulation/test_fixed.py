"""Fixed point against floating point and against plain Python integers."""

from dataclasses import replace

import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.fixed import FixedPoint, run_fixed
from spiking_bimt.simulation.run import simulate_trials
from tests.kernels.networks import dense, drive_of, random_network, random_trials, start_of


@pytest.mark.parametrize(("reset", "delay"), [("subtract", 3), ("value", 3), ("value", 0)])
def test_plain_integers_give_the_same_counts(reset: str, delay: int) -> None:
    """A second implementation with Python's own integers, of one trial and a common delay."""
    network = random_network(21, 15, reset=reset, delay=delay, drive=0.3)
    trials = random_trials(network, 21, (30,))
    widths = FixedPoint(membrane=20, current=20, decay=12)
    found = run_fixed(network, trials, widths, seed=5)
    n, one = 15, 2**16
    of = propagators.step_of(network, np.float64)
    mem, syn, g_in, constant, v_min = (
        of.decay_mem, of.gain_syn, of.gain_in, of.constant, of.v_min
    )  # fmt: skip
    d_syn, v_th, gain, shift = of.decay_syn, of.v_th, of.reset_gain, of.reset_shift
    hold = propagators.refractory_steps(network)[:n]
    leak = constant - g_in * network.bias
    drive = np.rint((g_in * drive_of(network, trials, 0) + leak) * one).astype(int)
    per_spike = dense(network.indptr, network.indices, network.weights, n) * syn
    weights = np.rint(per_spike * one).astype(int)
    v = [int(x) for x in np.rint(start_of(network, 5, 0) * one)]
    i, free, counts = [0] * n, [0] * n, [0] * n
    low = [-(2**40) if np.isinf(f) else int(f * one) for f in v_min]
    past: list[list[int]] = []
    for step in range(len(drive)):
        spikes = []
        for j in range(n):
            if free[j] <= step:
                moved = int(v[j] * int(np.rint(mem[j] * 4096)) / 4096) + i[j] + int(drive[step, j])
                v[j] = min(max(moved, low[j], -(2**19) + 1), 2**19 - 1)
            i[j] = int(i[j] * int(np.rint(d_syn[j] * 4096)) / 4096)
        for j in range(n):
            if v[j] > np.rint(v_th[j] * one) and free[j] <= step:
                spikes.append(j)
                counts[j] += 1
                v[j] = int(gain[j]) * v[j] + int(np.rint(shift[j] * one))
                free[j] = step + 1 + int(hold[j])
        past.append(spikes)
        for source in past[step - delay] if step >= delay else []:
            for j in range(n):
                i[j] = min(max(i[j] + int(weights[source, j]), -(2**19) + 1), 2**19 - 1)
    assert sum(counts) > 100
    np.testing.assert_array_equal(found.spike_counts[0], counts)


def test_many_bits_come_close_to_floating_point() -> None:
    network = random_network(6, 30, drive=0.2, weight=0.05)
    trials = random_trials(network, 6, (40, 40))
    expected = simulate_trials(network, trials, seed=1)
    found = run_fixed(network, trials, FixedPoint(membrane=32, current=32, decay=28), seed=1)
    total = int(expected.spike_counts.sum())
    assert total > 500
    assert np.abs(found.spike_counts - expected.spike_counts).sum() <= 0.01 * total
    assert found.membrane_overflows == found.current_overflows == 0
    np.testing.assert_allclose(np.median(np.abs(found.outputs - expected.outputs)), 0, atol=0.05)


def test_what_does_not_fit_saturates_and_is_counted() -> None:
    network = random_network(6, 30, drive=0.2, weight=2.0)
    trials = random_trials(network, 6, (40,))
    assert run_fixed(network, trials, FixedPoint(current=14)).current_overflows > 0
    inhibited = replace(
        network, bias=np.full(30, -5.0, np.float32), v_min=np.full(30, -np.inf, np.float32)
    )
    assert run_fixed(inhibited, trials, FixedPoint(headroom=1)).membrane_overflows > 0


def test_widths_that_cannot_be_are_refused() -> None:
    network = random_network(6, weight=1e-4)
    trials = random_trials(network, 6, (2,))
    with pytest.raises(InputError, match="membrane has 3 bits: 4 to 32 can be"):
        FixedPoint(membrane=3)
    with pytest.raises(InputError, match="headroom 6 leaves no bit below the threshold"):
        FixedPoint(membrane=8, headroom=6)
    with pytest.raises(InputError, match=r"all \d+ weights round to 0 with a membrane of 8 bits"):
        run_fixed(network, trials, FixedPoint(membrane=8))
    with pytest.raises(InputError, match="delays of their own"):
        run_fixed(random_network(1, longest_delay=3), trials, FixedPoint())

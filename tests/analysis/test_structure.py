"""Cliff, modules, agreement and lesions on networks whose answer is known."""

import numpy as np
import numpy.typing as npt
import pytest

from spiking_bimt.analysis.active import active_units
from spiking_bimt.analysis.lesion import lesion_groups, silence
from spiking_bimt.analysis.structure import agreement, modules
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)


def two_modules() -> RateNetwork:
    """Units 0..4 and 5..9 are densely wired within, weakly between; each half has its output."""
    rng = np.random.default_rng(0)
    w_rec = np.full((10, 10), 1e-3) * rng.random((10, 10))
    for half in (slice(0, 5), slice(5, 10)):
        w_rec[half, half] = 0.1
    w_in = np.zeros((10, 2))
    w_in[:5, 0] = w_in[5:, 1] = 1.0
    w_out = np.zeros((3, 10))
    w_out[1, :5] = w_out[2, 5:] = 1.0
    return RateNetwork(
        w_rec=f32(w_rec), w_in=f32(w_in), b=f32(np.zeros(10)), w_out=f32(w_out),
        b_out=f32([0.5, 0, 0]),
        positions=np.stack(np.divmod(np.arange(10), 5), axis=1).astype(np.int32),
        sheet=(2, 5), tau=100.0,
        dt=100.0, battery="yang19", tasks=("go", "anti"),
    )  # fmt: skip


def one_channel_a_task() -> Trials:
    """Task 0 drives channel 0 and asks for output 1; task 1 channel 1 and output 2."""
    inputs = np.zeros((20, 2))
    labels = np.zeros(20, np.int32)
    for k in range(4):
        inputs[5 * k : 5 * k + 5, k % 2] = 1.0
        labels[5 * k : 5 * k + 5] = 1 + k % 2
    return Trials(
        inputs=f32(inputs), labels=labels, offsets=np.arange(5) * 5, decision=np.zeros(4, np.int32),
        task=np.arange(4, dtype=np.int32) % 2, tasks=("go", "anti"), dt=100.0,
    )  # fmt: skip


def test_the_cliff_is_the_largest_gap() -> None:
    values = np.array([1.0, 2.0, 0.5, 1e-4, 3e-5, 0.0])
    found = active_units(values)
    np.testing.assert_array_equal(found.units, [0, 1, 2])
    assert 1e-4 < found.threshold < 0.5
    assert found.cliff == pytest.approx(5000)


def test_without_a_cliff_every_unit_above_zero_is_active() -> None:
    found = active_units(np.array([3.0, 1.0, 0.0, 0.4]))
    np.testing.assert_array_equal(found.units, [0, 1, 3])
    assert len(active_units(np.zeros(4)).units) == 0
    np.testing.assert_array_equal(active_units(np.array([2.0])).units, [0])


def test_modules_are_found_and_agree_with_themselves() -> None:
    found = modules(two_modules())
    np.testing.assert_array_equal(found.labels, [0] * 5 + [1] * 5)
    weight = two_modules().w_rec + two_modules().w_rec.T
    np.fill_diagonal(weight, 0)
    strength, total = weight.sum(0), weight.sum()
    same = found.labels[:, None] == found.labels[None]
    expected = ((weight - np.outer(strength, strength) / total) * same).sum() / total
    assert found.modularity == pytest.approx(expected, rel=1e-6)
    assert agreement(found.labels, 1 - found.labels).adjusted_rand == pytest.approx(1.0)
    assert agreement(found.labels, np.arange(10, dtype=np.int32) % 2).adjusted_rand < 0.1


def test_a_lesion_hurts_the_task_of_its_module_alone() -> None:
    network, trials = two_modules(), one_channel_a_task()
    labels = np.array([0] * 5 + [1] * 5, np.int32)
    accuracy = lesion_groups(network, labels, trials)
    np.testing.assert_array_equal(accuracy, [[1, 1], [0, 1], [1, 0]])


def test_silenced_units_are_heard_by_nobody() -> None:
    silent = silence(two_modules(), np.array([2]))
    assert not silent.w_rec[:, 2].any()
    assert not silent.w_out[:, 2].any()
    assert silent.w_rec[2].any()

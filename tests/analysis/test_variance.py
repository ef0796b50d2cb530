"""Task variance against a loop over trials and steps."""

import numpy as np
import numpy.typing as npt
import pytest

from spiking_bimt.analysis.variance import task_variance
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials

Array = npt.NDArray[np.float64]


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)


def network(n: int, n_in: int, seed: int = 0, recurrent: float = 0.3) -> RateNetwork:
    rng = np.random.default_rng(seed)
    return RateNetwork(
        w_rec=f32(recurrent * rng.normal(size=(n, n)) / np.sqrt(n)),
        w_in=f32(rng.normal(size=(n, n_in))),
        b=f32(rng.normal(size=n)), w_out=f32(rng.normal(size=(3, n))), b_out=f32(np.zeros(3)),
        positions=np.stack(np.divmod(np.arange(n), n), axis=1).astype(np.int32), sheet=(1, n),
        tau=50.0, dt=20.0, battery="yang19", tasks=("go", "anti"),
    )  # fmt: skip


def trials(lengths: list[int], task: list[int], n_in: int, seed: int = 1) -> Trials:
    steps = sum(lengths)
    return Trials(
        inputs=f32(np.random.default_rng(seed).normal(size=(steps, n_in))),
        labels=np.zeros(steps, np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        decision=np.zeros(len(lengths), np.int32),
        task=np.array(task, np.int32),
        tasks=("go", "anti"),
        dt=20.0,
    )


def rates_of(net: RateNetwork, given: Trials, k: int) -> Array:
    """(T, N) rates of trial k, by the equation itself."""
    alpha = 1 - np.exp(-net.dt / net.tau)
    r, rows = np.zeros(net.n_units), []
    for u in given.inputs[given.offsets[k] : given.offsets[k + 1]]:
        drive = np.maximum(net.w_rec @ r + net.w_in @ u + net.b, 0)
        r = r + alpha * (drive - r)
        rows.append(r)
    return np.array(rows)


def brute_force(net: RateNetwork, given: Trials) -> Array:
    out = np.zeros((net.n_units, 2))
    for task in range(2):
        own = [rates_of(net, given, k) for k in np.flatnonzero(given.task == task)]
        total, weight = np.zeros(net.n_units), 0
        for step in range(max(map(len, own))):
            live = [rates[step] for rates in own if len(rates) > step]
            if len(live) > 1:
                total += len(live) * np.var(live, axis=0)
                weight += len(live)
        out[:, task] = total / max(weight, 1)
    return out


def test_it_equals_a_loop_over_trials_of_different_lengths() -> None:
    net, given = network(7, 4), trials([5, 9, 7, 6, 12, 3], [0, 0, 0, 1, 1, 1], 4)
    found = task_variance(net, given)
    np.testing.assert_allclose(found.variance, brute_force(net, given), rtol=1e-4, atol=1e-9)
    assert found.tasks == ("go", "anti")


def test_it_does_not_depend_on_how_trials_are_chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    net, given = network(5, 3), trials([4, 8, 6, 5, 7], [1, 0, 0, 1, 0], 3)
    whole = task_variance(net, given).variance
    monkeypatch.setattr("spiking_bimt.simulation.rate._CHUNK", 2)
    np.testing.assert_allclose(task_variance(net, given).variance, whole, rtol=1e-5, atol=1e-9)


def test_normalised_rows_have_a_largest_value_of_one_or_are_silent() -> None:
    net, given = network(6, 4), trials([5, 5, 5, 5], [0, 0, 1, 1], 4)
    b, w_in = net.b.copy(), net.w_in.copy()
    b[2], w_in[2] = -100.0, 0.0  # never above threshold
    b[4], w_in[4] = 5.0, 1e-7  # active, but all but the same in every trial
    quiet = RateNetwork(
        net.w_rec * 0, w_in, b, net.w_out, net.b_out, net.positions, net.sheet, net.tau, net.dt,
        net.battery, net.tasks,
    )  # fmt: skip
    found = task_variance(quiet, given)
    assert found.responsive.tolist() == [True, True, False, True, False, True]
    np.testing.assert_array_equal(found.normalised.max(axis=1), [1, 1, 0, 1, 0, 1])
    ratio = found.variance[0] / found.variance[0].max()
    np.testing.assert_array_equal(found.normalised[0], ratio)


def test_a_single_trial_has_no_variance() -> None:
    found = task_variance(network(3, 2), trials([6, 6, 4], [0, 0, 1], 2))
    assert (found.variance[:, 1] == 0).all()
    assert (found.variance[:, 0] > 0).any()

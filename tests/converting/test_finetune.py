"""Fine-tuning repairs what few spikes and few bits break, and touches no weight that is 0."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import spiking_bimt.bundle
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.converting import finetune_rates
from spiking_bimt.converting.finetune import draw_batch, finetune, make_pool, undo_filter
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.normalise import (
    fit_leaky_units,
    normalise,
    replace_with_leaky_units,
)
from spiking_bimt.converting.one_to_one import ConversionConfig
from spiking_bimt.converting.quantise import Rounding
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.train_activation import table
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs, rate_steps
from spiking_bimt.simulation.run import simulate_trials
from tests.converting.test_one_to_one import random_rate_network
from tests.training.test_straight_through import random_batch

Array = npt.NDArray[Any]
FEW_SPIKES = ConversionConfig(full_rate=60.0)


@pytest.fixture(scope="module")
def bundled() -> RateNetwork:
    return normalised_bundle()


def normalised_bundle() -> RateNetwork:
    """The bundled network with every full scale 1."""
    path = Path(spiking_bimt.bundle.__file__).parent / "bimt.h5"
    network = store.load(path, RateNetwork)
    trials = draw_trials(network.battery, network.tasks, 4, network.dt, stream="calibrate")
    return normalise(network, drive_percentile(network, trials, 99.9))


def accuracy(network: RateNetwork, config: ConversionConfig, rounding: Rounding | None) -> float:
    trials = draw_trials(network.battery, network.tasks, 10, network.dt, stream="validate")
    made = finetune_rates.make_spiking(network, config, rounding)
    return score(simulate_trials(made, trials, record_spikes=False).outputs, trials).accuracy


def test_a_normalised_network_has_the_same_outputs(bundled: RateNetwork) -> None:
    path = Path(spiking_bimt.bundle.__file__).parent / "bimt.h5"
    trials = draw_trials(bundled.battery, bundled.tasks, 2, bundled.dt, stream="calibrate")
    expected = rate_outputs(store.load(path, RateNetwork), trials)
    np.testing.assert_allclose(rate_outputs(bundled, trials), expected, rtol=1e-3, atol=1e-3)


def test_a_few_steps_repair_few_spikes(bundled: RateNetwork) -> None:
    before = accuracy(bundled, FEW_SPIKES, None)
    tuned, _ = finetune(bundled, FEW_SPIKES, FinetuneConfig(steps=60, batch=16, lr=2e-3))
    assert accuracy(tuned, FEW_SPIKES, None) > before + 0.1
    for name in ("w_rec", "w_in", "w_out"):
        np.testing.assert_array_equal(
            getattr(tuned, name)[getattr(bundled, name) == 0], 0, err_msg=name
        )


def test_a_few_steps_repair_few_bits(bundled: RateNetwork) -> None:
    config, rounding = ConversionConfig(), Rounding(3, fit="least-squares")
    before = accuracy(bundled, config, rounding)
    tuned, _ = finetune(bundled, config, FinetuneConfig(steps=40, batch=16, lr=2e-3), rounding)
    assert accuracy(tuned, config, rounding) > before + 0.1


def test_conversion_aware_steps_make_a_leaky_network(bundled: RateNetwork) -> None:
    config = ConversionConfig(full_rate=150.0, tau_mem=20.0, t_ref=2.0, reset="value", floor=0.0)
    start = replace_with_leaky_units(bundled, config, 0.1)
    before = accuracy(start, config, None)
    tuned, _ = finetune(start, config, FinetuneConfig(aware_steps=150, steps=0, batch=16, lr=3e-3))
    assert accuracy(tuned, config, None) > before + 0.1


def test_fitted_leaky_units_start_nearer_to_the_rectified_ones(bundled: RateNetwork) -> None:
    config = ConversionConfig(full_rate=150.0, tau_mem=20.0, t_ref=2.0, reset="value", floor=0.0)
    trials = draw_trials(bundled.battery, bundled.tasks, 5, bundled.dt, stream="validate")
    drives = np.concatenate([drive for _, _, drive in rate_steps(bundled, trials)])
    plain = replace_with_leaky_units(bundled, config, 0.1)
    fitted = fit_leaky_units(bundled, config, 0.1, drives[::50])
    reference = rate_outputs(bundled, trials)
    off, less = (np.abs(rate_outputs(n, trials) - reference).mean() for n in (plain, fitted))
    assert less < 0.5 * off
    found, before = (score(rate_outputs(n, trials), trials).accuracy for n in (fitted, plain))
    assert found > before + 0.2
    # A gain and a shift for each unit, and nothing else.
    sums, plain_sums = (np.abs(n.w_rec).sum(axis=1, keepdims=True) for n in (fitted, plain))
    np.testing.assert_allclose(fitted.w_rec * plain_sums, plain.w_rec * sums, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(fitted.w_out, plain.w_out)


def test_the_same_seed_gives_the_same_bits(bundled: RateNetwork) -> None:
    first, second, other = (
        finetune(bundled, FEW_SPIKES, FinetuneConfig(aware_steps=2, steps=2, batch=8, seed=seed))[0]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.w_rec, second.w_rec)
    assert (first.w_rec != other.w_rec).any()


def test_threads_change_nothing_and_a_later_training_has_other_trials(bundled: RateNetwork) -> None:
    settings = FinetuneConfig(aware_steps=1, steps=2, batch=24)
    first, second, later = (
        finetune(bundled, FEW_SPIKES, settings, threads=threads, earlier=earlier)[0]
        for threads, earlier in ((1, 0), (2, 0), (1, 1))
    )
    np.testing.assert_array_equal(first.w_rec, second.w_rec)
    assert (first.w_rec != later.w_rec).any()
    own, next_own = (make_pool(bundled, settings, part, 2) for part in (1, 3))
    even = np.ones(len(bundled.tasks))
    drawn, others = (draw_batch(pool, 0, even, bundled.w_in.shape[1]) for pool in (own, next_own))
    assert drawn.inputs.shape != others.inputs.shape or (drawn.inputs != others.inputs).any()


def test_spikes_cost_nothing_below_the_limit(bundled: RateNetwork) -> None:
    settings = FinetuneConfig(steps=12, batch=16, spike_cost=0.05)
    costly, under, free = (
        finetune(bundled, FEW_SPIKES, one)[0]
        for one in (
            settings, replace(settings, rate_limit=1e3), replace(settings, spike_cost=0.0)
        )
    )  # fmt: skip
    np.testing.assert_array_equal(under.w_rec, free.w_rec)
    assert (costly.w_rec != free.w_rec).any()


def test_spikes_are_told_from_their_filtered_rates(bundled: RateNetwork) -> None:
    settings = FinetuneConfig(steps=1, batch=40)
    batch = draw_batch(make_pool(bundled, settings, 1, 1), 0, np.ones(20), bundled.w_in.shape[1])
    made = finetune_rates.make_spiking(bundled, FEW_SPIKES, None)
    _, trials = finetune_rates.unpack_trials(batch, bundled)
    counts = simulate_trials(made, trials, seed=3, record_spikes=False).spike_counts
    rates = finetune_rates.measure_rates(bundled, FEW_SPIKES, made, batch, 3).mean(axis=1)
    alpha = -math.expm1(-bundled.dt / bundled.tau)
    seconds = len(trials.labels) * trials.dt / 1000
    exact = counts.sum() / seconds / made.n_neurons
    assert FEW_SPIKES.full_rate * rates.mean() < 0.97 * exact
    found = FEW_SPIKES.full_rate * undo_filter(rates, batch, alpha).mean()
    assert found == pytest.approx(exact, rel=0.01)


def test_a_limit_holds_the_rate(bundled: RateNetwork) -> None:
    trials = draw_trials(bundled.battery, bundled.tasks, 10, bundled.dt, stream="validate")
    found = []
    for limit in (0.0, 3.5):
        settings = FinetuneConfig(steps=150, batch=24, lr=2e-3, spike_cost=0.1, rate_limit=limit)
        made = finetune_rates.make_spiking(
            finetune(bundled, FEW_SPIKES, settings)[0], FEW_SPIKES, None
        )
        counts = simulate_trials(made, trials, record_spikes=False).spike_counts
        seconds = len(trials.labels) * trials.dt / 1000
        found.append(counts.sum() / seconds / made.n_neurons)
    assert found[0] < 3.0
    assert found[1] == pytest.approx(3.5, abs=0.4)


def test_the_mean_of_the_weights_is_kept(bundled: RateNetwork) -> None:
    first, second, mean = (
        finetune(
            bundled, FEW_SPIKES, FinetuneConfig(steps=n, batch=8, lr_decay=0.0, average=average)
        )[0]
        for n, average in ((1, 0.0), (2, 0.0), (2, 0.9))
    )
    assert (first.w_rec != second.w_rec).any()
    np.testing.assert_allclose(mean.w_rec, (first.w_rec + second.w_rec) / 2, atol=1e-6)
    np.testing.assert_allclose(mean.b_out, (first.b_out + second.b_out) / 2, atol=1e-6)


def test_a_network_learns_from_its_teacher_alone(bundled: RateNetwork) -> None:
    """With no share of the right answers, what is learnt is what the teacher answers."""
    other = replace(bundled, w_out=bundled.w_out[::-1].copy(), b_out=bundled.b_out[::-1].copy())
    settings = FinetuneConfig(steps=60, batch=16, lr=5e-3, distil=1.0, margin=0.0)
    tuned, _ = finetune(bundled, ConversionConfig(), settings, teacher=other)
    trials = draw_trials(bundled.battery, bundled.tasks, 3, bundled.dt, stream="validate")
    taught = rate_outputs(other, trials).argmax(axis=1)
    before, after = (rate_outputs(n, trials).argmax(axis=1) for n in (bundled, tuned))
    assert (after == taught).mean() > (before == taught).mean() + 0.2
    same, _ = finetune(
        bundled, ConversionConfig(), replace(settings, steps=1, distil=0.0), teacher=other
    )
    alone, _ = finetune(bundled, ConversionConfig(), replace(settings, steps=1, distil=0.0))
    np.testing.assert_array_equal(same.w_out, alone.w_out)


def test_what_is_frozen_stays(bundled: RateNetwork) -> None:
    tuned, _ = finetune(
        bundled, FEW_SPIKES, FinetuneConfig(steps=2, batch=8), frozen=("w_out", "b_out")
    )
    np.testing.assert_array_equal(tuned.w_out, bundled.w_out)
    np.testing.assert_array_equal(tuned.b_out, bundled.b_out)
    assert (tuned.w_rec != bundled.w_rec).any()


def test_more_is_drawn_of_the_tasks_that_lose(bundled: RateNetwork) -> None:
    losses = np.full(len(bundled.tasks), 1e-3)
    losses[7] = 1.0
    shares = []
    for focus in (0.0, 0.9):
        settings = FinetuneConfig(steps=1, batch=200, focus=focus)
        pool = make_pool(bundled, settings, 1, 1)
        batch = draw_batch(pool, 0, losses, bundled.w_in.shape[1])
        shares.append((batch.task[: batch.counts[0]] == 7).mean())
    assert shares[0] < 0.15
    assert shares[1] > 0.8


def test_filtered_spikes_of_many_are_the_rates() -> None:
    # A constant input, no recurrence: the filtered rate of a fast neuron is that of its unit.
    network = replace(random_rate_network(), w_rec=np.zeros((12, 12), np.float32))
    batch = random_batch()
    batch = replace(batch, inputs=np.ones_like(batch.inputs) * 0.1)
    config = ConversionConfig(full_rate=4000.0, dt=0.02)
    made = finetune_rates.make_spiking(network, config, None)
    found = finetune_rates.measure_rates(network, config, made, batch, 0)
    alpha = -np.expm1(-network.dt / network.tau)
    drive = batch.inputs @ network.w_in.T + network.b
    rows = table(np.empty(0, np.float32))
    expected, _ = finetune_rates.compute_rates(network, drive, batch.counts, float(alpha), rows)
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "fine-tuning of 0 steps"),
        ({"steps": -1}, "steps is -1"),
        ({"lr": 0.0}, "lr is 0.0: it must be above 0"),
        ({"margin": float("nan")}, "margin is nan"),
        ({"focus": 1.0}, "focus is 1.0: it must lie in"),
        ({"lr_decay": 2.0}, "lr_decay is 2.0: it is a share"),
        ({"distil": 1.5}, "distil is 1.5: it is a share"),
        ({"average": 1.0}, "average is 1.0: it must lie in"),
        ({"rate_limit": -1.0, "spike_cost": 1e-3}, "rate_limit is -1.0: it must not be negative"),
        ({"rate_limit": 15.0}, "rate_limit would do nothing: give a spike_cost"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FinetuneConfig(**settings)


def test_a_loss_that_is_not_finite_is_refused(bundled: RateNetwork) -> None:
    with pytest.raises(
        InputError, match=r"the loss is .* and its gradient .* at step \d+: lower lr"
    ):
        finetune(bundled, FEW_SPIKES, FinetuneConfig(steps=5, batch=8, lr=1e6))

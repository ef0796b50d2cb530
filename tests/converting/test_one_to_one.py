"""The spiking network's weights and rates, against what the rate network does."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.converting.one_to_one import (
    ConversionConfig,
    delay_notes,
    delay_steps,
    full_drive,
    to_csr,
    to_spiking,
)
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs
from spiking_bimt.simulation.run import simulate_trials


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)


def random_rate_network(seed: int = 0, n: int = 12) -> RateNetwork:
    rng = np.random.default_rng(seed)
    return RateNetwork(
        w_rec=f32(rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.4) * 0.6 / np.sqrt(0.4 * n)),
        w_in=f32(rng.normal(size=(n, 4))),
        b=f32(rng.normal(size=n) * 0.2),
        w_out=f32(rng.normal(size=(3, n))),
        b_out=f32(rng.normal(size=3)),
        positions=np.stack([np.arange(n), np.zeros(n, int)], axis=1),
        sheet=(n, 1),
        tau=100.0,
        dt=20.0,
        battery="yang19",
        tasks=("go",),
    )


def held_inputs(seed: int, steps: int = 60) -> Trials:
    """Trials whose input is held, so that rates settle."""
    rng = np.random.default_rng(seed)
    return Trials(
        inputs=np.repeat(rng.random((5, 4)), steps, axis=0),
        labels=np.zeros(5 * steps, int),
        offsets=np.arange(6) * steps,
        decision=np.zeros(5, int),
        task=np.zeros(5, int),
        tasks=("go",),
        dt=20.0,
    )


@pytest.mark.parametrize("tau_mem", [float("inf"), 20.0])
def test_settled_outputs_follow_the_rate_network(tau_mem: float) -> None:
    network, trials = random_rate_network(), held_inputs(1)
    expected = rate_outputs(network, trials)
    config = ConversionConfig(full_rate=800.0, tau_mem=tau_mem, dt=0.1)
    spiking = to_spiking(network, drive_percentile(network, trials, 99.9), config)
    outputs = simulate_trials(spiking, trials).outputs
    last = trials.offsets[1:] - 1
    # Averaged over the second half: spikes jitter, and a leaky membrane bends the f-I curve.
    settled = [outputs[end - 25 : end].mean(0) for end in last]
    tolerance = 0.05 if np.isinf(tau_mem) else 0.35
    spread = np.ptp(expected[last], axis=0).max()
    assert np.abs(np.array(settled) - expected[last]).max() < tolerance * spread


def test_one_spike_moves_the_target_by_the_documented_amount() -> None:
    network = random_rate_network()
    a = np.linspace(0.5, 2.0, 12).astype(np.float32)
    spiking = to_spiking(network, a, ConversionConfig(full_rate=250.0))
    dense = np.zeros((12, 12))
    for pre in range(12):
        row = slice(spiking.indptr[pre], spiking.indptr[pre + 1])
        dense[spiking.indices[row], pre] = spiking.weights[row]
    np.testing.assert_allclose(dense, network.w_rec * a[None] / a[:, None], rtol=1e-5)
    np.testing.assert_allclose(spiking.bias, 0.25 * network.b / a, rtol=1e-5)


@pytest.mark.parametrize("tau_mem", [5.0, 20.0, 1000.0, float("inf")])
@pytest.mark.parametrize("t_ref", [0.0, 2.0])
def test_full_drive_fires_at_the_full_rate(tau_mem: float, t_ref: float) -> None:
    config = ConversionConfig(full_rate=100.0, tau_mem=tau_mem, t_ref=t_ref)
    drive = full_drive(config)
    dt, v, crossed, time, blocked = 1e-3, 0.0, 0, 0.0, 0.0
    for _ in range(200_000):
        time += dt
        if time < blocked:
            continue
        v += dt * (drive - v / tau_mem)
        if v > 1:
            v, crossed, blocked = v - 1, crossed + 1, time + t_ref
    assert crossed == pytest.approx(100.0 * 0.2, abs=1)


def test_the_delay_is_half_the_trained_step() -> None:
    network = random_rate_network()
    assert delay_steps(network, ConversionConfig()) == 10
    assert delay_steps(network, ConversionConfig(dt=0.5)) == 20
    assert delay_notes(network, ConversionConfig()) == []
    with pytest.raises(InputError, match=r"delay of 0\.2 ms is not a whole number"):
        delay_steps(network, ConversionConfig(delay=0.2))
    assert delay_steps(network, ConversionConfig(delay=0.0)) == 0


@pytest.mark.parametrize(("trained", "dt", "steps"), [(1.0, 1.0, 1), (5.0, 1.0, 3), (0.1, 0.1, 1)])
def test_half_a_step_of_delay_is_rounded_up_and_told(trained: float, dt: float, steps: int) -> None:
    network = replace(random_rate_network(), dt=trained)
    config = ConversionConfig(dt=dt)
    assert delay_steps(network, config) == steps
    assert f"the synaptic delay is {steps * dt:g} ms" in delay_notes(network, config)[0]
    assert to_spiking(network, np.ones(12, np.float32), config).delay == steps


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"full_rate": 0.0}, "full_rate is 0.0: it must be above 0"),
        ({"percentile": 101.0}, "percentile is 101.0"),
        ({"tau_mem": -1.0}, "tau_mem is -1.0"),
        ({"t_ref": 5.0}, "5.0 ms does not allow 200.0 Hz"),
        ({"dt": float("nan")}, "dt is nan"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings_: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConversionConfig(**settings_)  # type: ignore[arg-type]


def test_a_network_that_is_never_active_is_refused() -> None:
    with pytest.raises(InputError, match="no unit is ever active"):
        to_spiking(random_rate_network(), np.zeros(12, np.float32), ConversionConfig())


def test_gains_that_underflow_are_refused() -> None:
    network = random_rate_network()
    weak = replace(network, w_rec=network.w_rec * np.float32(1e-37))
    a = np.ones(12, np.float32)
    a[3] = 1e-3
    with pytest.raises(InputError, match=r"the gains turn weights into .* float32 cannot hold"):
        to_spiking(weak, a, ConversionConfig(full_rate=4000.0))
    with pytest.raises(InputError, match="float32 cannot hold"):
        to_spiking(network, np.full(12, 1e-39, np.float32), ConversionConfig())


@given(st.integers(0, 2**31), st.integers(2, 10))
@settings(max_examples=30, deadline=None)
def test_codes_are_within_half_a_step_and_within_the_bits(seed: int, bits: int) -> None:
    network = random_rate_network(seed)
    a = np.random.default_rng(seed).uniform(0.5, 3, 12).astype(np.float32)
    coded = quantise(to_spiking(network, a, ConversionConfig()), bits)
    assert coded.codes is not None
    assert coded.scale is not None
    assert np.abs(coded.codes).max() <= 2 ** (bits - 1) - 1
    error = np.abs(coded.codes * coded.scale[coded.indices] - coded.weights)
    assert (error <= 0.5001 * coded.scale[coded.indices]).all()
    chip = coded.quantised()
    assert chip.codes is not None
    assert (chip.codes != 0).all()
    assert len(chip.indices) == int((coded.codes != 0).sum())
    for pre in range(12):
        mine = chip.indices[chip.indptr[pre] : chip.indptr[pre + 1]]
        row = slice(coded.indptr[pre], coded.indptr[pre + 1])
        np.testing.assert_array_equal(mine, coded.indices[row][coded.codes[row] != 0])


def test_widths_that_cannot_be_are_refused() -> None:
    network = to_spiking(random_rate_network(), np.ones(12, np.float32), ConversionConfig())
    for bits in (0, 1, 17):
        with pytest.raises(InputError, match=f"{bits} bits: signed integer weights have 2 to 16"):
            quantise(network, bits)
    with pytest.raises(InputError, match="no integer codes: `quantise` it"):
        network.quantised()


def test_by_source_keeps_every_weight_once() -> None:
    dense = random_rate_network().w_rec
    indptr, indices, weights = to_csr(dense)
    rebuilt = np.zeros_like(dense)
    for pre in range(len(dense)):
        row = slice(indptr[pre], indptr[pre + 1])
        assert (np.diff(indices[row]) > 0).all()
        rebuilt[indices[row], pre] = weights[row]
    np.testing.assert_array_equal(rebuilt, dense)


def test_the_fine_rate_network_needs_the_delay() -> None:
    network, trials = random_rate_network(3), held_inputs(2, steps=10)
    coarse = rate_outputs(network, trials)
    late = rate_outputs(network, trials, 1.0, 10)
    at_once = rate_outputs(network, trials, 1.0, 0)
    assert np.abs(late - coarse).mean() < 0.5 * np.abs(at_once - coarse).mean()
    with pytest.raises(InputError, match="does not divide the task step"):
        rate_outputs(network, trials, 3.0)
    with pytest.raises(InputError, match="trials have 4 inputs, the network 5"):
        rate_outputs(replace(network, w_in=f32(np.zeros((12, 5)))), trials)


def test_a_network_of_leaky_rates_converts_without_a_fit() -> None:
    curve = f32([20.0, 2.0, 100.0, 0.02])
    network = replace(random_rate_network(), activation="lif", lif_curve=curve)
    # One input each and no recurrence: every neuron sees a constant current.
    network = replace(
        network, w_rec=f32(np.zeros((12, 12))), w_in=f32(np.eye(12, 4)), w_out=f32(np.eye(12)[:3])
    )
    trials = held_inputs(2, steps=100)
    spiking = to_spiking(network, np.ones(12, np.float32), ConversionConfig(dt=0.1))
    assert float(spiking.tau_mem[0]) == 20.0
    assert spiking.reset == "value"
    result = simulate_trials(spiking, trials)
    expected = rate_outputs(network, trials)
    for end in trials.offsets[1:]:
        settled = result.outputs[end - 60 : end].mean(0)
        np.testing.assert_allclose(settled, expected[end - 1], atol=0.03)

"""Networks in a chip's integers: codes kept, what is lost said, near floating point where wide."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.integers import to_integers
from spiking_bimt.chip.on_chip import source_events
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_twin
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.chip_trials import simulate_integers

N, CHANNELS = 30, 4


def network(rng: np.random.Generator, **changes: Any) -> SpikingNetwork:
    """A random network with held input, of 8-bit weights."""
    dense = rng.random((N, N)) < 0.3
    held = rng.random((CHANNELS, N)) < 0.5
    weights = rng.normal(0.02, 0.15, dense.sum())
    given: dict[str, Any] = {
        "dt": 1.0, "delay": 3, "reset": "subtract", "tau_syn": 20.0, "tau_mem": 50.0,
        "v_min": -0.5, "v_reset": -0.25, "t_ref": 2.0, "bias": 0.01,
    } | changes  # fmt: skip
    made = from_csr(np.append(0, np.cumsum(dense.sum(1))), np.nonzero(dense)[1], weights, **given)
    driven = replace(
        made, in_indptr=np.append(0, np.cumsum(held.sum(1))),
        in_indices=np.nonzero(held)[1].astype(np.int32),
        in_weights=rng.normal(0.06, 0.05, held.sum()).astype(np.float32), task_dt=5.0,
    )  # fmt: skip
    return quantise(driven, bits=8).quantised()


def trial(rng: np.random.Generator, rows: int = 120) -> Trials:
    """One trial of random levels."""
    return Trials(
        inputs=rng.random((rows, CHANNELS)).astype(np.float32), labels=np.zeros(rows, np.int32),
        offsets=np.array([0, rows]), decision=np.zeros(1, np.int32), task=np.zeros(1, np.int32),
        tasks=("a",), dt=5.0,
    )  # fmt: skip


def wide() -> Chip:
    """The generic grid with the widest states and factors that are simulated."""
    chip = load_chip("grid16")
    assert chip.neuron is not None
    neuron = replace(chip.neuron, state_bits=30, current_decay_bits=16, leak_bits=16, bias_bits=30)
    return replace(chip, neuron=neuron)


@pytest.mark.parametrize("reset", ["subtract", "value"])
@pytest.mark.parametrize("seed", range(3))
def test_wide_integers_are_near_the_equations_in_floating_point(seed: int, reset: str) -> None:
    """The twin of the float kernel, which knows nothing of codes or chips, from the same start."""
    rng = np.random.default_rng(seed)
    ours, trials = network(rng, reset=reset), trial(rng)
    found = simulate_integers(to_integers(ours, wide()), trials)
    level = np.zeros((CHANNELS, N))
    channel = np.repeat(np.arange(CHANNELS), np.diff(ours.in_indptr))
    level[channel, ours.in_indices] = ours.in_weights
    spikes, _ = sim_twin.simulate(
        ours.v_reset, np.repeat(trials.inputs @ level, 5, axis=0) + ours.bias,
        pre=np.repeat(np.arange(N), np.diff(ours.indptr)), post=ours.indices,
        weights=ours.weights, delays=np.full(len(ours.indices), ours.delay),
        tau_mem=ours.tau_mem, tau_syn=ours.tau_syn, v_th=ours.v_th, v_reset=ours.v_reset,
        v_leak=ours.v_leak, v_min=ours.v_min, hold=np.full(N, 2), subtract=reset == "subtract",
        dt=1.0,
    )  # fmt: skip
    expected = spikes.sum(0)
    assert expected.sum() > 500
    assert np.abs(found.spike_counts[0] - expected).sum() < 0.02 * expected.sum()
    same = np.zeros(spikes.shape, bool)
    same[found.steps, found.neurons] = True
    assert (same[:100] == spikes[:100]).mean() > 0.995


def test_codes_keep_their_values_and_losses_are_said() -> None:
    ours = network(np.random.default_rng(1))
    made = to_integers(ours, load_chip("grid16"))
    assert ours.codes is not None
    np.testing.assert_array_equal(made.weights, ours.codes.astype(int) << made.shift)
    assert made.v_th.max() * 8 <= made.limits[1]
    text = "; ".join(made.lost)
    for word in ("tau_syn: ", "thresholds, rounded by up to", "held input", "start of a trial"):
        assert word in text
    exact = to_integers(replace(ours, tau_mem=np.full(N, np.inf, np.float32)), wide())
    assert (exact.decay_mem == 2**16).all()


def test_loihis_grids_are_kept() -> None:
    """Thresholds are multiples of 64 below 2^23, constant input has 12 bits and an exponent."""
    rng = np.random.default_rng(2)
    ours = network(rng, reset="value", v_min=-np.inf, bias=0.013)
    ours = replace(
        ours, in_indptr=np.zeros(1, np.int64), in_indices=np.zeros(0, np.int32),
        in_weights=np.zeros(0, np.float32), in_codes=np.zeros(0, np.int16),
        scale=np.full(N, ours.scale.max() if ours.scale is not None else 1, np.float32),
    )  # fmt: skip
    made = to_integers(ours, load_chip("loihi"))
    assert (made.v_th % 64 == 0).all()
    assert made.v_th.max() < 2**23
    mantissa = made.bias // 2 ** np.maximum(np.ceil(np.log2(np.abs(made.bias) / 4095)), 0)
    assert np.abs(mantissa).max() <= 4095
    assert made.decay_syn[0] == round(4096 * np.exp(-1 / 20))
    assert made.delay == 4


def test_spikes_of_sources_reach_the_chip_after_their_delay() -> None:
    """A source neuron and a target: what the kernel sends arrives as the chip's input."""
    made = from_csr(
        [0, 1, 1], [1], [0.9], dt=1.0, delay=3, reset="value", tau_syn=20.0, tau_mem=np.inf
    )
    ours = replace(
        made, in_indptr=np.array([0, 1]), in_indices=np.array([0]), task_dt=5.0,
        in_weights=np.array([0.4], np.float32),
    )  # fmt: skip
    ours = quantise(ours, bits=8).quantised()
    chip_network = to_integers(ours, load_chip("loihi"))
    assert chip_network.channels.tolist() == [0]
    assert chip_network.neurons.tolist() == [1]
    trials = replace(trial(np.random.default_rng(0), 4), inputs=np.ones((4, 1), np.float32))
    events = source_events(ours, chip_network, trials, seed=0)
    at = np.flatnonzero(events[:, 0])
    assert set(np.diff(at)) <= {2, 3, 4}
    first = next(t for t in range(20) if (np.random.default_rng((0, 0)).random(2)[0]
                                          + 0.4 * (t + 1)) > 1)  # fmt: skip
    assert at[0] == first + 4
    assert simulate_integers(chip_network, trials, events).n_spikes > 0


@pytest.mark.parametrize(
    ("chip", "message"),
    [
        ("dynapse2", "dynapse2 is analog"),
        ("odin", "odin compares after every event"),
        ("loihi", r"loihi cannot compute this network \(3 reasons\): reset by subtraction"),
    ],
)
def test_what_has_no_integers_is_refused(chip: str, message: str) -> None:
    bare = replace(load_chip(chip), neuron=None, synapse=None)
    with pytest.raises(InputError, match=f"{chip} declares no neuron: its integers are not sim"):
        to_integers(network(np.random.default_rng(0)), bare)
    with pytest.raises(InputError, match=message):
        to_integers(network(np.random.default_rng(0)), load_chip(chip))


def test_a_second_time_constant_is_refused_where_the_chip_has_it_too() -> None:
    made = network(np.random.default_rng(0))
    slow = replace(made, tau_syn_negative=np.full(made.n_neurons, 9.0, np.float32))
    with pytest.raises(InputError, match="the integer stepper has no "):
        to_integers(slow, load_chip("spinnaker"))


def test_a_width_that_is_too_small_is_named() -> None:
    chip = load_chip("grid16")
    assert chip.neuron is not None
    narrow = replace(chip, neuron=replace(chip.neuron, state_bits=8))
    with pytest.raises(InputError, match=r"threshold of neuron \d+ is \d+ steps of its weights, "):
        to_integers(network(np.random.default_rng(0)), narrow)
    with pytest.raises(InputError, match="no integer codes"):
        to_integers(network(np.random.default_rng(0)).without_codes(), chip)
    made = to_integers(network(np.random.default_rng(0)), chip)
    with pytest.raises(InputError, match="the trials have 4 input channels, the network 3"):
        simulate_integers(
            replace(made, in_indptr=made.in_indptr[1:] - made.in_indptr[1],
                    in_indices=made.in_indices[made.in_indptr[1]:],
                    in_weights=made.in_weights[made.in_indptr[1]:],
                    in_held=made.in_held[made.in_indptr[1]:], channels=made.channels[1:]),
            trial(np.random.default_rng(0)),
        )  # fmt: skip

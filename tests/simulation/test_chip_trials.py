"""The integer stepper of all chips equals its twin, spike for spike."""

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.chip_neuron import DECAY_FIRST, DECAY_LAST, ChipNeuron
from spiking_bimt.data.trials import Trials
from spiking_bimt.kernels import sim_chip_twin
from spiking_bimt.simulation.chip_trials import simulate_integers

SUB = 4
"""Simulation steps of a task step."""


@st.composite
def neurons(draw: Any) -> ChipNeuron:
    """Random neurons of a digital chip."""
    current = draw(st.sampled_from(["none", "exponential", "shift"]))
    leak = draw(st.sampled_from(["none", "additive", "towards-zero", "multiplicative", "shift"]))
    return ChipNeuron(
        current=current, leak=leak, reset=("value", "subtract"),
        current_decay_bits=4 if current == "shift" else draw(st.sampled_from([None, 4, 9, 16])),
        leak_bits=draw(st.sampled_from([None, 4, 7, 12, 16])),
        floor=draw(st.sampled_from(["none", "any", "reset"])),
        threshold=draw(st.sampled_from(["strict", "reached"])),
        spikes_per_step=draw(st.sampled_from([1, 3, 31])), refractory=(0, 9), delay=(1, 9),
        state_bits=draw(st.sampled_from([8, 12, 16, 24, 30])), state_signed=draw(st.booleans()),
        bias_bits=16, input=draw(st.sampled_from(["held", "spikes"])),
        order=draw(st.sampled_from([DECAY_LAST, DECAY_FIRST])),
    )  # fmt: skip


def random_chip_network(rng: np.random.Generator, neuron: ChipNeuron) -> ChipNetwork:
    """Random integers that reach the widths of the neuron's states now and then."""
    n, c = int(rng.integers(1, 12)), int(rng.integers(1, 5))
    bits = min(neuron.state_bits or 30, 30)
    high = 2 ** (bits - 1) - 1
    threshold = int(rng.integers(1, max(high // int(rng.choice([1, 4, 16])), 2)))
    dense, held = rng.random((n, n)) < 0.6, rng.random((c, n)) < 0.7
    span = max(threshold // int(rng.integers(1, 6)), 2)
    spikes = neuron.input == "spikes"

    def decays(kind: str, width: int | None) -> Any:
        if kind == "shift":
            return rng.integers(1, 8, n)
        if kind == "towards-zero":
            return rng.integers(0, max(threshold // 4, 2), n)
        return rng.integers(2 ** (width or 16) // 2, 2 ** (width or 16) + 1, n)

    least = 0 if not neuron.state_signed else -high - 1
    floors = least if neuron.floor == "none" else -rng.integers(0, threshold + 1, n)
    given: dict[str, Any] = dict(
        neurons=np.arange(n), channels=np.arange(c),
        indptr=np.append(0, np.cumsum(dense.sum(1))), indices=np.nonzero(dense)[1],
        weights=rng.integers(-span, span + 1, dense.sum()),
        in_indptr=np.append(0, np.cumsum(held.sum(1))), in_indices=np.nonzero(held)[1],
        in_weights=rng.integers(-span, 2 * span, held.sum()) * spikes,
        in_held=rng.normal(0, span, held.sum()) * (not spikes),
        delay=int(rng.integers(1, 5)),
        delays=rng.integers(1, 9, dense.sum()) if rng.random() < 0.5 else None, shift=0,
        decay_syn=decays(neuron.current, neuron.current_decay_bits),
        decay_mem=decays(neuron.leak, neuron.leak_bits),
        bias=rng.integers(-span // 4, span // 2 + 1, n), v_th=np.full(n, threshold),
        v_min=np.broadcast_to(floors, n), hold=rng.integers(0, 3, n),
        reset=str(rng.choice(["value", "subtract"])), w_out=rng.normal(size=(2, n)),
        b_out=rng.normal(size=2), tau_out=20.0, dt=1.0, task_dt=float(SUB),
    )  # fmt: skip
    return ChipNetwork(chip="random", neuron=neuron, **given)


def drawn_trials(rng: np.random.Generator, channels: int) -> Trials:
    """Two trials of random levels."""
    lengths = rng.integers(3, 12, 2)
    rows = int(lengths.sum())
    levels = rng.normal(0, 1, (rows, channels)) * (rng.random((rows, channels)) < 0.7)
    return Trials(
        inputs=levels.astype(np.float32),
        labels=np.zeros(rows, np.int32), offsets=np.append(0, np.cumsum(lengths)),
        decision=np.zeros(2, np.int32), task=np.zeros(2, np.int32), tasks=("a",), dt=float(SUB),
    )  # fmt: skip


WIDE = ChipNeuron(
    current="shift", leak="none", reset=("value", "subtract"), current_decay_bits=4, floor="any",
    refractory=(0, 9), delay=(1, 9), state_bits=30, state_signed=False, bias_bits=16, input="held",
)  # fmt: skip
"""With seed 10829 its held input and the sum of its states would not fit 32 bits."""


@settings(max_examples=150, deadline=None)
@example(WIDE, 10829)
@given(neurons(), st.integers(0, 10**6))
def test_the_stepper_equals_its_twin(neuron: ChipNeuron, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_chip_network(rng, neuron)
    c = len(network.in_indptr) - 1
    trials = drawn_trials(rng, c)
    steps = len(trials.labels) * SUB
    events = rng.poisson(0.3, (steps, c)).astype(np.uint8) if neuron.input == "spikes" else None
    ours = simulate_integers(network, trials, events, threads=1)
    pre = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    in_pre = np.repeat(np.arange(c), np.diff(network.in_indptr))
    shared = np.full(len(pre), network.delay)
    for k in range(2):
        rows = slice(trials.offsets[k], trials.offsets[k + 1])
        level = np.zeros((c, network.n_neurons))
        level[in_pre, network.in_indices] = network.in_held
        drive = np.rint(trials.inputs[rows].astype(np.float32).astype(float) @ level)
        drive = np.repeat(drive.astype(np.int64) + network.bias, SUB, axis=0)
        n_steps = len(drive)
        own = np.zeros((n_steps, c), np.int64) if events is None else (
            events[rows.start * SUB : rows.stop * SUB])  # fmt: skip
        counts, _ = sim_chip_twin.simulate(
            drive, own, pre=pre, post=network.indices, weights=network.weights.astype(np.int64),
            delays=shared if network.delays is None else network.delays,
            in_pre=in_pre, in_post=network.in_indices, in_weights=network.in_weights.astype(int),
            rules=neuron, decay_syn=network.decay_syn.astype(np.int64),
            decay_mem=network.decay_mem.astype(np.int64), v_min=network.v_min.astype(np.int64),
            v_th=network.v_th.astype(np.int64) + (neuron.threshold == "strict"),
            v_reset=network.v_th.astype(np.int64) * (network.reset == "subtract"),
            hold=network.hold, subtract=network.reset == "subtract",
            summed=network.delays is not None,
        )  # fmt: skip
        found = np.zeros_like(counts)
        np.add.at(found, ours.trial(k), 1)
        np.testing.assert_array_equal(found, counts)
        np.testing.assert_array_equal(ours.spike_counts[k], counts.sum(0))

"""Loihi's integers against brian2-loihi, as examples/loihi_in_brian2.py recorded its spikes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.chip_trials import simulate_integers

RECORDED = np.load(Path(__file__).with_name("brian2_loihi_spikes.npz"))


def rows(matrix: Any) -> dict[str, Any]:
    """The synapses of a (pre, post) matrix; brian2-loihi adds 2^6 times a weight."""
    return {
        "indptr": np.append(0, np.cumsum((matrix != 0).sum(1))),
        "indices": np.nonzero(matrix)[1], "weights": matrix[np.nonzero(matrix)].astype(int) << 6,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_every_spike_is_that_of_brian2_loihi(seed: int) -> None:
    held = {
        key.removesuffix(f"_{seed}"): RECORDED[key] for key in RECORDED if key.endswith(f"_{seed}")
    }
    decay_v, decay_i, threshold, delay, refractory = (int(x) for x in held["settings"])
    weights, events = held["weights"], held["events"]
    n, steps = len(weights), len(events)
    neuron = load_chip("loihi").neuron
    assert neuron is not None
    outside = {f"in_{name}": value for name, value in rows(held["in_weights"]).items()}
    given: dict[str, Any] = rows(weights) | outside | {
        "decay_syn": np.full(n, 4096 - decay_i), "decay_mem": np.full(n, 4096 - decay_v),
        "v_th": np.full(n, threshold << 6), "v_min": np.full(n, -(2**23)),
        "hold": np.full(n, refractory - 1), "bias": np.zeros(n, int),
        "in_held": np.zeros(len(outside["in_weights"])), "w_out": np.zeros((1, n)),
        "b_out": np.zeros(1), "neurons": np.arange(n), "channels": np.arange(events.shape[1]),
    }  # fmt: skip
    network = ChipNetwork(
        chip="loihi", neuron=neuron, delay=1 + delay, delays=None, shift=6, reset="value",
        tau_out=20.0, dt=1.0, task_dt=1.0, **given,
    )  # fmt: skip
    zero = np.zeros(1, np.int32)
    trials = Trials(
        inputs=np.zeros((steps, 0), np.float32), labels=np.zeros(steps, np.int32),
        offsets=np.array([0, steps]), decision=zero, task=zero, tasks=("a",), dt=1.0,
    )  # fmt: skip
    # brian2-loihi's generators send before synapses act: a membrane sees it delay steps later.
    arrived = np.zeros((steps, events.shape[1]), np.uint8)
    arrived[delay:] = events[: steps - delay]
    ours = simulate_integers(network, trials, arrived, threads=1)
    found = np.stack(ours.trial(0), axis=1)
    np.testing.assert_array_equal(found, held["spikes"])
    assert len(found) > 400

"""Cores that rest, against a walk over every trial, core, spike and channel."""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.chip.rest import find_rest
from spiking_bimt.chip.start import slots
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from tests.chip.networks import random_network


def recorded(counts: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> Recording:
    """A recording of which the spike counts are kept."""
    return Recording(
        outputs=np.empty((0, 1), np.float32), spike_counts=counts.astype(np.int32),
        offsets=np.zeros(len(counts) + 1, np.int64), steps=np.empty(0, np.int32),
        neurons=np.empty(0, np.int32), lengths=lengths, dt=1.0, n_neurons=counts.shape[1],
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_cores_rest_without_spike_packet_and_input(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(seed, n=int(rng.integers(2, 10)))
    core = rng.integers(0, 4, network.n_neurons).astype(np.int32)
    counts = rng.integers(0, 3, (5, network.n_neurons)) * (rng.random((5, network.n_neurons)) < 0.3)
    lengths = rng.integers(1, 9, 5)
    inputs = rng.random((10, network.n_inputs)) * (rng.random((10, network.n_inputs)) < 0.2)
    trials = Trials(
        inputs=inputs.astype(np.float32), labels=np.zeros(10, np.int32),
        offsets=np.arange(0, 11, 2), decision=np.zeros(5, np.int32), task=np.zeros(5, np.int32),
        tasks=("go",), dt=20.0,
    )  # fmt: skip
    found = find_rest(
        network, Placement("x", 6, core, slots(core)), recorded(counts, lengths), trials
    )
    used = sorted(set(core.tolist()))
    assert found.asleep is not None
    updates = 0
    for trial in range(5):
        for number, own in enumerate(used):
            spikes = [j for j in range(network.n_neurons) if counts[trial, j]]
            reach = {
                int(core[t])
                for j in spikes
                for t in network.indices[network.indptr[j] : network.indptr[j + 1]]
            }
            quiet = own not in reach and own not in {int(core[j]) for j in spikes}
            channels = np.flatnonzero(inputs[2 * trial : 2 * trial + 2].any(0))
            fed = {
                int(core[t])
                for c in channels
                for t in network.in_indices[network.in_indptr[c] : network.in_indptr[c + 1]]
            }
            assert found.quiet[trial, number] == quiet
            assert found.asleep[trial, number] == (quiet and own not in fed)
            updates += 0 if quiet else int((core == own).sum() * lengths[trial])
    assert found.updates(found.quiet) == updates
    assert find_rest(
        network, Placement("x", 6, core, slots(core)), recorded(counts, lengths), None
    ).asleep is None  # fmt: skip

"""Trials by the engine: for networks that the trials' kernel cannot run."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import channel_currents
from spiking_bimt.simulation.propagators import readout_fade
from spiking_bimt.simulation.start import starts

Array = npt.NDArray[Any]


def run_by_engine(
    network: SpikingNetwork, trials: Trials, seed: int, record: bool, dtype: np.dtype[Any]
) -> Recording:
    """What `simulate_trials` gives, one trial after another; record: keep the spikes."""
    runs = []
    for k in range(trials.n_trials):
        levels = trials.inputs[trials.offsets[k] : trials.offsets[k + 1]]
        runs.append(
            simulate_network(
                network, len(levels) * network.task_dt, inputs=[channel_currents(network, levels)],
                v_start=starts(network, seed, slice(k, k + 1), dtype)[0], dtype=dtype,
            )
        )  # fmt: skip
    sizes = [len(run.neurons) if record else 0 for run in runs]
    none = np.empty(0, np.int32)
    return Recording(
        outputs=np.concatenate([read_out(network, run) for run in runs]),
        spike_counts=np.concatenate([run.spike_counts for run in runs]),
        offsets=np.append(0, np.cumsum(sizes)),
        steps=np.concatenate([run.steps if record else none for run in runs]),
        neurons=np.concatenate([run.neurons if record else none for run in runs]),
        lengths=trials.lengths * network.steps_per_task_step,
        dt=network.dt,
        n_neurons=network.n_neurons,
    )


def read_out(network: SpikingNetwork, run: Recording) -> Array:
    """(task steps, K) float32 outputs of one run: filtered spikes at the end of each task step."""
    n_sub, n = network.steps_per_task_step, network.n_neurons
    fade = readout_fade(network, np.float64)
    bounds = np.searchsorted(run.steps, np.arange(run.n_steps // n_sub + 1) * n_sub)
    trace, outputs = np.zeros(n), np.empty((len(bounds) - 1, len(network.b_out)), np.float32)
    for row in range(len(outputs)):
        spikes = slice(bounds[row], bounds[row + 1])
        since = (row + 1) * n_sub - 1 - run.steps[spikes]
        trace = trace * fade[n_sub] + np.bincount(run.neurons[spikes], fade[since], n)
        outputs[row] = trace @ network.w_out.T.astype(np.float64) + network.b_out
    return outputs

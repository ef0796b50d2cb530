"""The filtered spikes of every neuron, which are what a rate network calls its rates."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.run import simulate_trials

Floats = npt.NDArray[np.float32]


def filtered_spikes(
    network: SpikingNetwork,
    trials: Trials,
    jump: float,
    *,
    seed: int = 0,
    threads: int | None = None,
) -> tuple[Floats, npt.NDArray[np.int32]]:
    """(S, N) spikes filtered by tau_out at the end of every task step, and (n, N) spike counts.

    jump: what a spike adds. Arguments else as in `simulate_trials`.
    """
    n = network.n_neurons
    # A readout of each neuron by itself.
    probe = network.without_codes(
        w_out=np.eye(n, dtype=np.float32) * np.float32(jump), b_out=np.zeros(n, np.float32)
    )
    found = simulate_trials(probe, trials, seed=seed, threads=threads, record_spikes=False)
    return found.outputs, found.spike_counts

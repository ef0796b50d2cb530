"""Runs networks of random integers in brian2-loihi and keeps the spikes, for our tests.

brian2-loihi emulates Loihi's neuron (Michaelis et al. 2022, doi:10.3389/fninf.2022.1015624). It
needs an environment of its own, Python 3.11:

    pip install "numpy<2" brian2==2.5.4 brian2-loihi==0.5.2 "setuptools<70"
    python examples/loihi_in_brian2.py spikes.npz
"""

import sys
from typing import Any

import numpy as np
from brian2 import prefs  # type: ignore[import-not-found]
from brian2_loihi import (
    LoihiNetwork,
    LoihiNeuronGroup,
    LoihiSpikeGeneratorGroup,
    LoihiSpikeMonitor,
    LoihiSynapses,
    synapse_sign_mode,
)

prefs.codegen.target = "numpy"
STEPS, N, CHANNELS = 600, 40, 6


def run(seed: int) -> dict[str, Any]:
    """One network: its integers, its input and its spikes."""
    rng = np.random.default_rng(seed)
    weights = 2 * rng.integers(-100, 101, (N, N)) * (rng.random((N, N)) < 0.4)
    in_weights = 2 * rng.integers(-40, 121, (CHANNELS, N)) * (rng.random((CHANNELS, N)) < 0.6)
    decay_v, decay_i = int(rng.integers(0, 900)), int(rng.integers(200, 2500))
    threshold, delay, refractory = (
        int(rng.integers(300, 1500)),
        int(rng.integers(0, 8)),
        int(rng.integers(1, 4)),
    )
    events = rng.random((STEPS, CHANNELS)) < 0.15
    at, channel = np.nonzero(events)
    source = LoihiSpikeGeneratorGroup(CHANNELS, channel, at)
    neurons = LoihiNeuronGroup(
        N, refractory=refractory, threshold_v_mant=threshold, decay_v=decay_v, decay_I=decay_i
    )
    parts = []
    for pre, matrix in ((source, in_weights), (neurons, weights)):
        synapses = LoihiSynapses(pre, neurons, delay=delay, sign_mode=synapse_sign_mode.MIXED)
        i, j = np.nonzero(matrix)
        synapses.connect(i=i, j=j)
        synapses.w = matrix[i, j]
        parts.append(synapses)
    monitor = LoihiSpikeMonitor(neurons)
    network = LoihiNetwork(source, neurons, *parts, monitor)
    network.run(STEPS, report=None)
    steps, which = np.asarray(monitor.t, int), np.asarray(monitor.i, int)
    order = np.lexsort((which, steps))
    return {
        "weights": weights,
        "in_weights": in_weights,
        "events": events,
        "settings": np.array([decay_v, decay_i, threshold, delay, refractory]),
        "spikes": np.stack([steps, which], axis=1)[order],
    }


if __name__ == "__main__":
    found: dict[str, Any] = {}
    for seed in range(4):
        made = run(seed)
        print(seed, made["settings"], len(made["spikes"]))
        small = {
            "weights": np.int16,
            "in_weights": np.int16,
            "settings": np.int32,
            "spikes": np.int16,
            "events": bool,
        }
        found |= {f"{name}_{seed}": value.astype(small[name]) for name, value in made.items()}
    np.savez_compressed(sys.argv[1], **found)

"""NeuroBench's figures for a spiking network (Yik et al. 2025, doi:10.1038/s41467-025-56739-4).

They are what the package `neurobench` gives for the network as three linear layers (input,
recurrent, readout) and one layer of neurons, which makes a step of the recurrent and the readout
layer in each simulated step, and of the input layer in each task step.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import OPTIONAL, PARAMETERS
from spiking_bimt.simulation.driven import Driven
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import channel_currents
from spiking_bimt.simulation.start import starts

FLOAT_BYTES = 4
INDEX_BYTES = 4
POINTER_BYTES = 8
MOST_UPDATES = 200_000_000
"""Neurons times steps whose potentials are looked at for membrane updates: about 10 s."""
_CHUNK = 2**24
"""Potentials that are held at a time."""

Counts = npt.NDArray[np.int64]


def neurobench_figures(network: SpikingNetwork, driven: Driven) -> dict[str, Any]:
    """Size, sparsity and operations of a network's activity, as JSON values.

    Operations are told a second and, where there are trials, a trial. Membrane updates are None
    where the activity cannot be run again.
    """
    steps, spikes = driven.recording.n_steps, driven.recording.n_spikes
    updates, done = membrane_updates(driven), operations(network, driven)
    found = {
        **sizes(network),
        "activation_sparsity": 1 - spikes / max(steps * network.n_neurons, 1),
    }
    for unit, many in driven.units.items():
        found |= {
            f"synaptic_operations_per_{unit}": {name: n / many for name, n in done.items()},
            f"membrane_updates_per_{unit}": None if updates is None else updates * steps / many,
        }
    return found


def sizes(network: SpikingNetwork) -> dict[str, Any]:
    """Parameters and bytes in dense and in sparse storage, and the share of absent connections.

    Dense is float32 matrices of all weights, as NeuroBench counts them. Sparse is CSR: codes of
    whole bytes with their scales, or float32; 32-bit indices and 64-bit row starts. Both hold the
    neurons' parameters in float32.
    """
    n, c, k = network.n_neurons, network.n_inputs, _outputs(network)
    dense = n * (c + n + k)
    held = sum(len(fans) and int(fans.sum()) for fans in _fan_outs(network))
    neurons = sum(1 for name in PARAMETERS if name not in OPTIONAL and name != "bias") * n
    biases = n + k
    byte = FLOAT_BYTES if network.weight_bits is None else -(-network.weight_bits // 8)
    scales = 0 if network.weight_bits is None else n * (1 + (c > 0)) + k
    floats = (neurons + biases + scales) * FLOAT_BYTES
    pointers = (n + 1 + c + 1 + k + 1) * POINTER_BYTES
    return {
        "parameters": {"dense": dense + biases, "sparse": held + biases},
        "footprint_bytes": {
            "dense": (dense + biases + neurons) * FLOAT_BYTES,
            "sparse": held * (byte + INDEX_BYTES) + floats + pointers,
        },
        "connection_sparsity": 1 - held / max(dense, 1),
    }


def operations(network: SpikingNetwork, driven: Driven) -> dict[str, float]:
    """Synaptic operations of all of an activity.

    dense: one for each weight, zeros included, at each of its layer's steps. effective_macs: those
    of input levels other than 0 with weights other than 0. effective_acs: weights other than 0 that
    spikes reach, those of the readout included.
    """
    channels, recurrent, readout = _fan_outs(network)
    n, k, steps = network.n_neurons, _outputs(network), driven.recording.n_steps
    counts = driven.recording.spike_counts.sum(axis=0, dtype=np.int64)
    rows, macs = 0, 0
    if driven.trials is not None:
        levels = driven.trials.inputs
        rows, macs = len(levels), int(np.count_nonzero(levels, axis=0) @ channels)
    return {
        "dense": float(steps * n * (n + k) + rows * n * network.n_inputs),
        "effective_macs": float(macs),
        "effective_acs": float(counts @ (recurrent + readout)),
    }


def membrane_updates(driven: Driven) -> float | None:
    """Changes of a membrane potential in a step, of all neurons, as a mean over the steps.

    The first step of each trial or run counts for every neuron, as NeuroBench counts it. Looked at
    are whole pieces, from the first on, of up to `MOST_UPDATES` neurons times steps.
    """
    network, recording = driven.network, driven.recording
    if network is None or network.in_use("poisson").any():
        return None
    changed = looked = 0
    for piece in range(recording.n_trials):
        steps = int(recording.lengths[piece])
        if piece and (looked + steps) * network.n_neurons > MOST_UPDATES:
            break
        steps = max(min(steps, MOST_UPDATES // network.n_neurons), 1)
        changed += _changes(driven, network, piece, steps)
        looked += steps
    return changed / looked


def _changes(driven: Driven, network: SpikingNetwork, piece: int, steps: int) -> int:
    """Potentials that change in the first steps of a piece, the first step's all counted."""
    n = network.n_neurons
    start = starts(network, driven.seed, slice(piece, piece + 1), np.dtype(np.float64))[0]
    inputs = driven.inputs
    if driven.levels is not None:
        rows = slice(*driven.levels.offsets[piece : piece + 2].tolist())
        inputs = (channel_currents(network, driven.levels.inputs[rows]),)
    run = Simulation(network, inputs=inputs, v_start=start, traces=np.arange(n), mode="clock")
    count = n
    last: npt.NDArray[np.float32] = np.empty((0, n), np.float32)
    while run.steps_done < steps:
        traces = run.advance(min(max(_CHUNK // n, 1), steps - run.steps_done)).traces
        joined = np.concatenate([last, traces])
        count += int(np.count_nonzero(joined[1:] != joined[:-1]))
        last = joined[-1:]
    return count


def _outputs(network: SpikingNetwork) -> int:
    """Outputs of the readout; none where no neuron reaches one, as in most imported networks."""
    return len(network.b_out) if network.w_out.any() else 0


def _fan_outs(network: SpikingNetwork) -> tuple[Counts, Counts, Counts]:
    """Weights other than 0 of each channel, and of each neuron onto neurons and onto outputs."""
    channels = _per_row(network.in_indptr, network.in_weights)
    recurrent = _per_row(network.indptr, network.weights)
    readout: Counts = np.count_nonzero(network.w_out, axis=0)
    return channels, recurrent, readout


def _per_row(indptr: Counts, weights: npt.NDArray[np.float32]) -> Counts:
    below = np.append(0, np.cumsum(weights != 0))
    rows: Counts = np.diff(below[indptr])
    return rows

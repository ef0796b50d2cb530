"""Readout as spikes: a unit for each output, which becomes an output neuron.

Output k drives a rectified unit of its own by its readout weights, and the answer is the output
neuron with the most filtered spikes. On a chip, only counting is then left to be done outside. One
shift for all outputs keeps the largest of them above 0 on nearly every step, so that the same
output is the largest. The filter of the new units delays the answer by about tau.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float32]

HIDDEN_STEPS = 0.5
"""Percentage of the steps whose largest output may stay below 0, where no output neuron fires."""


def add_output_units(network: RateNetwork, outputs: Floats, answers: str = "task") -> RateNetwork:
    """The rectified network with its readout through units after its own.

    outputs: (S, K) of the network on calibration trials, which set the shift. answers: what they
    answer (`data.trials.KINDS`). The new units stand in rows of their own below the sheet. Raises
    InputError for a network of leaky rates, and for a regression.
    """
    if answers == "regression":
        raise InputError("output neurons answer by the most spikes, and a regression has numbers")
    if network.activation != "relu":
        raise InputError("output units are rectified, and this network has leaky rates")
    n, n_outputs = network.n_units, len(network.b_out)
    at_rest = network.b_out - np.float32(np.percentile(outputs.max(axis=1), HIDDEN_STEPS))
    if network.dt < network.tau:
        # Read before rates have settled, none may spike by itself, but fixation (0) of a task.
        first = 1 if answers == "task" else 0
        at_rest[first:] = np.minimum(at_rest[first:], 0)
    w_rec = np.zeros((n + n_outputs, n + n_outputs), np.float32)
    w_rec[:n, :n], w_rec[n:, :n] = network.w_rec, network.w_out
    place, (rows, cols) = np.arange(n_outputs), network.sheet
    below = np.stack([rows + place // cols, place % cols], axis=1).astype(np.int32)
    return replace(
        network,
        w_rec=w_rec,
        w_in=np.vstack([network.w_in, np.zeros((n_outputs, network.w_in.shape[1]), np.float32)]),
        b=np.append(network.b, at_rest),
        w_out=np.eye(n_outputs, n + n_outputs, n, dtype=np.float32),
        b_out=np.zeros(n_outputs, np.float32),
        positions=np.concatenate([network.positions, below]),
        sheet=(rows + -(-n_outputs // cols), cols),
        chip="",  # output neurons have no core of that training
        core=None,
        poisson=None
        if network.poisson is None
        else np.append(network.poisson, np.zeros(n_outputs, bool)),
        measured=None,
    )

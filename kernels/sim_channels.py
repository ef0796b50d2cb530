"""What is analogue in a simulation of trials: input channels held over a task step, the readout."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import inlined, inner

Array = npt.NDArray[Any]


@inlined
def sum_levels(
    levels: Array, in_indptr: Array, in_indices: Array, in_weights: Array, sums: Array
) -> None:
    """Each neuron's sum over channels of level times weight."""
    sums.fill(0)
    for channel in range(levels.size):
        level = levels[channel]
        if level != 0:
            for k in range(np.uint64(in_indptr[channel]), np.uint64(in_indptr[channel + 1])):
                sums[np.uint64(in_indices[k])] += level * in_weights[k]


@inner
def feed(
    levels: Array, in_indptr: Array, in_indices: Array, in_weights: Array, gain_in: Array,
    constant: Array, drive: Array,
) -> None:  # fmt: skip
    """The change of v in one step by constant terms and by the channels held at `levels`."""
    sum_levels(levels, in_indptr, in_indices, in_weights, drive)
    for j in range(drive.size):
        drive[j] = gain_in[j] * drive[j] + constant[j]


@inner
def read_out(
    spikes: Array, first: Array, step: int, fade: Array, trace: Array, w_out: Array, b_out: Array,
    output: Array,
) -> None:  # fmt: skip
    """Bring the readout's filter from the last task step to the end of `step`, and read it.

    fade[m] is the filter's decay over m steps; the task step has fade.size - 1 of them, and
    first[t]..first[t + 1] are the spikes of step t. w_out is (N, K).
    """
    n_sub = fade.size - 1
    for j in range(trace.size):
        trace[j] *= fade[n_sub]
    for t in range(step + 1 - n_sub, step + 1):
        for s in range(first[t], first[t + 1]):
            trace[spikes[s]] += fade[step - t]
    for k in range(output.size):
        output[k] = b_out[k]
    for j in range(trace.size):
        for k in range(output.size):
            output[k] += trace[j] * w_out[j, k]

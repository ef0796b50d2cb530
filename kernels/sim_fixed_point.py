"""The clock-driven simulation with integer membranes and currents of a stated width.

As on a digital core: the current is added to the membrane as it is, decays are multiplications by
an integer followed by a shift that truncates towards zero, and both saturate. Phases of a time step
are those of `sim_trials`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.sim_channels import feed, read_out
from spiking_bimt.kernels.sim_trials import grown

Array = npt.NDArray[Any]


@njit(cache=True)
def decayed(value: int, factor: int, bits: int) -> int:
    """value * factor / 2^bits, towards zero."""
    product = value * factor
    return product >> bits if product >= 0 else -((-product) >> bits)


@njit(cache=True)
def saturated(value: int, limit: int) -> int:
    """The value within -limit..limit."""
    return min(max(value, -limit), limit)


@njit(cache=True, nogil=True)
def run(
    v_start: Array, inputs: Array, offsets: Array, one: float, limits: Array, decay_bits: int,
    cells: tuple[Array, ...], hold: Array, delay: int,
    indptr: Array, indices: Array, weights: Array,
    in_indptr: Array, in_indices: Array, in_weights: Array, gain_in: Array, constant: Array,
    fade: Array, w_out: Array, b_out: Array, outputs: Array, counts: Array,
) -> Array:  # fmt: skip
    """Run trials, filling outputs (S, K) and counts (n, N); how often v and i saturated (2,).

    v_start (n, N) int64; `one` is the integer of a threshold of 1; limits: largest |v| and |i|;
    cells holds decay_mem, decay_syn, v_min, v_th, reset_gain, reset_shift, all int64; weights are
    integers that a spike adds to the current; what is analogue (inputs, gain_in, constant, the
    readout) is as in `sim_trials`.
    """
    decay_mem, decay_syn, v_min, v_th, reset_gain, reset_shift = cells
    n, n_sub = v_start.shape[1], fade.size - 1
    longest = np.int64(0)
    for k in range(v_start.shape[0]):
        longest = max(longest, offsets[k + 1] - offsets[k])
    first = np.zeros(longest * n_sub + 1, np.int64)
    overflows = np.zeros(2, np.int64)
    drive, trace, steps = np.empty(n), np.empty(n), np.empty(n, np.int64)
    current, free_at = np.empty(n, np.int64), np.empty(n, np.int64)
    spikes: Array = np.empty(16 * n, np.int32)
    for trial in range(v_start.shape[0]):
        v = v_start[trial].copy()
        current[:] = 0
        free_at[:] = 0
        trace[:] = 0
        count, step = 0, 0
        for row in range(offsets[trial], offsets[trial + 1]):
            feed(inputs[row], in_indptr, in_indices, in_weights, gain_in, constant, drive)
            for j in range(n):
                steps[j] = np.int64(np.round(drive[j] * one))
            for _ in range(n_sub):
                for j in range(n):
                    if free_at[j] <= step:
                        new = decayed(v[j], decay_mem[j], decay_bits) + current[j] + steps[j]
                        v[j] = saturated(max(new, v_min[j]), limits[0])
                        overflows[0] += v[j] != max(new, v_min[j])
                    current[j] = decayed(current[j], decay_syn[j], decay_bits)
                spikes = grown(spikes, count, n)
                for j in range(n):
                    if v[j] > v_th[j] and free_at[j] <= step:
                        spikes[count] = j
                        count += 1
                        v[j] = reset_gain[j] * v[j] + reset_shift[j]
                        free_at[j] = step + 1 + hold[j]
                first[step + 1] = count
                if step >= delay:
                    for s in range(first[step - delay], first[step - delay + 1]):
                        for k in range(indptr[spikes[s]], indptr[spikes[s] + 1]):
                            new = current[indices[k]] + weights[k]
                            current[indices[k]] = saturated(new, limits[1])
                            overflows[1] += current[indices[k]] != new
                step += 1
            read_out(spikes, first, step - 1, fade, trace, w_out, b_out, outputs[row])
        for s in range(count):
            counts[trial, spikes[s]] += 1
    return overflows

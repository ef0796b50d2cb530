"""Clock-driven current-based LIF: exact integration, CSR by presynaptic neuron, whole trials.

The equations and the order of phases in a time step are those of `SpikingNetwork`. The synaptic
state is the charge q = tau_syn * i still to be delivered, in units of v: a spike adds w to it as
it is stored. State, parameters and weights share one dtype. Arrays over neurons are padded to a
multiple of BLOCK (see `padded`), because a vector loop is fast only where it has no remainder.
Indices read from arrays are made unsigned, because Numba tests a signed one for a negative value.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.sim_sampling import labelled

BLOCK = 64
"""Neurons whose threshold is tested at once, four AVX-512 registers of float32."""

Array = npt.NDArray[Any]


class Step(NamedTuple):
    """What one time step does to each neuron, all arrays over neurons.

    v <- max(decay_mem v + gain_syn q + gain_in x + constant, v_min),   q <- decay_syn q
    v > v_th: spike, v <- reset_gain v + reset_shift
    """

    decay_mem: Array
    gain_syn: Array
    gain_in: Array
    constant: Array
    """Change of v by bias and leak."""
    v_min: Array
    decay_syn: Array
    v_th: Array
    reset_gain: Array
    """1 for a reset by subtraction, 0 for a reset to a value."""
    reset_shift: Array


def padded(n: int) -> int:
    """Length of the arrays over n neurons."""
    return -(-n // BLOCK) * BLOCK


@njit(cache=True)
def integrate(
    v: Array, charge: Array, drive: Array, decay_mem: Array, gain_syn: Array, v_min: Array,
    free_at: Array, step: int,
) -> None:  # fmt: skip
    """v after one step with the current at its start, floored; refractory neurons keep theirs."""
    now = np.int32(step)  # as wide as free_at, or the comparison halves the vectors
    for j in range(v.size):
        old = v[j]
        new = max(decay_mem[j] * old + gain_syn[j] * charge[j] + drive[j], v_min[j])
        v[j] = old if free_at[j] > now else new


@njit(cache=True)
def decay(charge: Array, decay_syn: Array) -> None:
    """The synaptic currents after one step without arrivals."""
    for j in range(charge.size):
        charge[j] *= decay_syn[j]


@njit(cache=True)
def deliver(sources: Array, indptr: Array, indices: Array, weights: Array, charge: Array) -> None:
    """Add the weights of every synapse of `sources`, in their order."""
    for source in sources:
        for k in range(np.uint64(indptr[source]), np.uint64(indptr[source + 1])):
            charge[np.uint64(indices[k])] += weights[k]


@njit(cache=True)
def schedule(
    sources: Array, indptr: Array, indices: Array, weights: Array, delays: Array, step: int,
    ring: Array,
) -> None:  # fmt: skip
    """Add the weights of every synapse of `sources` to the row of `ring` that is due then."""
    rows = np.uint64(ring.shape[0])
    for source in sources:
        for k in range(np.uint64(indptr[source]), np.uint64(indptr[source + 1])):
            row = np.uint64(step + delays[k]) % rows
            ring[row, np.uint64(indices[k])] += weights[k]


@njit(cache=True)
def arrive(due: Array, charge: Array) -> None:
    """Move what is due into the currents."""
    for j in range(due.size):
        charge[j] += due[j]
        due[j] = 0


@njit(cache=True)
def fire(
    v: Array, v_th: Array, hold: Array, reset_gain: Array, reset_shift: Array, free_at: Array,
    step: int, spikes: Array, count: int,
) -> int:  # fmt: skip
    """Reset the neurons above threshold and append them to `spikes`; the new count of spikes.

    Reset is v <- gain * v + shift: gain 1 by subtraction, gain 0 to a value. `spikes` must have
    room for every neuron after `count`.
    """
    now = np.int32(step)
    for block in range(v.size // BLOCK):
        low = block * BLOCK
        # Slices looped over a constant length: `crossed` is then a few vector comparisons.
        above, limit = v[low : low + BLOCK], v_th[low : low + BLOCK]
        crossed = np.int32(0)
        for j in range(BLOCK):
            crossed |= np.int32(above[j] > limit[j])
        if crossed:
            for j in range(low, low + BLOCK):
                if v[j] > v_th[j] and free_at[j] <= now:
                    spikes[count] = j
                    count += 1
                    v[j] = reset_gain[j] * v[j] + reset_shift[j]
                    free_at[j] = now + np.int32(1) + hold[j]
    return count


@njit(cache=True)
def feed(
    levels: Array, in_indptr: Array, in_indices: Array, in_weights: Array, gain_in: Array,
    constant: Array, drive: Array,
) -> None:  # fmt: skip
    """The change of v in one step by constant terms and by the channels held at `levels`."""
    for j in range(drive.size):
        drive[j] = 0
    for channel in range(levels.size):
        level = levels[channel]
        if level != 0:
            for k in range(np.uint64(in_indptr[channel]), np.uint64(in_indptr[channel + 1])):
                drive[np.uint64(in_indices[k])] += level * in_weights[k]
    for j in range(drive.size):
        drive[j] = gain_in[j] * drive[j] + constant[j]


@njit(cache=True)
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


@njit(cache=True)
def grown(buffer: Array, count: int, room: int) -> Array:
    """`buffer`, or a copy twice as long where it lacks room for `room` entries after `count`."""
    if count + room <= buffer.size:
        return buffer
    larger = np.empty(2 * buffer.size + room, buffer.dtype)
    for k in range(count):
        larger[k] = buffer[k]
    return larger


@njit(cache=True)
def exponentials(seed: int, trials: Array, neurons: Array, draws: Array, levels: Array) -> None:
    """Fill levels (n,) with exponential numbers of mean 1, each by its trial, neuron and draw."""
    for k in range(levels.size):
        levels[k] = -np.log(labelled(seed, trials[k], neurons[k], draws[k]))


@njit(cache=True)
def redraw(
    j: int, draw: int, trial: int, seed: int, v_th: Array, reset_shift: Array, level: Array,
    shift: Array,
) -> None:  # fmt: skip
    """The level that Poisson source j fires at next, and loses then.

    Accumulated drive that crosses exponential levels does so as a Poisson process of that rate.
    """
    span = reset_shift[j] * np.log(labelled(seed, trial, j, draw))
    level[j] = v_th[j] + reset_shift[j] + span
    shift[j] = -span


@njit(cache=True, nogil=True)
def run(
    v_start: Array, inputs: Array, offsets: Array,
    record: bool, outputs: Array, counts: Array, ends: Array, seed: int, first_trial: int,
    membrane: Step, hold: Array, poisson: Array,
    indptr: Array, indices: Array, weights: Array, delays: Array, delay: int,
    in_indptr: Array, in_indices: Array, in_weights: Array,
    fade: Array, w_out: Array, b_out: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Run trials one after the other, each from its own start; their spikes' steps and neurons.

    v_start (n, N); inputs (S, C) and outputs (S, K) by task step, trial k owning rows
    offsets[k]..offsets[k + 1]; hold is the refractory time in steps; poisson names the sources
    whose levels `seed` and the trial's number, first_trial + k, draw; `delays` is empty where all
    synapses share `delay`. Fills outputs, counts (n, N) and ends (n,), the number of spikes after
    each trial; without `record` no spike is returned.
    """
    decay_mem, gain_syn, gain_in = membrane.decay_mem, membrane.gain_syn, membrane.gain_in
    constant, v_min, decay_syn = membrane.constant, membrane.v_min, membrane.decay_syn
    v_th, reset_gain, reset_shift = membrane.v_th, membrane.reset_gain, membrane.reset_shift
    n, width, n_sub = v_start.shape[1], decay_mem.size, fade.size - 1
    longest = np.int64(0)
    for k in range(v_start.shape[0]):
        longest = max(longest, offsets[k + 1] - offsets[k])
    first = np.zeros(longest * n_sub + 1, np.int64)
    ring_rows = 1
    for k in range(delays.size):
        ring_rows = max(ring_rows, delays[k])
    ring = np.zeros((ring_rows, width if delays.size else 0), v_start.dtype)
    v, charge = np.empty(width, v_start.dtype), np.empty(width, v_start.dtype)
    drive, trace = np.empty(width, v_start.dtype), np.empty(n, v_start.dtype)
    free_at = np.empty(width, np.int32)
    level, shift = v_th.copy(), reset_shift.copy()
    drawn = np.full(width, -1, np.int64)  # levels that each source has had, -1 for other neurons
    spikes: Array = np.empty(16 * width, np.int32)
    steps: Array = np.empty(16 * width, np.int32)
    count = 0
    for trial in range(v_start.shape[0]):
        v.fill(0)
        charge.fill(0)
        trace.fill(0)
        free_at.fill(0)
        ring.fill(0)
        for j in range(n):
            v[j] = v_start[trial, j]
        for j in poisson:
            drawn[j] = 0
            redraw(j, 0, first_trial + trial, seed, v_th, reset_shift, level, shift)
        if not record:
            count = 0
        first[0] = start = count
        step = 0
        for row in range(offsets[trial], offsets[trial + 1]):
            feed(inputs[row], in_indptr, in_indices, in_weights, gain_in, constant, drive)
            for _ in range(n_sub):
                integrate(v, charge, drive, decay_mem, gain_syn, v_min, free_at, step)
                decay(charge, decay_syn)
                if delays.size:
                    arrive(ring[step % ring_rows], charge)
                elif step >= delay:
                    sources = spikes[first[step - delay] : first[step - delay + 1]]
                    deliver(sources, indptr, indices, weights, charge)
                spikes = grown(spikes, count, width)
                count = fire(v, level, hold, reset_gain, shift, free_at, step, spikes, count)
                if poisson.size:
                    for s in range(first[step], count):
                        j = spikes[s]
                        if drawn[j] >= 0:
                            drawn[j] += 1
                            redraw(
                                j, drawn[j], first_trial + trial, seed, v_th, reset_shift, level,
                                shift,
                            )  # fmt: skip
                if delays.size:
                    sources = spikes[first[step] : count]
                    schedule(sources, indptr, indices, weights, delays, step, ring)
                step += 1
                first[step] = count
            read_out(spikes, first, step - 1, fade, trace, w_out, b_out, outputs[row])
        for s in range(start, count):
            counts[trial, spikes[s]] += 1
        ends[trial] = count
        if record:
            steps = grown(steps, start, count - start)
            for t in range(step):
                for s in range(first[t], first[t + 1]):
                    steps[s] = t
    kept = count if record else 0
    return steps[:kept].copy(), spikes[:kept].copy()

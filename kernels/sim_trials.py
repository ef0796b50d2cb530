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

from spiking_bimt.kernels.shared_vector import inlined, inner, zero
from spiking_bimt.kernels.sim_channels import feed, read_out
from spiking_bimt.kernels.sim_poisson import draw_first, redraw_fired

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


@inner
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


@inner
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
def grown(buffer: Array, count: int, room: int) -> Array:
    """`buffer`, or a copy twice as long where it lacks room for `room` entries after `count`."""
    if count + room <= buffer.size:
        return buffer
    larger = np.empty(2 * buffer.size + room, buffer.dtype)
    for k in range(count):
        larger[k] = buffer[k]
    return larger


@inlined
def deliver_due(
    spikes: Array, first: Array, step: int, delay: int, ring: Array, indptr: Array,
    indices: Array, weights: Array, charge: Array,
) -> None:  # fmt: skip
    """Add what arrives in this step: the row of `ring` that is due, or spikes of `delay` ago.

    The spikes of this step are among them where the delay is 0.
    """
    if ring.size:
        arrive(ring[step % ring.shape[0]], charge)
    elif step >= delay:
        sources = spikes[first[step - delay] : first[step - delay + 1]]
        deliver(sources, indptr, indices, weights, charge)


@inner
def count_spikes(neurons: Array, counts: Array) -> None:
    """Add each neuron's spikes to its count."""
    for j in neurons:
        counts[j] += 1


@inner
def longest(offsets: Array) -> Any:
    """Rows of the longest trial."""
    most = np.int64(0)
    for k in range(offsets.size - 1):
        most = max(most, offsets[k + 1] - offsets[k])
    return most


@inner
def longest_delay(delays: Array) -> Any:
    """Steps of the longest delay, 0 where there are none."""
    most = np.int64(0)
    for k in range(delays.size):
        most = max(most, delays[k])
    return most


@inner
def begin_trial(
    start: Array, v: Array, charge: Array, trace: Array, free_at: Array, ring: Array
) -> None:
    """The state before a trial's first step."""
    v.fill(0)
    charge.fill(0)
    trace.fill(0)
    free_at.fill(0)
    ring.fill(0)
    for j in range(start.size):
        v[j] = start[j]


@inner
def label_steps(steps: Array, first: Array, n_steps: int) -> None:
    """The step of every spike of a trial, from the bounds of the steps' spikes."""
    for t in range(n_steps):
        for s in range(first[t], first[t + 1]):
            steps[s] = t


@njit(cache=True, nogil=True)
def run(
    v_start: Array, inputs: Array, offsets: Array,
    record: bool, outputs: Array, counts: Array, ends: Array, seed: int, first_trial: int,
    of: Step, hold: Array, poisson: Array,
    indptr: Array, indices: Array, weights: Array, delays: Array, delay: int,
    in_indptr: Array, in_indices: Array, in_weights: Array,
    fade: Array, w_out: Array, b_out: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Run trials one after the other, each from its own start; their spikes' steps and neurons.

    v_start (n, N); inputs (S, C) and outputs (S, K) by task step, trial k owning rows
    offsets[k]..offsets[k + 1]; hold: refractory steps; poisson: the sources whose levels `seed` and
    the trial's number, first_trial + k, draw; `delays` is empty where all synapses share `delay`.
    Fills outputs, counts (n, N) and ends (n,), the spikes up to each trial's end; none is returned
    without `record`.
    """
    n, width, kind = v_start.shape[1], of.v_th.size, v_start.dtype
    first = np.zeros(longest(offsets) * (fade.size - 1) + 1, np.int64)
    ring = np.zeros((longest_delay(delays) + 1, width if delays.size else 0), kind)
    v, charge, drive = np.empty(width, kind), np.empty(width, kind), np.empty(width, kind)
    trace, level, shift = np.empty(n, kind), of.v_th.copy(), of.reset_shift.copy()
    free_at, drawn = np.empty(width, np.int32), np.full(width, -1, np.int64)
    spikes: Array = np.empty(16 * width, np.int32)
    steps: Array = np.empty(16 * width, np.int32)
    count = zero()
    for trial in range(v_start.shape[0]):
        begin_trial(v_start[trial], v, charge, trace, free_at, ring)
        draw_first(poisson, drawn, first_trial + trial, seed, of.v_th, of.reset_shift, level, shift)
        count = count if record else zero()
        first[0] = start = count
        step = zero()
        for row in range(offsets[trial], offsets[trial + 1]):
            feed(inputs[row], in_indptr, in_indices, in_weights, of.gain_in, of.constant, drive)
            for _ in range(fade.size - 1):
                integrate(v, charge, drive, of.decay_mem, of.gain_syn, of.v_min, free_at, step)
                decay(charge, of.decay_syn)
                spikes = grown(spikes, count, width)
                count = fire(v, level, hold, of.reset_gain, shift, free_at, step, spikes, count)
                if poisson.size:
                    redraw_fired(spikes[first[step] : count], drawn, first_trial + trial, seed,
                                 of.v_th, of.reset_shift, level, shift)  # fmt: skip
                if delays.size:
                    sources = spikes[first[step] : count]
                    schedule(sources, indptr, indices, weights, delays, step, ring)
                first[step + 1] = count
                deliver_due(spikes, first, step, delay, ring, indptr, indices, weights, charge)
                step += 1
            read_out(spikes, first, step - 1, fade, trace, w_out, b_out, outputs[row])
        count_spikes(spikes[start:count], counts[trial])
        ends[trial] = count
        if record:
            steps = grown(steps, start, count - start)
            label_steps(steps, first, step)
    kept = count if record else 0
    return steps[:kept].copy(), spikes[:kept].copy()

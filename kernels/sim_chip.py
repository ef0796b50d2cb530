"""A chip's neurons in its own integers: whole trials, one after the other.

The rules of a step are those of `ChipNeuron`, the order of its phases DECAY_LAST or DECAY_FIRST.
States are int32 and saturate at their width; sums of three of them fit, as no width is above 30
bits, the sign among them, at which constant and held input saturates too. Numba widens the sum of
two int32 to 64 bits, so results are narrowed where they are made: a loop then handles twice as many
neurons at once.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from spiking_bimt.kernels.shared_vector import inlined, inner, zero
from spiking_bimt.kernels.sim_channels import read_out, sum_levels
from spiking_bimt.kernels.sim_trials import count_spikes, grown, label_steps, longest, schedule

MOST_DRIVE = 2**29 - 1
"""Largest constant and held input of a step, which saturates there."""

NONE, FACTOR, SHIFT, TOWARDS_ZERO = range(4)
"""How a state decays."""

Array = npt.NDArray[Any]


class Cells(NamedTuple):
    """(N,) int32 of each neuron."""

    decay_syn: Array
    """Factor of the current, of 2^bits, or shift."""
    decay_mem: Array
    """Factor of the membrane, shift, or constant towards 0."""
    bias: Array
    v_min: Array
    v_th: Array
    """A spike where v >= v_th."""
    v_reset: Array
    """Value after a spike, or what a reset subtracts."""
    hold: Array
    """Refractory steps."""


class Rules(NamedTuple):
    """What holds for all neurons of a chip."""

    current: int
    leak: int
    current_bits: int
    leak_bits: int
    decay_first: bool
    """The current decays before the membrane sees it."""
    subtract: bool
    floor_resets: bool
    most_spikes: int
    low: int
    """Least state."""
    high: int


@inlined
def scaled(value: Any, factor: Any, bits: Any) -> Any:
    """value * factor / 2^bits, towards zero, in 32 bits: the high and the low part of it apart."""
    size = np.uint32(abs(value))
    high = np.uint32(np.uint32(size >> np.uint32(bits)) * np.uint32(factor))
    mask = np.uint32((np.uint32(1) << np.uint32(bits)) - np.uint32(1))
    low = np.uint32(np.uint32(np.uint32(size & mask) * np.uint32(factor)) >> np.uint32(bits))
    out = np.int32(high + low)
    return out if value >= 0 else np.int32(-out)


@inlined
def shifted(value: Any, shift: Any) -> Any:
    """What a decay by a shift takes from a value: value >> shift, by one at least."""
    part = np.int32(value >> shift)
    one = np.int32(1) if value > 0 else np.int32(0)
    return part if part != 0 else one


@inlined
def clipped(value: Any, low: Any, high: Any) -> Any:
    """The value within a state's width."""
    return np.int32(min(max(np.int32(value), low), high))


@inner
def decay(current: Array, factor: Array, of: Rules) -> None:
    """The currents after their decay."""
    if of.current == FACTOR:
        for j in range(current.size):
            current[j] = scaled(current[j], factor[j], of.current_bits)
    elif of.current == SHIFT:
        for j in range(current.size):
            current[j] = np.int32(current[j] - shifted(current[j], factor[j]))


@inner
def integrate(
    v: Array, current: Array, drive: Array, of: Rules, cells: Cells, free_at: Array, step: int
) -> None:
    """Leak, current and constant input into the membranes; refractory ones keep theirs."""
    low, high, now = np.int32(of.low), np.int32(of.high), np.int32(step)
    held = of.current != NONE
    if of.leak == SHIFT:
        for j in range(v.size):
            change = clipped(np.int32(current[j] * held) - shifted(v[j], cells.decay_mem[j]),
                             low, high)  # fmt: skip
            change = clipped(change + drive[j], low, high)
            new = clipped(v[j] + change, low, high)
            v[j] = v[j] if free_at[j] > now else new
        return
    for j in range(v.size):
        left = v[j]
        if of.leak == FACTOR:
            left = scaled(left, cells.decay_mem[j], of.leak_bits)
        elif of.leak == TOWARDS_ZERO:
            left = np.int32(left - min(max(left, np.int32(-cells.decay_mem[j])),
                                       cells.decay_mem[j]))  # fmt: skip
        new = clipped(left + np.int32(current[j] * held) + drive[j], low, high)
        v[j] = v[j] if free_at[j] > now else new


@inner
def fire(
    v: Array, of: Rules, cells: Cells, free_at: Array, step: int, spikes: Array, count: int
) -> int:
    """Hold floors, reset the neurons at threshold, append them to `spikes`; the new count.

    A neuron that spikes several times stands there as often. `spikes` must have room.
    """
    now = np.int32(step)
    crossed = np.int32(0)
    for j in range(v.size):
        if of.floor_resets:
            if v[j] < cells.v_min[j] and free_at[j] <= now:
                v[j] = v[j] - cells.v_min[j] if of.subtract else -cells.v_reset[j]
        else:
            v[j] = max(v[j], cells.v_min[j])
        crossed |= np.int32(v[j] >= cells.v_th[j])
    if not crossed:
        return count
    for j in range(v.size):
        if v[j] >= cells.v_th[j] and free_at[j] <= now:
            fired = 0
            while v[j] >= cells.v_th[j] and fired < of.most_spikes:
                v[j] = np.int32(v[j] - cells.v_reset[j]) if of.subtract else cells.v_reset[j]
                spikes[count] = j
                count += 1
                fired += 1
            free_at[j] = now + np.int32(1) + cells.hold[j]
    return count


@inner
def deliver(
    sources: Array, indptr: Array, indices: Array, weights: Array, state: Array, of: Rules
) -> None:
    """Add the weights of every synapse of `sources` in their order, each within the width."""
    low, high = np.int32(of.low), np.int32(of.high)
    for source in sources:
        for k in range(np.uint64(indptr[source]), np.uint64(indptr[source + 1])):
            j = np.uint64(indices[k])
            state[j] = clipped(state[j] + weights[k], low, high)


@inner
def arrive(due: Array, state: Array, of: Rules) -> None:
    """Add what is due, summed before it meets the state's width."""
    low, high = np.int32(of.low), np.int32(of.high)
    for j in range(due.size):
        state[j] = np.int32(min(max(state[j] + due[j], low), high))
        due[j] = 0


@inner
def arrive_from_outside(
    counts: Array, in_indptr: Array, in_indices: Array, in_weights: Array, state: Array, of: Rules
) -> None:
    """Spikes of the input channels in this step, each within the width."""
    low, high = np.int32(of.low), np.int32(of.high)
    for channel in range(counts.size):
        for _ in range(counts[channel]):
            for k in range(np.uint64(in_indptr[channel]), np.uint64(in_indptr[channel + 1])):
                j = np.uint64(in_indices[k])
                state[j] = clipped(state[j] + in_weights[k], low, high)


@inner
def hold_input(
    levels: Array, in_indptr: Array, in_indices: Array, in_held: Array, bias: Array, sums: Array,
    drive: Array,
) -> None:  # fmt: skip
    """Constant input and that of levels held over a task step, rounded once."""
    sum_levels(levels, in_indptr, in_indices, in_held, sums)
    for j in range(drive.size):
        total = bias[j] + np.rint(sums[j])
        drive[j] = np.int32(min(max(total, -MOST_DRIVE), MOST_DRIVE))


@njit(cache=True, nogil=True)
def run(
    levels: Array, events: Array, offsets: Array, n_sub: int, record: bool,
    outputs: Array, counts: Array, ends: Array,
    of: Rules, cells: Cells,
    indptr: Array, indices: Array, weights: Array, delays: Array, delay: int,
    in_indptr: Array, in_indices: Array, in_weights: Array, in_held: Array,
    fade: Array, w_out: Array, b_out: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Run trials one after the other from states of 0; their spikes' steps and neurons.

    levels (S, C) by task step, of n_sub steps each, trial k owning rows offsets[k]..offsets[k + 1];
    events (S * n_sub, C) spikes of the channels that reach a state in each step; one of the two has
    no columns. delays: steps from a spike to the state that it changes, 1 or more, of each synapse;
    empty where all share `delay`. Fills outputs (S, K), counts (n, N) and ends (n,), the spikes up
    to each trial's end; none is returned without `record`.
    """
    n = cells.v_th.size
    first = np.zeros(longest(offsets) * n_sub + 1, np.int64)
    ring = np.zeros((delays.max() + 1 if delays.size else 1, n if delays.size else 0), np.int64)
    v, current, drive = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    free_at, sums = np.zeros(n, np.int32), np.zeros(n, np.float64)
    trace = np.zeros(n, outputs.dtype)
    room = n * of.most_spikes
    spikes: Array = np.empty(16 * n + room, np.int32)
    steps: Array = np.empty(16 * n + room, np.int32)
    state = v if of.current == NONE else current
    count = zero()
    for trial in range(offsets.size - 1):
        v.fill(0)
        current.fill(0)
        trace.fill(0)
        free_at.fill(0)
        ring.fill(0)
        count = count if record else zero()
        first[0] = start = count
        step = zero()
        for row in range(offsets[trial], offsets[trial + 1]):
            hold_input(levels[row], in_indptr, in_indices, in_held, cells.bias, sums, drive)
            for sub in range(n_sub):
                arrive_from_outside(events[row * n_sub + sub], in_indptr, in_indices, in_weights,
                                    state, of)  # fmt: skip
                if delays.size:
                    arrive(ring[step % ring.shape[0]], state, of)
                elif step >= delay:
                    due = spikes[first[step - delay] : first[step - delay + 1]]
                    deliver(due, indptr, indices, weights, state, of)
                if of.decay_first:
                    decay(current, cells.decay_syn, of)
                integrate(v, current, drive, of, cells, free_at, step)
                spikes = grown(spikes, count, room)
                count = fire(v, of, cells, free_at, step, spikes, count)
                if not of.decay_first:
                    decay(current, cells.decay_syn, of)
                if delays.size:
                    schedule(spikes[first[step] : count], indptr, indices, weights, delays, step,
                             ring)  # fmt: skip
                first[step + 1] = count
                step += 1
            read_out(spikes, first, step - 1, fade, trace, w_out, b_out, outputs[row])
        count_spikes(spikes[start:count], counts[trial])
        ends[trial] = count
        if record:
            steps = grown(steps, start, count - start)
            label_steps(steps, first, step)
    kept = count if record else 0
    return steps[:kept].copy(), spikes[:kept].copy()

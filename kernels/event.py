"""Event-driven steps: only neurons that are reached, or that may reach threshold, are touched.

A neuron is *quiet* when a bound on its potential without further input stays below threshold for
ever, *hot* when it may cross within the epoch, *suspect* between the two. With v the potential
now, v_h where it would be after h steps without charges (it moves there monotonically), q the
charge and peak_h the largest response within h steps to a unit charge,

    v(s) <= max(v, v_h) + peak_h max(q, 0) + (the same for p),        0 <= s <= h,

and for h -> inf with the settled potential and the peak of the whole response. The bound is
compared with -slack, above what rounding can add: 128 epsilons of the terms' size, times the
number of epochs over which the rounding of a sweep adds up, 1 / (1 - decay[L]).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.clock import AHEAD, ask_for
from spiking_bimt.kernels.state import (
    DECAY,
    DRIVE,
    EPOCH,
    EVER_P,
    EVER_Q,
    FLOOR,
    FLOORED,
    FREE_AT,
    GAIN_C,
    GAIN_P,
    GAIN_Q,
    HOLD,
    HOT,
    LEFT_P,
    LEFT_Q,
    MARK,
    N_HOT,
    N_SUSPECTS,
    NEXT,
    P_TO_P,
    PEAK_P,
    PEAK_Q,
    PHASE,
    Q_TO_Q,
    RESET,
    SETTLED,
    SLACK,
    SUSPECTS,
    TINY,
    TWO,
    P,
    Q,
    V,
    add,
    catch_up,
    potential,
)
from spiking_bimt.kernels.vector import borrowing, inlined, prefetch

Array = npt.NDArray[Any]

LANES = 32
"""Targets whose state is asked for, and brought up to date, together."""

FOREVER = 2**20
"""Epochs after which a state without input has surely come to its fixed point."""

QUIET, MAYBE, SOON = 0, 1, 2
"""What MARK holds beside the epoch: quiet, suspect, hot."""


@inlined
def classify(cells: Array, clock: Array, table: Array, j: int) -> int:
    """QUIET, MAYBE or SOON for a neuron whose state is of the present epoch."""
    k = clock[PHASE]
    kind = j if table.shape[2] > 1 else 0
    zero = cells.dtype.type(0)
    v, c = potential(cells, clock, table, j, k), cells[DRIVE, j]
    if v == -np.inf:  # refractory: looked at again when it is released
        return QUIET
    q, p = cells[Q, j] / table[Q_TO_Q, k, kind], zero
    if clock[TWO]:
        p = cells[P, j] / table[P_TO_P, k, kind]
    settled = v if c == zero else c * table[SETTLED, 0, kind]
    size = abs(v) + abs(c) + table[EVER_Q, 0, kind] * abs(q) + table[EVER_P, 0, kind] * abs(p)
    if np.isfinite(settled):
        size += abs(settled)
    q, p = max(q, zero), max(p, zero)
    floor = cells[FLOOR, j] if clock[FLOORED] else v
    top = max(max(v, settled), floor) + table[EVER_Q, 0, kind] * q + table[EVER_P, 0, kind] * p
    if top <= -table[SLACK, 0, kind] * size:
        return QUIET
    left = table.shape[1] - 1 - k
    drifted = table[DECAY, left, kind] * v + table[GAIN_C, left, kind] * c
    top = max(max(v, drifted), floor)
    top += table[PEAK_Q, left, kind] * q + table[PEAK_P, left, kind] * p
    return MAYBE if top <= -table[SLACK, 1, kind] * size else SOON


@inlined
def watch(cells: Array, marks: Array, clock: Array, table: Array, j: int) -> None:
    """Raise the status of neuron j to what its state asks for, and list it there."""
    known = marks[MARK, j] & 3
    if known == SOON:
        return
    status = classify(cells, clock, table, j)
    if status <= known:
        return
    if known == QUIET:
        marks[SUSPECTS, clock[N_SUSPECTS]] = j
        clock[N_SUSPECTS] += 1
    if status == SOON:
        marks[HOT, clock[N_HOT]] = j
        clock[N_HOT] += 1
    marks[MARK, j] += status - known


@borrowing
def regroup(cells: Array, marks: Array, clock: Array, table: Array) -> None:
    """At the start of an epoch, sort the suspects anew."""
    n = clock[N_SUSPECTS]
    clock[N_SUSPECTS] = clock[N_HOT] = 0
    for i in range(n):
        j = np.int64(marks[SUSPECTS, i])
        catch_up(cells, marks, clock, table, j)
        marks[MARK, j] &= ~3
        watch(cells, marks, clock, table, j)


@borrowing
def enter(cells: Array, marks: Array, clock: Array, table: Array, n: int) -> None:
    """Begin event mode with the states of all n neurons up to date."""
    clock[N_SUSPECTS] = clock[N_HOT] = 0
    for j in range(marks.shape[1]):
        marks[MARK, j] = clock[EPOCH] << 2
    for j in range(n):
        watch(cells, marks, clock, table, j)


@borrowing
def leave(cells: Array, marks: Array, clock: Array, table: Array) -> None:
    """End event mode: bring every neuron to the present epoch."""
    for j in range(marks.shape[1]):
        catch_up(cells, marks, clock, table, j)


@borrowing
def arrange(values: Array, count: int) -> None:
    """Sort the first `count` values, by insertion: they are few and almost sorted."""
    for i in range(1, count):
        value, place = values[i], i
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@borrowing
def examine(cells: Array, marks: Array, clock: Array, table: Array, k: int, found: Array) -> int:
    """The hot neurons above threshold at k, ascending; at the end of an epoch they move on.

    One that has become refractory leaves the list: only its release can make it hot again.
    """
    count, kept, ended = 0, 0, k == table.shape[1] - 1
    for i in range(clock[N_HOT]):
        j = np.int64(marks[HOT, i])
        if ended:
            catch_up(cells, marks, clock, table, j)
        v = cells[V, j] if ended else potential(cells, clock, table, j, k)
        if v == -np.inf:
            marks[MARK, j] += MAYBE - SOON
            continue
        marks[HOT, kept] = j
        kept += 1
        if v > 0:
            found[count] = j
            count += 1
            ask_for_reset(cells, marks, j)
    clock[N_HOT] = kept
    arrange(found, count)
    return count


@borrowing
def deliver(
    sources: Array, indptr: Array, indices: Array, weights: Array, cells: Array, marks: Array,
    clock: Array, table: Array, k: int, scratch: Array,
) -> None:  # fmt: skip
    """`clock.deliver`, touching the targets alone."""
    n = sources.size
    for s in range(n):
        if s + 2 * AHEAD < n:
            prefetch(indptr, sources[s + 2 * AHEAD])
        if s + AHEAD < n:
            ask_for(indptr, indices, sources[s + AHEAD])
        if s + 1 < n:
            ahead = indptr[sources[s + 1]]
            for t in range(ahead, min(ahead + LANES, indptr[sources[s + 1] + 1])):
                ask_for_state(cells, marks, indices[ahead + t])
        low, high = indptr[sources[s]], indptr[sources[s] + 1]
        for t in range(low, high):
            if (t - low) % LANES == 0 and table.shape[2] == 1:
                chunk = indices[low + t : low + min(t + LANES, high)]
                catch_up_together(chunk, cells, marks, clock, table, scratch)
            arrive(cells, marks, clock, table, np.int64(indices[low + t]), k, weights[high + t])


@borrowing
def catch_up_together(
    chosen: Array, cells: Array, marks: Array, clock: Array, table: Array, scratch: Array
) -> None:
    """`catch_up` for up to LANES neurons of one kind, side by side in vector registers."""
    epoch, n, longest = clock[EPOCH], chosen.size, 0
    v, q, c = scratch[:LANES], scratch[LANES : 2 * LANES], scratch[2 * LANES : 3 * LANES]
    p, behind = scratch[3 * LANES : 4 * LANES], scratch[4 * LANES : 5 * LANES]
    two = clock[TWO] != 0
    for i in range(LANES):
        v[i] = q[i] = c[i] = p[i] = behind[i] = 0
    for i in range(n):
        j = np.int64(chosen[i])
        late = epoch - (marks[MARK, j] >> 2)
        marks[MARK, j] += late << 2  # a neuron named twice is late once only
        if late:
            # Beyond so many epochs the state has long been a fixed point.
            behind[i], longest = min(late, FOREVER), max(longest, min(late, FOREVER))
            v[i], q[i], c[i] = cells[V, j], cells[Q, j], cells[DRIVE, j]
            if two:
                p[i] = cells[P, j]
    for start in range(0, longest, 8):
        if not move_lanes(v, q, p, c, behind, start, table):
            break
    for i in range(n):
        if behind[i] > 0:
            cells[V, chosen[i]], cells[Q, chosen[i]] = v[i], q[i]
            if two:
                cells[P, chosen[i]] = p[i]


@borrowing
def move_lanes(
    v: Array, q: Array, p: Array, c: Array, behind: Array, start: int, table: Array
) -> bool:
    """Epochs start..start + 8 of those lanes that have so many to catch up; False if no change."""
    last, zero = table.shape[1] - 1, v.dtype.type(0)
    tiny = v.dtype.type(TINY)
    d, g, h = table[DECAY, last, 0], table[GAIN_Q, last, 0], table[GAIN_P, last, 0]
    f, s, r = table[GAIN_C, last, 0], table[LEFT_Q, 0, 0], table[LEFT_P, 0, 0]
    changed: Any = np.int32(0)
    for epoch in range(start, start + 8):
        now = v.dtype.type(epoch)
        for i in range(LANES):
            late = behind[i] > now
            new = d * v[i] + (g * q[i] + (h * p[i] + f * c[i]))
            left, other = s * q[i], r * p[i]
            left = left if abs(left) > tiny else zero
            other = other if abs(other) > tiny else zero
            changed |= np.int32(late & ((new != v[i]) | (left != q[i]) | (other != p[i])))
            v[i] = new if late else v[i]
            q[i] = left if late else q[i]
            p[i] = other if late else p[i]
    return bool(changed != 0)


@inlined
def ask_for_state(cells: Array, marks: Array, j: int) -> None:
    """Prefetch what an arrival on neuron j reads."""
    width = marks.shape[1]
    prefetch(cells, V * width + j)
    prefetch(cells, Q * width + j)
    prefetch(cells, DRIVE * width + j)
    prefetch(marks, MARK * width + j)


@inlined
def ask_for_reset(cells: Array, marks: Array, j: int) -> None:
    """Prefetch what a spike of neuron j reads and writes beside its state."""
    width = marks.shape[1]
    prefetch(cells, RESET * width + j)
    prefetch(marks, HOLD * width + j)
    prefetch(marks, FREE_AT * width + j)
    prefetch(marks, NEXT * width + j)


@inlined
def arrive(
    cells: Array, marks: Array, clock: Array, table: Array, j: int, k: int, weight: Any
) -> None:
    """One charge onto neuron j."""
    if marks[MARK, j] >> 2 != clock[EPOCH]:
        catch_up(cells, marks, clock, table, j)
    add(cells, clock, table, j, k, weight)
    watch(cells, marks, clock, table, j)

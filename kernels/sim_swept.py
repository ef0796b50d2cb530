"""Event-driven steps of a network most of whose neurons are reached in an epoch.

All neurons move when an epoch ends, as in a sweep, so that no state has to be caught up. Then each
gets a *margin*: how far it stays below threshold without further input until it is looked at, or
the epoch ends. An arrival takes from the margin the largest response to it that is left in the
epoch; only a neuron whose margin is spent is looked at again. As in `suspects`, it is then quiet,
or due at the window in which it may first cross, and *hot* in that window, evaluated every step.

With one kind of synapse and no floor the potential is a sum of two exponentials and a constant, or
a line: it has one extremum at most, and is concave up to a maximum. In a window of W steps whose
first step changes it by `left` and the last by `right` it therefore stays below

    max(v_first, v_last) + (W left  if left > 0 > right, else 0).

To a bound is added what rounding can add, and an arrival takes what adding it has rounded.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import (
    BLOCK,
    LANES,
    above_zero,
    borrowing,
    bounds,
    inlined,
    inner,
    lowest_bit,
    prefetch,
)
from spiking_bimt.kernels.sim_clock import CHUNK, ask_ahead, crossed, move
from spiking_bimt.kernels.sim_event import arrange, ask_for_reset
from spiking_bimt.kernels.sim_state import (
    DECAY,
    DRIVE,
    DUE,
    GAIN_C,
    GAIN_Q,
    HOT,
    LEFT_Q,
    MARK,
    N_HOT,
    N_NOTED,
    N_SUSPECTS,
    PEAK_Q,
    PHASE,
    PLACE,
    Q_TO_Q,
    Q_TO_V,
    SLACK,
    SUSPECTS,
    TINY,
    WINDOW,
    Q,
    V,
)
from spiking_bimt.kernels.sim_suspects import MAYBE, QUIET, SOON, WIDTH

Array = npt.NDArray[Any]

SPAN = 128
"""Steps of the longer windows by which all neurons are bounded when an epoch begins."""

ROOM = 64
"""Arrivals between two looks at how many neurons are noted."""

ASKED = 8
"""Neurons whose state is asked for before it is looked at."""

MOST = CHUNK
"""Windows of an epoch at most: as many as `tops`, the sweep's scratch, has room for."""

FIRST, LAST, LEFT, RIGHT, STEPS = 0, 3, 6, 9, 12
"""Rows of a table of windows: what v, q and c give of v at both ends, of its first and last change,
three rows each; and how many steps they have."""


@inlined
def slacks(table: Array) -> tuple[Any, Any, Any]:
    """What rounding can add to a bound, by |v|, |q| and |c|."""
    last, slack = table.shape[1] - 1, table[SLACK, 1, 0]
    return slack, slack * table[PEAK_Q, last, 0], slack * table[GAIN_C, last, 0]


@inlined
def raise_to(
    v: Array, q: Array, c: Array, slacks: tuple[Any, Any, Any], window: Array, top: Array
) -> None:
    """Raise top[j] to the bound of neuron j in a window; one that is refractory has none."""
    s_v, s_q, s_c = slacks
    zero, one = top.dtype.type(0), top.dtype.type(1) / top.dtype.type(WIDTH)
    f_v, f_q, f_c = window[FIRST], window[FIRST + 1], window[FIRST + 2]
    e_v, e_q, e_c = window[LAST], window[LAST + 1], window[LAST + 2]
    l_v, l_q, l_c = window[LEFT], window[LEFT + 1], window[LEFT + 2]
    r_v, r_q, r_c, steps = window[RIGHT], window[RIGHT + 1], window[RIGHT + 2], window[STEPS]
    for j in range(v.size):
        slack = s_v * abs(v[j]) + (s_q * abs(q[j]) + s_c * abs(c[j]))
        first = f_v * v[j] + (f_q * q[j] + f_c * c[j])
        last = e_v * v[j] + (e_q * q[j] + e_c * c[j])
        left = l_v * v[j] + (l_q * q[j] + l_c * c[j]) + one * slack
        right = r_v * v[j] + (r_q * q[j] + r_c * c[j]) - one * slack
        rise = steps * left if (left > zero) & (right < zero) else zero
        bound = max(first, last) + rise + slack
        top[j] = bound if bound > top[j] else top[j]


@borrowing
def enter(
    cells: Array, marks: Array, clock: Array, table: Array, margins: Array, windows: Array,
    noted: Array, tops: Array, found: Array, n: int,
) -> None:  # fmt: skip
    """Begin this mode with the states of all n neurons up to date."""
    clock[N_SUSPECTS] = clock[N_HOT] = 0
    for j in range(marks.shape[1]):
        marks[MARK, j] = QUIET
    turn(cells, marks, clock, table, margins, windows, noted, tops, found, n, False)
    look(cells, marks, clock, table, margins, windows, tops, noted[: clock[N_NOTED]])
    clock[N_NOTED] = 0


@inner
def turn(
    cells: Array, marks: Array, clock: Array, table: Array, margins: Array, windows: Array,
    noted: Array, tops: Array, found: Array, n: int, moves: bool,
) -> int:  # fmt: skip
    """Begin an epoch, having ended one if it `moves`: the neurons then above threshold, ascending.

    All n neurons get their margins; those that may cross in the epoch are noted.
    """
    for i in range(clock[N_SUSPECTS]):
        marks[MARK, marks[SUSPECTS, i]] &= ~3
    for i in range(clock[N_HOT]):
        marks[MARK, marks[HOT, i]] &= ~3
    clock[N_SUSPECTS] = clock[N_HOT] = count = crossing = 0
    if moves:
        clock[PHASE] = 0
    last, tiny = table.shape[1] - 1, cells.dtype.type(TINY)
    d, g, f = table[DECAY, last, 0], table[GAIN_Q, last, 0], table[GAIN_C, last, 0]
    infinite, sizes = cells.dtype.type(np.inf), slacks(table)
    for low in range(0, margins.size, CHUNK):
        high = min(low + CHUNK, margins.size)
        v, q, c = cells[V, low:high], cells[Q, low:high], cells[DRIVE, low:high]
        if moves:
            move(v, q, c, d, g, f, table[LEFT_Q, 0, 0], tiny)
            crossing = crossed(v, low, found, crossing)
        top = margins[low:high]
        for j in range(v.size):
            top[j] = -infinite
        for i in range(-(-last // SPAN)):
            raise_to(v, q, c, sizes, windows[1, :, i], top)
        for block in range(0, v.size, BLOCK):
            mask = above_zero(top, block)
            for j in range(block, block + BLOCK):
                top[j] = -top[j]
            while mask:
                j = low + block + lowest_bit(mask)
                mask &= mask - np.uint64(1)
                noted[count] = j
                count += j < n
        if count > noted.size - CHUNK:
            look(cells, marks, clock, table, margins, windows, tops, noted[:count])
            count = 0
    clock[N_NOTED] = count
    return crossing


@inner
def look(
    cells: Array, marks: Array, clock: Array, table: Array, margins: Array, windows: Array,
    tops: Array, neurons: Array,
) -> None:  # fmt: skip
    """Find the first window in which each of these neurons may cross, and its margin until then."""
    width, now = cells.shape[1], clock[PHASE] // WIDTH
    last, sizes = -(-(table.shape[1] - 1) // WIDTH), slacks(table)
    infinite = margins.dtype.type(np.inf)
    for i in range(neurons.size):
        if i + ASKED < neurons.size:
            later = np.int64(neurons[i + ASKED])
            for row in (V, Q, DRIVE):
                prefetch(cells, row * width + later)
            prefetch(marks, MARK * width + later)
        j = np.int64(neurons[i])
        status, v, q, c = marks[MARK, j] & 3, cells[V, j], cells[Q, j], cells[DRIVE, j]
        if status == SOON or v == -infinite:
            margins[j] = infinite
            continue
        slack = sizes[0] * abs(v) + (sizes[1] * abs(q) + sizes[2] * abs(c))
        for low in range(0, last, LANES):
            bounds(tops, low, windows[0], v, q, c, slack, slack / windows.dtype.type(WIDTH))
        due = now
        while due < last and tops[due] <= 0:
            due += 1
        if due == now:
            margins[j] = infinite
        elif due < last:  # with one extremum it is highest at one of the two ends
            margins[j] = -max(tops[now], tops[due - 1])
        else:
            margins[j] = -largest(tops, now, last)
        enlist(marks, clock, j, status, due - now, last - now)


@inlined
def enlist(marks: Array, clock: Array, j: int, status: int, windows: int, left: int) -> None:
    """Put neuron j among those to be looked at in so many windows; at or beyond `left`, nowhere."""
    if windows in (0, left):
        if status == MAYBE:
            forget(marks, clock, np.int64(marks[PLACE, j]))
        if windows == 0:
            marks[HOT, clock[N_HOT]] = j
            clock[N_HOT] += 1
        marks[MARK, j] += (QUIET if windows else SOON) - status
        return
    if status == QUIET:
        marks[PLACE, j] = clock[N_SUSPECTS]
        marks[SUSPECTS, clock[N_SUSPECTS]] = j
        clock[N_SUSPECTS] += 1
        marks[MARK, j] += MAYBE - QUIET
    marks[DUE, marks[PLACE, j]] = clock[WINDOW] + windows


@inlined
def largest(values: Array, low: int, high: int) -> Any:
    """Of values[low:high], two at a time, as one maximum waits for the one before."""
    one, other = values[low], values[high - 1]
    for i in range(low + 1, high - 1, 2):
        one, other = max(one, values[i]), max(other, values[i + 1])
    return max(one, other)


@inlined
def forget(marks: Array, clock: Array, place: int) -> None:
    """Take a neuron out of the list of suspects."""
    last = clock[N_SUSPECTS] - 1
    marks[PLACE, marks[SUSPECTS, last]] = place
    marks[SUSPECTS, place], marks[DUE, place] = marks[SUSPECTS, last], marks[DUE, last]
    clock[N_SUSPECTS] = last


@inner
def regroup(
    cells: Array, marks: Array, clock: Array, table: Array, margins: Array, windows: Array,
    tops: Array,
) -> None:  # fmt: skip
    """Begin another window of an epoch: look at hot neurons, and at the suspects that are due."""
    clock[WINDOW] += 1
    seen = clock[N_HOT]
    for i in range(seen):
        marks[MARK, marks[HOT, i]] &= ~3
    for i in range(clock[N_SUSPECTS]):
        marks[HOT, seen] = marks[SUSPECTS, i]  # kept by adding 1
        seen += marks[DUE, i] <= clock[WINDOW]
    clock[N_HOT] = 0
    # Those that stay hot are written behind those that are read.
    look(cells, marks, clock, table, margins, windows, tops, marks[HOT, :seen])


@inner
def examine(cells: Array, marks: Array, clock: Array, table: Array, k: int, found: Array) -> int:
    """The hot neurons above threshold at k, within an epoch, ascending; they are hot no more."""
    v, q, c, hot, status = cells[V], cells[Q], cells[DRIVE], marks[HOT], marks[MARK]
    d, g, f = table[DECAY, k, 0], table[GAIN_Q, k, 0], table[GAIN_C, k, 0]
    count, kept = 0, 0
    for i in range(clock[N_HOT]):
        j = np.uint64(hot[i])
        crosses = d * v[j] + (g * q[j] + f * c[j]) > 0
        # Kept by adding 0 or 1: which crosses is not to be foretold.
        found[count] = hot[kept] = j
        count += crosses
        kept += not crosses
    clock[N_HOT] = kept
    for i in range(count):
        status[found[i]] = QUIET
        ask_for_reset(cells, marks, clock, np.int64(found[i]))
    arrange(found, count)
    return count


@inlined
def costs(table: Array, k: int) -> tuple[Any, Any, Any, Any]:
    """What arrivals at k take from margins: of a positive charge, of any by rounding, of the charge
    that is there by rounding; and the rounding itself, relative to what it rounds."""
    rounding = table[SLACK, 1, 0] / table.dtype.type(32)
    peak = table[PEAK_Q, table.shape[1] - 1 - k, 0]
    whole = table[PEAK_Q, table.shape[1] - 1, 0]
    own = rounding * (abs(table[Q_TO_V, k, 0]) + whole * table[Q_TO_Q, k, 0])
    return peak + own, own, rounding * whole, rounding


@inlined
def left_of(margin: Any, v: Any, q: Any, weight: Any, costs: tuple[Any, Any, Any, Any]) -> Any:
    """The margin after a charge that has made the state v and q; the margin is spent below 0."""
    positive, any_sign, charged, rounding = costs
    taken = max(positive * weight, -any_sign * weight)
    taken += rounding * abs(v) + charged * abs(q)
    return margin - rounding * margin - taken


@inlined
def spend(
    cells: Array, margins: Array, j: int, weight: Any, costs: tuple[Any, Any, Any, Any]
) -> bool:
    """Whether a charge that has been added to neuron j has spent its margin."""
    left = left_of(margins[j], cells[V, j], cells[Q, j], weight, costs)
    margins[j] = left
    return bool(left < 0)


@inner
def deliver(
    sources: Array, indptr: Array, indices: Array, weights: Array, cells: Array, marks: Array,
    clock: Array, table: Array, k: int, margins: Array, windows: Array, noted: Array, tops: Array,
) -> None:  # fmt: skip
    """`clock.deliver`, noting the neurons whose margin is spent."""
    v, q, n, count = cells[V], cells[Q], sources.size, clock[N_NOTED]
    taken = costs(table, k)
    # At the start of an epoch they are 0 and 1, and adding must round as `add` does.
    q_to_v, q_to_q = table[Q_TO_V, k, 0], table[Q_TO_Q, k, 0]
    for s in range(n):
        ask_ahead(sources, s, n, indptr, indices)
        low, high = np.uint64(indptr[sources[s]]), np.uint64(indptr[sources[s] + 1])
        for t in range(low, high, np.uint64(ROOM)):
            for synapse in range(t, min(t + np.uint64(ROOM), high)):
                j, weight = np.uint64(indices[low + synapse]), weights[high + synapse]
                new_v, new_q = v[j] + q_to_v * weight, q[j] + q_to_q * weight
                v[j], q[j] = new_v, new_q
                left = left_of(margins[j], new_v, new_q, weight, taken)
                margins[j] = left
                noted[count] = j  # kept by adding 1: which is spent is not to be foretold
                count += left < 0
            if count > noted.size - ROOM:
                look(cells, marks, clock, table, margins, windows, tops, noted[:count])
                count = 0
    clock[N_NOTED] = count

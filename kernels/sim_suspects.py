"""Which neurons may reach threshold without further input, and when they are looked at again.

A neuron is *quiet* when a bound on its potential without further input stays below threshold for
ever. Otherwise it is *suspect* and knows the window of WIDTH steps in which it is looked at again:
the first in which it may cross. Within that window it is *hot*, evaluated at every step. With v
the potential now, v_h where it would be after h steps without charges (it moves there
monotonically), q the charge and peak_h the largest response within h steps to a unit charge,

    v(s) <= max(v, v_h) + peak_h max(q, 0) + (the same for p),        0 <= s <= h,

and for h -> inf with the settled potential and the peak of the whole response. With one kind of
synapse and no floor v(s) is a sum of two exponentials, which has one extremum at most: if it falls
now it stays below max(v, settled v), if it rises at h it was below max(v, v(h)). To the bound is
added what rounding can add: 128 epsilons of the terms' size, times the number of epochs over which
the rounding of a sweep adds up, 1 / (1 - decay[L]).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import inlined, inner, prefetch
from spiking_bimt.kernels.sim_state import (
    DECAY,
    DRIVE,
    DUE,
    EVER_P,
    EVER_Q,
    FLOOR,
    FLOORED,
    GAIN_C,
    GAIN_Q,
    HOT,
    MARK,
    N_HOT,
    N_SUSPECTS,
    P_TO_P,
    PEAK_P,
    PEAK_Q,
    PHASE,
    PLACE,
    Q_TO_Q,
    SETTLED,
    SLACK,
    SUSPECTS,
    TWO,
    WINDOW,
    P,
    Q,
    V,
    catch_up,
    evolved,
    potential,
)

Array = npt.NDArray[Any]

# What MARK holds beside the epoch.
QUIET = 0
MAYBE = 1
"""The neuron is suspect."""
SOON = 2
"""The neuron is hot."""

WIDTH = 32
"""Steps of a window; the last one of an epoch may be shorter."""

AHEAD = 64
"""Suspects whose state is asked for before it is looked at, those that are due among them."""


@inlined
def state_now(cells: Array, clock: Array, table: Array, j: int) -> tuple[Any, Any, Any, Any, Any]:
    """v, q, p, c and the floor of a neuron whose state is of the present epoch."""
    k, kind = clock[PHASE], j if table.shape[2] > 1 else 0
    v, c = potential(cells, clock, table, j, k), cells[DRIVE, j]
    p = cells[P, j] / table[P_TO_P, k, kind] if clock[TWO] else c - c
    floor = cells[FLOOR, j] if clock[FLOORED] else v
    return v, cells[Q, j] / table[Q_TO_Q, k, kind], p, c, floor


@inlined
def term_size(v: Any, q: Any, p: Any, c: Any, table: Array, kind: int) -> Any:
    """Of the terms of a bound, that rounding is relative to."""
    charges = table[EVER_Q, 0, kind] * abs(q) + table[EVER_P, 0, kind] * abs(p)
    return abs(v) + abs(c) + charges


@inlined
def after(h: int, v: Any, q: Any, c: Any, table: Array, kind: int) -> Any:
    """v after h steps, without p."""
    return evolved(table[DECAY, h, kind], v, table[GAIN_Q, h, kind], q, table[GAIN_C, h, kind] * c)


@inlined
def bound_ever(
    v: Any, q: Any, p: Any, c: Any, floor: Any, table: Array, kind: int, simple: bool
) -> Any:
    """Bound of the potential without further input, for ever."""
    zero = table.dtype.type(0)
    settled = v if c == zero else c * table[SETTLED, 0, kind]
    size = term_size(v, q, p, c, table, kind)
    slack = table[SLACK, 1, kind] * size
    falls = simple & (after(1, v, q, c, table, kind) < v - slack)
    size += abs(settled) if abs(settled) < np.inf else zero
    top = max(max(v, settled), floor) + table[SLACK, 0, kind] * size
    rise = table[EVER_Q, 0, kind] * max(q, zero) + table[EVER_P, 0, kind] * max(p, zero)
    return top + (zero if falls else rise)


@inlined
def bound_within(
    h: int, v: Any, q: Any, p: Any, c: Any, floor: Any, table: Array, kind: int, simple: bool
) -> Any:
    """The same for h steps, at least 1 and at most an epoch."""
    zero = table.dtype.type(0)
    slack = table[SLACK, 1, kind] * term_size(v, q, p, c, table, kind)
    end = after(h, v, q, c, table, kind)
    if simple and end > after(h - 1, v, q, c, table, kind) + slack:
        return max(v, end) + slack
    drifted = table[DECAY, h, kind] * v + table[GAIN_C, h, kind] * c
    top = max(max(v, drifted), floor) + slack
    return top + table[PEAK_Q, h, kind] * max(q, zero) + table[PEAK_P, h, kind] * max(p, zero)


@inlined
def watch(cells: Array, marks: Array, clock: Array, table: Array, j: int) -> None:
    """Have neuron j looked at again as soon as its state asks for it."""
    status = marks[MARK, j] & 3
    if status == SOON:
        return
    kind = j if table.shape[2] > 1 else 0
    v, q, p, c, floor = state_now(cells, clock, table, j)
    # A refractory neuron is looked at when it is released.
    simple = not (clock[TWO] or clock[FLOORED])
    if v == -np.inf or bound_ever(v, q, p, c, floor, table, kind, simple) <= 0:
        return
    length = table.shape[1] - 1
    left = min(length - clock[PHASE], WIDTH - clock[PHASE] % WIDTH)
    # The largest number of windows, the present one first, in which it stays below threshold.
    most = np.int64(1 + (length - left) // WIDTH)
    if status == QUIET:
        marks[PLACE, j] = clock[N_SUSPECTS]
        marks[SUSPECTS, clock[N_SUSPECTS]] = j
        clock[N_SUSPECTS] += 1
    else:
        most = np.int64(marks[DUE, marks[PLACE, j]]) - clock[WINDOW]
    least, tried = np.int64(0), most
    while least < most:
        h = left + (tried - 1) * WIDTH
        if bound_within(h, v, q, p, c, floor, table, kind, simple) <= 0:
            least = tried
        else:
            most = tried - 1
        tried = (least + most + 1) // 2
    marks[DUE, marks[PLACE, j]] = clock[WINDOW] + least
    if least == 0:
        marks[HOT, clock[N_HOT]] = j
        clock[N_HOT] += 1
    marks[MARK, j] += (MAYBE if least else SOON) - status


@inner
def regroup(cells: Array, marks: Array, clock: Array, table: Array) -> None:
    """Begin a window: look at the suspects that are due."""
    clock[WINDOW] += 1
    clock[N_HOT] = 0
    width = marks.shape[1]
    for i in range(clock[N_SUSPECTS] - 1, -1, -1):
        if i >= AHEAD and marks[DUE, i - AHEAD] <= clock[WINDOW]:
            later = np.int64(marks[SUSPECTS, i - AHEAD])
            for row in (V, Q, DRIVE):
                prefetch(cells, row * width + later)
            prefetch(marks, MARK * width + later)
            prefetch(marks, PLACE * width + later)
        if marks[DUE, i] > clock[WINDOW]:
            continue
        j, last = np.int64(marks[SUSPECTS, i]), clock[N_SUSPECTS] - 1
        marks[PLACE, marks[SUSPECTS, last]] = i
        marks[SUSPECTS, i], marks[DUE, i] = marks[SUSPECTS, last], marks[DUE, last]
        clock[N_SUSPECTS] = last
        catch_up(cells, marks, clock, table, j)
        marks[MARK, j] &= ~3
        watch(cells, marks, clock, table, j)

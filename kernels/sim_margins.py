"""How far a neuron stays below threshold, and in which window it may first cross.

For `sim_swept`, which needs one kind of synapse and no floor. The potential is then a sum of two
exponentials and a constant, or a line: it has one extremum at most, and is concave up to a maximum.
In a window of W steps whose first step changes it by `left` and the last by `right` it therefore
stays below

    max(v_first, v_last) + (W left  if left > 0 > right, else 0).

To a bound is added what rounding can add, and an arrival takes what adding it has rounded.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import LANES, bounds, inlined, inner, prefetch
from spiking_bimt.kernels.sim_clock import CHUNK
from spiking_bimt.kernels.sim_state import (
    DRIVE,
    DUE,
    GAIN_C,
    HOT,
    MARK,
    N_HOT,
    N_SUSPECTS,
    PEAK_Q,
    PHASE,
    PLACE,
    Q_TO_Q,
    Q_TO_V,
    SLACK,
    SUSPECTS,
    WINDOW,
    Q,
    V,
    evolved,
)
from spiking_bimt.kernels.sim_suspects import MAYBE, QUIET, SOON, WIDTH

Array = npt.NDArray[Any]

ASKED = 8
"""Neurons whose state is asked for before it is looked at."""

MOST = CHUNK
"""Windows of an epoch at most: as many as `tops`, the sweep's scratch, has room for."""

# Rows of a table of windows. FIRST, LAST, LEFT and RIGHT are the first of three rows each: what v,
# q and c give.
FIRST = 0
"""Of v at the window's beginning."""
LAST = 3
"""Of v at its end."""
LEFT = 6
"""Of the change of v by its first step."""
RIGHT = 9
"""Of the change of v by its last step."""
STEPS = 12
"""How many steps it has."""
N_WINDOWS = 13


@inlined
def rounding_slacks(table: Array) -> tuple[Any, Any, Any]:
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
        first = evolved(f_v, v[j], f_q, q[j], f_c * c[j])
        last = evolved(e_v, v[j], e_q, q[j], e_c * c[j])
        left = evolved(l_v, v[j], l_q, q[j], l_c * c[j]) + one * slack
        right = evolved(r_v, v[j], r_q, q[j], r_c * c[j]) - one * slack
        rise = steps * left if (left > zero) & (right < zero) else zero
        bound = max(first, last) + rise + slack
        top[j] = bound if bound > top[j] else top[j]


@inner
def look(
    cells: Array, marks: Array, clock: Array, table: Array, margins: Array, windows: Array,
    tops: Array, neurons: Array,
) -> None:  # fmt: skip
    """Find the first window in which each of these neurons may cross, and its margin until then."""
    width, now = cells.shape[1], clock[PHASE] // WIDTH
    last, sizes = -(-(table.shape[1] - 1) // WIDTH), rounding_slacks(table)
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
            margins[j] = -find_largest(tops, now, last)
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
def find_largest(values: Array, low: int, high: int) -> Any:
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


@inlined
def arrival_costs(table: Array, k: int) -> tuple[Any, Any, Any, Any]:
    """What arrivals at k take from margins: of a positive charge, of any by rounding, of the charge
    that is there by rounding; and the rounding itself, relative to what it rounds."""
    rounding = table[SLACK, 1, 0] / table.dtype.type(32)
    peak = table[PEAK_Q, table.shape[1] - 1 - k, 0]
    whole = table[PEAK_Q, table.shape[1] - 1, 0]
    own = rounding * (abs(table[Q_TO_V, k, 0]) + whole * table[Q_TO_Q, k, 0])
    return peak + own, own, rounding * whole, rounding


@inlined
def margin_after(margin: Any, v: Any, q: Any, weight: Any, costs: tuple[Any, Any, Any, Any]) -> Any:
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
    left = margin_after(margins[j], cells[V, j], cells[Q, j], weight, costs)
    margins[j] = left
    return bool(left < 0)

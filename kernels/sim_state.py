"""The arrays that the steps of a large network work on, and the arithmetic that they share.

Time is cut into epochs of L steps. Within an epoch the state of a neuron is not (v, charges) but
where it would have to start the epoch, without input, to be there: y = M^-k (v, q, p), with M one
step of the linear equations and k the steps since the epoch began,

    v(k) = DECAY[k] y_v + GAIN_Q[k] y_q + GAIN_P[k] y_p + GAIN_C[k] c.

Without input y stays as it is, so nothing need be written for a silent neuron until the epoch
ends, and ending it is one exact step of length L. An arrival of charge w at k adds
M^-k (0, w) to y. L = 1 is ordinary exact integration. Both modes round the same operations in the
same order, which is why they give the same spikes.

v is relative to the threshold, so that a neuron spikes when v > 0. q and p are the charges
tau_syn * i still to be delivered by the two kinds of synapses. A refractory neuron has v = -inf,
which no input changes; its potential is RESET, or in HELD where the reset is by subtraction.

Four arrays hold everything, because Numba pays for every array that a call is given:
cells (7, width) the floats of each neuron; marks (8, width) int32, its integers; table
(17, L + 1, kinds) what the equations need, for one kind of neuron or for each its own; clock
(13,) int64. `width` is the padded number of neurons. head (ring,) int32 starts the lists of
refractory neurons by the step at whose end they are released, -1 for none.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import inlined, inner

Array = npt.NDArray[Any]

V, Q, P, DRIVE, HELD, RESET, FLOOR = range(7)
"""Rows of cells. DRIVE is c, the change of v in one step by constant terms and held currents;
RESET and FLOOR are relative to the threshold."""

FREE_AT, NEXT, MARK, SUSPECTS, HOT, HOLD, DUE, PLACE = range(8)
"""Rows of marks: step of release, where it is beyond the lists; next neuron of that list; event
mode's epoch of each state times 4 plus its status, together because they are read together; its
lists; refractory steps; the window in
which suspect i is looked at again; the place of a neuron among the suspects."""

(STEP, PHASE, EPOCH, N_SUSPECTS, N_HOT, MEETINGS, SUBTRACT, TWO, FLOORED, WINDOW, SPREAD,
 VARIED, N_NOTED) = range(13)  # fmt: skip
"""Entries of clock: steps done, k, epochs done, lengths of event mode's lists, exchanges done;
whether the reset is by subtraction, p is used, any neuron has a floor; windows done; whether
neurons differ in DRIVE, and in RESET or HOLD: else the first one's, in the cache, are read;
neurons noted by `swept`."""

(DECAY, GAIN_Q, GAIN_P, GAIN_C, Q_TO_V, Q_TO_Q, P_TO_V, P_TO_P, BACK, PEAK_Q, PEAK_P, LEFT_Q,
 LEFT_P, EVER_Q, EVER_P, SETTLED, SLACK) = range(17)  # fmt: skip
"""Rows of table, by k: what y gives of v; what charge arriving at k adds to y, Q_TO_V =
-GAIN_Q / (DECAY decay_q) and Q_TO_Q = 1 / decay_q; BACK = 1 / DECAY; largest GAIN_Q[0..k].
At k = 0 alone: what an epoch leaves of a charge, the largest response ever, the settled v per
unit of c. SLACK: rounding, relative to the size of the terms, for ever (k = 0) and within an
epoch (k = 1)."""

TINY = 1e-30
"""Charges below it are 0: a decaying charge ends, and never becomes a slow subnormal number."""


@inlined
def drawn_by_charge(cells: Array, clock: Array, table: Array, j: int, k: int, kind: int) -> Any:
    """v(k) without its first term."""
    rest = table[GAIN_C, k, kind] * cells[DRIVE, j]
    if clock[TWO]:
        rest = table[GAIN_P, k, kind] * cells[P, j] + rest
    return table[GAIN_Q, k, kind] * cells[Q, j] + rest


@inlined
def potential(cells: Array, clock: Array, table: Array, j: int, k: int) -> Any:
    """v of neuron j, k steps into the epoch of its state."""
    kind = j if table.shape[2] > 1 else 0
    rest = drawn_by_charge(cells, clock, table, j, k, kind)
    return table[DECAY, k, kind] * cells[V, j] + rest


@inlined
def put(cells: Array, clock: Array, table: Array, j: int, k: int, value: Any) -> None:
    """Set v of neuron j to `value` at k."""
    if k == 0:
        cells[V, j] = value
        return
    kind = j if table.shape[2] > 1 else 0
    rest = drawn_by_charge(cells, clock, table, j, k, kind)
    cells[V, j] = table[BACK, k, kind] * (value - rest)


@inlined
def add(cells: Array, clock: Array, table: Array, j: int, k: int, weight: Any) -> None:
    """Add one charge to neuron j at k; a negative one to p where there are two kinds."""
    second = clock[TWO] and weight < 0
    if k == 0:
        cells[P if second else Q, j] += weight
    elif second:
        cells[V, j] += table[P_TO_V, k, 0] * weight
        cells[P, j] += table[P_TO_P, k, 0] * weight
    else:
        cells[V, j] += table[Q_TO_V, k, 0] * weight
        cells[Q, j] += table[Q_TO_Q, k, 0] * weight


@inner
def catch_up(cells: Array, marks: Array, clock: Array, table: Array, j: int) -> None:
    """Bring neuron j to the present epoch by the very operations of the clock-driven sweep."""
    behind = clock[EPOCH] - (marks[MARK, j] >> 2)
    marks[MARK, j] += behind << 2
    kind = j if table.shape[2] > 1 else 0
    last, tiny = table.shape[1] - 1, cells.dtype.type(TINY)
    zero = tiny - tiny
    while behind > 0:
        v, q = cells[V, j], cells[Q, j]
        new = potential(cells, clock, table, j, last)
        if clock[FLOORED] and v != -np.inf:
            new = new if new > cells[FLOOR, j] else cells[FLOOR, j]
        left = table[LEFT_Q, 0, kind] * q
        left = left if abs(left) > tiny else zero
        same = new == v and left == q
        cells[V, j], cells[Q, j] = new, left
        if clock[TWO]:
            other = table[LEFT_P, 0, kind] * cells[P, j]
            other = other if abs(other) > tiny else zero
            same = same and other == cells[P, j]
            cells[P, j] = other
        if same:  # a fixed point: nothing changes any more
            return
        behind -= 1


@inlined
def fire(
    found: Array, count: int, cells: Array, marks: Array, clock: Array, table: Array, head: Array,
    k: int, step: int,
) -> None:  # fmt: skip
    """Reset the neurons found[:count], and hold those that have a refractory time."""
    here = step % head.size
    for f in range(count):
        j = np.int64(found[f])
        own = j * clock[VARIED]
        value, hold = cells[RESET, own], np.int64(marks[HOLD, own])
        if clock[SUBTRACT]:
            value = value + potential(cells, clock, table, j, k)
        if hold == 0:
            put(cells, clock, table, j, k, value)
            continue
        cells[V, j] = -np.inf
        if clock[SUBTRACT]:
            cells[HELD, j] = value
        if hold >= head.size:
            marks[FREE_AT, j] = step + hold
        await_release(marks, head, j, here, hold)


@inlined
def await_release(marks: Array, head: Array, j: int, here: int, steps: int) -> None:
    """Enter neuron j in the list `steps` after the list `here`, or in the furthest there is."""
    slot = here + min(steps, head.size - 1)
    slot -= head.size if slot >= head.size else 0
    marks[NEXT, j] = head[slot]
    head[slot] = j


@inlined
def set_drive(cells: Array, clock: Array, table: Array, j: int, k: int, value: Any) -> None:
    """Replace c of neuron j at k; its v there stays."""
    now = potential(cells, clock, table, j, k)
    cells[DRIVE, j] = value
    clock[SPREAD] = 1
    if k > 0 and now != -np.inf:
        put(cells, clock, table, j, k, now)

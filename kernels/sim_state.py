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
cells (N_CELLS, width) the floats of each neuron; marks (N_MARKS, width) int32, its integers; table
(N_TABLE, L + 1, kinds) what the equations need, for one kind of neuron or for each its own; clock
(N_CLOCK,) int64. `width` is the padded number of neurons. head (ring,) int32 starts the lists of
refractory neurons by the step at whose end they are released, -1 for none.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_vector import expanded, inlined, inner

Array = npt.NDArray[Any]

# Rows of cells, one value per neuron.
V = 0
"""y_v: potential at the start of the epoch, relative to the threshold; -inf while refractory."""
Q = 1
"""y_q: the charge at the start of the epoch."""
P = 2
"""y_p: the same of the second kind of synapses."""
DRIVE = 3
"""c: the change of v in one step by bias, leak and held currents."""
HELD = 4
"""Where the reset is by subtraction: the potential of a refractory neuron."""
RESET = 5
"""Reset potential, relative to the threshold."""
FLOOR = 6
"""Membrane floor, relative to the threshold."""
N_CELLS = 7

# Rows of marks. HOT, SUSPECTS and DUE are lists and not one value per neuron.
FREE_AT = 0
"""Step of release of a neuron whose refractory time is longer than the ring of lists."""
NEXT = 1
"""The next neuron of the same list of refractory neurons, -1 for none."""
MARK = 2
"""Event mode: 4 times the epoch of the neuron's state, plus its status (`sim_suspects`); in one
number, because both are read together."""
SUSPECTS = 3
"""Event mode: the neurons that may cross in a later window."""
HOT = 4
"""Event mode: the neurons that may cross in the present window."""
HOLD = 5
"""Refractory time, steps."""
DUE = 6
"""Event mode: the window in which the suspect of this place is looked at again."""
PLACE = 7
"""Event mode: the place of a neuron in the list of suspects."""
N_MARKS = 8

# Entries of clock.
STEP = 0
"""Steps done."""
PHASE = 1
"""k: steps since the epoch began."""
EPOCH = 2
"""Epochs done."""
N_SUSPECTS = 3
"""Length of the list SUSPECTS."""
N_HOT = 4
"""Length of the list HOT."""
MEETINGS = 5
"""Exchanges of spikes done."""
SUBTRACT = 6
"""1 where the reset is by subtraction."""
TWO = 7
"""1 where p is used."""
FLOORED = 8
"""1 where any neuron has a floor."""
WINDOW = 9
"""Windows done (`sim_suspects`)."""
SPREAD = 10
"""1 where neurons differ in DRIVE; otherwise the first one's value is read, which is cached."""
VARIED = 11
"""1 where neurons differ in RESET or HOLD; otherwise the first one's are read."""
N_NOTED = 12
"""Neurons noted by `sim_swept`."""
SPLIT = 13
"""1 where charges of negative weight are added to p and not to q."""
N_CLOCK = 14

# Rows of table, by k.
DECAY = 0
"""What y_v gives of v(k)."""
GAIN_Q = 1
"""What y_q gives of v(k)."""
GAIN_P = 2
"""What y_p gives of v(k)."""
GAIN_C = 3
"""What c gives of v(k)."""
Q_TO_V = 4
"""What a charge arriving at k adds to y_v: -GAIN_Q / (DECAY decay_q)."""
Q_TO_Q = 5
"""What a charge arriving at k adds to y_q: 1 / decay_q."""
P_TO_V = 6
"""As Q_TO_V, for p."""
P_TO_P = 7
"""As Q_TO_Q, for p."""
BACK = 8
"""1 / DECAY."""
PEAK_Q = 9
"""Largest GAIN_Q of 0..k."""
PEAK_P = 10
"""Largest GAIN_P of 0..k."""
LEFT_Q = 11
"""At k = 0 alone: what an epoch leaves of q."""
LEFT_P = 12
"""At k = 0 alone: what an epoch leaves of p."""
EVER_Q = 13
"""At k = 0 alone: the largest response ever to a unit of q."""
EVER_P = 14
"""At k = 0 alone: the largest response ever to a unit of p."""
SETTLED = 15
"""At k = 0 alone: the settled v per unit of c."""
SLACK = 16
"""Rounding relative to the size of the terms: for ever (k = 0), and within an epoch (k = 1)."""
N_TABLE = 17

TINY = 1e-30
"""Charges below it are 0: a decaying charge ends, and never becomes a slow subnormal number."""


@expanded
def evolved(d: Any, v: Any, g: Any, q: Any, rest: Any) -> Any:
    """The equation of a neuron's steps: v(k) from y_v, y_q and the sum of the other terms.

    d, g: DECAY and GAIN_Q at k. rest: GAIN_C c, or `of_two` where p is used.
    """
    return d * v + (g * q + rest)


@expanded
def of_two(h: Any, p: Any, f: Any, c: Any) -> Any:
    """What p and c give of v(k). h, f: GAIN_P and GAIN_C at k."""
    return h * p + f * c


@inlined
def rest_of(cells: Array, clock: Array, table: Array, j: int, k: int, kind: int) -> Any:
    """What p and c give of v(k) of neuron j."""
    f, c = table[GAIN_C, k, kind], cells[DRIVE, j]
    return of_two(table[GAIN_P, k, kind], cells[P, j], f, c) if clock[TWO] else f * c


@inlined
def potential(cells: Array, clock: Array, table: Array, j: int, k: int) -> Any:
    """v of neuron j, k steps into the epoch of its state."""
    kind = j if table.shape[2] > 1 else 0
    rest = rest_of(cells, clock, table, j, k, kind)
    return evolved(table[DECAY, k, kind], cells[V, j], table[GAIN_Q, k, kind], cells[Q, j], rest)


@inlined
def put(cells: Array, clock: Array, table: Array, j: int, k: int, value: Any) -> None:
    """Set v of neuron j to `value` at k."""
    if k == 0:
        cells[V, j] = value
        return
    kind = j if table.shape[2] > 1 else 0
    driven = table[GAIN_Q, k, kind] * cells[Q, j] + rest_of(cells, clock, table, j, k, kind)
    cells[V, j] = table[BACK, k, kind] * (value - driven)


@inlined
def add(cells: Array, clock: Array, table: Array, j: int, k: int, weight: Any) -> None:
    """Add one charge to neuron j at k; a negative one to p where there are two kinds."""
    second = clock[SPLIT] and weight < 0
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
def held_potential(cells: Array, clock: Array, j: int, own: int) -> Any:
    """v of refractory neuron j, relative to v_th. own: where its reset potential is."""
    return cells[HELD, j] if clock[SUBTRACT] else cells[RESET, own]


@inlined
def free(cells: Array, clock: Array, table: Array, j: int, k: int, own: int) -> None:
    """Let the membrane of neuron j, whose refractory time ends at k, move again."""
    put(cells, clock, table, j, k, held_potential(cells, clock, j, own))


@inlined
def membrane(cells: Array, clock: Array, table: Array, j: int, k: int) -> Any:
    """v of neuron j at k, relative to v_th, refractory or not."""
    if cells[V, j] == -np.inf:
        return held_potential(cells, clock, j, j)
    return potential(cells, clock, table, j, k)


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

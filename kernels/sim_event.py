"""Event-driven steps: only neurons that are reached, or that may reach threshold, are touched."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_order import sort_first
from spiking_bimt.kernels.shared_vector import (
    BLOCK,
    above_zero,
    borrowing,
    inlined,
    inner,
    lowest_bit,
    prefetch,
    zero,
)
from spiking_bimt.kernels.sim_clock import ask_ahead, moved_charge
from spiking_bimt.kernels.sim_state import (
    DECAY,
    DRIVE,
    DUE,
    EPOCH,
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
    PLACE,
    Q_TO_Q,
    RESET,
    SPREAD,
    TINY,
    TWO,
    VARIED,
    WINDOW,
    P,
    Q,
    V,
    add,
    catch_up,
    evolved,
    of_two,
    potential,
)
from spiking_bimt.kernels.sim_suspects import MAYBE, SOON, bound_ever, watch

Array = npt.NDArray[Any]

LANES = 32
"""Targets whose state is asked for, and brought up to date, together."""

FOREVER = 2**20
"""Epochs after which a state without input has surely come to its fixed point."""


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


@inner
def examine(cells: Array, marks: Array, clock: Array, table: Array, k: int, found: Array) -> int:
    """The hot neurons above threshold at k, ascending; at the end of an epoch they move on.

    One that has become refractory leaves the list: only its release can make it hot again.
    """
    count = zero()
    kept, ended = 0, k == table.shape[1] - 1
    for i in range(clock[N_HOT]):
        j = np.int64(marks[HOT, i])
        if ended:
            catch_up(cells, marks, clock, table, j)
        v = cells[V, j] if ended else potential(cells, clock, table, j, k)
        if v == -np.inf:
            marks[MARK, j] += MAYBE - SOON
            marks[DUE, marks[PLACE, j]] = clock[WINDOW] + 1
            continue
        marks[HOT, kept] = j
        kept += 1
        if v > 0:
            found[count] = j
            count += 1
            ask_for_reset(cells, marks, clock, j)
    clock[N_HOT] = kept
    sort_first(found, count)
    return count


@inner
def deliver(
    sources: Array, indptr: Array, indices: Array, weights: Array, cells: Array, marks: Array,
    clock: Array, table: Array, k: int, scratch: Array,
) -> None:  # fmt: skip
    """`sim_clock.deliver`, touching the targets alone."""
    n = sources.size
    for s in range(n):
        ask_ahead(sources, s, n, indptr, indices)
        if s + 1 < n:
            ask_for_targets(sources[s + 1], indptr, indices, cells, marks, clock)
        low, high = indptr[sources[s]], indptr[sources[s] + 1]
        if table.shape[2] == 1:
            for t in range(low, high, LANES):
                until = min(t + LANES, high)
                chosen, charges = indices[low + t : low + until], weights[high + t : high + until]
                arrive_together(chosen, charges, cells, marks, clock, table, k, scratch)
            continue
        for t in range(low, high):
            arrive(cells, marks, clock, table, np.int64(indices[low + t]), k, weights[high + t])


@inner
def arrive_together(
    chosen: Array, charges: Array, cells: Array, marks: Array, clock: Array, table: Array, k: int,
    scratch: Array,
) -> None:  # fmt: skip
    """`arrive` for up to LANES synapses onto neurons of one kind, side by side in registers."""
    catch_up_together(chosen, cells, marks, clock, table, scratch)
    v, q, c = scratch[:LANES], scratch[LANES : 2 * LANES], scratch[2 * LANES : 3 * LANES]
    p, over = scratch[3 * LANES : 4 * LANES], scratch[4 * LANES : 4 * LANES + BLOCK]
    two, zero = clock[TWO] != 0, cells.dtype.type(0)
    for i in range(chosen.size):
        j = np.int64(chosen[i])
        add(cells, clock, table, j, k, charges[i])
        v[i], q[i] = cells[V, j], cells[Q, j]
        if two:
            p[i] = cells[P, j]
    d, g, h, f = table[DECAY, k, 0], table[GAIN_Q, k, 0], table[GAIN_P, k, 0], table[GAIN_C, k, 0]
    to_q, to_p = table[Q_TO_Q, k, 0], table[P_TO_P, k, 0]
    for i in range(BLOCK):
        over[i] = zero
    for i in range(LANES):
        now = evolved(d, v[i], g, q[i], of_two(h, p[i], f, c[i]))
        top = bound_ever(now, q[i] / to_q, p[i] / to_p, c[i], now, table, 0, not two)
        over[i] = top if now > -np.inf else zero
    mask = above_zero(over, 0)
    while mask:
        i = lowest_bit(mask)
        mask &= mask - np.uint64(1)
        if i < chosen.size:
            watch(cells, marks, clock, table, np.int64(chosen[i]))


@inner
def catch_up_together(
    chosen: Array, cells: Array, marks: Array, clock: Array, table: Array, scratch: Array
) -> None:
    """`catch_up` for up to LANES neurons of one kind, side by side in vector registers."""
    epoch, n, longest = clock[EPOCH], chosen.size, 0
    v, q, c = scratch[:LANES], scratch[LANES : 2 * LANES], scratch[2 * LANES : 3 * LANES]
    p, behind = scratch[3 * LANES : 4 * LANES], scratch[4 * LANES : 5 * LANES]
    two, spread = clock[TWO] != 0, clock[SPREAD]
    for i in range(LANES):
        v[i] = q[i] = c[i] = p[i] = behind[i] = 0
    for i in range(n):
        j = np.int64(chosen[i])
        late = epoch - (marks[MARK, j] >> 2)
        marks[MARK, j] += late << 2  # a neuron named twice is late once only
        # Beyond so many epochs the state has long been a fixed point.
        behind[i], longest = min(late, FOREVER), max(longest, min(late, FOREVER))
        v[i], q[i], c[i] = cells[V, j], cells[Q, j], cells[DRIVE, j * spread]
        if two:
            p[i] = cells[P, j]
    if longest == 0:
        return
    for start in range(0, longest, 8):
        if not move_lanes(v, q, p, c, behind, start, min(start + 8, longest), table):
            break
    for i in range(n):
        if behind[i] > 0:
            cells[V, chosen[i]], cells[Q, chosen[i]] = v[i], q[i]
            if two:
                cells[P, chosen[i]] = p[i]


@inner
def move_lanes(
    v: Array, q: Array, p: Array, c: Array, behind: Array, start: int, stop: int, table: Array
) -> bool:
    """Epochs start..stop of those lanes that have so many to catch up; False if no change."""
    last, tiny = table.shape[1] - 1, v.dtype.type(TINY)
    d, g, h = table[DECAY, last, 0], table[GAIN_Q, last, 0], table[GAIN_P, last, 0]
    f, s, r = table[GAIN_C, last, 0], table[LEFT_Q, 0, 0], table[LEFT_P, 0, 0]
    changed: Any = np.int32(0)
    for epoch in range(start, stop):
        now = v.dtype.type(epoch)
        for i in range(LANES):
            late = behind[i] > now
            new = evolved(d, v[i], g, q[i], of_two(h, p[i], f, c[i]))
            left, other = moved_charge(q[i], s, tiny), moved_charge(p[i], r, tiny)
            changed |= np.int32(late & ((new != v[i]) | (left != q[i]) | (other != p[i])))
            v[i] = new if late else v[i]
            q[i] = left if late else q[i]
            p[i] = other if late else p[i]
    return bool(changed != 0)


@inlined
def ask_for_targets(
    source: int, indptr: Array, indices: Array, cells: Array, marks: Array, clock: Array
) -> None:  # fmt: skip
    """Prefetch what a spike of a source reads of its first targets."""
    low = indptr[source]
    for t in range(low, min(low + LANES, indptr[source + 1])):
        ask_for_state(cells, marks, clock, indices[low + t])


@inlined
def ask_for_state(cells: Array, marks: Array, clock: Array, j: int) -> None:
    """Prefetch what an arrival on neuron j reads."""
    width = marks.shape[1]
    prefetch(cells, V * width + j)
    prefetch(cells, Q * width + j)
    if clock[SPREAD]:
        prefetch(cells, DRIVE * width + j)
    prefetch(marks, MARK * width + j)


@inlined
def ask_for_reset(cells: Array, marks: Array, clock: Array, j: int) -> None:
    """Prefetch what a spike of neuron j reads and writes beside its state."""
    width = marks.shape[1]
    if clock[VARIED]:
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

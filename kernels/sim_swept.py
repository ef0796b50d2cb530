"""Event-driven steps of a network most of whose neurons are reached in an epoch.

All neurons move when an epoch ends, as in a sweep, so that no state has to be caught up. Then each
gets a *margin* (`sim_margins`): how far it stays below threshold without further input until it is
looked at, or the epoch ends. An arrival takes from the margin the largest response to it that is
left in the epoch; only a neuron whose margin is spent is looked at again. As in `sim_suspects`, it
is then quiet, or due at the window in which it may first cross, and *hot* in that window, evaluated
every step.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.shared_order import sort_first
from spiking_bimt.kernels.shared_vector import BLOCK, above_zero, borrowing, inner, lowest_bit, zero
from spiking_bimt.kernels.sim_clock import CHUNK, ask_ahead, crossed, move
from spiking_bimt.kernels.sim_event import ask_for_reset
from spiking_bimt.kernels.sim_margins import (
    arrival_costs,
    look,
    margin_after,
    raise_to,
    rounding_slacks,
)
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
    PHASE,
    Q_TO_Q,
    Q_TO_V,
    SUSPECTS,
    TINY,
    WINDOW,
    Q,
    V,
    evolved,
)
from spiking_bimt.kernels.sim_suspects import QUIET

Array = npt.NDArray[Any]

SPAN = 128
"""Steps of the longer windows by which all neurons are bounded when an epoch begins."""

ROOM = 64
"""Arrivals between two looks at how many neurons are noted."""


@borrowing
def enter(
    cells: Array, marks: Array, clock: Array, table: Array, margins: Array, windows: Array,
    noted: Array, tops: Array, found: Array, n: int,
) -> None:  # fmt: skip
    """Begin this mode with the states of all n neurons up to date."""
    clock[N_SUSPECTS] = clock[N_HOT] = 0
    for j in range(marks.shape[1]):
        marks[MARK, j] = QUIET
    turn(cells, marks, clock, table, margins, windows, noted, tops, found, n, np.bool_(False))
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
    clock[N_SUSPECTS] = clock[N_HOT] = count = 0
    crossing = zero()
    if moves:
        clock[PHASE] = 0
    last, tiny = table.shape[1] - 1, cells.dtype.type(TINY)
    d, g, f = table[DECAY, last, 0], table[GAIN_Q, last, 0], table[GAIN_C, last, 0]
    left_q = table[LEFT_Q, 0, 0]
    infinite, sizes = cells.dtype.type(np.inf), rounding_slacks(table)
    for low in range(0, margins.size, CHUNK):
        high = min(low + CHUNK, margins.size)
        v, q, c = cells[V, low:high], cells[Q, low:high], cells[DRIVE, low:high]
        if moves:
            move(v, q, None, c, d, g, g, f, left_q, left_q, tiny)
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
    count = zero()
    kept = 0
    for i in range(clock[N_HOT]):
        j = np.uint64(hot[i])
        crosses = evolved(d, v[j], g, q[j], f * c[j]) > 0
        # Kept by adding 0 or 1: a branch would be mispredicted half the time.
        found[count] = hot[kept] = j
        count += crosses
        kept += not crosses
    clock[N_HOT] = kept
    for i in range(count):
        status[found[i]] = QUIET
        ask_for_reset(cells, marks, clock, np.int64(found[i]))
    sort_first(found, count)
    return count


@inner
def deliver(
    sources: Array, indptr: Array, indices: Array, weights: Array, cells: Array, marks: Array,
    clock: Array, table: Array, k: int, margins: Array, windows: Array, noted: Array, tops: Array,
) -> None:  # fmt: skip
    """`sim_clock.deliver`, noting the neurons whose margin is spent."""
    v, q, n, count = cells[V], cells[Q], sources.size, clock[N_NOTED]
    taken = arrival_costs(table, k)
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
                left = margin_after(margins[j], new_v, new_q, weight, taken)
                margins[j] = left
                noted[count] = j  # kept by adding 1, as in `examine`
                count += left < 0
            if count > noted.size - ROOM:
                look(cells, marks, clock, table, margins, windows, tops, noted[:count])
                count = 0
    clock[N_NOTED] = count

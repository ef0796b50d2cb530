"""A network's parts exchange their spikes: each on a thread of its own, once every least delay."""

from typing import Any, NamedTuple

import numpy.typing as npt
from numba import types

from spiking_bimt.kernels.shared_vector import allocating, atomic_add, atomic_load, inner, relax
from spiking_bimt.kernels.sim_state import MEETINGS
from spiking_bimt.kernels.sim_trials import grown

Array = npt.NDArray[Any]

_PATIENCE = 256
"""Looks at a barrier, some ten microseconds, before the core is offered to others each time."""

_give_way = types.ExternalFunction("sched_yield", types.int32())


class Team(NamedTuple):
    """One part's view of its team."""

    numbers: Array
    """(5,) this part, parts, first neuron, neurons, steps between exchanges."""
    lows: Array
    """(parts,) first neuron of each part."""
    board: Array
    """(2, steps between exchanges, N) spikes on their way to the other parts."""
    slots: Array
    """(2, parts, steps between exchanges + 1, in whole cache lines): how often each part posted,
    and how many spikes in each step."""


@inner
def meet(team: Team, meetings: int) -> None:
    """Say that this part has posted, and wait until every part has as often."""
    side, length = meetings % 2, team.slots.shape[2]
    first = side * team.numbers[1] * length
    atomic_add(team.slots, first + team.numbers[0] * length, 1)
    wanted, tries = meetings // 2 + 1, 0
    for part in range(team.numbers[1]):
        while atomic_load(team.slots, first + part * length) < wanted:
            relax()
            tries += 1
            if tries > _PATIENCE:  # the core may be wanted by the part that is waited for
                _give_way()


@allocating
def begin_rows(spikes: Array, cursors: Array, low: int, high: int, indptr: Array) -> Array:
    """Set the cursors of new spikes to the first synapse of their rows; no-op without delays."""
    if cursors.size:
        cursors = grown(cursors, low, high - low)
        for s in range(low, high):
            cursors[s] = indptr[spikes[s]]
    return cursors


@allocating
def collect(
    team: Team, side: int, steps: int, spikes: Array, cursors: Array, first: Array, row: int,
    indptr: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Append what all parts posted for `steps` steps, in the order of the neurons."""
    for i in range(steps):
        count = first[row + i]
        for part in range(team.numbers[1]):
            n = team.slots[side, part, 1 + i]
            spikes = grown(spikes, count, n)
            low = team.lows[part]
            for s in range(n):
                spikes[count + s] = team.board[side, i, low + s]
            count += n
        first[row + i + 1] = count
        cursors = begin_rows(spikes, cursors, first[row + i], count, indptr)
    return spikes, cursors


@allocating
def exchange(
    team: Team, found: Array, count: int, posted: int, ends: bool, clock: Array, spikes: Array,
    cursors: Array, first: Array, row: int, indptr: Array,
) -> tuple[Array, Array, int]:  # fmt: skip
    """Post this part's spikes of a step; meet the others where the board is full or the run ends.

    posted: steps on the board before this one. Returns the history and cursors, with all parts'
    spikes after a meeting, and the steps then on the board.
    """
    side, part, low = clock[MEETINGS] % 2, team.numbers[0], team.numbers[2]
    for f in range(count):
        team.board[side, posted, low + f] = low + found[f]
    team.slots[side, part, 1 + posted] = count
    posted += 1
    if posted < team.numbers[4] and not ends:
        return spikes, cursors, posted
    meet(team, clock[MEETINGS])
    clock[MEETINGS] += 1
    begin = row + 1 - posted
    spikes, cursors = collect(team, side, posted, spikes, cursors, first, begin, indptr)
    return spikes, cursors, 0

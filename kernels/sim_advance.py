"""Time steps of a large network, clock-driven or event-driven, whole or one part of a team.

The order within a step: held currents change; the membranes move; the threshold is tested; those
above it are reset; refractory neurons whose time is over are released; outside spikes and then
spikes of the network whose delay has passed arrive. A team's parts each own a contiguous range of
neurons and the synapses onto it; they exchange spikes once every least delay.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, types

from spiking_bimt.kernels import sim_clock, sim_event, sim_suspects, sim_swept
from spiking_bimt.kernels.shared_vector import atomic_add, atomic_load, inlined, inner, relax
from spiking_bimt.kernels.sim_state import (
    EPOCH,
    FREE_AT,
    HELD,
    HOLD,
    MEETINGS,
    N_NOTED,
    NEXT,
    PHASE,
    RESET,
    STEP,
    SUBTRACT,
    VARIED,
    V,
    add,
    await_release,
    catch_up,
    fire,
    potential,
    put,
    set_drive,
)
from spiking_bimt.kernels.sim_trials import grown

Array = npt.NDArray[Any]

_PATIENCE = 256
"""Looks at a barrier, some ten microseconds, before the core is offered to others each time."""

_give_way = types.ExternalFunction("sched_yield", types.int32())


# Of these two, clock mode has neither and each form of event mode one. They are told apart by type,
# so that only what a mode needs is compiled.
Lazy = bool | None
"""True where states are caught up when they are needed."""


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


class Swept(NamedTuple):
    """What the form of event mode has beside in which all neurons move when an epoch ends."""

    margins: Array
    """(width,) how far each neuron stays below threshold until it is looked at."""
    windows: Array
    """Table of the windows of an epoch (`swept`)."""
    noted: Array
    """Neurons to be looked at, with room for twice sim_swept.ROOM at least."""


@inlined
def up_to_date(cells: Array, marks: Array, clock: Array, table: Array, lazy: Lazy, j: int) -> None:
    """Bring neuron j to the present epoch."""
    if lazy is not None:
        catch_up(cells, marks, clock, table, j)


@inlined
def consider(
    cells: Array, marks: Array, clock: Array, table: Array, beside: Swept | None, scratch: Array,
    lazy: Lazy, j: int,
) -> None:  # fmt: skip
    """Have neuron j, whose state has changed, looked at as soon as it may cross.

    With `beside` it is noted: `look_at_noted` must follow before the next step.
    """
    if lazy is not None:
        sim_suspects.watch(cells, marks, clock, table, j)
    elif beside is not None:
        note(cells, marks, clock, table, beside, scratch, j)


@inlined
def note(
    cells: Array, marks: Array, clock: Array, table: Array, beside: Swept, scratch: Array, j: int
) -> None:  # fmt: skip
    """Have neuron j looked at when the step ends, or when there is no more room."""
    beside.noted[clock[N_NOTED]] = j
    clock[N_NOTED] += 1
    if clock[N_NOTED] > beside.noted.size - sim_swept.ROOM:
        look_at_noted(cells, marks, clock, table, beside, scratch)


@inlined
def look_at_noted(
    cells: Array, marks: Array, clock: Array, table: Array, beside: Swept, scratch: Array
) -> None:  # fmt: skip
    """Look at the neurons that are noted."""
    if clock[N_NOTED]:
        sim_swept.look(cells, marks, clock, table, beside.margins, beside.windows, scratch,
                   beside.noted[: clock[N_NOTED]])  # fmt: skip
        clock[N_NOTED] = 0


@inlined
def release(
    cells: Array, marks: Array, clock: Array, table: Array, head: Array, k: int, step: int,
    lazy: Lazy, beside: Swept | None, scratch: Array,
) -> None:  # fmt: skip
    """Let the neurons go whose refractory time ends with this step."""
    slot = step % head.size
    j = np.int64(head[slot])
    head[slot] = -1
    while j >= 0:
        following = np.int64(marks[NEXT, j])
        own = j * clock[VARIED]
        if marks[HOLD, own] >= head.size and marks[FREE_AT, j] > step:  # beyond the lists' reach
            await_release(marks, head, j, slot, marks[FREE_AT, j] - step)
        else:
            up_to_date(cells, marks, clock, table, lazy, j)
            value = cells[HELD, j] if clock[SUBTRACT] else cells[RESET, own]
            put(cells, clock, table, j, k, value)
            consider(cells, marks, clock, table, beside, scratch, lazy, j)
        j = following


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


@njit(cache=True)
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


@njit(cache=True)
def begin_rows(spikes: Array, cursors: Array, low: int, high: int, indptr: Array) -> Array:
    """Set the cursors of new spikes to the first synapse of their rows; no-op without delays."""
    if cursors.size:
        cursors = grown(cursors, low, high - low)
        for s in range(low, high):
            cursors[s] = indptr[spikes[s]]
    return cursors


@inner
def deliver_due(
    spikes: Array, cursors: Array, first: Array, row: int, reach: tuple[int, int], indptr: Array,
    indices: Array, weights: Array, delays: Array, cells: Array, marks: Array, clock: Array,
    table: Array, k: int, lazy: Lazy, beside: Swept | None, scratch: Array,
) -> None:  # fmt: skip
    """Deliver the synapses whose own delay ends now, oldest spikes first."""
    for age in range(reach[1], reach[0] - 1, -1):
        for s in range(first[row - age], first[row - age + 1]):
            t, low, high = cursors[s], indptr[spikes[s]], indptr[spikes[s] + 1]
            while t < high and delays[t] == age:
                j = np.int64(indices[low + t])
                if lazy is not None:
                    sim_event.arrive(cells, marks, clock, table, j, k, weights[high + t])
                else:
                    add(cells, clock, table, j, k, weights[high + t])
                if beside is not None:
                    taken = sim_swept.costs(table, k)
                    if sim_swept.spend(cells, beside.margins, j, weights[high + t], taken):
                        note(cells, marks, clock, table, beside, scratch, j)
                t += 1
            cursors[s] = t


@inner
def receive(
    bounds: Array, neurons: Array, values: Array, currents: bool, i: int, low: int, n: int,
    cells: Array, marks: Array, clock: Array, table: Array, k: int, lazy: Lazy,
    beside: Swept | None, scratch: Array,
) -> None:  # fmt: skip
    """Apply what comes from outside in step i of the window: currents, or charges."""
    for e in range(bounds[i], bounds[i + 1]):
        if (lazy is not None or beside is not None) and e + sim_event.LANES < neurons.size:
            sim_event.ask_for_state(
                cells, marks, clock, np.int64(neurons[e + sim_event.LANES]) - low
            )
        j = np.int64(neurons[e]) - low
        if j < 0 or j >= n:
            continue
        up_to_date(cells, marks, clock, table, lazy, j)
        if currents:
            set_drive(cells, clock, table, j, k, values[e])
        else:
            add(cells, clock, table, j, k, values[e])
        consider(cells, marks, clock, table, beside, scratch, lazy, j)


@inner
def read(
    traced: Array, trace: Array, cells: Array, marks: Array, clock: Array, table: Array, k: int,
    lazy: Lazy,
) -> None:  # fmt: skip
    """Record the potentials of the traced neurons, relative to their thresholds."""
    for m in range(traced.size):
        j = np.int64(traced[m])
        if j >= 0:
            up_to_date(cells, marks, clock, table, lazy, j)
            held = cells[V, j] == -np.inf
            kept = cells[HELD if clock[SUBTRACT] else RESET, j]
            trace[m] = kept if held else potential(cells, clock, table, j, k)


@njit(cache=True, nogil=True)
def advance(
    lazy: Lazy, steps: int,
    cells: Array, marks: Array, clock: Array, table: Array, head: Array,
    indptr: Array, indices: Array, weights: Array, delays: Array, reach: tuple[int, int],
    bounds: Array, neurons: Array, charges: Array,
    current_bounds: Array, current_neurons: Array, drives: Array,
    traced: Array, traces: Array, team: Team, beside: Swept | None,
    spikes: Array, cursors: Array, first: Array, scratch: Array, found: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Run `steps` steps; the history with all new spikes, and the cursors into their rows.

    Synapses are CSR by presynaptic neuron of the whole network, with the targets, numbered from
    this part's first, and the weights of `renumber.rows_joined`; `reach` is the least and largest
    delay, `delays` (nnz,) ascends within a row, or is empty where all are equal. Charges and held
    currents come by bounds (steps + 1,), neurons and values. `traced` are neurons whose potential
    goes to traces (steps, traced), -1 for none here.
    `spikes` starts with the last reach[1] steps' spikes of all parts, whose bounds begin `first`
    (reach[1] + steps + 1,); `cursors` with their places in their rows, where there are delays.
    """
    part, low, n = team.numbers[0], team.numbers[2], team.numbers[3]
    parts, every = team.numbers[1], team.numbers[4]
    last, posted = table.shape[1] - 1, 0
    for i in range(steps):
        step, k, row = clock[STEP], clock[PHASE], reach[1] + i
        oldest = first[row - reach[0]]
        if lazy is not None and not delays.size and oldest < first[row - reach[0] + 1]:
            sim_event.ask_for_targets(spikes[oldest], indptr, indices, cells, marks, clock)
        if current_bounds[i + 1] > current_bounds[i]:
            receive(current_bounds, current_neurons, drives, True, i, low, n, cells, marks, clock,
                    table, k, lazy, beside, scratch)  # fmt: skip
            if beside is not None:
                look_at_noted(cells, marks, clock, table, beside, scratch)
        k += 1
        ended = k == last
        if ended:
            clock[EPOCH] += 1
        if lazy is not None:
            count = sim_event.examine(cells, marks, clock, table, k, found)
        elif beside is not None and not ended:
            count = sim_swept.examine(cells, marks, clock, table, k, found)
        elif beside is not None:
            count = sim_swept.turn(cells, marks, clock, table, beside.margins, beside.windows,
                               beside.noted, scratch, found, n, True)  # fmt: skip
        else:
            count = sim_clock.sweep(cells, clock, table, k, scratch, found)
        k = 0 if ended else k
        clock[PHASE] = k
        if count:
            fire(found, count, cells, marks, clock, table, head, k, step)
            if beside is not None and not ended:
                for f in range(count):
                    if cells[V, found[f]] > -np.inf:  # it has no refractory time
                        note(cells, marks, clock, table, beside, scratch, np.int64(found[f]))
        if lazy is not None and k % sim_suspects.WIDTH == 0:  # k is 0 where an epoch ended
            sim_suspects.regroup(cells, marks, clock, table)
        elif beside is not None and not ended and k % sim_suspects.WIDTH == 0:
            sim_swept.regroup(cells, marks, clock, table, beside.margins, beside.windows, scratch)
        if head[step % head.size] >= 0:
            release(cells, marks, clock, table, head, k, step, lazy, beside, scratch)
        if bounds[i + 1] > bounds[i]:
            receive(bounds, neurons, charges, False, i, low, n, cells, marks, clock, table, k,
                    lazy, beside, scratch)  # fmt: skip
        if parts == 1:
            start = first[row]
            if start + count > spikes.size:
                spikes = grown(spikes, start, count)
            for f in range(count):
                spikes[start + f] = found[f]
            first[row + 1] = start + count
            if delays.size:
                cursors = begin_rows(spikes, cursors, start, start + count, indptr)
        else:
            side = clock[MEETINGS] % 2
            for f in range(count):
                team.board[side, posted, low + f] = low + found[f]
            team.slots[side, part, 1 + posted] = count
            posted += 1
            if posted == every or i == steps - 1:
                meet(team, clock[MEETINGS])
                clock[MEETINGS] += 1
                spikes, cursors = collect(
                    team, side, posted, spikes, cursors, first, row + 1 - posted, indptr
                )
                posted = 0
        if delays.size:
            deliver_due(spikes, cursors, first, row, reach, indptr, indices, weights, delays,
                        cells, marks, clock, table, k, lazy, beside, scratch)  # fmt: skip
        else:
            due = row - reach[0]
            sources = spikes[first[due] : first[due + 1]]
            if not sources.size:
                pass
            elif lazy is not None:
                sim_event.deliver(sources, indptr, indices, weights, cells, marks, clock, table, k,
                              scratch)  # fmt: skip
            elif beside is not None:
                sim_swept.deliver(sources, indptr, indices, weights, cells, marks, clock, table, k,
                              beside.margins, beside.windows, beside.noted, scratch)  # fmt: skip
            else:
                sim_clock.deliver(sources, indptr, indices, weights, cells, clock, table, k)
            if indices.size > sim_clock.CACHED:  # a step ahead, while other work is left
                later = spikes[first[due + 1] : first[due + 2]]
                sim_clock.ask_for_first(later, indptr, indices)
        if beside is not None:
            look_at_noted(cells, marks, clock, table, beside, scratch)
        if traced.size:
            read(traced, traces[i], cells, marks, clock, table, k, lazy)
        clock[STEP] = step + 1
    return spikes, cursors

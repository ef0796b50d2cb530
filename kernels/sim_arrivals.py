"""What changes single neurons within a step: releases, inputs from outside, delayed synapses.

Whatever changes a neuron has it looked at again as soon as it may cross, in the way of the mode.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels import sim_event, sim_suspects, sim_swept
from spiking_bimt.kernels.shared_vector import inlined, inner
from spiking_bimt.kernels.sim_margins import arrival_costs, look, spend
from spiking_bimt.kernels.sim_state import (
    FREE_AT,
    HOLD,
    N_NOTED,
    NEXT,
    VARIED,
    add,
    await_release,
    catch_up,
    free,
    membrane,
    set_drive,
)

Array = npt.NDArray[Any]

Lazy = bool | None
"""True in event mode where states are caught up when they are needed, None otherwise.

Clock mode gives None for this and for `Swept`, each form of event mode gives one of the two.
Numba tells the modes apart by these types, so that it compiles only what a mode needs.
"""


class Swept(NamedTuple):
    """What the form of event mode has beside in which all neurons move when an epoch ends."""

    margins: Array
    """(width,) how far each neuron stays below threshold until it is looked at."""
    windows: Array
    """Table of the windows of an epoch (`sim_margins`)."""
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
    cells: Array, marks: Array, clock: Array, table: Array, beside: Swept | None, scratch: Array
) -> None:  # fmt: skip
    """Look at the neurons that are noted."""
    if beside is not None and clock[N_NOTED]:
        look(cells, marks, clock, table, beside.margins, beside.windows, scratch,
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
            free(cells, clock, table, j, k, own)
            consider(cells, marks, clock, table, beside, scratch, lazy, j)
        j = following


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
                    taken = arrival_costs(table, k)
                    if spend(cells, beside.margins, j, weights[high + t], taken):
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
            trace[m] = membrane(cells, clock, table, j, k)

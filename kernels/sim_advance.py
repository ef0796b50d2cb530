"""Time steps of a large network, clock-driven or event-driven, whole or one part of a team.

The order within a step: held currents change; the membranes move; the threshold is tested; those
above it are reset; refractory neurons whose time is over are released; outside spikes and then
spikes of the network whose delay has passed arrive. A team's parts each own a contiguous range of
neurons and the synapses onto it; they exchange spikes once every least delay (`sim_team`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels import sim_clock, sim_event, sim_suspects, sim_swept
from spiking_bimt.kernels.shared_vector import entry, inlined, zero
from spiking_bimt.kernels.sim_arrivals import (
    Lazy,
    Swept,
    deliver_due,
    look_at_noted,
    note,
    read,
    receive,
    release,
)
from spiking_bimt.kernels.sim_state import EPOCH, PHASE, STEP, V, fire
from spiking_bimt.kernels.sim_team import Team, begin_rows, exchange
from spiking_bimt.kernels.sim_trials import grown

Array = npt.NDArray[Any]


@inlined
def keep(found: Array, count: int, spikes: Array, first: Array, row: int) -> None:
    """Append the spikes of this step to the history, which has room for them."""
    start = first[row]
    for f in range(count):
        spikes[start + f] = found[f]
    first[row + 1] = start + count


@inlined
def ask_for_due(
    spikes: Array, first: Array, due: int, indptr: Array, indices: Array, cells: Array,
    marks: Array, clock: Array,
) -> None:  # fmt: skip
    """Prefetch what the first spike of row `due` reads of its first targets."""
    if first[due] < first[due + 1]:
        sim_event.ask_for_targets(spikes[first[due]], indptr, indices, cells, marks, clock)


@inlined
def ask_for_next(
    spikes: Array, first: Array, due: int, delays: Array, indptr: Array, indices: Array
) -> None:
    """Prefetch the rows of synapses of the spikes of row `due`, while other work is left."""
    if not delays.size and indices.size > sim_clock.CACHED and due + 1 < first.size:
        sim_clock.ask_for_first(spikes[first[due] : first[due + 1]], indptr, indices)


@inlined
def reset(
    found: Array, count: int, cells: Array, marks: Array, clock: Array, table: Array, head: Array,
    k: int, step: int, beside: Swept | None, scratch: Array,
) -> None:  # fmt: skip
    """Reset the neurons that spike and note them; at the start of an epoch (k = 0) all are seen."""
    fire(found, count, cells, marks, clock, table, head, k, step)
    if beside is not None and k:
        for f in range(count):
            if cells[V, found[f]] > -np.inf:  # it has no refractory time
                note(cells, marks, clock, table, beside, scratch, np.int64(found[f]))


@entry
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
    this part's first, and the weights of `sim_renumber.rows_joined`; `reach`: least and largest
    delay; `delays` (nnz,) ascends within a row, or is empty where all are equal. Charges and held
    currents come by bounds (steps + 1,), neurons and values. `traced` are neurons whose potential
    goes to traces (steps, traced), -1 for none here.
    `spikes` starts with the last reach[1] steps' spikes of all parts, whose bounds begin `first`
    (reach[1] + steps + 1,); `cursors` with their places in their rows, where there are delays.
    """
    low, n, posted, yes = team.numbers[2], team.numbers[3], zero(), np.bool_(True)
    for i in range(steps):
        step, k, row, due = clock[STEP], clock[PHASE], reach[1] + i, reach[1] - reach[0] + i
        if lazy is not None and not delays.size:
            ask_for_due(spikes, first, due, indptr, indices, cells, marks, clock)
        if current_bounds[i + 1] > current_bounds[i]:
            receive(current_bounds, current_neurons, drives, yes, i, low, n, cells, marks, clock,
                    table, k, lazy, beside, scratch)  # fmt: skip
            look_at_noted(cells, marks, clock, table, beside, scratch)
        k, ended = k + 1, k + 1 == table.shape[1] - 1
        clock[EPOCH] += ended
        if lazy is not None:
            count = sim_event.examine(cells, marks, clock, table, k, found)
        elif beside is None:
            count = sim_clock.sweep(cells, clock, table, k, scratch, found)
        elif not ended:
            count = sim_swept.examine(cells, marks, clock, table, k, found)
        else:
            count = sim_swept.turn(cells, marks, clock, table, beside.margins, beside.windows,
                                   beside.noted, scratch, found, n, yes)  # fmt: skip
        clock[PHASE] = k = 0 if ended else k
        if count:
            reset(found, count, cells, marks, clock, table, head, k, step, beside, scratch)
        if lazy is not None and k % sim_suspects.WIDTH == 0:  # k is 0 where an epoch ended
            sim_suspects.regroup(cells, marks, clock, table)
        elif beside is not None and not ended and k % sim_suspects.WIDTH == 0:
            sim_swept.regroup(cells, marks, clock, table, beside.margins, beside.windows, scratch)
        if head[step % head.size] >= 0:
            release(cells, marks, clock, table, head, k, step, lazy, beside, scratch)
        if bounds[i + 1] > bounds[i]:
            receive(bounds, neurons, charges, not yes, i, low, n, cells, marks, clock, table, k,
                    lazy, beside, scratch)  # fmt: skip
        if team.numbers[1] > 1:
            spikes, cursors, posted = exchange(team, found, count, posted, i == steps - 1, clock,
                                               spikes, cursors, first, row, indptr)  # fmt: skip
        else:
            if first[row] + count > spikes.size:
                spikes = grown(spikes, first[row], count)
            keep(found, count, spikes, first, row)
            if delays.size:
                cursors = begin_rows(spikes, cursors, first[row], first[row + 1], indptr)
        if delays.size:
            deliver_due(spikes, cursors, first, row, reach, indptr, indices, weights, delays,
                        cells, marks, clock, table, k, lazy, beside, scratch)  # fmt: skip
        elif first[due] < first[due + 1]:
            sources = spikes[first[due] : first[due + 1]]
            if lazy is not None:
                sim_event.deliver(sources, indptr, indices, weights, cells, marks, clock, table, k,
                                  scratch)  # fmt: skip
            elif beside is not None:
                sim_swept.deliver(sources, indptr, indices, weights, cells, marks, clock, table,
                    k, beside.margins, beside.windows, beside.noted, scratch)  # fmt: skip
            else:
                sim_clock.deliver(sources, indptr, indices, weights, cells, clock, table, k)
        ask_for_next(spikes, first, due + 1, delays, indptr, indices)
        look_at_noted(cells, marks, clock, table, beside, scratch)
        if traced.size:
            read(traced, traces[i], cells, marks, clock, table, k, lazy)
        clock[STEP] = step + 1
    return spikes, cursors

"""The parts of a network that run together: on threads of this process, or this rank's alone."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.sim_advance import advance
from spiking_bimt.kernels.sim_state import STEP
from spiking_bimt.kernels.sim_team import Team
from spiking_bimt.simulation.modes import count_arrivals
from spiking_bimt.simulation.parts import Part, make_teams, remember, start_apart
from spiking_bimt.simulation.ranks.exchange import Exchange, find_routes, gather
from spiking_bimt.simulation.ranks.share import Share
from spiking_bimt.simulation.ranks.world import wait

Array = npt.NDArray[Any]
Events = tuple[Array, Array, Array]
"""What acts from outside: bounds by step, neurons as stored, and values."""
Spikes = tuple[Array, Array]
"""How many spikes each step has, and their neurons by step and ascending."""


class Ran(NamedTuple):
    """What happened in some steps."""

    spikes: Spikes
    """Of the parts of this process; neurons as stored."""
    traces: Array
    """(steps, traced) potentials relative to the thresholds, 0 for neurons of other ranks."""
    ns: int
    """CPU time, ns."""


class Crew(Protocol):
    """Runs parts together."""

    meet_every: int
    """A run may be cut at multiples of so many steps, or at its end."""
    rank: int | None
    """This process's rank; None where it has the whole network."""

    def run(self, steps: int, charges: Events, currents: Events) -> Ran:
        """Run the next steps."""
        ...

    def join(self, spikes: Spikes, traces: Array, n_neurons: int) -> tuple[Spikes, Array]:
        """Of spikes (neurons by number) and traces of this process: those of the whole network."""
        ...


class Threads:
    """All parts of a network, a thread of this process each."""

    meet_every = 1
    rank: int | None = None

    def __init__(self, parts: list[Part], traced: Array) -> None:
        """traced: neurons whose potential is recorded, as stored."""
        self.parts = parts
        self.traced = [_within(part, traced) for part in parts]
        self.teams = make_teams(parts, steps=1)
        self._pool = ThreadPoolExecutor(len(parts))  # a thread each: parts wait for another

    def run(self, steps: int, charges: Events, currents: Events) -> Ran:
        """See `Crew`."""
        parts, rows = self.parts, self.parts[0].reach[1]
        teams = self.teams if len(parts) == 1 else make_teams(parts, steps)
        first = [np.append(part.first, np.zeros(steps, np.int64)) for part in parts]
        traces = np.zeros((steps, len(self.traced[0])), parts[0].cells.dtype)

        def run_one(i: int) -> tuple[Array, int]:
            start_apart(i, len(parts))
            return _run_part(
                parts[i], steps, charges, currents, self.traced[i], traces, teams[i],
                parts[i].history, first[i],
            )  # fmt: skip

        several = len(parts) > 1
        ran = list(self._pool.map(run_one, range(len(parts)))) if several else [run_one(0)]
        rows = len(first[0]) - 1 - steps
        new = ran[0][0][first[0][rows] : first[0][-1]]
        for part, (seen, _), bound in zip(parts, ran, first, strict=True):
            remember(part, seen, bound, rows)
            count_arrivals(part, len(new), len(charges[1]) + len(currents[1]), steps)
        counts = np.diff(first[0][rows:])
        return Ran((counts, new), traces, sum(ns for _, ns in ran))

    def join(self, spikes: Spikes, traces: Array, n_neurons: int) -> tuple[Spikes, Array]:
        """See `Crew`."""
        return spikes, traces


class Rank:
    """The part of a network that one rank has; what the others need is exchanged by MPI.

    No spike arrives before the least delay has passed: that long the part runs alone, and then
    hears what the others sent in that time.
    """

    def __init__(self, comm: Any, share: Share, part: Part, traced: Array) -> None:
        """traced: neurons whose potential is recorded, as places in the share, -1 elsewhere."""
        self.part, self._traced = part, _within(part, traced)
        self._comm, self.rank = comm.Dup(), comm.Get_rank()
        self.meet_every = part.reach[0]
        self._team = make_teams([part], steps=1)[0]
        n_rows = len(share.sources)
        routes = find_routes(self._comm, share)
        self.exchange = Exchange(self._comm, routes, self.meet_every, n_rows)

    def run(self, steps: int, charges: Events, currents: Events) -> Ran:
        """See `Crew`."""
        part, rows, done, taken = self.part, self.part.reach[1], 0, 0
        first = np.append(part.first, np.zeros(steps, np.int64))
        traces = np.zeros((steps, len(self._traced)), part.cells.dtype)
        history, new, counts = part.history, [], []
        while done < steps:
            window = min(self.meet_every - int(part.clock[STEP]) % self.meet_every, steps - done)
            now, row = slice(done, done + window), rows + done
            history, ns = _run_part(
                part, window, _of_steps(charges, now), _of_steps(currents, now), self._traced,
                traces[now], self._team, history, first[done : row + window + 1],
            )  # fmt: skip
            new.append(history[first[row] : first[row + window]].copy())
            counts.append(np.diff(first[row : row + window + 1]))
            history, part.cursors = self.exchange.swap(
                history, part.cursors, first, row, window, part.synapses[0]
            )
            done, taken = done + window, taken + ns
        remember(part, history, first, rows)
        outside = len(charges[1]) + len(currents[1])
        count_arrivals(part, int(first[-1] - first[rows]), outside, steps)
        return Ran((np.concatenate(counts), np.concatenate(new)), traces, taken)

    def join(self, spikes: Spikes, traces: Array, n_neurons: int) -> tuple[Spikes, Array]:
        """See `Crew`: the whole on rank 0, the rank's own spikes and all traces on the others."""
        total = traces
        if traces.size:
            total = np.empty_like(traces)
            wait([self._comm.Iallreduce(traces, total)])
        return gather(self._comm, *spikes, n_neurons) or spikes, total


def _run_part(
    part: Part, steps: int, charges: Events, currents: Events, traced: Array, traces: Array,
    team: Team, history: Array, first: Array,
) -> tuple[Array, int]:  # fmt: skip
    """Run one part: the history with the new spikes, whose bounds go into `first`; CPU time, ns."""
    lazy, beside = part.form()
    own = np.zeros((steps, len(traced)), part.cells.dtype)
    begun = time.thread_time_ns()
    history, part.cursors = advance(
        lazy, steps, part.cells, part.marks, part.clock, part.table, part.head, *part.synapses,
        part.reach, *charges, *currents, traced, own, team, beside, history, part.cursors, first,
        part.scratch, part.found,
    )  # fmt: skip
    taken = time.thread_time_ns() - begun
    if len(traced):
        traces[:, traced >= 0] = own[:, traced >= 0]
    return history, taken


def _of_steps(events: Events, steps: slice) -> Events:
    """The events of some steps."""
    return events[0][steps.start : steps.stop + 1], events[1], events[2]


def _within(part: Part, stored: Array) -> Array:
    """Neurons as a part numbers them, -1 for those of other parts."""
    local = stored.astype(np.int64) - part.low
    return np.where((local >= 0) & (local < part.n), local, -1)

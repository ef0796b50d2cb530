"""Any LIF network, run for a time: clock-driven, event-driven or whichever is cheaper."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.sim_advance import advance
from spiking_bimt.kernels.sim_renumber import name_spikes
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.closed_loop import WINDOW, ClosedLoop
from spiking_bimt.simulation.gather import check_inputs, gather
from spiking_bimt.simulation.inputs import Input, neuron_numbers
from spiking_bimt.simulation.locality import Order, renumber, storage_order
from spiking_bimt.simulation.modes import Choice, check_mode, count_arrivals, set_mode
from spiking_bimt.simulation.parts import (
    CLOCK,
    Part,
    make_part,
    make_teams,
    remember,
    split_ranges,
    start_apart,
)
from spiking_bimt.simulation.start import (
    MOST_STEPS,
    check_settings,
    float_dtype,
    starts,
    whole_steps,
)

Array = npt.NDArray[Any]

_FIRST_WINDOW = 2**20
"""Steps of a run's first window times neurons, where the mode may change with the next one."""
_FIRST_OF_CLOCK = 2**23
"""The same in clock mode, where windows keep memory bounded and nothing else."""
_LONGEST_WINDOW = 16384
_MANY_SPIKES = 2**20
"""Spikes of a window above which the next one is shorter, so that memory stays bounded."""


class Simulation:
    """A network in the middle of a run.

    Equal arguments give equal spikes whatever the mode, the number of threads and the cuts
    between calls of `advance`.
    """

    @checked
    def __init__(
        self,
        network: SpikingNetwork,
        *,
        inputs: Sequence[Input] = (),
        mode: str = "auto",
        threads: int = 1,
        traces: npt.ArrayLike = (),
        seed: int = 0,
        v_start: npt.ArrayLike | None = None,
        epoch: int | None = None,
        dtype: npt.DTypeLike = np.float32,
        order: Order = "given",
    ) -> None:
        """Start at v_start (N,), or where trial 0 of `simulate_trials` with this `seed` starts.

        epoch: steps between rewrites of the state (see `sim_state`), None for the best.
        order: how neurons are stored, for locality: "given", "sheet" or all neurons in an order.
        Spikes and traces keep the given numbers; sums are made in the order stored.
        """
        network.refuse_optional("a long run", propagators.ENGINE_HAS)
        self.dtype = float_dtype(dtype)
        check_mode(mode)
        check_settings(seed, threads)
        check_inputs(inputs, network, self.dtype)
        self.network, self.inputs = network, tuple(inputs)
        self.traced = neuron_numbers("Simulation", "traces", np.atleast_1d(np.asarray(traces)))
        if len(self.traced) and self.traced.max() >= network.n_neurons:
            raise InputError(f"traces must name neurons in 0..{network.n_neurons - 1}")
        self.steps_done = 0
        length = propagators.epoch_steps(network, epoch)
        if v_start is None:
            start = starts(network, seed, slice(0, 1), np.dtype(np.float64))[0]
        else:
            start = np.asarray(v_start, np.float64)
        validate.array("Simulation", "v_start", start, (network.n_neurons,), self.dtype)
        self._order = storage_order(network, order)
        stored = network if self._order is None else renumber(network, self._order)
        start = start if self._order is None else start[self._order]
        self._place = None if self._order is None else np.argsort(self._order).astype(np.int32)
        self.parts = [
            make_part(stored, low, high, start, length, self.dtype)
            for low, high in split_ranges(network.n_neurons, threads)
        ]
        self._traced_of = [self._traced_in(part) for part in self.parts]
        self._teams = make_teams(self.parts, steps=1)
        self._none = np.empty(0, np.int32), np.empty(0, self.dtype)
        first = _FIRST_OF_CLOCK if mode == "clock" else _FIRST_WINDOW
        self._window = min(max(first // network.n_neurons, 16), _LONGEST_WINDOW)
        self._choice = Choice(mode, self._window)
        self._pool = ThreadPoolExecutor(len(self.parts))  # a thread each: parts wait for another
        self._loop: ClosedLoop | None = None

    @checked
    def advance(self, steps: int) -> Recording:
        """Run so many steps more and return what happened in them."""
        self._end_loop()
        first = self.steps_done
        if not 0 <= steps <= MOST_STEPS - first:
            raise InputError(
                f"steps is {steps}, outside 0..{MOST_STEPS - first}: a run has at most "
                f"{MOST_STEPS:,} steps"
            )
        end, pieces = first + steps, []
        while self.steps_done < end:
            self._window = self._choice.choose(self.parts, self._window)
            pieces.append(self._piece(min(self._window, end - self.steps_done)))
            many = len(pieces[-1][1]) > _MANY_SPIKES
            longer = max(self._window // 2, 1) if many else self._window * 2
            self._window = min(longer, _LONGEST_WINDOW)
        none = np.empty(0, np.int64), np.empty(0, np.int32), self._traces(0)
        counts, neurons, traces = (
            pieces[0]
            if len(pieces) == 1
            else (np.concatenate(column) for column in zip(none, *pieces, strict=True))
        )
        n = self.network.n_neurons
        return Recording.of_arrays(
            outputs=np.empty((0, len(self.network.b_out)), np.float32),
            spike_counts=np.bincount(neurons, minlength=n).astype(np.int32)[None],
            offsets=np.array([0, len(neurons)]),
            steps=np.repeat(np.arange(first, end, dtype=np.int32), counts),
            neurons=neurons,
            lengths=np.array([steps]),
            dt=self.network.dt,
            n_neurons=n,
            first_step=first,
            traces=traces,
        )

    def step(
        self, currents: npt.ArrayLike | None = None, charges: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.int32]:
        """Run one step and return the neurons that spike in it, ascending: for a closed loop.

        currents (N,): v per ms, held from this step on, beside the bias; None keeps those held.
        charges (N,): total change of v by spikes from outside, which arrive at the end of the step.
        Spikes are those of `advance` under the same input; both may be called in turns.
        `potentials` has the traced neurons' v after it.

        Raises InputError for more than one thread, for which a step is too short.
        """
        if (loop := self._loop) is None or loop.full:
            loop = self._begin_loop()
        spikes = loop.make(currents, charges)
        self.steps_done += 1
        return spikes

    @property
    def potentials(self) -> npt.NDArray[np.float32]:
        """(traced,) v of the traced neurons after the last `step`, resets included."""
        if self._loop is None or not self._loop.step:
            raise InputError("potentials are those after a `step`: make one")
        found: npt.NDArray[np.float32] = self._loop.traces[0].astype(np.float32)
        return found + self.network.v_th[self.traced]

    @checked
    def switch(self, mode: str) -> None:
        """Change the mode; the result does not change."""
        check_mode(mode)
        self._end_loop()
        self._choice.switch(mode)

    def settle(self) -> None:
        """Bring every neuron's state up to date, as clock mode has it."""
        self._end_loop()
        for part in self.parts:
            set_mode(part, CLOCK)

    def _piece(self, steps: int) -> tuple[Array, Array, Array]:
        """Spikes of each of the next steps, their neurons, and traces."""
        arrivals, currents = self._due(False, steps), self._due(True, steps)
        traces = self._traces(steps)
        teams = self._teams if len(self.parts) == 1 else make_teams(self.parts, steps)
        first = [np.append(part.first, np.zeros(steps, np.int64)) for part in self.parts]
        taken = [0] * len(self.parts)

        def run(i: int) -> Any:
            part, local = self.parts[i], self._traced_of[i]
            start_apart(i, len(self.parts))
            lazy, beside = part.form()
            own = np.zeros((steps, len(local)), self.dtype)
            begun = time.thread_time_ns()
            spikes, part.cursors = advance(
                lazy, steps, part.cells, part.marks, part.clock, part.table, part.head,
                *part.synapses, part.reach, *arrivals, *currents, local, own, teams[i],
                beside, part.history, part.cursors, first[i], part.scratch, part.found,
            )  # fmt: skip
            taken[i] = time.thread_time_ns() - begun
            if len(local):
                traces[:, local >= 0] = own[:, local >= 0]
            return spikes

        several = len(self.parts) > 1
        spikes = list(self._pool.map(run, range(len(self.parts)))) if several else [run(0)]
        self.steps_done += steps
        rows = len(first[0]) - 1 - steps
        new = spikes[0][first[0][rows] : first[0][-1]]
        if self._order is not None:
            new = name_spikes(new, first[0][rows:] - first[0][rows], self._order)
        for part, seen, bound in zip(self.parts, spikes, first, strict=True):
            remember(part, seen, bound, rows)
            outside = len(arrivals[1]) + len(currents[1])
            count_arrivals(part, len(new), outside, steps)
        self._choice.learn(self.parts, sum(taken), steps)
        traces += self.network.v_th[self.traced]
        return np.diff(first[0][rows:]), new, traces

    def _due(self, held: bool, steps: int) -> tuple[Array, Array, Array]:
        """Bounds by step, neurons as stored, and charges or drives of the inputs of a kind."""
        if not any(given.held is held for given in self.inputs):
            return np.zeros(steps + 1, np.int64), *self._none
        network, start = self.network, self.steps_done
        bounds, neurons, values = gather(
            self.inputs, held, start, start + steps, network.dt, network.n_neurons
        )
        values = propagators.drive_of(network, values, neurons) if held else values
        return bounds, self._stored(neurons), values.astype(self.dtype)

    def _begin_loop(self) -> ClosedLoop:
        """A new window of single steps, after the one before it."""
        self._end_loop()
        if len(self.parts) > 1:
            raise InputError(f"step runs on one thread, the simulation has {len(self.parts)}")
        if self.steps_done + WINDOW > MOST_STEPS:
            raise InputError(f"step runs until step {MOST_STEPS - WINDOW:,}: use `advance`")
        arrivals, currents = self._due(False, WINDOW), self._due(True, WINDOW)
        self._choice.choose(self.parts, WINDOW)
        self._loop = ClosedLoop(
            self.network, self.parts[0], self._teams[0], self._place, self._traced_of[0],
            arrivals, currents,
        )  # fmt: skip
        return self._loop

    def _end_loop(self) -> None:
        if self._loop is not None:
            self._loop.end()
            self._loop = None

    def _stored(self, neurons: Array) -> Array:
        return neurons if self._place is None else self._place[neurons]

    def _traced_in(self, part: Part) -> Array:
        """The traced neurons as a part numbers them, -1 for those of other parts."""
        local = self._stored(self.traced).astype(np.int64) - part.low
        return np.where((local >= 0) & (local < part.n), local, -1)

    def _traces(self, steps: int) -> npt.NDArray[np.float32]:
        return np.zeros((steps, len(self.traced)), np.float32)


@checked
def simulate_network(
    network: SpikingNetwork,
    duration_ms: float,
    *,
    inputs: Sequence[Input] = (),
    mode: str = "auto",
    threads: int = 1,
    traces: npt.ArrayLike = (),
    seed: int = 0,
    v_start: npt.ArrayLike | None = None,
    epoch: int | None = None,
    dtype: npt.DTypeLike = np.float32,
    order: Order = "given",
) -> Recording:
    """Run a network from its start for a time, under stimuli; returns its spikes.

    inputs: `PoissonSources`, `SpikeTrains` and `HeldCurrents`. mode: "clock" (every neuron at every
    step), "event" (neurons that something reaches) or "auto", the cheaper one at each time; mode
    and threads change the time that it takes and not the spikes. traces: neurons whose potential is
    recorded. seed, v_start, epoch, dtype and order: as in `Simulation`, which goes on from there.

    Raises InputError where duration_ms is not a positive multiple of dt.
    """
    steps = whole_steps(duration_ms, network.dt)
    simulation = Simulation(
        network, inputs=inputs, mode=mode, threads=threads, traces=traces, seed=seed,
        v_start=v_start, epoch=epoch, dtype=dtype, order=order,
    )  # fmt: skip
    return simulation.advance(steps)

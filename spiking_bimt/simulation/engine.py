"""Any LIF network, run for a time: clock-driven, event-driven or whichever is cheaper."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.closed_loop import WINDOW, ClosedLoop
from spiking_bimt.simulation.gather import Stimuli, check_inputs
from spiking_bimt.simulation.inputs import Input, neuron_numbers
from spiking_bimt.simulation.locality import Numbering, Order, renumber, storage_order
from spiking_bimt.simulation.modes import Choice, check_mode, set_mode
from spiking_bimt.simulation.parts import CLOCK, make_parts
from spiking_bimt.simulation.ranks.build import facts_of, share_of_network
from spiking_bimt.simulation.ranks.cut import checked_ranks
from spiking_bimt.simulation.ranks.share import Share, drawn_start, part_of
from spiking_bimt.simulation.ranks.world import agree, end_together, size_of
from spiking_bimt.simulation.start import (
    MOST_STEPS,
    check_settings,
    float_dtype,
    starts,
    whole_steps,
)
from spiking_bimt.simulation.teams import Crew, Rank, Threads

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

    Equal arguments give equal spikes whatever the mode, the number of threads or ranks, and the
    cuts between calls of `advance`.
    """

    @checked
    def __init__(
        self,
        network: SpikingNetwork | Share,
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
        comm: Any = None,
        ranks: npt.ArrayLike | None = None,
    ) -> None:
        """Start at v_start (N,), or where trial 0 of `simulate_trials` with this `seed` starts.

        epoch: steps between rewrites of the state (see `sim_state`), None for the best.
        order: how neurons are stored, for locality: "given", "sheet" or all neurons in an order.
        Spikes and traces keep the given numbers; sums are made in the order stored.

        comm: communicator of mpi4py: its ranks run the network together, and all of them must make
        the same calls; network may be the rank's share of it (`share_of_rows` and the like). ranks
        (N,): rank of each neuron, by default blocks in order (`split_by_rank`). What `advance`
        returns is of the whole network on rank 0, and of the rank's own neurons on the others. An
        error that nothing catches ends all ranks.
        """
        self.dtype = float_dtype(dtype)
        check_mode(mode)
        check_settings(seed, threads)
        n = self.n_neurons = network.n_neurons
        self.traced = neuron_numbers("Simulation", "traces", np.atleast_1d(np.asarray(traces)))
        if len(self.traced) and self.traced.max() >= n:
            raise InputError(f"traces must name neurons in 0..{n - 1}")
        share = self._share_of(network, comm, ranks)
        known = network.network if isinstance(network, Share) else network
        known.refuse_optional("a long run", propagators.ENGINE_HAS)
        self.inputs, self.steps_done, self.dt = tuple(inputs), 0, known.dt
        start = None if v_start is None else np.asarray(v_start, np.float64)
        if start is not None:
            validate.array("Simulation", "v_start", start, (n,), self.dtype)
        if share is None:
            names = storage_order(known, order)
            stored = known if names is None else renumber(known, names)
            alike, synapses = propagators.is_uniform(known), len(known.indices)
            if start is None:
                start = starts(known, seed, slice(0, 1), np.dtype(np.float64))[0]
            start = start if names is None else start[names]
        else:
            if threads > 1 or not isinstance(order, str) or order != "given":
                raise InputError("threads and order are of one process: leave them out with comm")
            names, stored = share.own, share.network
            alike, synapses = share.alike, share.n_synapses
            start = drawn_start(share, seed) if start is None else start[names]
        length = propagators.epoch_steps(known, epoch, alike, synapses / n)
        self._numbering = Numbering(names, n)
        check_inputs(inputs, stored, self._numbering, n, self.dtype)
        self._stimuli = Stimuli(inputs, stored, self._numbering, n, self.dtype)
        traced = self._numbering.places(self.traced)
        self._thresholds: Array = np.where(traced < 0, 0, stored.v_th[traced])
        self._no_traces = np.empty((0, len(traced)), np.float32)
        self._network = known
        if share is None:
            self.parts = make_parts(stored, threads, start, length, self.dtype)
        else:
            agree(comm, {"the dtype": str(self.dtype), "the epoch": length, "the seed": seed})
            self.parts = [part_of(share, start, length, self.dtype)]
        self._crew: Crew
        if share is None or share.ranks == 1:
            self._crew = Threads(self.parts, traced)
        else:
            self._crew = Rank(comm, share, self.parts[0], traced)
        first = _FIRST_OF_CLOCK if mode == "clock" else _FIRST_WINDOW
        self._window = min(max(first // n, 16), _LONGEST_WINDOW)
        self._choice = Choice(mode, self._window)
        self._loop: ClosedLoop | None = None

    @staticmethod
    def _share_of(network: SpikingNetwork | Share, comm: Any, ranks: Any) -> Share | None:
        """What this process has of a network where several run it, or where it has a share."""
        size = size_of(comm)
        if size > 1:
            end_together(comm)
        if not isinstance(network, Share):
            if ranks is not None:
                checked_ranks(ranks, network.n_neurons, size)
            if size == 1:
                return None
            return share_of_network(comm, network, ranks, facts_of(network))
        if ranks is not None:
            raise InputError("ranks are those that the share was built with: leave them out")
        if network.ranks != size:
            raise InputError(
                f"the share is one of {network.ranks}, the simulation has {size} ranks: give the "
                "communicator that it was built with"
            )
        return network

    @checked
    def advance(self, steps: int) -> Recording:
        """Run so many steps more and return what happened in them."""
        self._end_loop()
        first, n = self.steps_done, self.n_neurons
        if not 0 <= steps <= MOST_STEPS - first:
            raise InputError(
                f"steps is {steps}, outside 0..{MOST_STEPS - first}: a run has at most "
                f"{MOST_STEPS:,} steps"
            )
        end, pieces, every = first + steps, [], self._crew.meet_every
        while self.steps_done < end:
            self._window = self._choice.choose(self.parts, self._window)
            meetings = max((self.steps_done + self._window) // every, self.steps_done // every + 1)
            pieces.append(self._piece(min(meetings * every, end) - self.steps_done))
            many = len(pieces[-1][1]) > _MANY_SPIKES
            longer = max(self._window // 2, 1) if many else self._window * 2
            self._window = min(longer, _LONGEST_WINDOW)
        none = np.empty(0, np.int64), np.empty(0, np.int32), self._no_traces
        counts, neurons, traces = (
            pieces[0]
            if len(pieces) == 1
            else (np.concatenate(column) for column in zip(none, *pieces, strict=True))
        )
        (counts, neurons), traces = self._crew.join((counts, neurons), traces, n)
        return Recording.of_arrays(
            outputs=np.empty((0, len(self._network.b_out)), np.float32),
            spike_counts=np.bincount(neurons, minlength=n).astype(np.int32)[None],
            offsets=np.array([0, len(neurons)]),
            steps=np.repeat(np.arange(first, end, dtype=np.int32), counts),
            neurons=neurons,
            lengths=np.array([steps]),
            dt=self.dt,
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
    def rank(self) -> int | None:
        """This process's rank where several run the network together, None for one."""
        return self._crew.rank

    @property
    def potentials(self) -> npt.NDArray[np.float32]:
        """(traced,) v of the traced neurons after the last `step`, resets included."""
        if self._loop is None or not self._loop.step:
            raise InputError("potentials are those after a `step`: make one")
        found: npt.NDArray[np.float32] = self._loop.traces[0].astype(np.float32)
        found += self._thresholds
        return found

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
        due = [self._stimuli.due(held, self.steps_done, steps) for held in (False, True)]
        (counts, places), traces, ns = self._crew.run(steps, *due)
        self.steps_done += steps
        self._choice.learn(self.parts, ns, steps)
        potentials = traces.astype(np.float32) + self._thresholds
        return counts, self._numbering.name(places, counts), potentials

    def _begin_loop(self) -> ClosedLoop:
        """A new window of single steps, after the one before it."""
        self._end_loop()
        if not isinstance(self._crew, Threads):
            raise InputError("step runs in one process, the simulation is on several ranks")
        if len(self.parts) > 1:
            raise InputError(f"step runs on one thread, the simulation has {len(self.parts)}")
        if self.steps_done + WINDOW > MOST_STEPS:
            raise InputError(f"step runs until step {MOST_STEPS - WINDOW:,}: use `advance`")
        due = [self._stimuli.due(held, self.steps_done, WINDOW) for held in (False, True)]
        self._choice.choose(self.parts, WINDOW)
        self._loop = ClosedLoop(
            self._network, self.parts[0], self._crew.teams[0], self._numbering.inverse,
            self._crew.traced[0], *due,
        )  # fmt: skip
        return self._loop

    def _end_loop(self) -> None:
        if self._loop is not None:
            self._loop.end()
            self._loop = None


@checked
def simulate_network(
    network: SpikingNetwork | Share,
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
    comm: Any = None,
    ranks: npt.ArrayLike | None = None,
) -> Recording:
    """Run a network from its start for a time, under stimuli; returns its spikes.

    inputs: `PoissonSources`, `SpikeTrains` and `HeldCurrents`. mode: "clock" (every neuron at every
    step), "event" (neurons that something reaches) or "auto", the cheaper one at each time; mode
    and threads change the time that it takes and not the spikes. traces: (traced,) neurons whose
    potential is recorded. v_start: potentials at the start, one or (N,), in units of v. seed,
    epoch, dtype, order, comm and ranks (N,): as in `Simulation`, which goes on from there.

    Raises InputError where duration_ms is not a positive multiple of dt.
    """
    steps = whole_steps(duration_ms, network.dt)
    simulation = Simulation(
        network, inputs=inputs, mode=mode, threads=threads, traces=traces, seed=seed,
        v_start=v_start, epoch=epoch, dtype=dtype, order=order, comm=comm, ranks=ranks,
    )  # fmt: skip
    return simulation.advance(steps)

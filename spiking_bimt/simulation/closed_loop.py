"""A network that is run step by step by a caller who gives its input and takes its spikes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_step
from spiking_bimt.kernels.sim_step import step_once
from spiking_bimt.kernels.sim_team import Team
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.modes import count_arrivals
from spiking_bimt.simulation.parts import EVENT, SWEPT, Part, remember

Array = npt.NDArray[Any]
Events = tuple[Array, Array, Array]

WINDOW = 1024
"""Most steps between two choices of the mode, and of a piece of the stimuli's events."""
_ROOM = 2**16
"""Spikes that a window has room for at least."""


class ClosedLoop:
    """A window of single steps of a simulation in one part."""

    def __init__(
        self, network: SpikingNetwork, part: Part, team: Team, place: Array | None, traced: Array,
        arrivals: Events, currents: Events,
    ) -> None:  # fmt: skip
        """Begin a window where the part is.

        place: where each neuron is stored, None for in order. traced: neurons, as stored. arrivals,
        currents: charges and drives of the simulation's stimuli in WINDOW steps, by bounds.
        """
        n = network.n_neurons
        self.n, self.part, self.step = n, part, 0
        self._inverse = None if place is None else np.argsort(place).astype(np.int32)
        self._outside = len(arrivals[1]) + len(currents[1])
        start = len(part.history)
        self._begin = self._used = start
        self._spikes = np.empty(start + max(_ROOM, 2 * n), np.int32)
        self._spikes[:start] = part.history
        self._cursors = part.cursors
        if len(part.synapses[3]):
            self._cursors = np.zeros(len(self._spikes) + 1, np.int64)
            self._cursors[:start] = part.cursors[:start]
        self._first = np.append(part.first, np.zeros(WINDOW, np.int64))
        self.traces = np.zeros((1, len(traced)), part.cells.dtype)
        self._currents, self._charges = np.zeros(n), np.zeros(n)
        self._flags = (True if part.mode == EVENT else None, True if part.mode == SWEPT else None)
        self._arrays = self._all_arrays(network, team, place, traced, arrivals, currents)
        self._at = np.zeros((sim_step.N_ROWS, 4), np.int64)
        for row, array in self._arrays.items():
            self._at[row, 0] = array.ctypes.data
            self._at[row, 1 : 1 + array.ndim] = array.shape
        self._at[sim_step.REACH, :2] = part.reach

    def _all_arrays(
        self, network: SpikingNetwork, team: Team, place: Array | None, traced: Array,
        arrivals: Events, currents: Events,
    ) -> dict[int, Array]:  # fmt: skip
        """The arrays of `sim_step` by row; they must live as long as their addresses are used."""
        s, part, n, kind = sim_step, self.part, self.n, self.part.cells.dtype
        gain, bias, pull = propagators.drive_terms(network, slice(None))
        rows: dict[int, Array] = {
            s.MARKS: part.marks, s.CLOCK: part.clock, s.TABLE: part.table, s.HEAD: part.head,
            s.INDPTR: part.synapses[0], s.WEIGHTS: part.synapses[2],
            s.DELAYS: part.synapses[3], s.TRACED: traced, s.TRACES: self.traces,
            s.NUMBERS: team.numbers, s.LOWS: team.lows, s.BOARD: team.board, s.SLOTS: team.slots,
            s.MARGINS: part.beside.margins, s.WINDOWS: part.beside.windows,
            s.NOTED: part.beside.noted, s.SPIKES: self._spikes, s.CURSORS: self._cursors,
            s.FIRST: self._first, s.SCRATCH: part.scratch, s.FOUND: part.found,
            s.GIVEN_CURRENTS: self._currents, s.GIVEN_CHARGES: self._charges,
            s.GAIN: gain, s.BIAS: bias, s.PULL: pull,
            s.PLACE: np.arange(n, dtype=np.int32) if place is None else place,
        }  # fmt: skip
        for own, listed, events in (
            (s.OWN_BOUNDS, s.BOUNDS, arrivals), (s.OWN_CURRENT_BOUNDS, s.CURRENT_BOUNDS, currents),
        ):  # fmt: skip
            rows |= dict(enumerate(events, own))
            rows |= dict(enumerate(_list_of(n, events, kind), listed))
        for row, array in rows.items():
            if array.dtype != _dtype_of(row, kind) or not array.flags.c_contiguous:
                raise TypeError(f"row {row} of sim_step is {array.dtype}")
        return rows

    @property
    def full(self) -> bool:
        """Whether the window has no room for one step more."""
        return self.step == WINDOW or self._used + self.n > len(self._spikes)

    def make(self, currents: npt.ArrayLike | None, charges: npt.ArrayLike | None) -> Array:
        """Make a step; the neurons that spike in it, ascending."""
        if currents is not None:
            self._currents[:] = self._given("currents", currents)
        if charges is not None:
            self._charges[:] = self._given("charges", charges)
        count = step_once(
            *self._flags, self.part.cells, self.part.synapses[1], self._at, self.step,
            currents is not None, charges is not None,
        )  # fmt: skip
        if count < 0:
            self._refuse(-1 - count)
        low = self._used
        self._used = low + count
        self.step += 1
        spikes = self._spikes[low : low + count]
        return spikes.copy() if self._inverse is None else np.sort(self._inverse[spikes])

    def end(self) -> None:
        """Leave the part as `advance` does: with the spikes that have not arrived yet."""
        rows = self.part.reach[1]
        self.part.cursors = self._cursors
        remember(self.part, self._spikes, self._first[: rows + 1 + self.step], rows)
        if self.step:
            spikes = self._used - self._begin
            count_arrivals(self.part, spikes, self._outside, self.step)

    def _given(self, name: str, values: npt.ArrayLike) -> Array:
        """What the caller gives for each neuron, or InputError."""
        if type(values) is np.ndarray and values.shape == (self.n,) and values.dtype.kind == "f":
            return values  # the kernel looks at the numbers
        return validate.array("step", name, values, (self.n,), np.float64)

    def _refuse(self, place: int) -> None:
        """Name the current or charge that is no number of the state's type."""
        name, given = ("currents", self._currents) if place < self.n else ("charges", self._charges)
        value, kind = given[place % self.n], self.part.cells.dtype
        wrong = f"too large for {kind}" if np.isfinite(value) else "it must be finite"
        raise InputError(f"step.{name}[{place % self.n}] is {value}: {wrong}")


def _dtype_of(row: int, kind: np.dtype[Any]) -> npt.DTypeLike:
    """What `sim_step` takes the array of a row for: another one would be read as nonsense."""
    if row in sim_step.LONGS:
        return np.int64
    if row in sim_step.DOUBLES:
        return np.float64
    return kind if row in sim_step.FLOATS else np.int32


def _list_of(n: int, own: Events, kind: np.dtype[Any]) -> Events:
    """Room for the events of a step: those of stimuli, and one for each of n neurons."""
    room = n + int(np.diff(own[0]).max(initial=0))
    return np.zeros(2, np.int64), np.empty(room, np.int32), np.empty(room, kind)

"""One step of a network for a caller that gives its input and takes its spikes each time.

To unpack the forty arrays of `sim_advance.advance` takes Numba longer at every call than a step of
a small network. Here they are found by their addresses, and `advance` is called from within.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import carray, njit  # type: ignore[attr-defined]

from spiking_bimt.kernels.shared_vector import expanded, inlined, pointer
from spiking_bimt.kernels.sim_advance import advance
from spiking_bimt.kernels.sim_arrivals import Swept
from spiking_bimt.kernels.sim_state import DRIVE
from spiking_bimt.kernels.sim_team import Team

Array = npt.NDArray[Any]

# Rows of `at`, each the address and shape of an array: those of `advance`, by its names, of which
# the two are missing that tell the types of the others; REACH holds the two delays themselves.
MARKS = 0
CLOCK = 1
TABLE = 2
HEAD = 3
INDPTR = 4
WEIGHTS = 5
DELAYS = 6
REACH = 7
BOUNDS = 8
"""BOUNDS, NEURONS and CHARGES follow one another, and so do the rows of each list of events."""
NEURONS = 9
CHARGES = 10
CURRENT_BOUNDS = 11
CURRENT_NEURONS = 12
DRIVES = 13
TRACED = 14
TRACES = 15
NUMBERS = 16
LOWS = 17
BOARD = 18
SLOTS = 19
MARGINS = 20
WINDOWS = 21
NOTED = 22
SPIKES = 23
CURSORS = 24
FIRST = 25
SCRATCH = 26
FOUND = 27

# What the caller gives, and the events of the stimuli.
GIVEN_CURRENTS = 28
"""(N,) float64: the caller's currents, v per ms."""
GIVEN_CHARGES = 29
"""(N,) float64: the caller's charges."""
GAIN = 30
"""(N,) float64: change of v in a step per unit of current."""
BIAS = 31
"""(N,) float64."""
PULL = 32
"""(N,) float64: change of v in a step by the leak."""
PLACE = 33
"""(N,) int32: where each neuron is stored."""
OWN_BOUNDS = 34
"""(steps + 1,) int64: bounds by step, within a window, of the stimuli's charges."""
OWN_NEURONS = 35
"""int32: neurons of the stimuli's charges, as stored."""
OWN_CHARGES = 36
"""The stimuli's charges."""
OWN_CURRENT_BOUNDS = 37
"""As OWN_BOUNDS, of held currents."""
OWN_CURRENT_NEURONS = 38
"""As OWN_NEURONS."""
OWN_DRIVES = 39
"""The drives of the stimuli's currents."""
N_ROWS = 40

LONGS = (
    CLOCK, BOUNDS, CURRENT_BOUNDS, TRACED, NUMBERS, LOWS, SLOTS, CURSORS, FIRST, OWN_BOUNDS,
    OWN_CURRENT_BOUNDS,
)  # fmt: skip
"""Rows of int64."""
DOUBLES = (GIVEN_CURRENTS, GIVEN_CHARGES, GAIN, BIAS, PULL)
"""Rows of float64."""
FLOATS = (
    TABLE, WEIGHTS, CHARGES, DRIVES, TRACES, MARGINS, WINDOWS, SCRATCH, OWN_CHARGES, OWN_DRIVES,
)  # fmt: skip
"""Rows of the state's type; all others are int32."""


@expanded
def ints(at: Array, row: int) -> Array:
    """An array (n,) of int32."""
    return carray(pointer(at[row, 0]), at[row, 1], np.int32)


@expanded
def longs(at: Array, row: int) -> Array:
    """An array (n,) of int64."""
    return carray(pointer(at[row, 0]), at[row, 1], np.int64)


@expanded
def floats(at: Array, row: int, like: Array) -> Array:
    """An array (n,) of the type of `like`."""
    return carray(pointer(at[row, 0]), at[row, 1], like.dtype)


@expanded
def doubles(at: Array, row: int) -> Array:
    """An array (n,) of float64."""
    return carray(pointer(at[row, 0]), at[row, 1], np.float64)


@inlined
def begin_list(
    m: int, own_bounds: Array, own_neurons: Array, own_values: Array, bounds: Array,
    neurons: Array, values: Array,
) -> None:  # fmt: skip
    """Begin a list of events with those of the stimuli in step m of the window."""
    low, high = own_bounds[m], own_bounds[m + 1]
    for e in range(low, high):
        neurons[e - low], values[e - low] = own_neurons[e], own_values[e]
    bounds[1] = high - low


@njit(cache=True)
def list_currents(at: Array, cells: Array, m: int, given: bool) -> int:
    """List the currents that change in step m; -1 - j where that of neuron j is no number."""
    bounds, neurons = longs(at, CURRENT_BOUNDS), ints(at, CURRENT_NEURONS)
    drives = floats(at, DRIVES, cells)
    begin_list(m, longs(at, OWN_CURRENT_BOUNDS), ints(at, OWN_CURRENT_NEURONS),
               floats(at, OWN_DRIVES, cells), bounds, neurons, drives)  # fmt: skip
    if given:
        currents, place = doubles(at, GIVEN_CURRENTS), ints(at, PLACE)
        gain, bias, pull = doubles(at, GAIN), doubles(at, BIAS), doubles(at, PULL)
        for j in range(currents.size):
            drives[bounds[1]] = gain[j] * (bias[j] + currents[j]) - pull[j]
            if not np.isfinite(drives[bounds[1]]):
                return -1 - j
            if drives[bounds[1]] != cells[DRIVE, place[j]]:
                neurons[bounds[1]] = place[j]
                bounds[1] += 1
    return 0


@njit(cache=True)
def list_charges(at: Array, cells: Array, m: int, given: bool) -> int:
    """List the charges that arrive in step m; -1 - j where that of neuron j is no number."""
    bounds, neurons, values = longs(at, BOUNDS), ints(at, NEURONS), floats(at, CHARGES, cells)
    begin_list(m, longs(at, OWN_BOUNDS), ints(at, OWN_NEURONS), floats(at, OWN_CHARGES, cells),
               bounds, neurons, values)  # fmt: skip
    if given:
        charges, place = doubles(at, GIVEN_CHARGES), ints(at, PLACE)
        for j in range(charges.size):
            if charges[j] != 0:
                neurons[bounds[1]], values[bounds[1]] = place[j], charges[j]
                if not np.isfinite(values[bounds[1]]):
                    return -1 - j
                bounds[1] += 1
    return 0


@njit(cache=True)
def step_once(
    lazy: bool | None, swept: bool | None, cells: Array, indices: Array, at: Array, m: int,
    currents: bool, charges: bool,
) -> int:  # fmt: skip
    """Make step m of a window of steps, and return how many neurons spike in it.

    lazy, swept: True in the two forms of event mode, else None. currents, charges: whether the
    caller gives them. Where one of N neurons has a current or charge that the state's type cannot
    hold, nothing happens, and -1 - j is returned for a current of neuron j, -1 - N - j for a
    charge. `spikes` and `cursors` must have room for all neurons.
    """
    wrong: int = list_currents(at, cells, m, currents)
    if wrong:
        return wrong
    wrong = list_charges(at, cells, m, charges)
    if wrong:
        wrong -= at[PLACE, 1]
        return wrong
    marks = carray(pointer(at[MARKS, 0]), (at[MARKS, 1], at[MARKS, 2]), np.int32)
    table = carray(pointer(at[TABLE, 0]), (at[TABLE, 1], at[TABLE, 2], at[TABLE, 3]), cells.dtype)
    traces = carray(pointer(at[TRACES, 0]), (at[TRACES, 1], at[TRACES, 2]), cells.dtype)
    board = carray(pointer(at[BOARD, 0]), (at[BOARD, 1], at[BOARD, 2], at[BOARD, 3]), np.int32)
    slots = carray(pointer(at[SLOTS, 0]), (at[SLOTS, 1], at[SLOTS, 2], at[SLOTS, 3]), np.int64)
    team = Team(longs(at, NUMBERS), longs(at, LOWS), board, slots)
    least, most = at[REACH, 0], at[REACH, 1]
    first = carray(pointer(at[FIRST, 0] + 8 * m), most + 2, np.int64)
    given = (
        longs(at, BOUNDS), ints(at, NEURONS), floats(at, CHARGES, cells),
        longs(at, CURRENT_BOUNDS), ints(at, CURRENT_NEURONS), floats(at, DRIVES, cells),
        longs(at, TRACED), traces,
    )  # fmt: skip
    state = cells, marks, longs(at, CLOCK), table, ints(at, HEAD)
    synapses = (
        ints(at, INDPTR), indices, floats(at, WEIGHTS, cells), ints(at, DELAYS),
        (least, most),
    )  # fmt: skip
    kept = (
        ints(at, SPIKES), longs(at, CURSORS), first, floats(at, SCRATCH, cells), ints(at, FOUND),
    )  # fmt: skip
    if swept is None:
        advance(lazy, 1, *state, *synapses, *given, team, None, *kept)
    else:
        shape = (at[WINDOWS, 1], at[WINDOWS, 2], at[WINDOWS, 3])
        windows = carray(pointer(at[WINDOWS, 0]), shape, cells.dtype)
        beside = Swept(floats(at, MARGINS, cells), windows, ints(at, NOTED))
        advance(lazy, 1, *state, *synapses, *given, team, beside, *kept)
    count: int = first[most + 1] - first[most]
    return count

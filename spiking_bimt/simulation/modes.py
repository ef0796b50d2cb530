"""Which mode a part runs in: clock mode or a form of event mode, by what each costs."""

import warnings

from spiking_bimt.errors import SlowModeWarning, unknown_name
from spiking_bimt.kernels import sim_event, sim_margins, sim_swept
from spiking_bimt.kernels.sim_state import FLOORED, N_HOT, N_SUSPECTS, TWO
from spiking_bimt.kernels.sim_suspects import WIDTH
from spiking_bimt.simulation.parts import CLOCK, EVENT, SWEPT, Part

MODES = ("clock", "event", "auto")

# Measured times, ns, by which the cheaper mode is chosen. No result depends on them.
SWEEP = 0.2
"""One neuron in a step of clock mode."""
CLOCK_EACH = 4.0
"""One arrival in clock mode."""
EVENT_EACH = 60.0
"""One arrival in event mode, where states are caught up."""
SWEPT_EACH = 25.0
"""One arrival in event mode, where all neurons move when an epoch ends."""
BEGIN = 1.0
"""One neuron at the end of such an epoch."""
_HOT = 3.0
"""One hot neuron in a step."""
_SUSPECT = 15.0
"""One suspect in a window."""
_STAY = 1.1
"""Ratio of costs from which the other form of event mode is taken: changing costs a sweep."""

_WINDOWS_BEFORE_RETRY = 16
"""Windows in clock mode after event mode was left for the first time; twice as many each time."""
_MOST_BEFORE_RETRY = 4096
"""Most of them."""
_KEPT = 0.99
"""Power to which a window raises the ratios of modes that it was not in: they tend to 1."""
_STEP_NS = 50.0
"""Least time of a step in any mode."""
_FARTHEST = 1000.0
"""Largest ratio of a measured time to its estimate, and least, that is believed."""
_TOLD_FROM_NS = 2e8
"""Time lost to event mode from which it is told."""
_TOLD_RATIO = 2.0
"""Ratio to clock mode from which it is told."""


def check_mode(mode: str) -> None:
    """Raise InputError unless `mode` is one of MODES."""
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)


class Choice:
    """Sets the parts' modes from window to window, by estimates that measured times correct."""

    def __init__(self, mode: str, window: int) -> None:
        """mode: one of MODES. window: steps of a window in which a new mode is tried."""
        self.mode, self._trial = mode, window
        self._wait, self._retry = 0, _WINDOWS_BEFORE_RETRY
        self._ratio: dict[int, float] = {}  # measured time over the estimate, by mode
        self._before: set[int] = set()
        self._lost_ns, self._told = 0.0, False

    def switch(self, mode: str) -> None:
        """Change the mode."""
        self.mode, self._wait = mode, 0

    def choose(self, parts: list[Part], window: int) -> int:
        """Set each part's mode for the next window of so many steps; fewer, where one changes."""
        before = [part.mode for part in parts]
        if self.mode == "auto":
            self._choose_cheaper(parts)
        else:
            for part in parts:
                set_mode(part, event_mode(part) if self.mode == "event" else CLOCK)
        same = before == [part.mode for part in parts]
        return window if same else min(window, self._trial)

    def _choose_cheaper(self, parts: list[Part]) -> None:
        self._wait -= 1
        for part in parts:
            mode = event_mode(part)
            pays = self._expected(part, mode) < self._expected(part, CLOCK)
            if part.mode != CLOCK and not pays:
                set_mode(part, CLOCK)
                self._wait = self._retry
                self._retry = min(2 * self._retry, _MOST_BEFORE_RETRY)
            elif pays and (part.mode != CLOCK or self._wait < 0):
                set_mode(part, mode)

    def learn(self, parts: list[Part], ns: float, steps: int) -> None:
        """Take the CPU time of a window of so many steps, of all parts together, into account.

        The first window in a mode tells nothing: a kernel may have been compiled in it.
        """
        modes = {part.mode for part in parts}
        settled, self._before = modes == self._before and len(modes) == 1, modes
        if not settled:
            return
        mode = modes.pop()
        for other in self._ratio:  # what was measured under other activity is forgotten slowly
            self._ratio[other] **= _KEPT
        estimate = steps * sum(_cost(part, mode) for part in parts)
        self._ratio[mode] = min(max(ns / estimate, 1 / _FARTHEST), _FARTHEST)
        if self.mode == "event" and not self._told:
            self._tell(ns, steps * sum(self._expected(part, CLOCK) for part in parts))

    def _expected(self, part: Part, mode: int) -> float:
        """Time of a step in a mode, ns."""
        return self._ratio.get(mode, 1.0) * _cost(part, mode)

    def _tell(self, ns: float, clock_ns: float) -> None:
        """Warn once where event mode, asked for by name, has lost much time."""
        self._lost_ns = max(self._lost_ns + ns - clock_ns, 0.0)
        if self._lost_ns > _TOLD_FROM_NS and ns > _TOLD_RATIO * clock_ns:
            self._told = True
            warnings.warn(
                f"mode='event' takes about {ns / clock_ns:.0f} times as long here as mode='clock' "
                "would: give mode='auto', which takes the faster one",
                SlowModeWarning,
                stacklevel=6,  # the caller of `Simulation.advance`
            )


def _cost(part: Part, mode: int) -> float:
    """Estimated time of a step, ns."""
    return max(clock_cost(part) if mode == CLOCK else event_cost(part, mode), _STEP_NS)


def can_sweep(part: Part) -> bool:
    """Whether SWEPT can run the part: equal neurons, no floor, one synaptic time constant."""
    alike = part.table.shape[2] == 1 and not part.clock[TWO] and not part.clock[FLOORED]
    return bool(alike and 1 < part.table.shape[1] - 1 <= sim_margins.MOST * WIDTH)


def event_mode(part: Part) -> int:
    """The cheaper form of event mode."""
    if not can_sweep(part):
        return EVENT
    caught_up, swept_ = (event_cost(part, mode) for mode in (EVENT, SWEPT))
    stay = {EVENT: 1 / _STAY, SWEPT: _STAY}.get(part.mode, 1.0)
    return SWEPT if swept_ <= stay * caught_up else EVENT


def event_cost(part: Part, mode: int) -> float:
    """Estimated time of a step in EVENT or SWEPT, ns; counts that the present mode lacks are 0."""
    epoch, clock = part.table.shape[1] - 1, part.clock
    hot = 0.0 if part.mode == CLOCK else _HOT * float(clock[N_HOT])
    if mode == SWEPT:
        return hot + SWEPT_EACH * part.arrivals + BEGIN * part.n / epoch
    looks = _SUSPECT * float(clock[N_SUSPECTS]) / min(epoch, WIDTH) if part.mode == EVENT else 0.0
    return hot + EVENT_EACH * part.arrivals + looks


def clock_cost(part: Part) -> float:
    """Estimated time of a step in clock mode, ns."""
    return SWEEP * part.n + CLOCK_EACH * part.arrivals


def count_arrivals(part: Part, spikes: int, outside: float, steps: int) -> None:
    """Set `arrivals` from the spikes and external events of the whole network in so many steps."""
    indptr = part.synapses[0]
    synapses = spikes * int(indptr[-1]) / (len(indptr) - 1)
    part.arrivals = (synapses + outside * part.n / (len(indptr) - 1)) / steps


def set_mode(part: Part, mode: int) -> None:
    """Bring the states of the part into the form that a mode needs."""
    if mode == part.mode:
        return
    arrays = part.cells, part.marks, part.clock, part.table
    if part.mode == EVENT:
        sim_event.leave(*arrays)
    if mode == EVENT:
        sim_event.enter(*arrays, part.n)
    elif mode == SWEPT:
        sim_swept.enter(*arrays, *part.beside, part.scratch, part.found, part.n)
    part.mode = mode

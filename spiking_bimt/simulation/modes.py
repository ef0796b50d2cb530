"""Which mode a part runs in: clock mode or a form of event mode, by what each would cost."""

from spiking_bimt.errors import unknown_name
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


def check_mode(mode: str) -> None:
    """Raise InputError unless `mode` is one of MODES."""
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)


class Choice:
    """Sets the parts' modes from window to window."""

    def __init__(self, mode: str) -> None:
        """`mode`: one of MODES."""
        self.mode = mode
        self._wait, self._retry = 0, _WINDOWS_BEFORE_RETRY

    def switch(self, mode: str) -> None:
        """Change the mode."""
        self.mode, self._wait = mode, 0

    def choose(self, parts: list[Part]) -> None:
        """Set each part's mode for the next window."""
        if self.mode != "auto":
            for part in parts:
                set_mode(part, event_mode(part) if self.mode == "event" else CLOCK)
            return
        self._wait -= 1
        for part in parts:
            mode = event_mode(part)
            pays = event_cost(part, mode) < clock_cost(part)
            if part.mode != CLOCK and not pays:
                set_mode(part, CLOCK)
                self._wait = self._retry
                self._retry = min(2 * self._retry, _MOST_BEFORE_RETRY)
            elif pays and (part.mode != CLOCK or self._wait < 0):
                set_mode(part, mode)


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

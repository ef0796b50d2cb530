"""The search for the strength of the packet penalty: rung by rung, each from the one before."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import CheckError
from spiking_bimt.training.phase import Phase

Doubles = npt.NDArray[np.float64]

FAILURES = 2
"""Rungs in a row beyond `max_error` that end the search, unless it is still falling to it."""


def ends_rung(phases: tuple[Phase, ...], phase: int) -> bool:
    """Whether the phase before number `phase` was the last of a rung.

    Every rung but the last is followed by one that begins with a priced phase.
    """
    return phases[phase - 1].rung and (
        phase == len(phases) or not phases[phase].rung or phases[phase].packet > 0
    )


def first_after(phases: tuple[Phase, ...]) -> int:
    """Number of the first phase after all rungs."""
    return max(index for index, phase in enumerate(phases) if phase.rung) + 1


def _holds(rungs: Doubles, max_packets: float, max_error: float) -> npt.NDArray[np.bool_]:
    """(R,) which rungs, (error, packets per spike), keep the targets that are given."""
    error, packets = rungs.T
    held: npt.NDArray[np.bool_] = (error <= max_error) | (max_error == 0)
    held &= (packets <= max_packets) | (max_packets == 0)
    return held


def is_over(rungs: Doubles, max_packets: float, max_error: float) -> bool:
    """Whether the search can stop.

    With a bound on packets, it stops at the first rung that keeps it, which has the least error of
    those that do. With a bound on the error alone, packets fall from rung to rung, and it stops
    when FAILURES rungs in a row exceed the bound. It goes on where all rungs exceed the bound so
    far and the error still falls: each rung is also more training, which can lower the error.
    """
    if max_packets and rungs[-1, 1] <= max_packets:
        return True
    if max_error:
        error = rungs[:, 0]
        late = error[-FAILURES:]
        nears = bool((error > max_error).all()) and late[-1] < late[0]
        lost = len(late) == FAILURES and bool((late > max_error).all()) and not nears
        return lost or bool(rungs[-1, 1] == 0)
    return False


def best(rungs: Doubles, max_packets: float, max_error: float) -> int:
    """The rung to go on with: the fewest packets among those that keep the targets.

    Where none does, the one nearest to the bound that the user gave: on packets, or on error.
    """
    error, packets = rungs.T
    held = _holds(rungs, max_packets, max_error)
    if not held.any():
        return int(packets.argmin() if max_packets else error.argmin())
    score = error if max_packets and not max_error else packets
    return int(np.where(held, score, np.inf).argmin())


def reached(rungs: Doubles, max_packets: float, max_error: float) -> bool:
    """Whether any rung kept the targets."""
    return bool(_holds(rungs, max_packets, max_error).any())


def require_reached(
    rungs: Doubles, max_packets: float, max_error: float, measured: dict[str, Any]
) -> None:
    """CheckError, which bears what was measured, where no rung kept the targets."""
    if reached(rungs, max_packets, max_error):
        return
    error, packets = rungs.min(0)
    asked = [
        f"{value:g} {what}"
        for value, what in (
            (max_packets, "packets per spike"),
            (max_error, "of error"),
        )
        if value
    ]
    raise CheckError(
        f"no strength reaches {' at '.join(asked)}: the least error was {error:.4f}, the fewest "
        f"packets {packets:.3f}; the nearest network is kept",
        measured,
    )

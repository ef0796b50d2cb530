"""The search over strengths, on curves whose answer is known."""

import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.training import ladder
from spiking_bimt.training.config import RUNGS, TrainConfig
from spiking_bimt.training.phase import Phase

CURVE = np.array([[0.02, 4.0], [0.021, 2.0], [0.024, 0.4], [0.035, 0.1], [0.033, 0.02], [0.05, 0]])


def climb(max_packets: float, max_error: float) -> tuple[int, int]:
    """Rungs that the search takes on CURVE, and the one that it chooses."""
    for taken in range(1, len(CURVE) + 1):
        if ladder.is_over(CURVE[:taken], max_packets, max_error):
            break
    return taken, ladder.best(CURVE[:taken], max_packets, max_error)


@pytest.mark.parametrize(
    ("max_packets", "max_error", "taken", "best"),
    [
        (0.5, 0.0, 3, 2),
        (10.0, 0.0, 1, 0),
        (0.0, 0.03, 5, 2),
        (0.0, 1.0, 6, 5),
        (0.5, 0.022, 3, 2),
        (0.05, 0.04, 5, 4),
        (0.0, 0.001, 2, 0),
    ],
)
def test_the_search_stops_and_chooses(
    max_packets: float, max_error: float, taken: int, best: int
) -> None:
    assert climb(max_packets, max_error) == (taken, best)


def test_a_search_that_begins_beyond_its_bound_goes_on_while_the_error_falls() -> None:
    falling = np.array([(0.05, 3.0), (0.04, 2.0), (0.029, 1.0)])
    assert not any(ladder.is_over(falling[:taken], 0.0, 0.03) for taken in (1, 2, 3))
    risen = np.array([(0.05, 3.0), (0.06, 2.0)])
    assert ladder.is_over(risen, 0.0, 0.03)


def test_what_cannot_be_reached_is_known() -> None:
    assert not ladder.reached(CURVE, 0.0, 0.001)
    assert not ladder.reached(CURVE, 0.01, 0.04)
    assert ladder.reached(CURVE, 0.01, 0.05)


def phases() -> tuple[Phase, ...]:
    return (
        Phase("settle", steps=5),
        Phase("pack", steps=3, packet=1e-2, rung=True),
        Phase("polish", steps=2, rung=True),
        Phase("chip", steps=4),
    )


def config(**settings: float) -> TrainConfig:
    return TrainConfig(phases=phases(), chip="grid16", **settings)  # type: ignore[arg-type]


def test_rungs_are_repeated_only_for_a_target() -> None:
    assert [phase.name for phase in config().effective_phases()] == [
        "settle", "pack", "polish", "chip",
    ]  # fmt: skip
    found = config(max_packets=0.5).effective_phases()
    assert len(found) == 2 + 2 * len(RUNGS)
    packets = [phase.packet for phase in found if phase.packet]
    assert packets == [1e-2 * factor for factor in RUNGS]
    assert ladder.first_after(found) == len(found) - 1
    ends = [index for index in range(1, len(found) + 1) if ladder.ends_rung(found, index)]
    assert ends == list(range(3, len(found), 2))


def test_rungs_and_prices_must_make_sense() -> None:
    with pytest.raises(InputError, match="prices packets, but no chip"):
        TrainConfig(phases=phases())
    with pytest.raises(InputError, match="no phase trains against the chip"):
        TrainConfig(phases=phases()[:1], chip="grid16")
    with pytest.raises(InputError, match="must follow one another"):
        TrainConfig(phases=(*phases(), phases()[1]), chip="grid16")
    with pytest.raises(InputError, match="units too many"):
        TrainConfig(phases=phases(), chip="grid16", sheet=(40, 40))
    with pytest.raises(InputError, match="prune or prune_cost"):
        Phase("polish", steps=1, prune=0.1, prune_cost=0.1)

"""Which mode is chosen, given what windows took; times are made up, networks are not."""

import re
import warnings
from typing import Any

import numpy as np
import pytest

from spiking_bimt.errors import SlowModeWarning
from spiking_bimt.simulation import build, modes
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import PoissonSources
from spiking_bimt.simulation.modes import Choice
from spiking_bimt.simulation.parts import CLOCK, EVENT, Part


def quiet_part() -> Part:
    """A part with so few arrivals that the estimates prefer event mode."""
    part = Simulation(build.random_sheet(30, dt=1.0)).parts[0]
    part.arrivals = 0.1
    return part


def windows(choice: Choice, part: Part, ns_of: dict[int, float], many: int) -> list[int]:
    """Modes of so many windows of 100 steps, a step of which takes ns_of its mode."""
    found = []
    for _ in range(many):
        choice.choose([part], 100)
        found.append(part.mode)
        choice.learn([part], 100 * ns_of[part.mode], 100)
    return found


def test_event_mode_is_kept_where_it_is_faster() -> None:
    found = windows(Choice("auto", 50), quiet_part(), {CLOCK: 200.0, EVENT: 20.0}, 50)
    assert found[:2] == [EVENT, EVENT]
    assert set(found) == {EVENT}


def test_event_mode_is_left_after_two_windows_where_it_is_slower_and_seldom_tried_again() -> None:
    found = windows(Choice("auto", 50), quiet_part(), {CLOCK: 200.0, EVENT: 2000.0}, 1000)
    assert found[:3] == [EVENT, EVENT, CLOCK]
    assert found.count(EVENT) < 30


def test_clock_mode_that_is_slower_than_estimated_is_left() -> None:
    part = quiet_part()
    part.arrivals = 4.0  # event mode seems to take 240 ns, clock mode 196
    assert set(windows(Choice("auto", 50), part, {CLOCK: 196.0, EVENT: 240.0}, 30)) == {CLOCK}
    found = windows(Choice("auto", 50), part, {CLOCK: 600.0, EVENT: 240.0}, 30)
    assert found[-1] == EVENT


def test_a_window_in_which_the_mode_changes_is_short() -> None:
    part, choice = quiet_part(), Choice("auto", 50)
    assert choice.choose([part], 4000) == 50
    assert choice.choose([part], 4000) == 4000


def test_states_that_are_long_to_catch_up_send_auto_back_to_clock_mode() -> None:
    """Epochs of one step: an arrival has to catch up with all steps since the one before it."""
    network = build.random_sheet(60, dt=1.0, t_ref=2.0)
    drive = [PoissonSources(np.arange(3600), 0.1, 2.5)]
    options: dict[str, Any] = {"inputs": drive, "v_start": np.zeros(3600)}
    simulation = Simulation(network, mode="auto", **options)
    used = []
    for _ in range(40):
        simulation.advance(250)
        used.append(simulation.parts[0].mode)
    assert used[20:].count(CLOCK) > 15


def test_event_mode_at_a_loss_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes, "_TOLD_FROM_NS", 0.0)
    network = build.random_sheet(60, dt=1.0, bias=0.1)
    simulation = Simulation(network, mode="event")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(5):
            simulation.advance(100)
    assert [(one.category, one.filename) for one in told] == [(SlowModeWarning, __file__)]
    assert re.match(r"mode='event' takes about \d+ times as long", str(told[0].message))
    with warnings.catch_warnings():
        warnings.simplefilter("error", SlowModeWarning)
        for mode in ("clock", "auto"):
            Simulation(network, mode=mode).advance(500)

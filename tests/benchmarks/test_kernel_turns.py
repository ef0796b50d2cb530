"""Runs in turn, and how spikes of two simulators are compared."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from common import kernel_against, kernel_agreement, kernel_turns, kernel_workloads

    yield kernel_agreement, kernel_turns, kernel_against, kernel_workloads
    for name in [name for name in sys.modules if name.partition(".")[0] == "common"]:
        del sys.modules[name]


def test_a_slow_run_is_counted_once_and_the_first_one_never(modules: Any) -> None:
    turns = modules[1]
    calls: list[str] = []

    def runner(name: str, times: list[float]) -> Any:
        def run() -> tuple[float, int]:
            calls.append(name)
            return times.pop(0), 7

        return run

    fast = runner("fast", [99.0, 1.0, 3.0, 2.0])
    slow = runner("slow", [1.0, 2 * turns.SLOW])
    assert turns.in_turns([fast, slow], 3) == [(2.0, 7), (2 * turns.SLOW, 7)]
    assert calls == ["fast", "slow", "fast", "slow", "fast", "fast"]


def test_spikes_within_a_step_are_those_that_trying_all_pairs_finds(modules: Any) -> None:
    agreement = modules[0]
    rng = np.random.default_rng(0)
    for _ in range(20):
        theirs, ours = (
            (rng.integers(0, 30, n), rng.integers(0, 5, n)) for n in rng.integers(1, 40, 2)
        )
        tried = sum(
            any(abs(step - own) <= 1 and neuron == other for own, other in zip(*ours, strict=True))
            for step, neuron in zip(*theirs, strict=True)
        )
        assert agreement.alike(theirs, ours) == tried


def test_intervals_are_those_of_each_neuron(modules: Any) -> None:
    agreement = modules[0]
    steps, neurons = np.array([1, 2, 4, 9, 11]), np.array([0, 1, 0, 1, 0])
    assert sorted(agreement.intervals(steps, neurons)) == [3, 7, 7]


def test_two_checkouts_run_the_same_network_in_turns(modules: Any) -> None:
    against, workloads = modules[2:]
    work = workloads.sheet(20, 0.85, 200.0)
    (row,) = against.rows(work, against.HERE)
    assert row.note == "least of 60 turns; same number of spikes: True"
    assert row.ours > 0
    assert row.reference > 0

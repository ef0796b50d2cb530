"""Stimuli: each against a brute-force reading of its definition, and what they refuse."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import from_coo
from spiking_bimt.simulation.engine import Simulation, simulate_network
from spiking_bimt.simulation.inputs import HeldCurrents, Input, PoissonSources, SpikeTrains
from spiking_bimt.simulation.start import MOST_STEPS

N = 3
STEPS = st.sampled_from(("0.1", "0.25", "0.3", "0.5", "1"))
TIMES = st.lists(st.tuples(st.integers(0, 1500), st.integers(0, N - 1)), max_size=30)
"""Hundredths of a millisecond, and neurons."""
CUTS = st.lists(st.integers(1, 60), max_size=6)


def integrator(dt: float) -> SpikingNetwork:
    """Neurons without leak, threshold or synapses on them, but one."""
    return from_coo(
        [0], [1], [0.5], N, dt=dt, tau_mem=np.inf, tau_syn=5.0, delay=1, v_th=100.0, v_leak=0.0
    )


def potentials(inputs: Sequence[Input], dt: float, steps: int) -> np.ndarray[Any, Any]:
    simulation = Simulation(
        integrator(dt), inputs=inputs, v_start=np.zeros(N), traces=range(N), dtype=np.float64
    )
    return simulation.advance(steps).traces


def step_of(hundredths: int, dt: str) -> int:
    return math.floor(Fraction(hundredths, 100) / Fraction(dt))


def cut(source: Input, dt: float, steps: int, cuts: list[int]) -> tuple[Any, ...]:
    """The events of a run in pieces, joined."""
    bounds = [0, *(b for b in np.cumsum(cuts).tolist() if b < steps), steps]
    parts = [source.events(a, b, dt) for a, b in itertools.pairwise(bounds)]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


@settings(deadline=None, max_examples=60)
@given(TIMES, STEPS, CUTS, st.sampled_from((np.float64, np.float32)))
def test_spike_trains_equal_their_definition(
    spikes: list[tuple[int, int]], dt: str, cuts: list[int], kind: Any
) -> None:
    times = np.array([t / 100 for t, _ in spikes], kind)
    trains = SpikeTrains(times, [n for _, n in spikes], np.arange(1.0, len(spikes) + 1))
    got = cut(trains, float(dt), 150, cuts)
    wanted = [(step_of(t, dt), n, k + 1.0) for k, (t, n) in enumerate(spikes)]
    wanted = [event for event in wanted if event[0] < 150]
    assert sorted(zip(*(column.tolist() for column in got), strict=True)) == sorted(wanted)
    assert (np.diff(got[0]) >= 0).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(TIMES, min_size=1, max_size=3), STEPS)
def test_held_currents_equal_their_definition(lists: list[list[tuple[int, int]]], dt: str) -> None:
    rng = np.random.default_rng(0)
    values = [rng.uniform(-1, 1, len(events)) for events in lists]
    inputs = [
        HeldCurrents([t / 100 for t, _ in events], [n for _, n in events], own)
        for events, own in zip(lists, values, strict=True)
    ]
    listed = [
        (t, n, value)
        for events, own in zip(lists, values, strict=True)
        for (t, n), value in zip(events, own, strict=True)
    ]
    v, wanted = np.zeros(N), []
    for step in range(40):
        for neuron in range(N):
            due = [e for e in listed if e[1] == neuron and step_of(e[0], dt) <= step]
            latest = max(due, key=lambda e: e[0], default=None)
            if latest:  # of equal times, the one listed last
                v[neuron] += [e for e in due if e[0] == latest[0]][-1][2] * float(dt)
        wanted.append(v.copy())
    np.testing.assert_allclose(potentials(inputs, float(dt), 40), wanted, rtol=0, atol=2e-5)


@settings(deadline=None, max_examples=40)
@given(CUTS, st.lists(STEPS, min_size=1, max_size=3), st.integers(0, 2**63 - 1))
def test_poisson_sources_do_not_depend_on_earlier_use(
    cuts: list[int], others: list[str], seed: int
) -> None:
    def source() -> PoissonSources:
        return PoissonSources([0, 2, 2], [100.0, 0.0, 300.0], 1.5, seed=seed)

    used = source()
    for other in others:
        used.events(0, 300, float(other))
    whole = source().events(0, 300, 1.0)
    for column, expected in zip(cut(used, 1.0, 300, cuts), whole, strict=True):
        np.testing.assert_array_equal(column, expected)
    changed = dataclasses.replace(used, rate_hz=0.0)
    assert len(changed.events(0, 300, 1.0)[0]) == 0


@pytest.mark.parametrize("dt", [0.1, 1.0, 20.0])
def test_poisson_sources_are_poisson_and_independent(dt: float) -> None:
    steps, rate = 40_000, 25.0
    when, neurons, weights = PoissonSources([0, 1], rate, 0.25, seed=11).events(0, steps, dt)
    assert (weights == 0.25).all()
    counts = np.stack([np.bincount(when[neurons == k], minlength=steps) for k in range(2)])
    mean = rate * dt / 1000
    for own in counts:
        for k in range(3):
            p = math.exp(-mean) * mean**k / math.factorial(k)
            assert abs((own == k).sum() - steps * p) < 4.5 * math.sqrt(steps * p * (1 - p)) + 3
    for one, other in (counts, (counts[0, :-1], counts[0, 1:])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / math.sqrt(steps)


def test_a_source_serves_networks_of_any_step_and_rates_are_copied() -> None:
    rates = np.full(100, 100.0)
    source = PoissonSources(np.arange(100), rates, 1.2, seed=1)
    assert abs(len(source.events(0, 20, 1.0)[0]) - 200) < 60
    assert abs(len(source.events(0, 200, 0.1)[0]) - 200) < 60
    expected = source.events(0, 20, 1.0)
    rates[:] = 0
    np.testing.assert_array_equal(source.events(0, 20, 1.0)[0], expected[0])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("dt", [0.1, 0.3, 0.7])
def test_times_on_the_grid_are_in_their_own_step(kind: Any, dt: float) -> None:
    steps = np.arange(1, 60_000)
    times = np.round(steps * dt, 1).astype(kind)
    got = SpikeTrains(times, np.zeros(len(steps), int)).events(0, 60_000, dt)[0]
    np.testing.assert_array_equal(got, steps)


def test_times_too_coarse_for_the_step_are_refused() -> None:
    trains = SpikeTrains(np.array([1e6], np.float32), [0])
    assert trains.events(0, 2**21, 1.0)[0].tolist() == [1_000_000]
    with pytest.raises(InputError, match=r"times_ms are float32, which cannot tell steps of 0\.1"):
        Simulation(integrator(0.1), inputs=[trains])
    half = SpikeTrains(np.array([100], np.float16), [0])
    with pytest.raises(InputError, match="give them as float64"):
        simulate_network(integrator(0.1), 1.0, inputs=[half])


BAD: dict[str, tuple[Any, str]] = {
    "neuron 1.9": (lambda: SpikeTrains([1.0], [1.9]), r"neurons\[0\] is 1\.9"),
    "a mask": (lambda: SpikeTrains([1.0, 2.0], [True, False]), "neurons is a mask of truth values"),
    "a mask of currents": (lambda: HeldCurrents([1.0], [True], 1.0), "mask of truth values"),
    "a mask of sources": (lambda: PoissonSources([True, False], 1.0, 1.0), "mask of truth values"),
    "NaN": (lambda: SpikeTrains([1.0], [0], math.nan), r"SpikeTrains\.weights is nan"),
    "NaN in a list": (lambda: SpikeTrains([1.0], [0], [math.nan]), r"weights\[0\] is nan"),
    "time NaN": (lambda: HeldCurrents([math.nan], [0], 1.0), r"times_ms\[0\] is nan"),
    "two weights": (lambda: SpikeTrains([1.0] * 3, [0] * 3, [1.0, 2.0]), "weights has shape"),
    "a seed too large": (lambda: PoissonSources([0], 1.0, 1.0, 2**63), "seed is 9223372036854775"),
    "rate": (lambda: run([PoissonSources([0], 1e300, 1.0)]), "at most 1000 spikes per step"),
    "later than the run": (lambda: run([SpikeTrains([1e9], [N])]), "names neuron 3, outside 0..2"),
    "held later": (lambda: run([HeldCurrents([1e9], [N], 1.0)]), "names neuron 3, outside 0..2"),
    "weight too large": (lambda: run([SpikeTrains([1.0], [0], 1e39)]), "1e.39: too large for"),
    "current too large": (lambda: run([HeldCurrents([1.0], [0], 1e39)]), "too large for float32"),
    "source too large": (lambda: run([PoissonSources([0], 1.0, 1e39)]), "too large for float32"),
    "a class": (lambda: run([PoissonSources]), r"inputs\[0\] is no stimulus"),
    "trace 0.7": (lambda: Simulation(integrator(1.0), traces=[0.7]), r"traces\[0\] is 0\.7"),
    "trace True": (lambda: Simulation(integrator(1.0), traces=[True]), "traces is a mask"),
    "2.5 steps": (lambda: Simulation(integrator(1.0)).advance(2.5), "steps is 2.5"),  # type: ignore[arg-type]
    "-1 steps": (lambda: Simulation(integrator(1.0)).advance(-1), "steps is -1, outside"),
    "too many": (lambda: Simulation(integrator(1.0)).advance(2**40), "at most 2,147,483,647"),
    "too long": (lambda: simulate_network(integrator(1.0), 1e300), "at most 2,147,483,647 steps"),
    "nan ms": (lambda: simulate_network(integrator(1.0), math.nan), "duration_ms is nan"),
    "inf ms": (lambda: simulate_network(integrator(1.0), math.inf), "duration_ms is inf"),
}  # fmt: skip


def run(inputs: Any) -> Recording:
    return simulate_network(integrator(1.0), 5.0, inputs=inputs)


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused_in_one_line(name: str) -> None:
    call, line = BAD[name]
    with pytest.raises(InputError, match=line) as caught:
        call()
    assert "\n" not in str(caught.value)


class Own:
    """A stimulus of the user's own."""

    def __init__(self, *events: Any, held: Any = False) -> None:
        self.given, self.held = events, held

    def events(self, start: int, stop: int, _dt: float) -> Any:
        steps, neurons, values = (np.asarray(column) for column in self.given)
        inside = (steps >= start) & (steps < stop) if stop > start else np.zeros(len(steps), bool)
        return (steps[inside], neurons[: len(inside)][inside[: len(neurons)]], values[inside])


def test_a_stimulus_of_the_users_own_is_checked() -> None:
    assert potentials([Own([1, 2], [0, 1], [2.0, 1.0], held=True)], 1.0, 4)[-1].tolist() == [
        6,
        2,
        0,
    ]
    for events, line in (
        (([2, 1], [0, 1], [1.0, 1.0]), "steps that do not rise"),
        (([1, 2], [0], [1.0, 1.0]), "2 steps and 1 neurons"),
        (([1], [3], [1.0]), "names neuron 3, outside 0..2"),
        (([1], [0.5], [1.0]), r"neurons\[0\] is 0\.5"),
        (([1], [0], [math.nan]), r"values\[0\] is nan"),
    ):
        with pytest.raises(InputError, match=line):
            run([Own(*events)])
    with pytest.raises(InputError, match="is no stimulus"):
        run([Own([1], [0], [1.0], held=1)])


def test_a_run_without_a_step_has_no_rate() -> None:
    nothing = Simulation(integrator(1.0)).advance(0)
    assert nothing.n_steps == 0
    assert nothing.n_spikes == 0
    assert math.isnan(nothing.mean_rate_hz)
    assert np.isnan(nothing.rates_hz).all()


def test_a_run_ends_at_the_last_step_that_a_spike_can_name() -> None:
    simulation = Simulation(integrator(1.0))
    simulation.steps_done = MOST_STEPS - 2
    assert simulation.advance(2).n_steps == 2
    with pytest.raises(InputError, match=r"steps is 1, outside 0\.\.0"):
        simulation.advance(1)

"""Event mode whose epochs end in a sweep: its bounds by brute force, its spikes bit for bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.kernels import sim_margins, sim_state, sim_suspects, sim_swept
from spiking_bimt.simulation import modes, parts
from spiking_bimt.simulation.engine import Simulation, simulate_network
from spiking_bimt.simulation.inputs import HeldCurrents, PoissonSources
from tests.kernels.networks import Array, callable_kernel, random_network
from tests.kernels.test_sim_event import alike, twins_spikes

potential, add = callable_kernel(sim_state.potential), callable_kernel(sim_state.add)
costs, spend = callable_kernel(sim_margins.arrival_costs), callable_kernel(sim_margins.spend)
look = callable_kernel(sim_margins.look)


def potentials(part: parts.Part, n: int) -> Array:
    """(epoch, n) v at every step of the epoch without further input."""
    length = part.table.shape[1] - 1
    return np.array([
        [potential(part.cells, part.clock, part.table, j, k) for j in range(n)]
        for k in range(1, length + 1)
    ])  # fmt: skip


def first_look(part: parts.Part, n: int) -> Array:
    """(n,) step of the epoch from which each neuron is evaluated or looked at again."""
    status = part.marks[sim_state.MARK, :n] & 3
    due = part.marks[sim_state.DUE][part.marks[sim_state.PLACE, :n]] - part.clock[sim_state.WINDOW]
    windows = (
        np.where(status == sim_suspects.MAYBE, due, 0)
        + part.clock[sim_state.PHASE] // sim_suspects.WIDTH
    )
    return np.where(status == sim_suspects.QUIET, 2**30, windows * sim_suspects.WIDTH)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    epoch=st.sampled_from([2, 33, 70, 300]),
    dt=st.sampled_from([0.1, 1.0]),
    phase=st.integers(0, 299),
    dtype=st.sampled_from([np.float32, np.float64]),
    arrivals=st.integers(0, 40),
)
def test_no_neuron_crosses_before_it_is_looked_at(
    seed: int, epoch: int, dt: float, phase: int, dtype: Any, arrivals: int
) -> None:
    rng, n = np.random.default_rng(seed), 60
    network = alike(
        seed, n, False, dt=dt, indptr=np.zeros(n + 1), indices=[], weights=[], refractory=False
    )
    tau = min(float(network.tau_syn[0]), float(network.tau_mem[0]))
    epoch = max(2, min(epoch, int(20 * tau / dt)))
    part = Simulation(network, epoch=epoch, mode="clock", dtype=dtype).parts[0]
    part.cells[sim_state.Q, :n] = rng.normal(scale=rng.choice([0.01, 2.0]), size=n)
    part.cells[sim_state.V, :3] = -np.inf
    modes.set_mode(part, parts.SWEPT)
    k = part.clock[sim_state.PHASE] = phase % epoch
    arrays = part.cells, part.marks, part.clock, part.table
    margins, windows, noted = part.beside
    sim_swept.enter(*arrays, margins, windows, noted, part.scratch, part.found, n)
    taken = costs(part.table, k)
    for j in rng.integers(0, n, arrivals):
        weight = dtype(rng.normal(scale=rng.choice([0.001, 0.3])))
        if np.isfinite(margins[j]):  # about as much as it can bear
            weight = dtype(
                rng.uniform(-0.5, 2) * margins[j] / part.table[sim_state.PEAK_Q, epoch - k, 0]
            )
        add(part.cells, part.clock, part.table, j, k, weight)
        if spend(part.cells, margins, j, weight, taken):
            look(*arrays, margins, windows, part.scratch, np.array([j], np.int32))
    over = potentials(part, n) > 0
    over[:k] = False
    crossing = over.any(axis=0)
    looked = first_look(part, n)
    assert (looked[crossing] < over.argmax(axis=0)[crossing] + 1).all()
    assert (looked[:3] == 2**30).all()


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 30),
    reset=st.sampled_from(["subtract", "value"]),
    drive=st.sampled_from([0.0, 0.02, 0.2]),
    weight=st.sampled_from([0.1, 0.5, 3.0]),
    refractory=st.booleans(),
    delay=st.integers(1, 7),
    longest_delay=st.none() | st.integers(1, 7),
    dt=st.sampled_from([0.1, 1.0]),
    epoch=st.sampled_from([None, 2, 40, 64]),
    steps=st.integers(1, 250),
    threads=st.integers(1, 2),
)
def test_every_spike_equals_the_twins(
    seed: int, n: int, reset: str, drive: float, weight: float, refractory: bool, delay: int,
    longest_delay: int | None, dt: float, epoch: int | None, steps: int, threads: int,
) -> None:  # fmt: skip
    network = alike(
        seed, n, False, reset=reset, drive=drive, weight=weight, refractory=refractory,
        delay=delay, longest_delay=longest_delay, dt=dt,
    )  # fmt: skip
    limit = 8 * int(3 * min(network.tau_syn[0], network.tau_mem[0]) / dt)
    epoch = None if epoch is None else min(epoch, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modes, "event_mode", swept_if_it_can)
        got = simulate_network(
            network, steps * dt, mode="event", threads=threads, epoch=epoch, dtype=np.float64
        )
    found = np.nonzero(twins_spikes(network, steps))
    np.testing.assert_array_equal(got.steps, found[0])
    np.testing.assert_array_equal(got.neurons, found[1])


def swept_if_it_can(part: parts.Part) -> int:
    return parts.SWEPT if modes.can_sweep(part) else parts.EVENT


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), reset=st.sampled_from(["subtract", "value"]))
def test_changing_the_mode_anywhere_changes_no_bit(seed: int, reset: str) -> None:
    """Among all three, with held currents, outside charges, traces and both kinds of delay."""
    rng, n = np.random.default_rng(seed), 150
    network = alike(
        seed, n, False, reset=reset, drive=0.02, weight=0.05, dt=0.1, delay=2,
        longest_delay=5 if seed % 2 else None,
    )  # fmt: skip
    changes = np.sort(rng.choice(400, 30, replace=False)) * 0.1
    inputs: list[Any] = [
        PoissonSources(np.arange(n), 20.0, 0.6),
        HeldCurrents(changes, rng.integers(0, n, 30), rng.uniform(-0.05, 0.1, 30)),
    ]
    whole, cut = (Simulation(network, inputs=inputs, traces=[0, 7], mode="clock") for _ in range(2))
    expected = whole.advance(400)
    pieces = []
    with pytest.MonkeyPatch.context() as patch:
        done = 0
        while done < 400:
            mode = int(rng.integers(3))
            patch.setattr(modes, "event_mode", lambda part, mode=mode: max(mode, parts.EVENT))
            cut.switch("event" if mode else "clock")
            pieces.append(cut.advance(min(int(rng.integers(1, 60)), 400 - done)))
            done += pieces[-1].n_steps
    for name in ("steps", "neurons", "traces"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(piece, name) for piece in pieces]), getattr(expected, name)
        )
    cut.settle()
    np.testing.assert_array_equal(
        cut.parts[0].cells[: sim_state.P], whole.parts[0].cells[: sim_state.P]
    )


def test_only_networks_that_it_knows_are_swept() -> None:
    floor = random_network(1, 20)
    able = alike(1, 20, False, dt=0.1)
    assert not modes.can_sweep(Simulation(floor).parts[0])
    assert not modes.can_sweep(Simulation(able, epoch=1).parts[0])
    two = alike(1, 20, False, dt=0.1, tau_syn_negative=np.full(20, 4.0, np.float32))
    assert not modes.can_sweep(Simulation(two, epoch=8).parts[0])
    assert modes.can_sweep(Simulation(able, epoch=8).parts[0])


def test_the_form_of_event_mode_follows_the_arrivals() -> None:
    network = alike(1, 400, False, dt=0.1, indptr=np.zeros(401), indices=[], weights=[])
    simulation = Simulation(network, epoch=8, mode="event")
    part = simulation.parts[0]
    part.arrivals = 0.0
    assert modes.event_mode(part) == parts.EVENT
    part.arrivals = 1e4
    assert modes.event_mode(part) == parts.SWEPT
    quiet = PoissonSources(np.arange(400), 200.0, 1e-6)
    driven = Simulation(network, epoch=8, mode="event", inputs=[quiet])
    driven.advance(200)
    assert driven.parts[0].arrivals == pytest.approx(400 * 200 * 1e-4, rel=0.2)

"""Single networks: both modes against the NumPy twin, and the bound that event mode rests on."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.kernels import shared_order, sim_event, sim_state, sim_suspects, sim_twin
from spiking_bimt.simulation import build, propagators
from spiking_bimt.simulation.engine import Simulation, simulate_network
from tests.kernels.networks import Array, callable_kernel, random_network, start_of

potential = callable_kernel(sim_state.potential)


def alike(seed: int, n: int, floor: bool, **options: Any) -> SpikingNetwork:
    """A random network whose neurons share their time constants, without a floor on request."""
    network = random_network(seed, n, **options)
    rng = np.random.default_rng(seed)
    tau_mem, tau_syn = rng.choice([np.inf, 3.0, 20.0]), rng.choice([3.0, 5.0, 20.0])
    changed: dict[str, Any] = {
        "tau_mem": np.full(n, tau_mem), "tau_syn": np.full(n, tau_syn),
    }  # fmt: skip
    if not floor:
        changed["v_min"] = np.full(n, -np.inf)
    return SpikingNetwork(**vars(network) | changed)


def twins_spikes(network: SpikingNetwork, steps: int) -> Array:
    wide = {
        field: getattr(network, field).astype(float)
        for field in ("weights", "tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "v_min")
    }
    delays = network.delays
    spikes, _ = sim_twin.simulate(
        start_of(network, 0, 0),
        np.tile(network.bias.astype(float), (steps, 1)),
        pre=np.repeat(np.arange(network.n_neurons), np.diff(network.indptr)),
        post=network.indices,
        delays=np.full(len(network.indices), network.delay) if delays is None else delays,
        hold=np.round(network.t_ref / network.dt).astype(int),
        subtract=network.reset == "subtract",
        dt=network.dt,
        **wide,
    )
    return spikes


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    equal=st.booleans(),
    floor=st.booleans(),
    options=st.fixed_dictionaries(
        {
            "reset": st.sampled_from(["subtract", "value"]),
            "drive": st.sampled_from([0.0, 0.02, 0.2, 3.0]),
            "weight": st.sampled_from([0.1, 0.5, 3.0]),
            "refractory": st.booleans(),
            "delay": st.integers(1, 7),
            "longest_delay": st.none() | st.integers(1, 7),
            "dt": st.sampled_from([0.1, 1.0]),
        }
    ),
    epoch=st.sampled_from([None, 1, 3]),
    steps=st.integers(1, 60),
    mode=st.sampled_from(["clock", "event", "auto"]),
    threads=st.integers(1, 3),
)
def test_every_spike_equals_the_twins(
    seed: int, n: int, equal: bool, floor: bool, options: dict[str, Any], epoch: int | None,
    steps: int, mode: str, threads: int,
) -> None:  # fmt: skip
    network = alike(seed, n, floor, **options) if equal else random_network(seed, n, **options)
    epoch = epoch if propagators.is_uniform(network) else None
    got = simulate_network(
        network, steps * network.dt, mode=mode, threads=threads, epoch=epoch, dtype=np.float64
    )
    found = np.nonzero(twins_spikes(network, steps))
    np.testing.assert_array_equal(got.steps, found[0])
    np.testing.assert_array_equal(got.neurons, found[1])


def test_everybody_spiking_in_every_step() -> None:
    network = random_network(1, 70, drive=50.0, refractory=False, reset="value", weight=0.01)
    for mode in ("clock", "event"):
        assert len(simulate_network(network, 150.0, mode=mode).neurons) == 70 * 150


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), epoch=st.integers(1, 70), dt=st.sampled_from([0.1, 1.0]))
def test_without_input_no_neuron_crosses_before_it_is_due(seed: int, epoch: int, dt: float) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    network = alike(
        seed, n, False, dt=dt, indptr=np.zeros(n + 1), indices=[], weights=[], refractory=False
    )
    one = Simulation(network, epoch=epoch, mode="clock").parts[0]
    one.cells[sim_state.Q, :n] = rng.normal(scale=2.0, size=n)
    sim_event.enter(one.cells, one.marks, one.clock, one.table, n)
    status = one.marks[sim_state.MARK, :n] & 3
    due = np.full(n, 2**30)
    due[status != sim_suspects.QUIET] = one.marks[sim_state.DUE][one.marks[sim_state.PLACE, :n]][
        status != sim_suspects.QUIET
    ]
    assert ((status == sim_suspects.SOON) == (due == 0)).all()
    window = 0
    for step in range(400):
        phase = step % epoch + 1
        v = np.array([potential(one.cells, one.clock, one.table, j, phase) for j in range(n)])
        assert not (v[due > window] > 0).any()
        if phase == epoch:
            one.cells[sim_state.V, :n] = v
            one.cells[sim_state.Q] *= one.table[sim_state.LEFT_Q, 0, 0]
        window += phase == epoch or phase % sim_suspects.WIDTH == 0


def test_a_suspect_is_not_looked_at_before_it_can_cross() -> None:
    """The bound follows a lone rising potential to within a window."""
    network = build.from_csr([0, 0], [], [], dt=0.1, tau_mem=20.0, bias=0.07)
    one = Simulation(network, epoch=512, mode="event", v_start=[0.0])
    one.advance(1)
    crossing = int(one.advance(1000).steps[0])
    again = Simulation(network, epoch=512, mode="event", v_start=[0.0])
    again.advance(1)
    part = again.parts[0]
    assert part.marks[sim_state.DUE, 0] == crossing // sim_suspects.WIDTH
    assert part.clock[sim_state.N_HOT] == 0


@given(values=st.lists(st.integers(0, 2**31 - 1), max_size=300))
def test_found_neurons_are_sorted(values: list[int]) -> None:
    found = np.array([*values, 7, 3], np.int32)
    shared_order.sort_first(found, len(values))
    assert found.tolist() == [*sorted(values), 7, 3]

"""Neurons stored in another order: the same spikes and traces under the given numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import HeldCurrents, Input, PoissonSources
from spiking_bimt.simulation.locality import hilbert_index
from spiking_bimt.simulation.longrun import resume, save_state

SIDE = 30
N = SIDE * SIDE
OWN_DELAYS = np.random.default_rng(1).integers(1, 12, 30 * N)


def run(network: SpikingNetwork, order: Any, **options: Any) -> Recording:
    inputs: list[Input] = [
        PoissonSources(np.arange(0, N, 3), 20.0, 0.5, seed=7),
        HeldCurrents(np.array([10.0, 50.0]), np.array([3, 5]), np.array([1.0, 2.0])),
    ]
    return Simulation(
        network, inputs=inputs, traces=[3, 800, 5], order=order, dtype=np.float64, **options
    ).advance(400)


@pytest.mark.parametrize("options", [{}, {"delays": OWN_DELAYS}, {"reset": "subtract"}])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_order_gives_the_same_spikes_under_the_given_numbers(
    options: dict[str, Any], threads: int
) -> None:
    network = build.random_sheet(
        SIDE, dt=0.5, t_ref=2.0, weights=(0.05, -0.2),
        bias=np.random.default_rng(5).uniform(0.03, 0.05, N), **options,
    )  # fmt: skip
    expected = run(network, "given", mode="clock")
    assert len(expected.neurons) > 500
    for order in ("sheet", np.random.default_rng(2).permutation(N)):
        for mode in ("clock", "event"):
            got = run(network, order, mode=mode, threads=threads)
            np.testing.assert_array_equal(got.steps, expected.steps)
            np.testing.assert_array_equal(got.neurons, expected.neurons)
            np.testing.assert_allclose(got.traces, expected.traces, atol=1e-5)


def test_different_neurons_and_the_core_of_each_go_along() -> None:
    network = build.random_sheet(SIDE, weights=(0.05, -0.2), tau_mem=np.linspace(10, 30, N),
                                 bias=np.linspace(0.03, 0.2, N))  # fmt: skip
    core = np.arange(N, dtype=np.int32) // 64
    network = replace(network, core=core)
    expected = run(network, "given")
    got = run(network, np.argsort(core[::-1], kind="stable"), threads=2)
    assert len(expected.neurons) > 500
    np.testing.assert_array_equal(got.neurons, expected.neurons)


def test_a_state_is_resumed_in_its_own_order_alone(tmp_path: Path) -> None:
    network = build.random_sheet(SIDE, bias=0.06)
    whole = Simulation(network, order="sheet").advance(800)
    first = Simulation(network, order="sheet")
    first.advance(300)
    save_state(first, tmp_path / "state.h5")
    second = Simulation(network, order="sheet")
    resume(second, tmp_path / "state.h5")
    rest = second.advance(500)
    np.testing.assert_array_equal(rest.neurons, whole.neurons[whole.steps >= 300])
    with pytest.raises(InputError, match="another network, order"):
        resume(Simulation(network), tmp_path / "state.h5")


@pytest.mark.parametrize("side", [1, 2, 8, 32])
def test_the_curve_visits_every_place_of_a_square_by_single_steps(side: int) -> None:
    places = np.stack(np.divmod(np.arange(side * side), side), axis=1) - 3
    index = hilbert_index(places)
    np.testing.assert_array_equal(np.sort(index), np.arange(side * side))
    steps = np.abs(np.diff(places[np.argsort(index)], axis=0)).sum(axis=1)
    assert (steps == 1).all()

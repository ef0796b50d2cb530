"""Single steps give the spikes of `advance` under the same input; refusals leave the state."""

from typing import Any

import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.simulation import closed_loop
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import SpikeTrains, held_rows
from spiking_bimt.simulation.longrun import resume, save_state
from tests.simulation.test_engine import KINDS, N, drives, sheet

STEPS = 400


def given(steps: int = STEPS) -> tuple[Any, Any]:
    """Currents (steps, N) of which few change in a step, and sparse charges."""
    rng = np.random.default_rng(3)
    kept = np.where(rng.random((steps, N)) < 0.02, rng.normal(0, 0.05, (steps, N)), 0.0)
    return np.cumsum(kept, axis=0), np.where(rng.random((steps, N)) < 0.005, 0.7, 0.0)


def stepped(simulation: Simulation, steps: int = STEPS) -> tuple[Any, Any, Any]:
    """Spikes of each step, all neurons, and the traced potentials."""
    currents, charges = given(steps)
    spikes, traces = [], []
    for i in range(steps):
        spikes.append(simulation.step(currents[i], charges[i] if charges[i].any() else None))
        traces.append(simulation.potentials)
    return [len(s) for s in spikes], np.concatenate(spikes), np.array(traces)


def expected(network: Any, options: dict[str, Any]) -> Any:
    currents, charges = given()
    step, neuron = np.nonzero(charges)
    trains = SpikeTrains(step * network.dt, neuron, charges[step, neuron])
    held = held_rows(currents, network.dt, np.arange(N))
    more = [*options.pop("inputs", ()), trains, held]
    return Simulation(network, inputs=more, mode="clock", **options).advance(STEPS)


@pytest.mark.parametrize("mode", ["clock", "event", "auto"])
@pytest.mark.parametrize("kind", ["plain", "late", "in the next step", "own delays", "floor"])
def test_steps_are_those_of_advance(kind: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_loop, "WINDOW", 64)
    monkeypatch.setattr(closed_loop, "_ROOM", 500)
    network = sheet(**KINDS[kind])
    options: dict[str, Any] = {
        "traces": [3, 5, 800],
        "order": "sheet" if kind == "late" else "given",
    }
    counts, neurons, traces = stepped(Simulation(network, mode=mode, **options))
    whole = expected(network, options)
    assert len(neurons) > 1000
    np.testing.assert_array_equal(neurons, whole.neurons)
    np.testing.assert_array_equal(counts, np.bincount(whole.steps, minlength=STEPS))
    np.testing.assert_array_equal(traces, whole.traces)


@pytest.mark.parametrize(("mode", "dtype"), [("clock", np.float64), ("event", np.float32)])
def test_stimuli_act_beside_the_callers_charges(mode: str, dtype: Any) -> None:
    network, charges = sheet(), given()[1]
    charges[:, np.arange(N) % 3 != 1] = 0  # the stimuli's own neurons: sums in another order
    step, neuron = np.nonzero(charges)
    trains = SpikeTrains(step * network.dt, neuron, charges[step, neuron])
    options: dict[str, Any] = {"dtype": dtype, "mode": mode}
    loop = Simulation(network, inputs=drives(), **options)
    spikes = [loop.step(charges=charges[i]) for i in range(STEPS)]
    whole = Simulation(network, inputs=[*drives(), trains], **options).advance(STEPS)
    assert len(whole.neurons) > 1000
    np.testing.assert_array_equal(np.concatenate(spikes), whole.neurons)


def test_advance_and_switches_between_steps_change_nothing(tmp_path: Any) -> None:
    network = sheet(**KINDS["own delays"])
    whole = Simulation(network).advance(150).neurons
    mixed = Simulation(network, mode="clock")
    spikes = [mixed.advance(20).neurons, *(mixed.step() for _ in range(30))]
    mixed.switch("event")
    spikes += [mixed.step() for _ in range(30)]
    save_state(mixed, tmp_path / "state.h5")
    later = Simulation(network)
    later.step()
    resume(later, tmp_path / "state.h5")
    assert later.steps_done == 80
    spikes += [later.step(), later.advance(49).neurons, *(later.step() for _ in range(20))]
    np.testing.assert_array_equal(np.concatenate(spikes), whole)


def test_a_current_that_is_held_already_changes_nothing() -> None:
    network = sheet()
    current = np.full(N, 0.02)
    once, always = (Simulation(network, mode="clock") for _ in range(2))
    once.step(current)
    always.step(current)
    for _ in range(200):
        np.testing.assert_array_equal(once.step(), always.step(list(current)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(N - 1), rf"step.currents has shape \({N - 1},\), expected \({N}\)"),
        (np.where(np.arange(N) == 7, np.nan, 0.0), r"step.currents\[7\] is nan: it must be finite"),
        (np.where(np.arange(N) == 7, 1e300, 0.0), r"step.currents\[7\] is 1e\+300: too large"),
        ("text", r"step.currents"),
        (np.zeros(N, complex), r"step.currents holds complex128, expected numbers"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_happens(values: Any, message: str) -> None:
    simulation, alike = Simulation(sheet()), Simulation(sheet())
    with pytest.raises(InputError, match=message):
        simulation.step(values)
    with pytest.raises(InputError, match=message.replace("currents", "charges")):
        simulation.step(charges=values)
    assert simulation.steps_done == 0
    for _ in range(100):
        np.testing.assert_array_equal(simulation.step(), alike.step())


def test_more_threads_than_one_and_potentials_before_a_step_are_refused() -> None:
    with pytest.raises(InputError, match="step runs on one thread, the simulation has 2"):
        Simulation(sheet(), threads=2).step()
    with pytest.raises(InputError, match="potentials are those after a `step`"):
        _ = Simulation(sheet(), traces=[1]).potentials

"""Streaming to disk and resuming give what one run in memory gives, and bad files are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.inputs import PoissonSources
from spiking_bimt.simulation.longrun import read_stream, resume, save_state, stream

N = 900


def simulation(**options: Any) -> Simulation:
    delays = np.random.default_rng(0).integers(1, 9, 30 * N)
    network = build.random_sheet(30, dt=0.5, t_ref=2.0, bias=0.04, delays=delays)
    inputs = [PoissonSources(np.arange(N), 30.0, 0.5)]
    return Simulation(network, **{"inputs": inputs, "mode": "auto"} | options)


def test_a_stream_holds_the_spikes_of_the_run(tmp_path: Path) -> None:
    expected, told = simulation().advance(500), list[int]()
    count = stream(simulation(), 500, tmp_path / "spikes.h5", every=70, report=told.append)
    found = read_stream(tmp_path / "spikes.h5")
    assert count == len(expected.neurons) > 1000
    assert (told[-1], found.dt, found.n_neurons) == (500, 0.5, N)
    np.testing.assert_array_equal(found.steps, expected.steps)
    np.testing.assert_array_equal(found.neurons, expected.neurons)
    assert [path.name for path in tmp_path.iterdir()] == ["spikes.h5"]


def test_files_may_be_named_by_text(tmp_path: Path) -> None:
    spikes, state = str(tmp_path / "spikes.h5"), str(tmp_path / "state.h5")
    one = simulation()
    assert stream(one, 20, spikes) == len(read_stream(spikes).neurons)
    save_state(one, state)
    resume(simulation(), state)


@pytest.mark.parametrize("mode", ["clock", "event"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_resumed_run_goes_on_as_if_never_cut(tmp_path: Path, mode: str, threads: int) -> None:
    whole = simulation().advance(400)
    first = simulation(mode=mode, threads=threads)
    first.advance(171)
    save_state(first, tmp_path / "state.h5")
    later = simulation(mode=mode, threads=threads)
    resume(later, tmp_path / "state.h5")
    rest = later.advance(229)
    own = whole.steps >= 171
    np.testing.assert_array_equal(rest.steps, whole.steps[own])
    np.testing.assert_array_equal(rest.neurons, whole.neurons[own])


def test_a_failed_stream_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        stream(simulation(), 10, tmp_path / "missing" / "spikes.h5")

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(simulation(), 10, tmp_path / "spikes.h5", report=stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"threads": 2}, "of 1 threads, the simulation has 2: give threads=1"),
        ({"dtype": np.float64}, "another network, order, dtype or epoch"),
    ],
)
def test_a_state_of_another_simulation_is_refused(
    tmp_path: Path, options: dict[str, Any], line: str
) -> None:
    save_state(simulation(), tmp_path / "state.h5")
    with pytest.raises(InputError, match=line):
        resume(simulation(**options), tmp_path / "state.h5")

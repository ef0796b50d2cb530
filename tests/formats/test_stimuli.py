"""Files of stimuli: what they say is what the network gets; what is wrong is one line."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats import stimuli
from spiking_bimt.formats.sonata import write_spikes
from spiking_bimt.simulation.build import from_coo
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import HeldCurrents, SpikeTrains
from tests.chip.networks import random_network


def network(n: int = 4) -> SpikingNetwork:
    return from_coo([0], [1], [0.5], n, dt=0.5, tau_mem=20.0, v_th=[1.0, 2.0, 3.0, 4.0][:n])


def events(stimulus: Any, of: SpikingNetwork, steps: int = 100) -> list[tuple[Any, ...]]:
    found = stimulus.make(of, 0).events(0, steps, of.dt)
    return sorted(zip(*(np.asarray(column).tolist() for column in found), strict=True))


def test_spikes_of_npz_reach_their_neurons(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    np.savez(path, times=np.array([1.0, 1.5, 9.0], np.float32), neurons=[2, 0, 3])
    stimulus = stimuli.read_spike_stimulus(path)
    assert events(stimulus, network()) == [(2, 2, 3.0), (3, 0, 1.0), (18, 3, 4.0)]
    assert stimulus.length_ms == 59
    assert "3 spikes of in.npz into neurons" in stimulus.describe(network())
    heavy = stimuli.read_spike_stimulus(path, weight=0.25, ms=7.0)
    assert events(heavy, network())[0] == (2, 2, 0.25)
    assert heavy.length_ms == 7
    np.savez(path, times=[1.0, 1.5], ids=[1, 1], weights=[0.5, -2.0])
    assert events(stimuli.read_spike_stimulus(path), network()) == [(2, 1, 0.5), (3, 1, -2.0)]


def test_spikes_into_channels_go_through_the_input_synapses(tmp_path: Path) -> None:
    of = random_network(3, n=12, inputs=5)
    np.savez(tmp_path / "in.npz", times=[0.0, 3.0], channels=[4, 1], weights=[1.0, 2.0])
    got = events(stimuli.read_spike_stimulus(tmp_path / "in.npz"), of)
    wanted = []
    for step, channel, weight in ((0, 4, 1.0), (round(3 / of.dt), 1, 2.0)):
        own = slice(of.in_indptr[channel], of.in_indptr[channel + 1])
        for neuron, w in zip(of.in_indices[own], of.in_weights[own], strict=True):
            wanted.append((step, int(neuron), pytest.approx(float(w) * of.dt * weight)))
    assert got == sorted(wanted, key=lambda event: event[:2])


def test_spikes_of_a_run_are_a_stimulus_of_another(tmp_path: Path) -> None:
    of = network()
    drive = SpikeTrains(np.arange(40) * 1.0, np.arange(40) % 4, 30.0)
    recording = simulate_network(of, 50.0, inputs=[drive])
    write_spikes(tmp_path / "spikes.h5", recording, None)
    got = events(stimuli.read_spike_stimulus(tmp_path / "spikes.h5", weight=1.0), of, 200)
    # A spike is stamped with the end of its step.
    assert [(step, n) for step, n, _ in got] == [
        (int(step) + 1, int(n)) for step, n in zip(recording.steps, recording.neurons, strict=True)
    ]
    assert len(got) > 10


def test_sonata_by_id_is_sorted_and_channels_are_channels(tmp_path: Path) -> None:
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        own = file.create_group("spikes/channels")
        own["timestamps"], own["node_ids"] = [5.0, 1.0], np.array([0, 1], "u8")
    of = random_network(3, n=12, inputs=5)
    got = events(stimuli.read_spike_stimulus(path), of)
    assert len(got) == of.in_indptr[2]
    assert got[0][0] == 1 / of.dt


def test_currents_into_neurons_and_channels(tmp_path: Path) -> None:
    of = random_network(3, n=12, inputs=5)
    rows = np.random.default_rng(0).uniform(0, 1, (7, 12))
    np.savez(tmp_path / "c.npz", dt=2 * of.dt, currents=rows)
    stimulus = stimuli.read_currents(tmp_path / "c.npz")
    assert stimulus.length_ms == pytest.approx(14 * of.dt)
    assert events(stimulus, of)[12:14] == [(2, 0, rows[1, 0]), (2, 1, rows[1, 1])]
    levels = rows[:, :5]
    np.savez(tmp_path / "c.npz", dt=2 * of.dt, channels=levels)
    dense = np.zeros((5, 12))
    for c in range(5):
        for k in range(of.in_indptr[c], of.in_indptr[c + 1]):
            dense[c, of.in_indices[k]] += of.in_weights[k]
    held = stimuli.read_currents(tmp_path / "c.npz").make(of, 0)
    assert isinstance(held, HeldCurrents)
    for step, neuron, value in events(stimuli.read_currents(tmp_path / "c.npz"), of):
        assert value == pytest.approx((levels @ dense)[step // 2, neuron])


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "outside": ({"times": [1.0, 2.0], "neurons": [1, 4]}, "spike 1 is of neuron 4; the"),
    "no channels": ({"times": [1.0], "channels": [0]}, "of input channel 0; the network has 0"),
    "order": ({"times": [2.0, 1.0], "neurons": [1, 1]}, "time 1 is 1 ms, before the one ahead"),
    "negative": ({"times": [-1.0], "neurons": [1]}, "a time is -1 ms"),
    "nan": ({"times": [np.nan], "neurons": [1]}, r"npz: times\[0\] is nan"),
    "half": ({"times": [1.0], "neurons": [0.5]}, r"neurons\[0\] is 0\.5"),
    "mask": ({"times": [1.0], "neurons": [True]}, "neurons holds bool"),
    "lengths": ({"times": [1.0], "neurons": [0, 1]}, "neurons has shape"),
    "weights": ({"times": [1.0], "neurons": [0], "weights": [1.0, 2.0]}, "2 weights for 1 spikes"),
    "both": ({"times": [1.0], "neurons": [0], "channels": [0]}, "one of neurons, ids and channels"),
    "none": ({"times": [], "neurons": []}, "holds no spike"),
    "unknown": ({"times": [1.0], "neurons": [0], "unit": [1]}, "it holds 'unit'; known: times"),
    "objects": ({"times": np.array([[1], [2, 3]], object), "neurons": [0, 1]}, "is not an npz f"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_spikes_are_one_line(name: str, tmp_path: Path) -> None:
    arrays, line = BAD[name]
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(InputError, match=line) as caught:
        stimuli.read_spike_stimulus(tmp_path / "in.npz").make(network(), 0)
    assert "in.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


CURRENTS: dict[str, tuple[dict[str, Any], str]] = {
    "another step": ({"dt": 0.75, "currents": np.ones((3, 4))}, "rows of 0.75 ms, the network st"),
    "too fine": ({"dt": 0.1, "currents": np.ones((3, 4))}, "must be a whole number of steps"),
    "no dt": ({"currents": np.ones((3, 4))}, "must hold dt, the ms of a row"),
    "dt": ({"dt": 0.0, "currents": np.ones((3, 4))}, "dt is 0.0"),
    "columns": ({"dt": 1.0, "currents": np.ones((3, 5))}, "5 columns, the network 0 "),
    "one axis": ({"dt": 1.0, "currents": np.ones(4)}, "currents has shape"),
    "empty": ({"dt": 1.0, "currents": np.ones((0, 4))}, "holds no current"),
    "inf": ({"dt": 1.0, "currents": np.full((1, 4), np.inf)}, "is inf: it must be finite"),
}  # fmt: skip


@pytest.mark.parametrize("name", CURRENTS)
def test_bad_currents_are_one_line(name: str, tmp_path: Path) -> None:
    arrays, line = CURRENTS[name]
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(InputError, match=line):
        stimuli.read_currents(tmp_path / "in.npz").make(network(), 0)


def test_as_many_channels_as_neurons_need_a_name(tmp_path: Path) -> None:
    of = random_network(3, n=12, inputs=12)
    np.savez(tmp_path / "in.npz", dt=of.dt, currents=np.ones((2, 12)))
    with pytest.raises(InputError, match="name the array channels or neurons"):
        stimuli.read_currents(tmp_path / "in.npz").make(of, 0)


def test_rates(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", rates_hz=[1, 2, 3])
    np.testing.assert_array_equal(stimuli.read_rates(tmp_path / "r.npz", 3), [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="holds 3 rates, the network has 4 neurons"):
        stimuli.read_rates(tmp_path / "r.npz", 4)
    np.savez(tmp_path / "r.npz", rates_hz=[1, -2, 3])
    with pytest.raises(InputError, match="rate 1 is -2 Hz, below 0"):
        stimuli.read_rates(tmp_path / "r.npz", 3)
    np.savez(tmp_path / "r.npz", rates=[1, -2, 3])
    with pytest.raises(InputError, match="holds 'rates'; known: rates_hz"):
        stimuli.read_rates(tmp_path / "r.npz", 3)


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", times=[1.0], neurons=[0], weights=[1.0])
    for options, line in (
        ({"spikes": tmp_path / "in.npz", "poisson_hz": 1.0}, "spikes and poisson_hz are two"),
        ({"weight": 1.0}, "weight is of the spikes"),
        ({"currents": tmp_path / "in.npz", "weight": 1.0}, "weight is of the spikes"),
        ({"currents": tmp_path / "in.npz", "ms": 1.0}, "ms does not go with currents"),
        ({"spikes": tmp_path / "in.npz", "weight": 1.0}, "has weights of its own"),
        ({"poisson_hz": -1.0}, "it must not be negative"),
        ({"poisson_hz": 1.0, "ms": 0.0}, "ms is 0.0"),
        ({"spikes": tmp_path / "none.npz"}, "none.npz does not exist"),
        ({"spikes": tmp_path / "none.h5"}, "none.h5 does not exist"),
    ):
        with pytest.raises(InputError, match=line):
            stimuli.stimulus(**options)


def test_foreign_files_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK")
    (tmp_path / "a.h5").write_bytes(b"no")
    for name in ("a.npz", "a.h5"):
        with pytest.raises(InputError, match=name):
            stimuli.read_spike_stimulus(tmp_path / name)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        for population in ("a", "b"):
            file.create_group(f"spikes/{population}")["timestamps"] = [1.0]
    with pytest.raises(InputError, match="holds the populations a, b: write one of them alone"):
        stimuli.read_spike_stimulus(tmp_path / "b.h5")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        own = file.create_group("spikes/a")
        own["timestamps"], own["node_ids"] = [1.0], [0]
        own["timestamps"].attrs["units"] = "s"
    with pytest.raises(InputError, match="its timestamps are in 's': write them in ms"):
        stimuli.read_spike_stimulus(tmp_path / "c.h5")

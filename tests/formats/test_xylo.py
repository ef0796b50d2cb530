"""Xylo files, and the vendor's simulator as the witness of the integer stepper."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.chip.integers import to_integers
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.converting.quantise import quantise
from spiking_bimt.data import digest, store
from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.xylo import layer_of, read_xylo, run_xylosim, to_layer, write_xylo
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.chip_trials import simulate_integers
from spiking_bimt.stages.export import export
from spiking_bimt.stages.verify import verify

pytest.importorskip("xylosim")

STEPS = 2000


def tau(shift: int) -> float:
    """Time constant of a decay by a shift at a step of 1 ms."""
    return float(-1 / np.log1p(-(2.0**-shift)))


def network(seed: int, n: int = 60, sources: int = 8) -> SpikingNetwork:
    """A random network of as many spiking sources at its end, which held channels drive."""
    rng = np.random.default_rng(seed)
    dense = rng.random((n + sources, n + sources)) < 0.3
    dense[:, n:] = False
    weights = rng.normal(0, 0.25, dense.sum()) + 0.02
    weights[np.nonzero(dense)[0] >= n] += 0.1
    made = from_csr(
        np.append(0, np.cumsum(dense.sum(1))), np.nonzero(dense)[1], weights, dt=1.0, delay=0,
        reset="subtract", tau_syn=np.array([tau(k) for k in rng.integers(1, 6, n + sources)]),
        tau_mem=np.array([tau(k) for k in rng.integers(1, 12, n + sources)]),
        bias=rng.normal(0.01, 0.02, n + sources),
    )  # fmt: skip
    inner = np.arange(n + sources) < n
    driven = replace(
        made, tau_mem=np.where(inner, made.tau_mem, np.inf).astype(np.float32),
        in_indptr=np.arange(sources + 1), in_indices=np.arange(n, n + sources, dtype=np.int32),
        in_weights=np.full(sources, 0.1, np.float32), task_dt=5.0,
    )  # fmt: skip
    return quantise(driven, bits=8).quantised()


def free_run(steps: int) -> Trials:
    """One trial without held input."""
    return Trials(
        inputs=np.zeros((steps // 5, 0), np.float32), labels=np.zeros(steps // 5, np.int32),
        offsets=np.array([0, steps // 5]), decision=np.zeros(1, np.int32),
        task=np.zeros(1, np.int32), tasks=("a",), dt=5.0,
    )  # fmt: skip


def wild(seed: int) -> ChipNetwork:
    """Integers over the chip's whole range: states saturate, neurons spike up to 31 times."""
    rng = np.random.default_rng(seed)
    made = to_integers(network(seed), load_chip("xylo-audio2"))
    n, shift = made.n_neurons, int(rng.integers(0, 8))
    given: dict[str, Any] = {
        "weights": rng.integers(-127, 128, len(made.weights)) << shift,
        "in_weights": rng.integers(-127, 128, len(made.in_weights)) << shift,
        "v_th": np.exp(rng.uniform(np.log(20), np.log(32767), n)).astype(np.int32),
        "bias": (rng.normal(0, 200, n) * (rng.random(n) < 0.5)).astype(np.int32),
        "decay_syn": rng.integers(1, 16, n), "decay_mem": rng.integers(1, 16, n),
    }  # fmt: skip
    return replace(made, shift=shift, **given)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("make", [wild, lambda seed: to_layer(network(seed))[1]],
                         ids=["wild", "quantised"])  # fmt: skip
def test_every_spike_is_that_of_xylosim(make: Any, seed: int) -> None:
    made = make(seed)
    rng = np.random.default_rng(1000 + seed)
    events = np.minimum(rng.poisson(0.15, (STEPS, len(made.channels))), 15).astype(np.uint8)
    ours = simulate_integers(made, free_run(STEPS), events, threads=1)
    counts = np.zeros((STEPS, made.n_neurons), np.int64)
    np.add.at(counts, ours.trial(0), 1)
    theirs = run_xylosim(layer_of(made), events, np.array([0, STEPS]))[0]
    np.testing.assert_array_equal(counts, theirs)
    assert counts.sum() > 1000


def test_a_file_holds_the_chips_integers_and_nothing_else_passes(tmp_path: Path) -> None:
    made = write_xylo(tmp_path / "xylo.h5", network(0))
    layer = read_xylo(tmp_path / "xylo.h5")
    for name, values in layer_of(made).items():
        np.testing.assert_array_equal(layer[name], values)
    np.testing.assert_array_equal(layer["hidden/weights"].astype(int) << made.shift, made.weights)
    for name, value, says in (
        ("neuron/threshold", 0, "neuron/threshold must be 60 numbers of 1"),
        ("neuron/dash_syn", 16, "neuron/dash_syn must be"),
        ("hidden/indices", 99, "holds 99"),
        ("weight_shift", 9, "weight_shift is 9"),
    ):
        write_xylo(tmp_path / "bad.h5", network(0))
        with h5py.File(tmp_path / "bad.h5", "r+") as file:
            file[name][...] = value
            del file.attrs[digest.NAME]
            store.write_text(file, digest.NAME, digest.content_digest(file))
        with pytest.raises(InputError, match=says):
            read_xylo(tmp_path / "bad.h5")
    with h5py.File(tmp_path / "xylo.h5", "r+") as file:
        file["neuron/bias"][...] = 1
    with pytest.raises(InputError, match="damaged"):
        read_xylo(tmp_path / "xylo.h5")


def test_a_run_is_exported_and_verified_by_xylosim(tmp_path: Path) -> None:
    store.save(network(3), tmp_path / "network.h5", {})
    with pytest.raises(InputError, match="xylo cannot hold the levels of the input channels"):
        export(tmp_path, ("xylo",))
    written = export(tmp_path, ("xylo",), lossy=True)["xylo"]
    assert (written["neurons"], written["channels"]) == (60, 8)
    found = verify(tmp_path / "xylo.h5", trials=2)
    assert found["spikes"] > 1000
    assert "by xylosim" in found["found"]
    with h5py.File(tmp_path / "xylo.h5", "r+") as file:
        file["hidden/weights"][0] ^= 1
        del file.attrs[digest.NAME]
        store.write_text(file, digest.NAME, digest.content_digest(file))
    with pytest.raises(CheckError, match="hidden/weights"):
        verify(tmp_path / "xylo.h5", trials=2)


def test_a_network_that_xylo_cannot_compute_is_refused_with_all_reasons(tmp_path: Path) -> None:
    wrong = replace(network(0), delay=3, tau_syn=np.full(68, 100, np.float32))
    store.save(wrong, tmp_path / "network.h5", {})
    with pytest.raises(InputError, match=r"of which a shift gives 127\.5 ms .*neuron\.delay is 1"):
        export(tmp_path, ("xylo",), lossy=True)
    assert not (tmp_path / "xylo.h5").exists()

"""netx files: what lava-dl's reader expects of them, and the network that they hold.

lava-dl installs on Python 3.10 alone, so its reader does not run here: its expectations
(netx/hdf5.py and netx/utils.py) are tested one by one, and lava_spikes.npz holds what it did, run
once by examples/netx_in_lava.py with lava-nc 0.10 and lava-dl 0.6.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.netx import from_layer, netx_losses, read_netx, write_netx
from spiking_bimt.formats.nir_export import dense
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.engine import simulate_network

Array = Any


def network_of(seed: int, n: int = 40, **options: Any) -> SpikingNetwork:
    """One kind of neuron, input channels, thresholds of its own for each."""
    rng = np.random.default_rng(seed)
    there = rng.random((n, n)) < 0.2
    indices = np.nonzero(there)[1]
    fields: dict[str, Any] = {
        "dt": 1.0, "tau_mem": 20.0, "tau_syn": 5.0, "bias": rng.uniform(0.04, 0.1, n),
        "v_th": rng.uniform(0.5, 1.5, n), "v_reset": 0.0,
    }  # fmt: skip
    weights = 0.3 * rng.normal(size=len(indices))
    network = from_csr(
        np.append(0, np.cumsum(there.sum(1))), indices, weights, **(fields | options)
    )
    return replace(
        network, in_indptr=np.array([0, n]), in_indices=np.arange(n, dtype=np.int32),
        in_weights=rng.uniform(-0.01, 0.02, n).astype(np.float32),
    )  # fmt: skip


def test_the_layout_is_what_the_reader_asks_for(tmp_path: Path) -> None:
    network = network_of(0)
    write_netx(tmp_path / "network.net", network)
    with h5py.File(tmp_path / "network.net") as file:
        assert sorted(file["layer"]) == ["0", "1"]  # numbered without gaps: len() counts them
        for number, kind in (("0", "input"), ("1", "dense_rec")):
            layer = file[f"layer/{number}"]
            assert layer["type"][0].decode("ascii") == kind  # an array's first, or a scalar
            assert layer["shape"][()].ndim == 1
        assert file["layer/1/neuron/type"][0].decode("ascii") in ("LOIHI", "CUBA")
        rec, weight = file["layer/1/weight_rec"][()], file["layer/1/weight"][()]
        neuron = {name: file["layer/1/neuron"][name][()] for name in ("iDecay", "vDecay",
                                                                      "vThMant")}  # fmt: skip
    assert rec.shape == (40, 40)
    assert weight.shape == (40, 1)
    both = np.hstack([weight, rec])  # one scale and sign mode for both
    assert both.min() >= -128
    assert both.max() == 127 or both.min() == -127
    assert both.max() > 0 > both.min()
    assert 1 <= neuron["iDecay"] <= 4096  # the reader takes 1 off
    assert 0 <= neuron["vDecay"] <= 4096
    assert 1 <= neuron["vThMant"] < 2**17


def fixed_point(layer: Any, steps: int, inputs: Array | None = None) -> Array:
    """(steps, N) spikes of Loihi's integers: 6 fractional bits, decays of 12 bits.

    inputs: (steps, C) spikes of the channels, which arrive in the next step.
    """
    n, driven = len(layer.bias), np.zeros((steps + 1, layer.weight.shape[1]), np.int64)
    if inputs is not None:
        driven[1:] = inputs
    u, v, sent = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    out = np.zeros((steps, n), bool)
    for t in range(steps):
        u = np.sign(u) * (np.abs(u) * (4096 - layer.i_decay) >> 12)
        v = np.sign(v) * (np.abs(v) * (4096 - layer.v_decay) >> 12)
        u += (layer.weight_rec @ sent + layer.weight @ driven[t]) << 6
        v += u + (layer.bias.astype(np.int64) << 6)
        out[t] = v > layer.threshold << 6
        v[out[t]] = 0
        sent = out[t].astype(np.int64)
    return out


@pytest.mark.parametrize("seed", range(3))
def test_lava_simulates_the_integers_spike_for_spike(tmp_path: Path, seed: int) -> None:
    layer = write_netx(tmp_path / "network.net", network_of(seed))
    with np.load(Path(__file__).with_name("lava_spikes.npz")) as lava:
        inputs, spikes = (np.unpackbits(lava[f"{name}{seed}"], axis=0).astype(bool)
                          for name in ("inputs", "spikes"))  # fmt: skip
    assert spikes.sum() > 2000
    np.testing.assert_array_equal(fixed_point(layer, len(inputs), inputs), spikes)


def test_the_integers_compute_the_networks_rates(tmp_path: Path) -> None:
    """Rounded weights and a delay one step shorter: spikes move, the neurons' rates stay."""
    network = network_of(1)
    layer = write_netx(tmp_path / "network.net", network)
    ours = simulate_network(network, 5000.0, v_start=np.zeros(40), mode="clock").spike_counts[0]
    theirs = fixed_point(layer, 5000).sum(0)
    assert ours.sum() > 5000
    assert abs(theirs.sum() / ours.sum() - 1) < 0.05
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99


@pytest.mark.parametrize("seed", range(5))
def test_the_file_alone_gives_the_rounded_network(tmp_path: Path, seed: int) -> None:
    network = network_of(
        seed, tau_mem=np.inf if seed % 2 else 20.0, tau_syn=0.0 if seed > 2 else 5.0
    )
    layer = write_netx(tmp_path / "network.net", network)
    back, dt = read_netx(tmp_path / "network.net")
    assert dt == network.dt
    for one, two in zip(back, layer, strict=True):
        np.testing.assert_array_equal(one, two)
    rebuilt = from_layer(back, dt)
    assert (rebuilt.tau_syn == 0).all() == (seed > 2)
    # One spike's first step, in thresholds, is right to half a weight step.
    theirs, ours = (_first_step(each) for each in (rebuilt, network))
    np.testing.assert_allclose(theirs, layer.weight_rec / layer.threshold, rtol=1e-5)
    assert np.abs(theirs - ours).max() <= 0.5001 / layer.threshold
    simulate_network(rebuilt, 100.0)


def _first_step(network: SpikingNetwork) -> Array:
    """[post, pre] change of v by a spike in the step after it arrives, in thresholds."""
    n = network.n_neurons
    gain = propagators.step_of(network, np.float64).gain_syn
    per_spike = gain / (network.v_th.astype(float) - network.v_reset)
    return dense(network.indptr, network.indices, network.weights, n) * per_spike[:, None]


def test_losses_are_named() -> None:
    assert netx_losses(network_of(0)) == [
        "held input goes through the synapse, as a spike in every step"
    ]
    lost = " / ".join(netx_losses(network_of(0, reset="subtract", v_min=-1.0, t_ref=2.0, delay=3)))
    for part in ("by subtraction", "v_min", "refractory", "up to 3 steps"):
        assert part in lost


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"tau_syn": np.append(np.full(39, 5.0), 7.0)},
         r"one tau_syn: neuron 39 has 7\.0 ms, neuron 0 5\.0 ms"),
        ({"bias": np.append(np.zeros(39), 1e6)}, r"the bias of neuron 39 is \d+ weight steps"),
        ({"v_th": np.append(np.full(39, 1.0), 1e-5)},
         r"a weight onto neuron 39 is .* thresholds per step: Loihi's weights reach 127"),
    ],
)  # fmt: skip
def test_values_beyond_loihi_are_refused_with_neuron_and_value(
    tmp_path: Path, options: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        write_netx(tmp_path / "network.net", network_of(0, **options))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "network.net"
    write_netx(path, network_of(0))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="is not a readable HDF5 file"):
        read_netx(path)


def test_foreign_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.net"
    write_netx(path, network_of(0))
    with h5py.File(path, "r+") as file:
        file["layer/1/weight_rec"][3, 4] = 200
    with pytest.raises(InputError, match="not what was written, by its digest"):
        read_netx(path)
    with h5py.File(path, "r+") as file:  # as another writer's file, which has no digest
        del file.attrs["digest"], file.attrs["written_by"]
    with pytest.raises(InputError, match=r"weight_rec onto neuron 3 from 4 is 200, outside"):
        read_netx(path)
    with h5py.File(path, "w") as file:
        file["a"] = 1
    with pytest.raises(InputError, match="not a netx file"):
        read_netx(path)


def test_flipped_bytes_never_raise_anything_but_one_line(tmp_path: Path) -> None:
    path, rng = tmp_path / "network.net", np.random.default_rng(0)
    write_netx(path, network_of(0, 12))
    whole, lines = path.read_bytes(), []
    for _ in range(200):
        image = bytearray(whole)
        image[rng.integers(len(image))] ^= int(rng.integers(1, 256))
        path.write_bytes(image)
        try:
            layer, _ = read_netx(path)
        except InputError as error:
            lines.append(str(error))
        else:
            assert np.abs(layer.weight_rec).max() <= 128
    assert lines
    assert all("\n" not in line for line in lines)

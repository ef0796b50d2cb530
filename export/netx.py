"""lava-dl netx (https://github.com/lava-nc/lava-dl): a recurrent dense layer in Loihi's integers.

    layer/0    type "input", shape (C,)
    layer/1    type "dense_rec", shape (N,), weight (N, C), weight_rec (N, N), bias (N,) and
               neuron/{type "CUBA", iDecay, vDecay, vThMant, refDelay}

    u <- u (1 - iDecay / 4096) + weight . spikes,   v <- v (1 - vDecay / 4096) + u + bias,
    a spike and v <- 0 when v > vThMant

all in units of one weight step. A layer has one decay of each kind and one threshold, so neurons
are scaled to the same threshold, and one weight step serves the whole layer: weights are rounded
again, whatever the network's own codes. The reader packs weights of -128..127 into Loihi's bits.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import digest, store, validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import dense, dense_bytes
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.build import from_csr

Array = npt.NDArray[Any]

LARGEST = 127
UNITY = 4096
MOST_THRESHOLD = 2**17 - 1
MOST_BIAS = 2**12 - 1


class Layer(NamedTuple):
    """The integers of a recurrent layer."""

    weight: Array
    """(N, C)."""
    weight_rec: Array
    """(N, N) as [post, pre]."""
    bias: Array
    """(N,)."""
    i_decay: int
    v_decay: int
    threshold: int


_HELD = ("tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "bias", "poisson")
"""Parameters that a layer holds; that Poisson sources become regular is told by `export`."""


def netx_losses(network: SpikingNetwork) -> list[str]:
    """What of the network a netx layer cannot say, in words; rounded weights apart."""
    delay = network.delay if network.delays is None else int(network.delays.max(initial=1))
    losses = {
        "reset by subtraction (Loihi resets to 0)": network.reset != "value",
        **dict.fromkeys(network.losses(known=_HELD), True),
        f"synaptic delays of up to {delay} steps (netx has none between a layer's neurons)":
            delay > 1,
        "held input goes through the synapse, as a spike in every step":
            len(network.in_indices) > 0,
        "the readout": bool(network.w_out.any()),
    }  # fmt: skip
    return [text for text, lost in losses.items() if lost]


def to_layer(network: SpikingNetwork) -> Layer:
    """The network in Loihi's integers.

    Raises InputError, with the neuron and value, for decays that differ between neurons and for
    weights or biases outside the range.
    """
    dense_bytes(network)
    n = network.n_neurons
    step = propagators.step_of(network, np.float64)
    for name, decay in (("tau_mem", step.decay_mem), ("tau_syn", step.decay_syn)):
        other = np.flatnonzero(decay != decay[0])
        if len(other):
            values = getattr(network, name)
            raise InputError(
                f"a netx layer has one {name}: neuron {other[0]} has {values[other[0]]} ms, "
                f"neuron 0 {values[0]} ms"
            )
    i_decay, v_decay = (round(UNITY * (1 - float(d[0]))) for d in (step.decay_syn, step.decay_mem))
    span = network.v_th.astype(float) - network.v_reset
    rec = (
        dense(network.indptr, network.indices, network.weights, n) * (step.gain_syn / span)[:, None]
    )
    held = dense(network.in_indptr, network.in_indices, network.in_weights, n)
    held = held * (step.gain_in / span)[:, None] * (max(i_decay, 1) / UNITY)
    largest = max(float(np.abs(rec).max(initial=0)), float(np.abs(held).max(initial=0)), 1e-12)
    threshold = min(int(LARGEST / largest), MOST_THRESHOLD)
    if threshold < 1:
        neuron = int(np.argmax(np.maximum(np.abs(rec).max(1), np.abs(held).max(1, initial=0))))
        raise InputError(
            f"a weight onto neuron {neuron} is {largest:.4g} thresholds per step: Loihi's weights "
            f"reach {LARGEST}"
        )
    bias = np.rint((step.constant - (1 - step.decay_mem) * network.v_reset) / span * threshold)
    beyond = np.flatnonzero(np.abs(bias) > MOST_BIAS)
    if len(beyond):
        raise InputError(
            f"the bias of neuron {beyond[0]} is {bias[beyond[0]]:.0f} weight steps: Loihi's "
            f"reach {MOST_BIAS}"
        )
    return Layer(
        weight=np.rint(held * threshold).astype(np.int32),
        weight_rec=np.rint(rec * threshold).astype(np.int32),
        bias=bias.astype(np.int32),
        i_decay=max(i_decay, 1),
        v_decay=v_decay,
        threshold=threshold,
    )


def from_layer(layer: Layer, dt: float) -> SpikingNetwork:
    """The network of a layer, with v in units of the threshold and exact steps of dt ms."""
    n = len(layer.bias)

    def tau(decay: int) -> float:
        left = 1 - decay / UNITY
        if left <= 0:
            return 0.0 if decay == layer.i_decay else dt / 100  # of which float32 keeps nothing
        return float(np.inf if left >= 1 else -dt / np.log(left))

    tau_syn = min(tau(layer.i_decay), 1e9)
    post_of = np.nonzero(layer.weight_rec.T)
    indptr = np.append(0, np.cumsum(np.bincount(post_of[0], minlength=n)))
    empty = from_csr(
        indptr, post_of[1], np.ones(len(post_of[1])), dt=dt, reset="value",
        tau_mem=tau(layer.v_decay), tau_syn=tau_syn,
    )  # fmt: skip
    step = propagators.step_of(empty, float)
    gain_syn, gain_in = float(step.gain_syn[0]), float(step.gain_in[0])
    weights = layer.weight_rec.T[post_of] / layer.threshold / gain_syn
    in_of = np.nonzero(layer.weight.T)
    per_channel = UNITY / layer.i_decay / layer.threshold / gain_in
    return replace(
        empty,
        weights=weights.astype(np.float32),
        bias=(layer.bias / layer.threshold / gain_in).astype(np.float32),
        in_indptr=np.append(
            0, np.cumsum(np.bincount(in_of[0], minlength=layer.weight.shape[1]))
        ).astype(np.int64),
        in_indices=in_of[1].astype(np.int32),
        in_weights=(layer.weight.T[in_of] * per_channel).astype(np.float32),
    )


def write_netx(path: Path, network: SpikingNetwork) -> Layer:
    """Write the network as a netx file, atomically; returns the integers that it holds."""
    layer = to_layer(network)
    with store.writing_hdf5(path) as file:
        first, second = file.create_group("layer/0"), file.create_group("layer/1")
        _write_type(first, "input")
        first["shape"] = np.array([layer.weight.shape[1]])
        _write_type(second, "dense_rec")
        second["shape"] = np.array([len(layer.bias)])
        second["inFeatures"], second["outFeatures"] = layer.weight.shape[1], len(layer.bias)
        for name in ("weight", "weight_rec", "bias"):
            store.write_array(second, name, getattr(layer, name))
        neuron = second.create_group("neuron")
        _write_type(neuron, "CUBA")
        neuron["iDecay"], neuron["vDecay"] = layer.i_decay, layer.v_decay
        neuron["vThMant"], neuron["refDelay"] = layer.threshold, 1
        file["simulation/Ts"] = network.dt
        store.write_text(file, "written_by", "spiking_bimt")
        store.write_text(file, digest.NAME, digest.content_digest(file))
    return layer


def read_netx(path: Path) -> tuple[Layer, float]:
    """The integers of a netx file of one recurrent layer, and its time step in ms.

    Raises InputError for anything but a whole file of this layout with values in Loihi's range.
    """
    with store.opening(path) as file:
        if "layer/1/weight_rec" not in file:
            raise InputError(f"{path} holds no recurrent dense layer layer/1: not a netx file")
        digest.check(file)  # where there is one: other writers' files have none
        if "written_by" in file.attrs and digest.NAME not in file.attrs:
            raise InputError(f"{path} has no digest of its content: damaged")
        group = file["layer/1"]
        arrays = [store.read_array(group, name) for name in ("weight", "weight_rec", "bias")]
        neuron = group["neuron"]
        i_decay, v_decay, threshold = (
            validate.scalar("neuron", name, store.read_array(neuron, name), int)
            for name in ("iDecay", "vDecay", "vThMant")
        )
        layer = Layer(arrays[0], arrays[1], arrays[2], i_decay, v_decay, threshold)
        dt = float(store.read_array(file, "simulation/Ts")) if "simulation/Ts" in file else 1.0
    _check(path, layer)
    return layer, dt


def _check(path: Path, layer: Layer) -> None:
    n = len(layer.bias)
    if layer.weight_rec.shape != (n, n) or layer.weight.ndim != 2 or len(layer.weight) != n:
        raise InputError(
            f"{path}: weight {layer.weight.shape} and weight_rec {layer.weight_rec.shape} do not "
            f"fit {n} neurons"
        )
    for name in ("weight", "weight_rec"):
        values = getattr(layer, name)
        beyond = np.argwhere((values > LARGEST) | (values < -LARGEST - 1))
        if len(beyond):
            post, pre = beyond[0]
            raise InputError(
                f"{path}: {name} onto neuron {post} from {pre} is {values[post, pre]}, outside "
                f"-{LARGEST + 1}..{LARGEST}"
            )
    for name, value, high in (
        ("iDecay", layer.i_decay, UNITY), ("vDecay", layer.v_decay, UNITY),
        ("vThMant", layer.threshold, MOST_THRESHOLD),
    ):  # fmt: skip
        if not 0 <= value <= high:
            raise InputError(f"{path}: {name} is {value}, outside 0..{high}")


def _write_type(group: h5py.Group, name: str) -> None:
    group.create_dataset("type", data=np.array([name.encode()], "S10"))

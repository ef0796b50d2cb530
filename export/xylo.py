"""Xylo (SYNS61201): a network in the integers of one Xylo-Audio 2 chip, as xylosim takes them.

A file holds the hidden neurons, their synapses and those of the input channels:

    weight_shift                          places by which both kinds of weights are shifted
    input/indptr, indices, weights        (C + 1,), (in_nnz,), (in_nnz,) int8: of the channels
    hidden/indptr, indices, weights       the same of the N neurons
    neuron/threshold, bias, dash_mem, dash_syn    (N,) int16, int16, uint8, uint8
    neuron/source, input/source           (N,), (C,) which neuron of network.h5 each is

A step is xylosim's: spikes from outside in this step and the neurons' own of the step before
arrive, currents decay by a shift, membranes leak by a shift and get them, a neuron spikes as often
as its threshold goes into the membrane, 31 times at most, and loses it each time.
"""

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.integers import to_integers
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data import digest, store, validate
from spiking_bimt.data.chip_network import ChipNetwork
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.tile_layout import text

Array = npt.NDArray[Any]

CHIP = "xylo-audio2"
_PARTS = {
    "input": {"indptr": np.int64, "indices": np.int32, "weights": np.int8, "source": np.int32},
    "hidden": {"indptr": np.int64, "indices": np.int32, "weights": np.int8},
    "neuron": {
        "threshold": np.int16, "bias": np.int16, "dash_mem": np.uint8, "dash_syn": np.uint8,
        "source": np.int32,
    },
}  # fmt: skip
"""Groups of a file, their datasets and dtypes."""
Layer = dict[str, Array]
"""The datasets of a file by group/name, and "weight_shift"."""


def xylo_losses(network: SpikingNetwork) -> list[str]:
    """What of a network that the chip computes its file does not hold, in words."""
    losses = {
        "the readout, which the host computes": bool(network.w_out.any()),
        "the levels of the input channels: the host plays the spiking sources": network.n_inputs
        > 0,
    }
    return [text for text, lost in losses.items() if lost]


def to_layer(network: SpikingNetwork) -> tuple[Layer, ChipNetwork]:
    """What a file holds of a network, and the network in the chip's integers.

    Raises InputError, with all reasons, where the chip cannot compute it.
    """
    made = to_integers(network, load_chip(CHIP))
    return layer_of(made), made


def layer_of(made: ChipNetwork) -> Layer:
    """What a file holds of a network in the chip's integers."""
    if made.delays is not None and len(np.unique(made.delays)) > 1:
        raise InputError("synapses with delays of their own do not go onto Xylo")
    values: dict[str, Array] = {
        "input/indptr": made.in_indptr, "input/indices": made.in_indices,
        "input/weights": made.in_weights >> made.shift, "input/source": made.channels,
        "hidden/indptr": made.indptr, "hidden/indices": made.indices,
        "hidden/weights": made.weights >> made.shift,
        "neuron/threshold": made.v_th, "neuron/bias": made.bias, "neuron/dash_mem": made.decay_mem,
        "neuron/dash_syn": made.decay_syn, "neuron/source": made.neurons,
    }  # fmt: skip
    layer = {name: values[name].astype(kind) for name, kind in _kinds().items()}
    return layer | {"weight_shift": np.array(made.shift, np.int32)}


def write_xylo(path: Path, network: SpikingNetwork) -> ChipNetwork:
    """Write the network as a Xylo file, atomically; returns the integers that it holds."""
    layer, made = to_layer(network)
    with store.writing_hdf5(path) as file:
        for name, values in layer.items():
            store.write_array(file, name, values)
        store.write_text(file, "format", CHIP)
        store.write_text(file, "written_by", "spiking_bimt")
        store.write_text(file, digest.NAME, digest.content_digest(file))
    return made


def read_xylo(path: Path) -> Layer:
    """The content of a Xylo file; InputError for anything but a whole one in the chip's range."""
    with store.opening(path) as file:
        if "format" not in file.attrs or text(file, "format") != CHIP:
            raise InputError(f"{path} is no Xylo file: it has no format {CHIP!r}")
        if not digest.check(file):
            raise InputError(f"{path} has no digest of its content: damaged")
        layer = {
            name: validate.array(str(path), name, _read(path, file, name), (None,), kind)
            for name, kind in _kinds().items()
        }
        shift = validate.scalar(str(path), "weight_shift", _read(path, file, "weight_shift"), int)
    n, c = len(layer["neuron/threshold"]), len(layer["input/source"])
    for part, rows in (("input", c), ("hidden", n)):
        indptr = layer[f"{part}/indptr"]
        if len(indptr) != rows + 1 or len(layer[f"{part}/weights"]) != len(
            layer[f"{part}/indices"]
        ):
            raise InputError(f"{path}: {part} has not a row for each of {rows}")
        validate.csr(str(path), indptr, layer[f"{part}/indices"], n)
    for name, least, most in (("threshold", 1, 2**15 - 1), ("dash_mem", 1, 15),
                              ("dash_syn", 1, 15)):  # fmt: skip
        values = layer[f"neuron/{name}"]
        if len(values) != n or (values < least).any() or (values > most).any():
            raise InputError(f"{path}: neuron/{name} must be {n} numbers of {least} to {most}")
    if len(layer["neuron/bias"]) != n or not 0 <= shift <= 7:
        raise InputError(f"{path}: weight_shift is {shift} (0 to 7), with {n} neurons")
    return layer | {"weight_shift": np.array(shift, np.int32)}


def run_xylosim(layer: Layer, events: Array, bounds: Array) -> list[Array]:
    """Spikes of each trial, (steps, N) counts, by xylosim on what a file holds.

    events (steps, C) by step, of which trial k has bounds[k]..bounds[k + 1]. Raises InputError
    where xylosim is not installed.
    """
    try:
        from xylosim.v2 import XyloLayer, XyloSynapse
    except ModuleNotFoundError:
        raise InputError("xylosim is not installed: pip install 'spiking-bimt[xylo]'") from None
    n = len(layer["neuron/threshold"])

    def synapses(part: str) -> list[list[Any]]:
        indptr, indices, weights = (
            layer[f"{part}/{name}"].tolist() for name in ("indptr", "indices", "weights")
        )
        return [
            [XyloSynapse(indices[k], 0, weights[k]) for k in range(low, high)]
            for low, high in itertools.pairwise(indptr)
        ]

    # The layer keeps pointers into these lists, and does not keep the lists.
    none: list[list[Any]] = [[] for _ in range(n)]
    alive = synapses("input"), synapses("hidden"), none
    shift = int(layer["weight_shift"])
    chip = XyloLayer(
        synapses_in=alive[0], synapses_rec=alive[1], synapses_out=alive[2],
        aliases=[[] for _ in range(n)], threshold=layer["neuron/threshold"].tolist(),
        threshold_out=[], has_bias=bool(layer["neuron/bias"].any()),
        bias=layer["neuron/bias"].tolist(), bias_out=[], weight_shift_inp=shift,
        weight_shift_rec=shift, weight_shift_out=0, dash_mem=layer["neuron/dash_mem"].tolist(),
        dash_mem_out=[], dash_syns=[[dash] for dash in layer["neuron/dash_syn"].tolist()],
        dash_syns_out=[], name="spiking_bimt",
    )  # fmt: skip
    found: list[Array] = []
    for low, high in itertools.pairwise(bounds):
        chip.reset_all()
        chip.evolve(events[low:high].tolist())
        found.append(np.array(chip.rec_recurrent_spikes, np.int64).reshape(-1, n))
    del alive
    return found


def _kinds() -> dict[str, Any]:
    return {f"{part}/{name}": kind for part, own in _PARTS.items() for name, kind in own.items()}


def _read(path: Path, file: h5py.File, name: str) -> Array:
    if name not in file:
        raise InputError(f"{path} lacks {name}: damaged")
    found: Array = store.read_array(file, name)
    return found

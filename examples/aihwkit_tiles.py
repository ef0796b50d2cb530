"""Build aihwkit's analog tiles from a crossbar tile file; needs h5py, numpy, torch and aihwkit.

    python aihwkit_tiles.py TILES.H5

Each crossbar becomes one tile of aihwkit (outputs x inputs, weights in -1..1) with an output scale
a column. PyTorch's inference tile is used, because the compiled one of the 1.1.0
wheel does not work with a recent torch.
"""

import sys
from typing import NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import TorchInferenceRPUConfig

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class AnalogTile(NamedTuple):
    """One crossbar: the sources of its rows, the neurons of its columns, and aihwkit's layer."""

    sources: Ints
    targets: Ints
    layer: AnalogLinear
    scale: Floats
    """Value of a full-scale output: scale of a code step times the largest code."""


def load(path: str, config: TorchInferenceRPUConfig, kind: str = "neurons") -> list[AnalogTile]:
    """Each tile's rows of one kind of source, "neurons" or "inputs", as an analog tile."""
    tiles = []
    with h5py.File(path) as file:
        group, n = file["tiles"], int(file["network"].attrs["neurons"])
        width, most = int(file["hardware"].attrs["columns"]), 2 ** (group.attrs["bits"] - 1) - 1
        name = "scale" if kind == "neurons" else "input_scale"
        per_column = np.ldexp(_per_column(group, name), int(group.attrs["exponent"]))
        bounds = [group[key][()] for key in ("row_indptr", "col_indptr", "indptr")]
        for t in range(len(group["core"])):
            row, col, cell = (slice(bound[t], bound[t + 1]) for bound in bounds)
            sources, targets = group["row_source"][row], group["col_target"][col]
            r, c = np.divmod(np.cumsum(group["step"][cell], dtype=np.int64) - 1, width)
            codes = np.zeros((len(targets), len(sources)), np.float32)
            codes[c, r] = group["code"][cell].astype(np.float32) - group.attrs["zero_point"]
            own = (sources < n) if kind == "neurons" else (sources >= n)
            if own.any():
                layer = AnalogLinear(int(own.sum()), len(targets), bias=False, rpu_config=config)
                next(layer.analog_tiles()).set_weights(torch.from_numpy(codes[:, own] / most))
                shift = 0 if kind == "neurons" else n
                scale = per_column[col] * most
                tiles.append(AnalogTile(sources[own] - shift, targets, layer, scale))
    return tiles


def product(tiles: list[AnalogTile], levels: Floats, n_neurons: int) -> Floats:
    """(batch, neurons) input of the neurons for levels (batch, sources) of the sources."""
    total = np.zeros((len(levels), n_neurons))
    for tile in tiles:
        drive = torch.from_numpy(levels[:, tile.sources].astype(np.float32))
        with torch.no_grad():
            total[:, tile.targets] += tile.layer(drive).numpy() * tile.scale
    return total


def _per_column(group: h5py.Group, name: str) -> Floats:
    """The scale of every column from a scale by network, tile, neuron or column."""
    if group.attrs[f"{name}_axis"] == b"neuron":
        values = group[name][()][group["col_target"][()]]
    elif group.attrs[f"{name}_axis"] == b"tile":
        values = np.repeat(group[name][()], np.diff(group["col_indptr"][()]))
    else:
        values = np.broadcast_to(group[name][()], group["col_target"].shape)
    return np.asarray(values, np.float64)


if __name__ == "__main__":
    for tile in load(sys.argv[1], TorchInferenceRPUConfig()):
        print(f"{len(tile.sources)} rows, {len(tile.targets)} columns: {tile.layer}")

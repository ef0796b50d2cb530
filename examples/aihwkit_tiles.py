"""Build aihwkit's analog tiles from a crossbar tile file; needs h5py, numpy, torch and aihwkit.

    python aihwkit_tiles.py TILES.H5

Each crossbar becomes one tile of aihwkit (outputs x inputs, weights in -1..1) with an output scale
a column. PyTorch's inference tile is used: the compiled one of the 1.1.0 wheel refuses recent
torch.
"""

import sys
from typing import NamedTuple

import h5py
import numpy as np
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import TorchInferenceRPUConfig


class AnalogTile(NamedTuple):
    """One crossbar: what drives its rows, what its columns feed, and aihwkit's layer."""

    sources: np.ndarray
    targets: np.ndarray
    layer: AnalogLinear
    scale: np.ndarray
    """Value of a full-scale output: scale of a code step times the largest code."""


def load(path: str, config: TorchInferenceRPUConfig, kind: str = "neurons") -> list[AnalogTile]:
    """The rows of each tile that neurons drive, or the "inputs" ones, as analog tiles."""
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


def product(tiles: list[AnalogTile], levels: np.ndarray, n_neurons: int) -> np.ndarray:
    """(batch, neurons) what the neurons get from sources at these levels (batch, sources)."""
    total = np.zeros((len(levels), n_neurons))
    for tile in tiles:
        drive = torch.from_numpy(levels[:, tile.sources].astype(np.float32))
        with torch.no_grad():
            total[:, tile.targets] += tile.layer(drive).numpy() * tile.scale
    return total


def _per_column(group: h5py.Group, name: str) -> np.ndarray:
    """The scale of every column from a scale by network, tile, neuron or column."""
    if group.attrs[f"{name}_axis"] == b"neuron":
        return group[name][()][group["col_target"][()]]
    if group.attrs[f"{name}_axis"] == b"tile":
        return np.repeat(group[name][()], np.diff(group["col_indptr"][()]))
    return np.broadcast_to(group[name][()], group["col_target"].shape)


if __name__ == "__main__":
    for tile in load(sys.argv[1], TorchInferenceRPUConfig()):
        print(f"{len(tile.sources)} rows, {len(tile.targets)} columns: {tile.layer}")

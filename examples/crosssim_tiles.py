"""Build CrossSim's analog cores from a crossbar tile file; needs h5py, numpy and CrossSim.

    python crosssim_tiles.py TILES.H5

Each crossbar becomes one AnalogCore (outputs x inputs) of its integer codes. All cores have the
range of the code's bits; the scale of a column is applied to its output, digitally. CrossSim is not
on the package index: clone github.com/sandialabs/cross-sim and put it on PYTHONPATH.
"""

import sys
from typing import NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
from simulator import AnalogCore, CrossSimParameters

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Core(NamedTuple):
    """One crossbar: the sources of its rows, the neurons of its columns, and CrossSim's core."""

    sources: Ints
    targets: Ints
    core: AnalogCore
    scale: Floats
    """Value of one code step of each output."""


def load(path: str, params: CrossSimParameters, kind: str = "neurons") -> list[Core]:
    """Each tile's rows of one kind of source, "neurons" or "inputs", as an analog core."""
    cores = []
    with h5py.File(path) as file:
        group, n = file["tiles"], int(file["network"].attrs["neurons"])
        width, bits = int(file["hardware"].attrs["columns"]), int(group.attrs["bits"])
        params, most = params.copy(), 2.0 ** (bits - 1) - 1
        params.core.weight_bits, params.core.mapping.weights.percentile = bits, None
        params.core.mapping.weights.min, params.core.mapping.weights.max = -most, most
        name = "scale" if kind == "neurons" else "input_scale"
        per_column = np.ldexp(_per_column(group, name), int(group.attrs["exponent"]))
        bounds = [group[key][()] for key in ("row_indptr", "col_indptr", "indptr")]
        for t in range(len(group["core"])):
            row, col, cell = (slice(bound[t], bound[t + 1]) for bound in bounds)
            sources, targets = group["row_source"][row], group["col_target"][col]
            r, c = np.divmod(np.cumsum(group["step"][cell], dtype=np.int64) - 1, width)
            codes = np.zeros((len(targets), len(sources)))
            codes[c, r] = group["code"][cell].astype(float) - group.attrs["zero_point"]
            own = (sources < n) if kind == "neurons" else (sources >= n)
            if own.any():
                shift = 0 if kind == "neurons" else n
                core = AnalogCore(codes[:, own], params)
                cores.append(Core(sources[own] - shift, targets, core, per_column[col]))
    return cores


def product(cores: list[Core], levels: Floats, n_neurons: int) -> Floats:
    """(batch, neurons) input of the neurons for levels (batch, sources) of the sources."""
    total = np.zeros((len(levels), n_neurons))
    for one in cores:
        total[:, one.targets] += (one.core @ levels[:, one.sources].T).T * one.scale
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
    for one in load(sys.argv[1], CrossSimParameters()):
        print(f"{len(one.sources)} rows, {len(one.targets)} columns: {one.core.shape}")

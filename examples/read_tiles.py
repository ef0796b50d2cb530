"""Rebuild the integer weight matrix of a crossbar tile file, with h5py and numpy alone.

python read_tiles.py TILES.H5 [MATRIX.NPY]    (writes matrix.npy by default)
"""

import sys
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np


def tiles(file: h5py.File) -> Iterator[tuple[int, Any, Any, Any]]:
    """Core, sources of the rows, targets of the columns and codes of each tile, read one by one."""
    group, width = file["tiles"], file["hardware"].attrs["columns"]
    bounds = {name: group[name][()] for name in ("row_indptr", "col_indptr", "indptr")}
    for t, core in enumerate(group["core"][()]):
        row, col, cell = (slice(*bounds[name][t : t + 2]) for name in bounds)
        sources, targets = group["row_source"][row], group["col_target"][col]
        r, c = np.divmod(np.cumsum(group["step"][cell], dtype=np.int64) - 1, width)
        codes = np.zeros((len(sources), len(targets)), np.int32)
        codes[r, c] = group["code"][cell].astype(np.int32) - group.attrs["zero_point"]
        yield int(core), sources, targets, codes


def matrix(path: str) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """(neurons + inputs, neurons) codes; a source's row, a neuron's column, 0 for no synapse."""
    with h5py.File(path) as file:
        assert file.attrs["encoding-type"] == b"crossbar-tiles"
        neurons, inputs = (int(file["network"].attrs[name]) for name in ("neurons", "inputs"))
        whole = np.zeros((neurons + inputs, neurons), np.int32)
        for _, sources, targets, codes in tiles(file):
            whole[np.ix_(sources, targets)] += codes  # parts of one neuron add up digitally
    return whole


if __name__ == "__main__":
    codes = matrix(sys.argv[1])
    print(f"{codes.shape[0]} sources, {codes.shape[1]} neurons, {np.count_nonzero(codes)} synapses")
    np.save(sys.argv[2] if len(sys.argv) > 2 else "matrix.npy", codes)

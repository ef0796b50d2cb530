"""A network from a scipy.sparse matrix in an npz file: [i, j] is the weight from i onto j."""

from pathlib import Path
from typing import Unpack

import numpy as np

from spiking_bimt.data import gate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.format import Format
from spiking_bimt.simulation.build import NetworkOptions, from_sparse

_MOST_NEURONS = 100_000_000


def read_npz(path: Path, *, dt: float = 0.1, **options: Unpack[NetworkOptions]) -> SpikingNetwork:
    """The network of a matrix that `scipy.sparse.save_npz` wrote.

    options: those of `simulation.build.from_csr`, for what a matrix does not say. Raises InputError
    for a file that is missing, damaged or foreign.
    """
    from scipy import sparse

    with gate.opening_npz(path, "a matrix of scipy.sparse.save_npz") as file:
        matrix = sparse.load_npz(file)  # never unpickles
        if (
            matrix.data.dtype == np.float16
        ):  # a file can hold it, but scipy does not compute with it
            matrix.data = matrix.data.astype(np.float32)
        if max(matrix.shape) > _MOST_NEURONS:
            raise InputError(
                f"{path} claims a matrix of {' x '.join(map(str, matrix.shape))}: at most "
                f"{_MOST_NEURONS:,} neurons are read"
            )
        if hasattr(matrix, "check_format"):  # scipy's own sorting crashes on bad indices
            matrix.check_format(full_check=True)
    try:
        return from_sparse(matrix, dt=dt, **options)
    except InputError as error:
        said = str(error).removeprefix("from_sparse: ")
        raise InputError(f"{path}: {said}") from error


FORMAT = Format(suffixes=(".npz",), read=read_npz)

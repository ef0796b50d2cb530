"""A network from a scipy.sparse matrix in an npz file: [i, j] is the weight from i onto j."""

import zipfile
from pathlib import Path
from typing import Any

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.format import Format
from spiking_bimt.simulation.build import from_sparse

_MOST_NEURONS = 100_000_000


def read_npz(path: Path, **options: Any) -> SpikingNetwork:
    """The network of a matrix that `scipy.sparse.save_npz` wrote.

    options: those of `simulation.build.from_csr`, for what a matrix does not say. Raises InputError
    for a file that is missing, damaged or foreign.
    """
    from scipy import sparse

    if not path.is_file():
        raise InputError(f"{path} does not exist")
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.file_size > store.MAX_EXPANSION * max(member.compress_size, 1):
                    raise InputError(f"{path}: {member.filename} claims {member.file_size} bytes")
        matrix = sparse.load_npz(path)  # never unpickles
        if max(matrix.shape) > _MOST_NEURONS:
            raise InputError(
                f"{path} claims a matrix of {' x '.join(map(str, matrix.shape))}: at most "
                f"{_MOST_NEURONS:,} neurons are read"
            )
        if hasattr(matrix, "check_format"):  # scipy's own sorting crashes on bad indices
            matrix.check_format(full_check=True)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, MemoryError,
            zipfile.BadZipFile) as error:  # fmt: skip
        raise InputError(
            f"{path} is no matrix of scipy.sparse.save_npz (truncated or foreign; "
            f"{type(error).__name__})"
        ) from error
    try:
        return from_sparse(matrix, **options)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


FORMAT = Format(suffixes=(".npz",), read=read_npz)

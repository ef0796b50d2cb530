"""Arrays of data by name, in npz and HDF5 files; long ones stay in the file where they can."""

import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import gate
from spiking_bimt.data.blocks import BLOCK, blocks, scratch
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

_LOCAL_HEADER = 30
"""Bytes of a zip member's own header before its name."""
_LENGTHS = slice(26, 30)
"""Where in it the lengths of the name and of what follows it stand."""


def read_npz(path: Path, ragged: Iterable[str] = ()) -> dict[str, Array]:
    """The arrays of an npz file by name; nothing is unpickled.

    Long arrays that are not compressed are mapped. ragged: names of those that may be of sequences
    of different lengths, for the error message.
    """
    with (
        gate.opening_npz(path, "an npz file of arrays") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        return {name: _of_npz(path, archive, name, name in ragged) for name in archive.files}


def _of_npz(path: Path, archive: Any, name: str, ragged: bool) -> Array:
    mapped = _mapped_member(path, archive.zip, f"{name}.npy")
    if mapped is not None:
        return mapped
    try:
        value: Array = archive[name]
        return value
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        what = " of different lengths" * ragged
        raise InputError(
            f"{name} is an array of Python objects, which are never unpickled: write sequences"
            f"{what} end to end, with offsets"
        ) from error


def _mapped_member(path: Path, archive: zipfile.ZipFile, member: str) -> Array | None:
    """A long array that lies in the file as it is, after its sum was checked; None for others."""
    if member not in archive.namelist():  # an array whose name has no suffix in the file
        return None
    info = archive.getinfo(member)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size <= BLOCK:
        return None
    with path.open("rb") as file:
        file.seek(info.header_offset)
        name, extra = struct.unpack("<HH", file.read(_LOCAL_HEADER)[_LENGTHS])
        start = info.header_offset + _LOCAL_HEADER + name + extra
        file.seek(start)
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        if version not in ((1, 0), (2, 0)):
            return None
        number = "1_0" if version == (1, 0) else "2_0"
        shape, columns, dtype = getattr(np.lib.format, f"read_array_header_{number}")(file)
        at = file.tell()
    if dtype.hasobject or columns or at - start + _size(shape, dtype) != info.file_size:
        return None
    with archive.open(info) as content:  # which raises where the sum is another
        while content.read(BLOCK):
            pass
    return np.memmap(path, dtype, "r", at, shape)


def _size(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize


def read_hdf5(path: Path, names: Iterable[str]) -> dict[str, Array] | None:
    """The arrays of these names at the top of an HDF5 file; None for a file without `inputs`.

    Long arrays are mapped, or copied block by block to a temporary file where they are compressed.
    """
    with gate.opening_hdf5(path) as file:
        if not isinstance(file.get("inputs"), h5py.Dataset):
            return None
        for name in file:
            if not isinstance(file[name], h5py.Dataset) or name not in names:
                raise InputError(f"it holds {name!r}; data are {', '.join(names)}")
        return {name: _of_hdf5(path, file[name]) for name in file}


def _of_hdf5(path: Path, dataset: h5py.Dataset) -> Array:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        gate.check_size(dataset)
        return np.asarray(dataset.asstr()[()], dtype=str)
    gate.check_numbers(dataset)
    if dataset.nbytes <= BLOCK:
        return gate.read_dataset(dataset)
    at = None if dataset.chunks is not None else dataset.id.get_offset()
    if at is not None and dataset.dtype.isnative:
        return np.memmap(path, dataset.dtype, "r", at, dataset.shape)
    made = scratch(dataset.shape, dataset.dtype.newbyteorder("="))
    for part in blocks(dataset):
        made[part] = dataset[part]
    return made

"""The digest of an HDF5 file's content: every name, type, shape and value that a reader can see.

It tells damage from a whole file. It is no signature: who changes a file can change it too.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xxhash

from spiking_bimt.data.blocks import BLOCK, blocks
from spiking_bimt.data.gate import check_numbers, read_dataset
from spiking_bimt.errors import InputError

NAME = "digest"
"""The attribute of `/` that holds it."""
KIND = "xxh3_128:"
"""What the attribute starts with."""


def array_digest(value: Any) -> bytes:
    """XXH3 (128 bits) of an array's bytes, little-endian, in C order."""
    array = np.asarray(value)
    array = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    raw = array.reshape(-1).view(np.uint8).data if array.size else b""
    return xxhash.xxh3_128_digest(raw)


def read_hashed(dataset: h5py.Dataset) -> tuple[npt.NDArray[Any], bytes]:
    """The numbers of a dataset (see `read_dataset`), and the XXH3 of their bytes.

    A long one is hashed block by block while it is read: bytes that are still in the processor's
    cache are hashed several times as fast as those in memory.
    """
    plain = dataset.ndim == 1 and dataset.chunks is None and dataset.dtype.isnative
    if not plain or sys.byteorder != "little" or dataset.nbytes <= BLOCK:
        value = read_dataset(dataset)
        return value, array_digest(value)
    check_numbers(dataset)
    value, total = np.empty(dataset.shape, dataset.dtype), xxhash.xxh3_128()
    step = BLOCK // dataset.dtype.itemsize
    for start in range(0, len(value), step):
        part = np.s_[start : min(start + step, len(value))]
        dataset.read_direct(value, part, part)
        total.update(value[part].view(np.uint8).data)
    return value, total.digest()


def content_digest(file: h5py.File, held: Mapping[str, bytes] | None = None) -> str:
    """XXH3 (128 bits) of a file's content, after its kind.

    For every object in the order of its path, `/` first: its path and "group" or "dataset"; the
    name, type, shape and bytes of each attribute in the order of names (`digest` of `/` apart); of
    a dataset its type, shape and the XXH3 of its bytes. Every part is preceded by its length in 8
    bytes. held: the last of datasets that were read already, by their path.
    """
    held = held or {}
    digest = xxhash.xxh3_128()
    items: dict[str, Any] = {}
    file.visititems(items.__setitem__)

    def add(raw: bytes) -> None:
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)

    def add_kind(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        add(dtype.newbyteorder("<").str.encode())
        add(str(shape).encode())

    for path, item in [("/", file), *sorted(items.items())]:
        dataset = isinstance(item, h5py.Dataset)
        add(path.encode())
        add(b"dataset" if dataset else b"group")
        for name in sorted(set(item.attrs) - ({NAME} if path == "/" else set())):
            add(name.encode())
            value = np.asarray(attribute(item, name))
            add_kind(value.dtype, value.shape)
            add(value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes())
        if dataset:
            add_kind(item.dtype, item.shape)
            add(held[path] if path in held else _dataset_digest(item))
    return KIND + digest.hexdigest()


def _dataset_digest(dataset: h5py.Dataset) -> bytes:
    """XXH3 of a dataset's numbers, or of its texts of fixed length; of a long one by blocks."""
    if dataset.dtype.kind == "S":
        return array_digest(np.asarray(dataset[()]))
    little = dataset.dtype.newbyteorder("<") == dataset.dtype
    if dataset.chunks is not None or not dataset.ndim or not little:
        return array_digest(read_dataset(dataset))
    check_numbers(dataset)
    return _blocks_digest(dataset)


def _blocks_digest(array: Any) -> bytes:
    """XXH3 of a long array or dataset of little-endian numbers."""
    total = xxhash.xxh3_128()
    for part in blocks(array):
        total.update(np.ascontiguousarray(array[part]).reshape(-1).view(np.uint8).data)
    return total.digest()


def map_hashed(dataset: h5py.Dataset, path: Path) -> tuple[npt.NDArray[Any], bytes]:
    """As `read_hashed`, but a long array stays in the file `path`, which is mapped."""
    at = None if dataset.chunks is not None else dataset.id.get_offset()
    little = dataset.dtype.newbyteorder("<") == dataset.dtype and dataset.dtype.isnative
    if at is None or not little or dataset.nbytes <= BLOCK:
        return read_hashed(dataset)
    check_numbers(dataset)
    value = np.memmap(path, dataset.dtype, "r", at, dataset.shape)
    return value, _blocks_digest(value)


def attribute(item: Any, name: str) -> Any:
    """An attribute's value; one of variable length is refused, which HDF5 can crash on."""
    kind = item.attrs.get_id(name).dtype
    if kind.hasobject:
        raise InputError(f"attribute {name} has a variable length: not a spiking_bimt file")
    return item.attrs[name]


def check(file: h5py.File, held: Mapping[str, bytes] | None = None) -> bool:
    """Whether a file has a digest; InputError where its content has another one."""
    if NAME not in file.attrs:
        return False
    wanted = attribute(file, NAME)
    text = wanted.decode(errors="replace") if isinstance(wanted, bytes) else wanted
    if text != content_digest(file, held):
        raise InputError("its content is not what was written, by its digest: it is damaged")
    return True

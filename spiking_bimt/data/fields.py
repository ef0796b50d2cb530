"""Records and arrays as datasets and attributes of an HDF5 group."""

import dataclasses
import json
import types
import typing
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import digest, gate, validate
from spiking_bimt.data.gate import read_dataset
from spiking_bimt.errors import InputError

_COMPRESS_ABOVE = 1024
# Values of a record's array that is read at the disk's speed: inflating it would take ten times as
# long, for half the size.
_COMPRESS_UP_TO = 2**22
_CHUNK = 65536  # values of a chunk of `write_packed`

T = typing.TypeVar("T")


def read_array(group: h5py.Group, name: str) -> Any:
    """One dataset as an array; its size is checked against the stored bytes before allocation."""
    return read_dataset(_dataset(group, name))


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"dataset {name} is missing")
    return dataset


def write_array(group: h5py.Group, name: str, value: Any, up_to: int | None = None) -> None:
    """One dataset, compressed when it is worth it; equal data give equal bytes.

    More than `up_to` values are kept as they are.
    """
    value = np.asarray(value)
    options: dict[str, Any] = {}
    if value.size > _COMPRESS_ABOVE and (up_to is None or value.size <= up_to):
        options = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "chunks": True}
    group.create_dataset(name, data=value, track_times=False, **options)


def write_packed(group: h5py.Group, name: str, value: npt.NDArray[Any]) -> None:
    """One long 1-D dataset, shuffled and deflated in chunks; smaller than HDF5's own deflate.

    Deflate's "filtered" strategy skips the short chance matches that cost more than they save in
    integers without structure.
    """
    little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    if len(little) <= _COMPRESS_ABOVE:
        group.create_dataset(name, data=little, track_times=False)
        return
    chunk = min(_CHUNK, len(little))
    dataset = group.create_dataset(
        name, shape=little.shape, dtype=little.dtype, chunks=(chunk,), compression="gzip",
        shuffle=True, track_times=False,
    )  # fmt: skip
    for start in range(0, len(little), chunk):
        part = np.zeros(chunk, little.dtype)
        part[: len(little) - start] = little[start : start + chunk]
        planes = part.view(np.uint8).reshape(chunk, -1).T
        packer = zlib.compressobj(6, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
        raw = packer.compress(planes.tobytes()) + packer.flush()
        dataset.id.write_direct_chunk((start,), raw)


def write_text(group: h5py.Group, name: str, value: str) -> None:
    """A UTF-8 attribute of fixed length: HDF5 can crash on damaged text of variable length."""
    raw = value.encode()
    group.attrs.create(name, raw, dtype=h5py.string_dtype("utf-8", max(len(raw), 1)))


def write_fields(group: h5py.Group, record: Any) -> None:
    """Every field of a record: arrays as datasets, the rest as attributes."""
    hints = typing.get_type_hints(type(record))
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if value is None:
            continue
        if isinstance(value, np.ndarray):
            write_array(group, field.name, value, _COMPRESS_UP_TO)
        elif _is_json(hints[field.name]):
            write_text(group, field.name, json.dumps(value, sort_keys=True))
        elif isinstance(value, str):
            write_text(group, field.name, value)
        else:
            group.attrs[field.name] = value


def read_fields(group: h5py.Group, record: type[T]) -> T:
    """The record that `write_fields` wrote; it validates itself."""
    return record(**field_values(group, record))


def field_values(
    group: h5py.Group,
    record: type,
    hashes: dict[str, bytes] | None = None,
    mapped: Path | None = None,
) -> dict[str, Any]:
    """The fields of a record as they stand in a group: arrays whole, attributes by their types.

    hashes: takes the XXH3 of each array by its name. mapped: the file, where long arrays are to
    stay in it.
    """
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(record)
    for field in dataclasses.fields(record):
        name, optional = field.name, type(None) in typing.get_args(hints[field.name])
        if name in group:
            if hashes is None:
                value = read_array(group, name)
            elif mapped is not None:
                value, hashes[name] = digest.map_hashed(_dataset(group, name), mapped)
            else:
                value, hashes[name] = digest.read_hashed(_dataset(group, name))
            values[name] = validate.hand_over(value)
        elif name in group.attrs:
            values[name] = _attribute(group, name, hints[name])
        elif optional:
            values[name] = None
        elif field.default is dataclasses.MISSING:
            raise InputError(f"{name} is missing")
    return values


def _is_json(hint: Any) -> bool:
    options = typing.get_args(hint) if typing.get_origin(hint) is types.UnionType else (hint,)
    return any(typing.get_origin(option) in (tuple, dict) for option in options)


def _attribute(group: h5py.Group, name: str, hint: Any) -> Any:
    if _is_json(hint):
        return validate.typed("", name, json_of(group, name), hint)
    options = [o for o in (typing.get_args(hint) or (hint,)) if o is not type(None)]
    if options == [str]:
        return text_of(group, name)
    value = np.asarray(digest.attribute(group, name))
    if value.dtype.kind not in "biuf" or value.ndim:
        raise InputError(f"attribute {name} is {value!r}, expected a number")
    return validate.scalar("attribute", name, value, options[0])


def text_of(group: h5py.Group, name: str) -> str:
    """An attribute's text; InputError where it lacks or is no text."""
    if name not in group.attrs:
        raise InputError(f"attribute {name} is missing: not a spiking_bimt file")
    value = digest.attribute(group, name)
    if not isinstance(value, bytes | str):
        raise InputError(f"attribute {name} is not text")
    return value.decode() if isinstance(value, bytes) else value


def json_of(group: h5py.Group, name: str) -> Any:
    """What an attribute's JSON text says."""
    try:
        return gate.json_value(text_of(group, name))
    except InputError as error:
        raise InputError(f"attribute {name}: {error}") from error

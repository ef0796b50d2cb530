"""Saves and loads any record by its fields: HDF5, no pickle, never half a file."""

import contextlib
import dataclasses
import json
import types
import typing
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.atomic import own_folder as own_folder
from spiking_bimt.data.atomic import refuse_foreign as refuse_foreign
from spiking_bimt.data.atomic import remove as remove
from spiking_bimt.data.atomic import replacing as replacing
from spiking_bimt.data.atomic import replacing_folder as replacing_folder
from spiking_bimt.data.atomic import sha256 as sha256
from spiking_bimt.data.atomic import write_bytes as write_bytes
from spiking_bimt.errors import InputError

SCHEMA_PREFIX = "spiking_bimt/"
SCHEMA_VERSION = "1.0"
# Deflate cannot expand a stream more than 1032 times: a dataset that claims more is hostile.
MAX_EXPANSION = 1100
_COMPRESS_ABOVE = 1024
# Values of a record's array that is read at the disk's speed: inflating it would take ten times as
# long, for half the size.
_COMPRESS_UP_TO = 2**22
_CHUNK = 65536  # values of a chunk of `write_packed`

T = typing.TypeVar("T")


@dataclass(frozen=True)
class Provenance:
    """What a file was made from."""

    settings: dict[str, Any]
    """The settings of the stage that wrote it (JSON values)."""
    inputs: dict[str, str]
    """SHA-256 of each input file, by file name."""
    package_version: str


def version() -> str:
    """The installed package's version."""
    return metadata.version("spiking-bimt")


@contextlib.contextmanager
def writing_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, written to `path` when the block ends.

    It is built in memory, so that a full disk is met by one plain write and not inside HDF5.
    """
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    write_bytes(path, image)


@contextlib.contextmanager
def writing(
    path: Path, schema: str, settings: dict[str, Any], inputs: dict[str, Path]
) -> Iterator[h5py.File]:
    """An HDF5 file with this package's header (see `writing_hdf5`)."""
    with writing_hdf5(path) as file:
        hashes = {name: sha256(source) for name, source in inputs.items()}
        write_text(file, "schema", SCHEMA_PREFIX + schema)
        write_text(file, "schema_version", SCHEMA_VERSION)
        write_text(file, "package_version", version())
        write_text(file, "settings", json.dumps(settings, sort_keys=True))
        write_text(file, "inputs", json.dumps(hashes, sort_keys=True))
        yield file


@contextlib.contextmanager
def opening(path: Path) -> Iterator[h5py.File]:
    """Any HDF5 file, open for reading; errors in the block become InputErrors that name it."""
    if not path.is_file():
        raise InputError(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{path} is not a readable HDF5 file (truncated or foreign): make it again"
        ) from error
    with file:
        try:
            yield file
        except InputError as error:
            if str(path) in str(error):
                raise
            raise InputError(f"{path}: {error}") from error
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            message = str(error).strip("\"'").splitlines()
            detail = message[0] if message else type(error).__name__
            raise InputError(f"{path} is damaged ({detail}): make it again") from error


@contextlib.contextmanager
def reading(path: Path, schema: str) -> Iterator[h5py.File]:
    """An HDF5 file of this package, open for reading.

    Raises InputError when it is missing, not HDF5, truncated, of another schema, or of a newer
    major version.
    """
    with opening(path) as file:
        found, number = _text(file, "schema"), _text(file, "schema_version")
        if found != SCHEMA_PREFIX + schema:
            raise InputError(f"{path} holds {found!r}, expected {SCHEMA_PREFIX + schema!r}")
        if number.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
            raise InputError(
                f"{path} has schema version {number}, this package reads "
                f"{SCHEMA_VERSION.split('.')[0]}.x: use the release that wrote it"
            )
        yield file


def provenance(path: Path, schema: str) -> Provenance:
    """What `path` was made from."""
    with reading(path, schema) as file:
        return Provenance(
            settings=_json(file, "settings"),
            inputs=_json(file, "inputs"),
            package_version=_text(file, "package_version"),
        )


def read_array(group: h5py.Group, name: str) -> Any:
    """One dataset as an array; its size is checked against the stored bytes before allocation."""
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"dataset {name} is missing")
    return read_dataset(dataset)


def read_dataset(dataset: h5py.Dataset) -> Any:
    """The numbers of a dataset; its size is checked against the stored bytes first."""
    if dataset.dtype.kind not in "biuf":
        name = dataset.name.rsplit("/", 1)[1]
        raise InputError(f"dataset {name} holds {dataset.dtype}, expected numbers")
    check_size(dataset)
    return dataset[()]


def check_size(dataset: h5py.Dataset) -> None:
    """Raise InputError where a dataset claims more than its stored bytes can expand to."""
    stored = dataset.id.get_storage_size()
    if dataset.size * dataset.dtype.itemsize > MAX_EXPANSION * max(stored, 1):
        name = dataset.name.rsplit("/", 1)[1]
        raise InputError(f"dataset {name} claims {dataset.size} values in {stored} stored bytes")


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
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(record)
    for field in dataclasses.fields(typing.cast(Any, record)):
        name, optional = field.name, type(None) in typing.get_args(hints[field.name])
        if name in group:
            values[name] = validate.hand_over(read_array(group, name))
        elif name in group.attrs:
            values[name] = _attribute(group, name, hints[name])
        elif optional:
            values[name] = None
        elif field.default is dataclasses.MISSING:
            raise InputError(f"{name} is missing")
    return record(**values)


def save(
    record: Any, path: Path, settings: dict[str, Any], inputs: dict[str, Path] | None = None
) -> None:
    """Write a record to `path`, atomically, under its class name as schema."""
    with writing(path, type(record).__name__, settings, inputs or {}) as file:
        write_fields(file, record)


def load(path: Path, record: type[T]) -> T:
    """Read a record back; raises InputError for anything but a whole, valid file of it."""
    with reading(path, record.__name__) as file:
        return read_fields(file, record)


def _is_json(hint: Any) -> bool:
    options = typing.get_args(hint) if typing.get_origin(hint) is types.UnionType else (hint,)
    return any(typing.get_origin(option) in (tuple, dict) for option in options)


def _attribute(group: h5py.Group, name: str, hint: Any) -> Any:
    if _is_json(hint):
        value = _json(group, name)
        return tuple(value) if isinstance(value, list) else value
    options = [o for o in (typing.get_args(hint) or (hint,)) if o is not type(None)]
    if options == [str]:
        return _text(group, name)
    value = group.attrs[name]
    if np.asarray(value).dtype.kind not in "biuf" or np.ndim(value):
        raise InputError(f"attribute {name} is {value!r}, expected a number")
    return options[0](value)


def _text(group: h5py.Group, name: str) -> str:
    if name not in group.attrs:
        raise InputError(f"attribute {name} is missing: not a spiking_bimt file")
    value = group.attrs[name]
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise InputError(f"attribute {name} is not text")
    return value


def _json(group: h5py.Group, name: str) -> Any:
    try:
        return json.loads(_text(group, name))
    except json.JSONDecodeError as error:
        raise InputError(f"attribute {name} is not valid JSON") from error

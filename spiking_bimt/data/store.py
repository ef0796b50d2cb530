"""Saves and loads any record by its fields: HDF5, no pickle, never half a file."""

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
import typing
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py

from spiking_bimt.data import digest, gate, validate
from spiking_bimt.data.atomic import own_folder as own_folder
from spiking_bimt.data.atomic import refuse_foreign as refuse_foreign
from spiking_bimt.data.atomic import remove as remove
from spiking_bimt.data.atomic import replacing as replacing
from spiking_bimt.data.atomic import replacing_folder as replacing_folder
from spiking_bimt.data.atomic import write_bytes as write_bytes
from spiking_bimt.data.blocks import BLOCK
from spiking_bimt.data.fields import field_values, json_of, text_of
from spiking_bimt.data.fields import read_array as read_array
from spiking_bimt.data.fields import read_fields as read_fields
from spiking_bimt.data.fields import write_array as write_array
from spiking_bimt.data.fields import write_fields as write_fields
from spiking_bimt.data.fields import write_packed as write_packed
from spiking_bimt.data.fields import write_text as write_text
from spiking_bimt.data.hashed import State, hash_in_state, state
from spiking_bimt.data.hashed import sha256 as sha256
from spiking_bimt.errors import InputError, OldFileWarning

SCHEMA_PREFIX = "spiking_bimt/"
SCHEMA_VERSION = "1.1"
_WITHOUT_DIGEST = "1.0"
"""The version whose files have no digest."""
IN_MEMORY = 2**26
"""Bytes of a record's arrays up to which its file is built in memory."""
_HEADER = ("schema", "schema_version", "package_version", "settings", "inputs", digest.NAME)

T = typing.TypeVar("T")
Inputs: typing.TypeAlias = Mapping[str, Path | str]


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
def writing_hdf5(path: Path, *, large: bool = False) -> Iterator[h5py.File]:
    """An HDF5 file, written to `path` when the block ends.

    It is built in memory, so that a full disk is met by one plain write and not inside HDF5; a
    large one in a file without a name in the same folder.
    """
    if large:
        with replacing(path) as whole, tempfile.TemporaryFile(dir=path.parent) as built:
            with h5py.File(built, "w") as file:
                yield file
            built.seek(0)
            shutil.copyfileobj(built, whole, BLOCK)
        return
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    write_bytes(path, image)


def _json_text(name: str, value: dict[str, Any]) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{name} cannot be written as JSON: {error}") from error


@contextlib.contextmanager
def writing(
    path: Path, schema: str, settings: dict[str, Any], inputs: Inputs, *, large: bool = False
) -> Iterator[h5py.File]:
    """An HDF5 file with this package's header and digest (see `writing_hdf5`).

    inputs: files that it is made from, or their SHA-256 where they were read already.
    """
    with writing_hdf5(path, large=large) as file:
        hashes = {
            name: hash_of_read(source) if isinstance(source, Path) else source
            for name, source in inputs.items()
        }
        write_text(file, "schema", SCHEMA_PREFIX + schema)
        write_text(file, "schema_version", SCHEMA_VERSION)
        write_text(file, "package_version", version())
        write_text(file, "settings", _json_text("settings", settings))
        write_text(file, "inputs", json.dumps(hashes, sort_keys=True))
        yield file
        if digest.NAME not in file.attrs:
            write_text(file, digest.NAME, digest.content_digest(file))


opening = gate.opening_hdf5
check_size = gate.check_size
read_dataset = gate.read_dataset


@contextlib.contextmanager
def reading(path: Path, schema: str) -> Iterator[h5py.File]:
    """An HDF5 file of this package, open for reading, after its digest was checked.

    Raises InputError when it is missing, not HDF5, truncated, damaged, of another schema, or of a
    newer major version.
    """
    with _of_schema(path, schema) as file:
        _check_digest(path, file)
        yield file


@contextlib.contextmanager
def _of_schema(path: Path, schema: str) -> Iterator[h5py.File]:
    with opening(path) as file:
        found, number = text_of(file, "schema"), text_of(file, "schema_version")
        if found != SCHEMA_PREFIX + schema:
            raise InputError(f"{path} holds {found!r}, expected {SCHEMA_PREFIX + schema!r}")
        if number.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
            raise InputError(
                f"{path} has schema version {number}, this package reads "
                f"{SCHEMA_VERSION.split('.')[0]}.x: use the release that wrote it"
            )
        yield file


def _check_digest(path: Path, file: h5py.File, held: Mapping[str, bytes] | None = None) -> None:
    """InputError for damage; a warning for a file of a version that had no digest."""
    if digest.check(file, held):
        return
    if text_of(file, "schema_version") != _WITHOUT_DIGEST:
        raise InputError(f"{path} has no digest of its content: damaged, make it again")
    warnings.warn(
        f"{path} is of an earlier version, without a digest: damage in it is not noticed",
        OldFileWarning,
        stacklevel=2,
    )


def provenance(path: Path, schema: str, *, checked: bool = False) -> Provenance:
    """What `path` was made from; checked: whether its content was checked already."""
    with (_of_schema if checked else reading)(path, schema) as file:
        return _provenance(file)


def _provenance(file: h5py.File) -> Provenance:
    settings, inputs = json_of(file, "settings"), json_of(file, "inputs")
    return Provenance(
        settings=validate.typed("provenance", "settings", settings, dict[str, Any]),
        inputs=validate.typed("provenance", "inputs", inputs, dict[str, str]),
        package_version=text_of(file, "package_version"),
    )


def save(record: Any, path: Path, settings: dict[str, Any], inputs: Inputs | None = None) -> None:
    """Write a record to `path`, atomically, under its class name as schema."""
    arrays = [value for value in vars(record).values() if hasattr(value, "nbytes")]
    large = sum(value.nbytes for value in arrays) > IN_MEMORY
    with writing(path, type(record).__name__, settings, inputs or {}, large=large) as file:
        write_fields(file, record)


def load(path: Path, record: type[T], *, mapped: bool = False) -> T:
    """Read a record back; raises InputError for anything but a whole, valid file of it.

    mapped: leave its long arrays in the file, which must then not be written to in place.
    """
    with _of_schema(path, record.__name__) as file:
        handle = os.fstat(file.id.get_vfd_handle())
        _read[path.resolve()] = state(handle)
        return _record(path, file, record, path if mapped else None)


def content_of(path: Path) -> str:
    """The digest of its content that a file names; empty where it names none."""
    with opening(path) as file:
        return text_of(file, digest.NAME) if digest.NAME in file.attrs else ""


_read: dict[Path, State] = {}
"""The state of each file when a record was last read from it (see `hash_of_read`)."""


def hash_of_read(path: Path) -> str:
    """SHA-256 of a file; InputError where it is another one than its record was read from."""
    before = _read.get(path.resolve())
    return sha256(path) if before is None else hash_in_state(path, before)


def _record(path: Path, file: h5py.File, record: type[T], mapped: Path | None) -> T:
    """The record of an open file; its arrays are hashed while they are read."""
    names = {field.name for field in dataclasses.fields(typing.cast(Any, record))}
    hashes: dict[str, bytes] = {}
    values = field_values(file, record, hashes, mapped)
    try:
        made = record(**values)
    except InputError:
        _check_digest(path, file, hashes)  # damage is the better reason
        raise
    _check_digest(path, file, hashes)
    for name in (*file, *file.attrs):
        if name not in names and name not in _HEADER:
            raise InputError(f"it holds {name!r}, which this release does not know")
    return made

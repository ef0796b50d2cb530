"""The one gate for files that others may have written: budgets, and one line for what goes wrong.

Nothing here runs code that a file names, follows a link inside a file, or takes more memory than a
fixed budget and a small multiple of the file's own size.
"""

import contextlib
import csv
import errno
import json
import os
import stat
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import hashed
from spiking_bimt.errors import InputError

MOST_TOML = 2**18
"""Bytes of a TOML file: tomllib's time grows with the square of a long key."""
MOST_JSON = 2**23
"""Bytes of a JSON file."""
MOST_LINES = 2**26
"""Bytes of a file of JSON lines, or of a table (CSV)."""
MOST_VALUES = 2**20
"""Values of a JSON file, or rows of a table: a value takes about 100 bytes of memory."""
MOST_OBJECTS = 100_000
"""Groups and datasets of an HDF5 file."""
MOST_EXPANDED = 2**28
"""Bytes that the arrays of a file may take beyond `MOST_TIMES` the file itself."""
MOST_TIMES = 8
# Deflate cannot expand a stream more than 1032 times: a dataset that claims more is hostile.
MAX_EXPANSION = 1100
_HDF5 = "a readable HDF5 file"


@contextlib.contextmanager
def parsing(path: Path, what: str) -> Iterator[None]:
    """Whatever goes wrong in the block becomes one line that names the file and what it is not."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        if error.strerror is None:
            raise InputError(f"{path} is {what} that is damaged ({_short(error)})") from error
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except MemoryError as error:
        raise InputError(f"{path} asks for more memory than there is") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deep for {what}") from error
    except Exception as error:  # a parser raises whatever the damage leads to
        raise InputError(f"{path} is not {what}: damaged or foreign ({_short(error)})") from error


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open for reading; a folder, FIFO or device is refused before it is opened."""
    regular(path)
    with path.open("rb") as file:
        yield file


def regular(path: Path) -> None:
    """Raise InputError unless `path` is a regular file, or a link to one."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {_short(error)}") from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is not a file" if stat.S_ISDIR(found.st_mode) else
                         f"{path} is not a regular file, but a device or pipe")  # fmt: skip
    hashed.note(path, found)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file of at most so many bytes."""
    with parsing(path, "a file"), opened(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path} has more than {most:,} bytes, the most that is read")
    return content


def read_text(path: Path, most: int) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8 (byte {error.start})") from error


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file, and what it says."""
    text = read_text(path, MOST_TOML)
    return text, parse_toml(text, path)


def parse_toml(text: str, source: Path) -> dict[str, Any]:
    """What a TOML text says; `source` is named in errors."""
    with parsing(source, "valid TOML"):
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{source} is not valid TOML: {error}") from error


def read_json(path: Path, most: int = MOST_JSON) -> Any:
    """What a JSON file says; a key that stands twice in an object is refused."""
    return parse_json(read_text(path, most), path)


def parse_json(text: str, source: Path) -> Any:
    """What a JSON text says (see `read_json`)."""
    with parsing(source, "valid JSON"):
        try:
            return json_value(text)
        except InputError as error:
            raise InputError(f"{source} is {error}") from error


def json_value(text: str) -> Any:
    """The value of a JSON text within the budget; InputError says what is wrong with it."""
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise InputError(f"too large: more than {MOST_VALUES:,} values")
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise InputError(f"not valid JSON: {error}") from error
    except RecursionError as error:
        raise InputError("not valid JSON: nested too deep") from error


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; InputError names the first line that is none."""
    rows = []
    for number, line in enumerate(read_text(path, MOST_LINES).splitlines(), 1):
        with parsing(path, "a file of JSON lines"):
            row = json_value(line)
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}: it is no object")
        rows.append(row)
        if len(rows) > MOST_VALUES:
            raise InputError(f"{path} has more than {MOST_VALUES:,} lines, the most that are read")
    return rows


def read_csv(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a table with a line of names; a row of another length is refused."""
    text = read_text(path, MOST_LINES)
    with parsing(path, "a table"):
        rows: list[dict[str, str]] = []
        for row in csv.DictReader(text.splitlines(), delimiter=delimiter, strict=True):
            if None in row or None in row.values():
                raise InputError(f"row {len(rows) + 1} has not as many cells as the first line")
            rows.append(row)
            if len(rows) * len(row) > MOST_VALUES:
                raise InputError(f"more than {MOST_VALUES:,} cells, the most that are read")
        return rows


@contextlib.contextmanager
def opening_npz(path: Path, what: str) -> Iterator[BinaryIO]:
    """A zip file of arrays whose members keep to the budget, open for reading."""
    with parsing(path, what), opened(path) as file:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
        size = file.seek(0, 2)
        file.seek(0)
        if len(members) > MOST_OBJECTS:
            raise InputError(f"it has {len(members)} members")
        for member in members:
            if member.file_size > MAX_EXPANSION * max(member.compress_size, 1):
                raise InputError(f"{member.filename} claims {member.file_size} bytes")
        check_claim(sum(member.file_size for member in members), size)
        yield file


@contextlib.contextmanager
def opening_hdf5(path: Path, expanded: int = MOST_EXPANDED) -> Iterator[h5py.File]:
    """An HDF5 file, open for reading, that has all its data inside and keeps to the budget.

    expanded: bytes that its arrays may take beyond a multiple of the file's size.
    """
    with parsing(path, _HDF5), open_hdf5(path, expanded) as file:
        yield file


def open_hdf5(path: Path, expanded: int = MOST_EXPANDED) -> h5py.File:
    """As `opening_hdf5`, for a caller that has its own words for what it finds in the file."""
    with parsing(path, _HDF5):
        regular(path)
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise InputError(f"cannot read {path}: {os.strerror(error.errno)}") from error
            raise InputError(
                f"{path} is not a readable HDF5 file (truncated or foreign): make it again"
            ) from error
        try:
            _survey(file, path.stat().st_size, expanded)
        except BaseException:
            file.close()
            raise
        return file


def check_size(dataset: h5py.Dataset) -> None:
    """Raise InputError where a dataset claims more than its stored bytes can expand to."""
    stored = dataset.id.get_storage_size()
    if dataset.size * dataset.dtype.itemsize > MAX_EXPANSION * max(stored, 1):
        name = dataset.name.rsplit("/", 1)[1]
        raise InputError(f"dataset {name} claims {dataset.size} values in {stored} stored bytes")


def read_dataset(dataset: h5py.Dataset) -> npt.NDArray[Any]:
    """The numbers of a dataset; its size is checked against the stored bytes first."""
    check_numbers(dataset)
    return np.asarray(dataset[()])


def check_numbers(dataset: h5py.Dataset) -> None:
    """Raise InputError unless a dataset holds numbers, and no more than its bytes expand to."""
    if dataset.dtype.kind not in "biuf":
        name = dataset.name.rsplit("/", 1)[1]
        raise InputError(f"dataset {name} holds {dataset.dtype}, expected numbers")
    check_size(dataset)


def _survey(file: h5py.File, size: int, expanded: int) -> None:
    """Refuse links, data outside the file, and claims beyond the budget."""
    names: list[bytes] = []

    def look(name: bytes, info: Any) -> bool | None:
        names.append(name)  # the last one is what the walk stops at
        other = info.type != h5py.h5l.TYPE_HARD
        return True if other or len(names) > MOST_OBJECTS else None

    if file.id.links.visit(look, info=True):
        if len(names) > MOST_OBJECTS:
            raise InputError(f"it has more than {MOST_OBJECTS:,} objects, the most that are read")
        last = names[-1].decode(errors="replace")
        raise InputError(f"{last} is a link to another place: such are not followed")
    claimed = 0
    for name in names:
        item = file[name]
        if not isinstance(item, h5py.Dataset):
            continue
        if item.is_virtual or item.external:
            raise InputError(f"{item.name} has its data in other files: such are not opened")
        claimed += item.size * item.dtype.itemsize if item.shape is not None else 0
    check_claim(claimed, size, expanded)


def check_claim(claimed: int, size: int, expanded: int = MOST_EXPANDED) -> None:
    """Raise InputError where arrays claim more bytes than a file of `size` may ask for."""
    if claimed > MOST_TIMES * size + expanded:
        raise InputError(
            f"its arrays claim {claimed:,} bytes in a file of {size:,}: at most {MOST_TIMES} times "
            f"that and {expanded >> 20} MiB are read"
        )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InputError(f"not valid JSON: key {twice!r} stands twice in one object")
    return found


def _short(error: BaseException) -> str:
    words = " ".join(str(error).strip("\"'").split()) or type(error).__name__
    return words if len(words) <= 160 else words[:157] + "..."

"""Whether every element of an exported file is that of a fresh export of the same network."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import digest, gate, store
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.format import Check, Export

_HDF5 = (".h5", ".nir", ".net")
_JSON = (".json", ".yaml")
_OF_THE_WRITER = (digest.NAME, "written_by")
"""Attributes that say who wrote a file and sum up what it holds: readers check them."""


@contextlib.contextmanager
def fresh_export(check: Check, write: Callable[[Export], dict[str, Any]]) -> Iterator[Path]:
    """The file or folder that an export writes now, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "fresh"
        write(Export(check.run, path, check.network, {}))
        yield path


def require_equal(path: Path, fresh: Path, suffix: str = "", without: Collection[str] = ()) -> None:
    """Raise CheckError at the first element that differs from the fresh export's.

    suffix: of a single file, which says how it is read; files of a folder have their own. Files
    that a fresh folder has not are not looked at. without: paths in HDF5 that need not be equal.
    """
    if fresh.is_dir():
        folder = path if path.is_dir() else path.parent
        pairs = [(folder / file.name, file) for file in sorted(fresh.iterdir())
                 if not file.name.startswith(".")]  # fmt: skip
    else:
        pairs = [(path, fresh)]
    for mine, theirs in pairs:
        if not mine.is_file():
            raise CheckError(f"{mine.name} is not there")
        kind = suffix or mine.suffix
        if kind in _HDF5:
            _compare_hdf5(mine, theirs, without)
        elif kind in _JSON:
            _compare_json_files(mine, theirs)
        else:
            _compare_lines(mine, theirs)


def compare_arrays(name: str, mine: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> None:
    """Raise CheckError where two arrays differ in kind, shape or a value."""
    if mine.dtype != theirs.dtype or mine.shape != theirs.shape:
        raise _differs(name, f"{mine.dtype} {mine.shape}", f"{theirs.dtype} {theirs.shape}")
    unequal = mine != theirs
    if mine.dtype.kind == "f":
        unequal &= ~(np.isnan(mine) & np.isnan(theirs))
    if np.any(unequal):
        first = tuple(int(k) for k in np.argwhere(unequal)[0]) if mine.ndim else ()
        where = f"{name}[{', '.join(map(str, first))}]" if first else name
        raise _differs(where, mine[first], theirs[first])


def compare_json(name: str, mine: Any, theirs: Any) -> None:
    """Raise CheckError at the first key, item or value that differs."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        for key in theirs.keys() | mine.keys():
            if key not in mine or key not in theirs:
                raise CheckError(
                    f"{name} {'lacks' if key not in mine else 'has'} the key {key!r}, a fresh "
                    f"export {'has it' if key in theirs else 'has not'}"
                )
            compare_json(f"{name}, {key}", mine[key], theirs[key])
    elif isinstance(theirs, list) and isinstance(mine, list):
        if len(mine) != len(theirs):
            raise _differs(f"{name}: the length", len(mine), len(theirs))
        for k, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            compare_json(f"{name}[{k}]", one, other)
    elif type(mine) is not type(theirs) or mine != theirs:
        raise _differs(name, mine, theirs)


def _compare_hdf5(path: Path, fresh: Path, without: Collection[str]) -> None:
    differs: CheckError | None = None
    with h5py.File(fresh, "r") as theirs, store.opening(path, _claimed(theirs)) as mine:
        try:  # `opening` takes errors inside it for damage
            _compare_trees(path.name, _items(mine), _items(theirs), without)
        except CheckError as error:
            differs = error
    if differs is not None:
        raise differs


def _claimed(file: h5py.File) -> int:
    """Bytes that the arrays of a fresh export take, or the budget of any file."""
    items = [item for item in _items(file).values() if isinstance(item, h5py.Dataset)]
    claimed = sum(int(item.size) * int(item.dtype.itemsize) for item in items)
    return max(claimed, gate.MOST_EXPANDED)


def _compare_trees(
    file: str, mine: dict[str, Any], theirs: dict[str, Any], without: Collection[str]
) -> None:
    for name in sorted(mine.keys() | theirs.keys()):
        if name in without:
            continue
        where = f"{file}: {name}"
        _compare_kinds(where, mine.get(name), theirs.get(name))
        one, other = mine[name], theirs[name]
        for attribute in sorted((one.attrs.keys() | other.attrs.keys()) - set(_OF_THE_WRITER)):
            values = [np.asarray(each.attrs[attribute]) if attribute in each.attrs else None
                      for each in (one, other)]  # fmt: skip
            _compare_values(f"{where}, attribute {attribute}", *values)
        if isinstance(other, h5py.Dataset):
            if (one.dtype, one.shape) != (other.dtype, other.shape):  # before it is read
                raise _differs(where, f"{one.dtype} {one.shape}", f"{other.dtype} {other.shape}")
            _compare_values(where, np.asarray(one[()]), np.asarray(other[()]))


def _compare_kinds(where: str, mine: Any, theirs: Any) -> None:
    kinds = [type(each).__name__ if each is not None else "missing" for each in (mine, theirs)]
    if kinds[0] != kinds[1]:
        raise _differs(where, *kinds)


def _compare_values(where: str, mine: Any, theirs: Any) -> None:
    _compare_kinds(where, mine, theirs)
    compare_arrays(where, mine, theirs)


def _items(file: h5py.File) -> dict[str, Any]:
    items: dict[str, Any] = {"/": file}
    file.visititems(items.__setitem__)
    return items


def _compare_json_files(path: Path, fresh: Path) -> None:
    mine, theirs = _contents(path, fresh)
    if mine == theirs:
        return
    try:
        found = gate.parse_json(mine.decode("utf-8-sig"), path)
    except (InputError, ValueError) as error:
        raise CheckError(f"{path.name} is not the JSON that export writes") from error
    compare_json(path.name, found, json.loads(theirs))


def _contents(path: Path, fresh: Path) -> tuple[bytes, bytes]:
    """Those of a file and of a fresh export; a file of more than twice its bytes is refused."""
    theirs = fresh.read_bytes()
    return gate.read_bytes(path, 2 * len(theirs) + gate.MOST_TOML), theirs


def _compare_lines(path: Path, fresh: Path) -> None:
    mine, theirs = (content.splitlines() for content in _contents(path, fresh))
    if mine == theirs:
        return
    pairs = zip(mine, theirs, strict=False)
    at = next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(mine), len(theirs)))
    raise CheckError(f"{path.name} differs from a fresh export in line {at + 1}")


def _differs(where: str, mine: object, theirs: object) -> CheckError:
    shown = [f"{value!s:.60}" for value in (mine, theirs)]
    return CheckError(f"{where} is {shown[0]} in the file, {shown[1]} in a fresh export")

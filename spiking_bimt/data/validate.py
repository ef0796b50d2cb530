"""Checks that the records run on themselves when they are made."""

import contextlib
import dataclasses
import math
import types
import typing
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import blocks
from spiking_bimt.data.arguments import check
from spiking_bimt.data.frozen import freeze
from spiking_bimt.errors import InputError


def array(
    owner: str,
    name: str,
    value: npt.ArrayLike,
    shape: tuple[int | None, ...],
    dtype: npt.DTypeLike,
    *,
    finite: bool = True,
) -> npt.NDArray[Any]:
    """`value` as a contiguous, read-only array of `dtype` that nobody else can write to.

    `None` in `shape` admits any length. What the caller could still write to is copied; an array
    that was given away (see `hand_over`), or a view of one, is taken as it is.

    Raises InputError that names `owner.name`, or `owner name` where the owner is a file's name and
    a colon, when the shape differs or, with `finite`, when an entry is NaN or infinite.
    """
    try:
        given = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{_named(owner, name)} is no array: {error}") from error
    fits = given.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, given.shape, strict=True)
    )
    if not fits:
        want = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        raise InputError(f"{_named(owner, name)} has shape {given.shape}, expected {want}")
    if given.dtype.kind not in "biuf":
        raise InputError(f"{_named(owner, name)} holds {given.dtype}, expected numbers")
    first = blocks.first_not_finite(given) if finite else None
    if first is not None:
        where = list(first) if first else ""
        raise InputError(f"{_named(owner, name)}{where} is {given[first]}: it must be finite")
    return hand_over(cast(owner, name, given, np.dtype(dtype)))


def shapes(record: Any, wanted: dict[str, tuple[tuple[int | None, ...], Any]]) -> None:
    """Store fields of a frozen record as checked arrays (see `array`) of a shape and a dtype.

    A field that is None stays so.
    """
    for field, (shape, dtype) in wanted.items():
        if getattr(record, field) is not None:
            value = array(type(record).__name__, field, getattr(record, field), shape, dtype)
            object.__setattr__(record, field, value)


def hand_over(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array that its maker gives away: made read-only, so that records take it without a copy.

    The arrays that it is a view of become read-only too. The maker keeps no other view of them.
    """
    part: Any = value
    while isinstance(part, np.ndarray):
        part.flags.writeable = False
        _GIVEN[id(part)] = part
        part = part.base
    return value


def read_only(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that cannot be written to: Numba compiles a kernel anew for arrays that can be."""
    view = value.view()
    view.flags.writeable = False
    return view


def _is_given(value: npt.NDArray[Any]) -> bool:
    """Whether an array was given away, or is a view of one that was, and cannot be written to.

    An array that is read-only itself may have views that are not: its flag tells nothing.
    """
    part: Any = value
    while isinstance(part, np.ndarray) and not part.flags.writeable:
        if _GIVEN.get(id(part)) is part:
            return True
        part = part.base
    return False


_GIVEN: weakref.WeakValueDictionary[int, npt.NDArray[Any]] = weakref.WeakValueDictionary()
"""The arrays that `hand_over` made read-only, by id: no other array can write to their memory."""


class Record:
    """A frozen dataclass of arrays, which stay read-only in its copies and after unpickling."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for value in state.values():
            if isinstance(value, np.ndarray):
                hand_over(value)
        self.__dict__.update(state)


def own(record: Any) -> None:
    """Give a frozen record arrays, lists and dictionaries of its own; the arrays are read-only."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray):
            value = hand_over(value if _is_given(value) else value.copy())
        elif isinstance(value, dict | list):
            value = freeze(value)
        object.__setattr__(record, field.name, value)


def _named(owner: str, name: str) -> str:
    return f"{owner} {name}" if owner.endswith(":") else f"{owner}.{name}"


def cast(owner: str, name: str, given: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """`given` as a contiguous array of `dtype`, with equal values; a copy of what can be written.

    A floating-point number may lose digits. Raises InputError where an integer or a truth value
    would become another one, or a finite number infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        made = given.astype(dtype, order="C", copy=not _is_given(given))
        if np.can_cast(given.dtype, dtype) or not given.size:
            return made
        if dtype.kind == "f":
            wrong = np.isinf(made) & np.isfinite(given)
        else:
            wrong = made != given
            if dtype.kind in "iu" and given.dtype.kind in "iuf":
                # The comparison itself rounds 64-bit integers to double.
                bounds = np.iinfo(dtype)
                wrong |= (given < bounds.min) | (given > bounds.max)
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = list(first) if first else ""
        what = f"{_named(owner, name)}{where} is {given[first]}"
        raise InputError(f"{what}: {_FITS[dtype.kind]}{dtype}")
    return made


_FITS = {"f": "too large for ", "i": "no whole number that fits ",
         "u": "no whole number that fits ", "b": "neither 0 nor 1, as in "}  # fmt: skip


def scalar(owner: str, name: str, value: Any, kind: type) -> Any:
    """A number of any type as a Python number of `kind`; InputError where that changes it."""
    given = np.asarray(value)
    wanted = {int: np.int64, float: np.float64, bool: np.bool_}[kind]
    return cast(owner.rstrip("."), name, given, np.dtype(wanted)).item()


def typed(owner: str, key: str, value: Any, hint: Any) -> Any:
    """A value of JSON or TOML as its type hint says; InputError where it is of another type.

    hint: bool, int, float (which takes whole numbers too), str, Any, None, and lists, tuples,
    dictionaries with text as keys, and unions of them.
    """
    parts, kind = typing.get_args(hint), typing.get_origin(hint)
    if kind in (types.UnionType, typing.Union):
        if value is None and type(None) in parts:
            return None
        options = [option for option in parts if option is not type(None)]
        for option in options[:-1]:
            with contextlib.suppress(InputError):
                return typed(owner, key, value, option)
        return typed(owner, key, value, options[-1])
    if kind is dict and isinstance(value, dict):
        return {k: typed(owner, f"{key}.{k}", v, parts[1]) for k, v in value.items()}
    if kind is list and isinstance(value, list):
        return [typed(owner, f"{key}[{i}]", v, parts[0]) for i, v in enumerate(value)]
    if kind is tuple and isinstance(value, list | tuple):
        items = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        if len(items) == len(value):
            pairs = zip(value, items, strict=True)
            return tuple(typed(owner, f"{key}[{i}]", v, h) for i, (v, h) in enumerate(pairs))
    if hint in (Any, object) or kind is typing.Literal:  # the record checks a name among a few
        return value
    if hint is float and type(value) is int and abs(value) < 2**1023:
        return float(value)
    if hint is not type(value):
        wanted = _WORDS.get(kind or hint, str(hint))
        owner = f"{owner}: " if owner else ""
        raise InputError(f"{owner}{key} is {value!r}, expected {wanted}")
    return value


_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false",
          dict: "a table", list: "a list", tuple: "a list of the right length"}  # fmt: skip


def csr(
    owner: str,
    indptr: npt.NDArray[Any],
    indices: npt.NDArray[Any],
    n_targets: int,
    names: tuple[str, str] = ("indptr", "indices"),
) -> None:
    """Raise InputError unless `indptr` rises from 0 to len(indices) and indices < n_targets.

    names: of the two fields of the owner.
    """
    starts, members = names
    if not len(indptr):
        raise InputError(f"{owner}.{starts} is empty: it begins with 0")
    if indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise InputError(
            f"{owner}.{starts} must rise from 0 to {len(indices)}, the number of "
            f"{members}; it goes from {indptr[0]} to {indptr[-1]}"
        )
    if len(indices) and not (indices.min() >= 0 and indices.max() < n_targets):
        bad = int(indices.min()) if indices.min() < 0 else int(indices.max())
        raise InputError(f"{owner}.{members} holds {bad}, outside 0..{n_targets - 1}")


def positive(owner: str, name: str, value: float) -> None:
    """Raise InputError unless `value` is a finite number above zero."""
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{owner}.{name} is {value}: it must be a finite number above 0")


MOST_SEED = 2**63 - 1
"""Largest seed: kernels take 64 bits with a sign."""


def seed(value: int, name: str = "seed") -> None:
    """Raise InputError, beginning with `name`, unless `value` is a seed of every generator."""
    if value < 0:
        raise InputError(f"{name} is {value}: it must not be negative")
    if value > MOST_SEED:
        raise InputError(f"{name} is {value}: it must be below 2^63")


def index(name: str, value: int, n: int) -> None:
    """Raise InputError, beginning with `name`, unless `value` is a whole number in 0..n - 1."""
    check(name, value, int)
    if not 0 <= value < n:
        raise InputError(f"{name} is {value}, outside 0..{n - 1}")

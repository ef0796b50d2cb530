"""Checks each argument of a function, and each field of a record, against its annotation."""

import dataclasses
import errno
import functools
import inspect
import math
import numbers
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.aliases import expanded
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.extras import named

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS = expanded(npt.ArrayLike)
_ARRAY_LIKE = frozenset(typing.get_args(_NUMBERS))
_DTYPE_LIKE = frozenset(typing.get_args(expanded(npt.DTypeLike)))
_WORDS: dict[Any, str] = {
    str: "text", bool: "True or False", int: "a whole number", float: "a number",
    type(None): "None", dict: "a dictionary",
}  # fmt: skip
_MOST_SHOWN = 40
"""Most characters of a wrong value that a message repeats."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of every call against the function's annotations.

    A value of another type, or NaN where one number is expected, raises InputError with the
    argument's name. An argument that is missing or not the function's own raises TypeError with its
    name. What the values mean is left to the function.
    """
    signature = inspect.signature(function)
    name = function.__qualname__.removesuffix(".__init__")
    takes_settings = any(
        parameter.kind is inspect.Parameter.VAR_KEYWORD
        for parameter in signature.parameters.values()
    )

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        hints = _hints(function)
        try:
            given, missing = signature.bind(*args, **kwargs).arguments, None
        except TypeError as error:
            missing = error
        if missing is not None or takes_settings:
            _refuse_unknown(name, signature, kwargs, hints)
        if missing is not None:
            # The arguments that are there come first: they tell best what went wrong.
            few = args[: _most_by_position(signature)]
            try:
                given = signature.bind_partial(*few, **kwargs).arguments
            except TypeError as error:
                raise TypeError(f"{name}: {error}") from None
        for argument, value in given.items():
            kind = signature.parameters[argument].kind
            if argument not in hints:
                continue
            if kind is inspect.Parameter.VAR_POSITIONAL:
                for item in value:
                    check(f"{name}: {argument}", item, hints[argument])
            elif kind is inspect.Parameter.VAR_KEYWORD:
                for key, item in value.items():
                    check(f"{name}: {key}", item, _settings(hints[argument])[key])
            else:
                check(f"{name}: {argument}", value, hints[argument])
        if missing is not None:
            raise TypeError(f"{name}: {missing}") from None
        try:
            return function(*args, **kwargs)
        except ModuleNotFoundError as error:
            raise named(error) from None

    return call


def check_fields(record: Any) -> None:
    """Check every field of a dataclass record against its annotation."""
    kind: Any = type(record)
    hints = _hints(kind)
    for field in dataclasses.fields(record):
        where = f"{kind.__name__}.{field.name}"
        check(where, getattr(record, field.name), hints[field.name])


def check(where: str, value: Any, hint: Any) -> None:
    """Raise InputError, beginning with `where`, unless `value` is of the annotated type.

    Text where a path may stand must be one that the file system can look up.
    """
    if _fits(value, hint):
        _check_paths(where, value, hint)
        return
    names = _names(hint)
    if isinstance(value, str) and names:
        owner, _, name = where.rpartition(" ")
        others = [_words(part) for part in _parts(hint) if typing.get_origin(part) is not Literal]
        raise InputError(f"{owner} {unknown_name(name, value, names, ' or '.join(others))}".strip())
    raise InputError(f"{where} is {shown(value)}, expected {_words(hint)}")


def _check_paths(where: str, value: Any, hint: Any) -> None:
    """Refuse a path with a NUL, of too many characters, or that leads in a circle."""
    for part in _parts(hint):
        if isinstance(value, Mapping) and typing.get_origin(part) in (dict, Mapping):
            for key, item in value.items():
                _check_paths(f"{where}[{shown(key)}]", item, typing.get_args(part)[1])
        elif part is Path and isinstance(value, str | Path):
            try:
                Path(value).stat()
            except OSError as error:
                if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                    raise InputError(f"{where} is no path: {os.strerror(error.errno)}") from error
            except ValueError as error:
                raise InputError(f"{where} is no path: {error}") from error


def _parts(hint: Any) -> list[Any]:
    """The alternatives of an annotation, arrays of numbers as one of them."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return [hint]
    parts = typing.get_args(hint)
    if not frozenset(parts) >= _ARRAY_LIKE:
        return list(parts)
    return [_NUMBERS, *(part for part in parts if part not in _ARRAY_LIKE)]


def _names(hint: Any) -> list[str]:
    """The names among the alternatives of an annotation."""
    literals = [part for part in _parts(hint) if typing.get_origin(part) is Literal]
    return [name for part in literals for name in typing.get_args(part) if isinstance(name, str)]


def shown(value: Any) -> str:
    """A value in a message: itself where it is short, otherwise what it is."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    text = repr(value)
    if len(text) <= _MOST_SHOWN and "\n" not in text and not text.startswith("<"):
        return text
    return _with_article(type(value).__name__)


@functools.cache
def _hints(owner: Any) -> dict[str, Any]:
    return {name: expanded(hint) for name, hint in typing.get_type_hints(owner).items()}


def _settings(hint: Any) -> dict[str, Any]:
    """The keys of a TypedDict that types a function's further keywords."""
    return _hints(typing.get_args(hint)[0])


def _most_by_position(signature: inspect.Signature) -> int | None:
    """How many arguments may be given without their names; None for any number."""
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    return sum(kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for kind in kinds)


def _refuse_unknown(
    name: str, signature: inspect.Signature, given: Mapping[str, Any], hints: dict[str, Any]
) -> None:
    known: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            known += _settings(hints[parameter.name])
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL and parameter.name != "self":
            known.append(parameter.name)
    for key in given:
        if key not in known:
            raise TypeError(f"{name}: {unknown_name('argument', key, known)}")


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if hint is float:
        return _is_float(value)
    if hint is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)
    if hint == _NUMBERS or origin is np.ndarray:
        return _is_numbers(value)
    if origin in (typing.Union, types.UnionType):
        is_dtype = frozenset(parts) >= _DTYPE_LIKE  # numpy checks what names a dtype
        return is_dtype or any(_fits(value, part) for part in _parts(hint))
    if origin is Literal:
        return isinstance(value, str | int) and value in parts
    if origin is tuple:
        items = parts[:1] if parts[-1] is Ellipsis else parts
        right = len(items) == 1 or (isinstance(value, tuple | list) and len(value) == len(items))
        return (
            right
            and isinstance(value, tuple | list)
            and all(_fits(item, items[i % len(items)]) for i, item in enumerate(value))
        )
    if origin in (list, Sequence):
        wanted = list if origin is list else Sequence
        return (
            isinstance(value, wanted) and not isinstance(value, str | bytes)
            and all(_fits(item, parts[0]) for item in value)
        )  # fmt: skip
    if origin in (dict, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(key, parts[0]) and _fits(item, parts[1]) for key, item in value.items()
        )
    if origin is Callable:
        return callable(value)
    return isinstance(value, origin or hint)


def _is_float(value: Any) -> bool:
    """Whether a value is one real number that a float can hold, infinity among them."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool | np.bool_):
        return False
    try:
        return not math.isnan(float(value))
    except OverflowError:
        return False


def _is_numbers(value: Any) -> bool:
    """Whether a value is one number, or an array or nested sequence of numbers."""
    if value is None or isinstance(value, str | bytes | Mapping):
        return False
    try:
        given = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        return False
    masked = np.any(getattr(value, "mask", False))
    return (given.dtype.kind in "biuf" or given.size == 0) and not masked


def _words(hint: Any) -> str:
    """What a type is called in a message."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, object):
        return "anything"
    if hint in _WORDS:
        return _WORDS[hint]
    if hint == _NUMBERS:
        return "numbers"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(part) for part in _parts(hint)))
    if origin is Literal:
        return " or ".join(repr(part) for part in parts)
    if origin is np.ndarray:
        return "an array of numbers"
    if origin in (list, tuple, Sequence):
        kinds = dict.fromkeys(_words(part) for part in parts if part is not Ellipsis)
        items = ", ".join(kind.removeprefix("a ").removeprefix("an ") for kind in kinds)
        many = "" if origin is not tuple or parts[-1] is Ellipsis else f"{len(parts)}: "
        return f"a sequence of {many}{items}"
    if origin in (dict, Mapping):
        key, item = map(_words, parts)
        return "a dictionary" if item == "anything" else f"a dictionary from {key} to {item}"
    if origin is Callable:
        return "a function"
    return _with_article(str((origin or hint).__name__))


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"

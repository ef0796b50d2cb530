"""Annotations without the aliases of types in them."""

import functools
import operator
import types
import typing
from collections.abc import Callable
from typing import Any


def expanded(hint: Any) -> Any:
    """An annotation in which each alias of a type is replaced by what it stands for.

    From numpy 2.5 on, NDArray, ArrayLike and DTypeLike are aliases in the sense of Python's `type`
    statement, which hold their meaning in `__value__`.
    """
    meaning = getattr(hint, "__value__", None)
    if meaning is not None:
        return expanded(meaning)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, map(expanded, parts))
    if isinstance(hint, types.GenericAlias) and origin is not Callable:
        return types.GenericAlias(origin, tuple(map(expanded, parts)))
    return hint

"""Aliases of types, as numpy has them from 2.5 on, mean what they stand for."""

import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from typing_extensions import TypeAliasType

from spiking_bimt.data.aliases import expanded

T = typing.TypeVar("T", bound=np.generic)
_Number = TypeAliasType("_Number", int | float)
_Array = TypeAliasType("_Array", np.ndarray[Any, np.dtype[T]], type_params=(T,))


@pytest.mark.parametrize(
    ("hint", "meaning"),
    [
        (_Number, int | float),
        (_Number | None, int | float | None),
        (tuple[_Number, ...], tuple[int | float, ...]),
        (dict[str, _Number | str], dict[str, int | float | str]),
        (Callable[[int], str], Callable[[int], str]),
        (int, int),
        (Any, Any),
    ],
)
def test_an_alias_is_what_it_stands_for(hint: Any, meaning: Any) -> None:
    assert expanded(hint) == meaning


def test_an_alias_with_a_parameter_is_an_array() -> None:
    assert typing.get_origin(expanded(_Array[np.float64])) is np.ndarray
    first, none = typing.get_args(expanded(_Array[np.float64] | None))
    assert (typing.get_origin(first), none) == (np.ndarray, type(None))

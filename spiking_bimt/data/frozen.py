"""Dictionaries that nobody can change, for the fields of records."""

from typing import Any, NoReturn


class FrozenDict(dict[Any, Any]):
    """A dictionary that cannot be changed; `dict(value)` gives one that can be.

    It is a `dict`, so that JSON, TOML and comparisons take it as one.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("the dictionary of a record cannot be changed: change a copy, dict(...)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[Any, Any]]]:
        return FrozenDict, (dict(self),)


def freeze(value: Any) -> Any:
    """A copy of JSON-like data whose dictionaries cannot be changed, at any depth.

    Lists are copied and stay lists, as JSON gives them back.
    """
    if isinstance(value, dict):
        return FrozenDict({key: freeze(item) for key, item in value.items()})
    if isinstance(value, list):
        return [freeze(item) for item in value]
    return value

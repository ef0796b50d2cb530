"""Records whose docstrings list their fields, from what stands under each field in the source."""

import ast
import dataclasses
import functools
import inspect
import textwrap
import typing
from typing import Any, TypeVar

T = TypeVar("T")
_WIDTH = 100
"""Columns of a line of the list, indentation included."""


def documented(record: type[T]) -> type[T]:
    """Append the fields of a dataclass, with their shapes and units, to its docstring.

    Python drops the text under a field, so it is read from the source, when somebody first asks
    for the docstring. Where there is no source, the docstring stays as it is.
    """
    record.__doc__ = typing.cast(str, _Docstring(record.__doc__ or ""))
    return record


class _Docstring:
    """The text of a class, completed when it is read."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, instance: object, owner: type) -> str:
        return _complete(owner, self.text)


@functools.cache
def _complete(owner: type, text: str) -> str:
    texts: dict[str, str] = {}
    for part in reversed(owner.__mro__):
        if dataclasses.is_dataclass(part):
            texts |= field_texts(part)
    if not texts:
        return text
    lines = [inspect.cleandoc(text), "", "Fields:"]
    for field in dataclasses.fields(typing.cast(Any, owner)):
        if field.init and field.name in texts:
            lines += textwrap.wrap(
                f"{field.name}: {texts[field.name]}", _WIDTH,
                initial_indent="    ", subsequent_indent="        ",
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    return "\n".join(lines)


def field_texts(part: type) -> dict[str, str]:
    """What stands under each field in the source of a class, and its unit; its type where nothing.

    A unit is that of an annotation's metadata (`Parameter.unit`).
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
    except (OSError, TypeError, SyntaxError):
        return {}
    hints = typing.get_type_hints(part, include_extras=True)
    found: dict[str, str] = {}
    name = ""
    for node in typing.cast(ast.ClassDef, tree.body[0]).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            found[name] = ast.unparse(node.annotation)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            units = [row.unit for row in typing.get_args(hints[name]) if hasattr(row, "unit")]
            unit = f" Unit: {units[0]}." if units and units[0] else ""
            found[name] = " ".join(str(node.value.value).split()) + unit
            name = ""
        else:
            name = ""
    return found

"""Every public name is documented: exit code 1, and a line for each lack.

A docstring names the parameters of its function and the error that it raises. The first one is what
the docstring is about; a command's are those of its options, which have texts of their own. A
record lists each field with a text, and with its shape where it is an array, unless what
stands before the list says the shape of all.
"""

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from typing import Any

import spiking_bimt
from spiking_bimt.cli.commands import main as commands

ARRAYS = ("NDArray", "Floats", "Ints", "Array", "Bools")
"""Words in the annotation of a field that is an array."""
SHAPE = re.compile(r"\([\w +|]+,[^)]*\)")
"""A shape such as (N,) or (steps, channels)."""


def lacks(name: str, subject: Any) -> Iterator[str]:
    """What the documentation of one name lacks, in words."""
    text = inspect.getdoc(subject) or ""
    if not text:
        yield f"{name} has no docstring"
    elif dataclasses.is_dataclass(subject):
        yield from lacks_of_record(name, subject, text)
    elif not isinstance(subject, type):
        yield from lacks_of_function(name, subject, text)


def lacks_of_function(name: str, function: Any, text: str) -> Iterator[str]:
    """Parameters that a docstring does not name, and errors that it leaves out."""
    parameters = list(inspect.signature(function).parameters.values())
    known = options(name)
    for parameter in parameters[1:]:
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        named = parameter.name in known or re.search(rf"\b{parameter.name}\b", text)
        if not variadic and not named:
            yield f"{name}: its docstring does not name {parameter.name}"
    if parameters and not known and not re.search(r"\w+Error", text):
        yield f"{name}: its docstring names no error"


def options(name: str) -> set[str]:
    """Names of a command's options, which its help explains; none for what is no command."""
    command = commands.commands.get(name)
    return {param.name or "" for param in command.params} if command else set()


def lacks_of_record(name: str, record: Any, text: str) -> Iterator[str]:
    """Fields without a text, and arrays without a shape."""
    listed = dict(re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE))
    kinds, opening = annotations(record), text.partition("Fields:")[0]
    for field in dataclasses.fields(record):
        if not field.init:
            continue
        said, kind = listed.get(field.name, ""), kinds.get(field.name, "")
        if not said or said == kind:
            yield f"{name}: {field.name} has no text"
        elif any(word in kind for word in ARRAYS) and not SHAPE.search(opening + said):
            yield f"{name}: the text of {field.name} has no shape"


def annotations(record: Any) -> dict[str, str]:
    """The annotation of each field as its source has it."""
    found: dict[str, str] = {}
    parts: list[Any] = list(reversed(record.__mro__))
    for part in parts:
        if dataclasses.is_dataclass(part):
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(typing.cast(type, part)))).body
            for node in getattr(tree, "body", ()):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    found[node.target.id] = ast.unparse(node.annotation)
    return found


def public() -> dict[str, Any]:
    """Every public name with what it is."""
    names = {name: getattr(spiking_bimt, name) for name in spiking_bimt.__all__}
    plot = spiking_bimt.plot
    names |= {f"plot.{name}": getattr(plot, name) for name in plot.__all__}
    return {name: what for name, what in names.items() if callable(what)}


def main() -> int:
    """Check all public names."""
    names = public()
    found = [line for name, subject in names.items() for line in lacks(name, subject)]
    print("\n".join(found) if found else f"{len(names)} public names: all are documented")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

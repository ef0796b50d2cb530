"""Every public name is documented: exit code 1, and a line for each lack.

A docstring names the parameters of its function and every error that the function raises, itself
or by a function of its module. The first parameter is what the docstring is about; a command's are
those of its options, which have texts of their own. Where a parameter or a field is named, there
is the shape of an array and the unit of a quantity; what stands before the list of a record's
fields may say them for all. What carries out a published method names its source.
"""

import ast
import builtins
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
QUANTITY = re.compile(
    r"^(dt|ms|tau\w*|t_ref|v_\w+|bias|delays?|duration|time|time_limit|task_dt|\w*rates?|full_rate|"
    r"\w*energy|\w*latency|g_\w+|currents?|positions)$"
)
"""Names of what has a unit; one that ends in a unit, as rate_hz does, says it itself."""
UNIT = re.compile(
    r"\b(ms|us|s|seconds?|k?Hz|v|steps?|[npu]J|[nu]S|microsiemens|bits?|grid spacings?|"
    r"rows? and columns?|in units of \w+)\b|µS|µJ|µs"
)
SOURCE = re.compile(r"\b[A-Z]\w+( et al\.|'s)? (\()?(19|20)\d\d\b|arXiv|doi|docs/[\w/-]+\.md")
"""A paper, or the page that gives it."""
METHODS = (
    "arrange", "convert", "cut_tiles", "from_snntorch", "place_network", "quantise", "traffic",
    "train", "Chip", "Device", "Phase", "RateNetwork", "SpikingNetwork", "TrainConfig",
    "plot.variance",
)  # fmt: skip
"""Names that carry out a published method, or describe what another author defined."""


def lacks(name: str, subject: Any) -> Iterator[str]:
    """What the documentation of one name lacks, in words."""
    text = inspect.getdoc(subject) or ""
    if not text:
        yield f"{name} has no docstring"
        return
    if name in METHODS and not SOURCE.search(" ".join(text.split())):
        yield f"{name}: its docstring names no source of the method"
    if dataclasses.is_dataclass(subject):
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
    for error, names in sorted(raised(function).items()):
        if not re.search(rf"\b({'|'.join(names)})\b", text):
            yield f"{name}: its docstring does not name {error}"
    for parameter in parameters:
        if parameter.name not in known:
            annotation = written(function).get(parameter.name, "")
            said = told(parameter.name, text)
            yield from lacks_of_value(f"{name}: {parameter.name}", parameter.name, annotation, said)


def told(name: str, text: str) -> str:
    """The sentences of a docstring that name a parameter."""
    sentences = re.split(r"(?<=[.;:]) |\n\n", " ".join(text.split()))
    pairs = zip(sentences, [*sentences[1:], ""], strict=True)
    return " ".join(f"{first} {then}" for first, then in pairs if re.search(rf"\b{name}\b", first))


def lacks_of_value(where: str, name: str, annotation: str, said: str) -> Iterator[str]:
    """The shape of an array, the unit of a quantity, that a text leaves out."""
    if any(word in annotation for word in ARRAYS) and not SHAPE.search(said):
        yield f"{where} has no shape"
    is_number = any(word in annotation for word in ("float", "int", *ARRAYS))
    if is_number and QUANTITY.match(name) and not UNIT.search(said):
        yield f"{where} has no unit"


def written(function: Any) -> dict[str, str]:
    """The annotations of a function's parameters as its source has them."""
    node = definition(function)
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {each.arg: ast.unparse(each.annotation) for each in given if each.annotation}


def definition(function: Any) -> ast.FunctionDef:
    """A function's source."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    return typing.cast(ast.FunctionDef, ast.parse(source).body[0])


def raised(function: Any) -> dict[str, list[str]]:
    """The errors that a function and those of its module that it calls raise, with their kinds."""
    module = inspect.getmodule(inspect.unwrap(function))
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [definition(function)]
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                found.add(getattr(node.exc.func, "id", ""))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = getattr(module, node.func.id, None)
                own = inspect.isfunction(called) and inspect.getmodule(called) is module
                if own and node.func.id not in seen:
                    seen.add(node.func.id)
                    waiting.append(definition(called))
    errors = {name: getattr(module, name, None) or getattr(builtins, name, None) for name in found}
    return {
        name: [kind.__name__ for kind in error.__mro__ if issubclass(kind, Exception)]
        for name, error in errors.items()
        if isinstance(error, type)
    }


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
        else:
            where = f"{name}: the text of {field.name}"
            yield from lacks_of_value(where, field.name, kind, f"{opening} {said}")


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

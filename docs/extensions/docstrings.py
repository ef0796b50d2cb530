"""The package's docstrings as Sphinx reads them: parameters as a list, signatures as in the source.

A docstring here names a parameter where it describes it (`dt: simulation step, ms.`), and a
record's docstring ends in the list of its fields.
"""

import ast
import dataclasses
import inspect
import re
import textwrap
from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _process_docstring)
    app.connect("autodoc-process-signature", _process_signature)
    return {"parallel_read_safe": True}


def _process_docstring(
    _app: Sphinx, what: str, _name: str, subject: Any, _options: Any, lines: list[str]
) -> None:
    if what != "module":
        lines[:] = as_rst("\n".join(lines), parameters(subject)).splitlines()


def parameters(subject: Any) -> list[str]:
    """Names of a function's parameters, or of a record's fields."""
    if dataclasses.is_dataclass(subject):
        return [field.name for field in dataclasses.fields(subject) if field.init]
    try:
        return [name for name in inspect.signature(subject).parameters if name != "self"]
    except (TypeError, ValueError):
        return []


def as_rst(text: str, names: list[str]) -> str:
    """A docstring in reStructuredText, its parameters and errors as a field list at the end."""
    text, _, listed = text.partition("\nFields:\n")
    prose: list[str] = []
    described: list[tuple[str, str]] = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if paragraph.startswith("    "):
            prose.append(f"::\n\n{textwrap.indent(textwrap.dedent(paragraph), '    ')}")
            continue
        opening, found = described_in(" ".join(paragraph.split()), names)
        described += found
        if opening:
            prose.append(escaped(opening))
    for entry in re.findall(r"^    (\w+): ((?:.*)(?:\n {5,}.*)*)", listed, re.MULTILINE):
        described.append((f"param {entry[0]}", " ".join(entry[1].split())))
    fields = [f":{field}: {escaped(what)}" for field, what in described]
    return "\n\n".join([*prose, "\n".join(fields)])


def described_in(paragraph: str, names: list[str]) -> tuple[str, list[tuple[str, str]]]:
    """What opens a paragraph, and what it says of parameters, results and errors, as field, text.

    >>> described_in("It runs. dt: step, ms. Raises InputError for no step.", ["dt"])
    ('It runs.', [('param dt', 'step, ms.'), ('raises InputError', 'for no step.')])
    """
    name = "|".join(map(re.escape, names)) or "(?!)"
    start = rf"(?:^|(?<=[.;] ))((?:(?:{name}), )*(?:{name})): |(?<![\w,] )(Raises) (?=\w+Error)"
    parts = re.split(start, paragraph)
    found = []
    for named, raises, what in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if raises:
            error, _, when = what.partition(" ")
            found.append((f"raises {error.rstrip(',.')}", when))
        else:
            found += [(f"param {each}", what.strip().rstrip(";")) for each in named.split(", ")]
    return parts[0].strip(), found


def escaped(text: str) -> str:
    """Text whose signs mean nothing to reStructuredText, but `names` and pages, which are links."""
    parts = re.split(r"(`[^`]+`)", text)
    for index in range(0, len(parts), 2):
        plain = re.sub(r"([*|\\])|(?<=\w)(_)(?!\w)", lambda found: f"\\{found[0]}", parts[index])
        parts[index] = re.sub(r"\bdocs/([\w/-]+)\.md", r":doc:`/\1`", plain)
    return "".join(parts)


def _process_signature(
    _app: Sphinx, what: str, _name: str, subject: Any, _options: Any, _text: str, _returned: str
) -> tuple[str, str] | None:
    if what in ("class", "exception"):
        return "", ""  # the fields are listed below
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(subject))))
    except (OSError, TypeError, SyntaxError):
        return None
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef):
        return None
    given = function.args
    given.args = [each for each in given.args if each.arg not in ("self", "cls")]
    returned = ast.unparse(function.returns) if function.returns else ""
    return f"({ast.unparse(given)})", returned

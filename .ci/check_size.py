"""Files, functions and signatures stay small: exit code 1, and a line for each that is too large.

Counted: the lines of a file; the lines of a function from its first statement to its last, the
docstring left out, functions within it included; all parameters of a function.

Two kinds may have more parameters: kernels, which take plain arrays (all of `kernels/`, and what
is compiled by `njit` elsewhere), and commands, which take one for each option (all of
`spiking_bimt/cli/`, and the function of `stages/` or `studies/` with the name of its module).
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 300
FUNCTION_LINES = 60
PARAMETERS = 14

Function = ast.FunctionDef | ast.AsyncFunctionDef


def too_large(path: Path) -> Iterator[str]:
    """What is too large in one file, in words."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield f"{path}: {lines} lines, at most {FILE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, Function):
            continue
        where = f"{path}:{node.lineno}: {node.name}"
        if (length := body_lines(node)) > FUNCTION_LINES:
            yield f"{where} has {length} lines, at most {FUNCTION_LINES}"
        if (count := parameters(node)) > PARAMETERS and not may_have_more(path, node):
            yield f"{where} has {count} parameters, at most {PARAMETERS}"


def body_lines(function: Function) -> int:
    """Lines of a function's statements, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> int:
    """Number of a function's parameters, *args and **kwargs included."""
    given = function.args
    named = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    return named + (given.vararg is not None) + (given.kwarg is not None)


def may_have_more(path: Path, function: Function) -> bool:
    """Whether a function is a kernel or a command."""
    room = path.parent.name
    is_command = room == "cli" or (room in ("stages", "studies") and function.name == path.stem)
    is_compiled = any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)
    return is_command or is_compiled or path.parts[0] == "kernels"


def main() -> int:
    """Check all Python files that git knows, or those that are named."""
    listed = sys.argv[1:] or subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    found = [line for name in listed if Path(name).is_file() for line in too_large(Path(name))]
    print("\n".join(found) if found else f"{len(listed)} files: none is too large")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

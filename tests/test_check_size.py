"""The linters' check of sizes, on files that are just too large or just small enough."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def check() -> ModuleType:
    path = Path(__file__).parents[1] / ".ci" / "check_size.py"
    spec = importlib.util.spec_from_file_location("check_size", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def function(lines: int, parameters: int, decorator: str = "") -> str:
    names = ", ".join(f"p{k}" for k in range(parameters))
    body = "\n".join(["    x = 1"] * lines)
    return f'{decorator}\ndef f({names}):\n    """A text.\n\n    Of lines.\n    """\n{body}\n'


@pytest.mark.parametrize(
    ("where", "text", "found"),
    [
        ("a.py", "\n" * 300, []),
        ("a.py", "\n" * 301, ["301 lines, at most 300"]),
        ("a.py", function(60, 1), []),
        ("a.py", function(61, 1), ["f has 61 lines, at most 60"]),
        ("a.py", function(1, 14), []),
        ("a.py", function(1, 15), ["f has 15 parameters, at most 14"]),
        ("a.py", "def f(a, *, b, **c): ...\n", []),
        ("a.py", function(1, 15, "@njit(cache=True)"), []),
        ("cli/a.py", function(1, 15), []),
        ("stages/f.py", function(1, 15), []),
        ("stages/g.py", function(1, 15), ["f has 15 parameters, at most 14"]),
        ("cli/a.py", function(61, 15), ["f has 61 lines, at most 60"]),
    ],
)
def test_what_is_too_large_is_named(
    check: ModuleType, tmp_path: Path, where: str, text: str, found: list[str]
) -> None:
    path = tmp_path / where
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    said = list(check.too_large(path))
    assert len(said) == len(found)
    assert all(line.endswith(end) for line, end in zip(said, found, strict=True))

"""`warm` compiles what later processes then load; on a terminal one sees what is compiled."""

import subprocess
import sys
from typing import Any

import pytest

from spiking_bimt import progress
from spiking_bimt.stages import warm

TWICE = """
import sys
from spiking_bimt.stages.warm import _compile
print(*_compile(sys.argv[1]))
"""


def compiled(name: str) -> int:
    """Kernels that a new process compiles."""
    done = subprocess.run(
        [sys.executable, "-c", TWICE, name], check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[0])


def test_a_later_process_compiles_nothing() -> None:
    compiled("clock mode")  # what other tests have not compiled yet
    assert compiled("clock mode") == 0


def test_all_is_compiled_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_compile", _counted)
    result = warm.warm(threads=2)
    assert result["compiled"] == {name: len(name) for name in warm.KERNELS}
    assert result["left_out"] == {"training": "needs the extra `train`"}


def _counted(name: str) -> tuple[int, str]:
    return len(name), "needs the extra `train`" if name == "training" else ""


def test_a_terminal_shows_what_is_compiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import numba

    @numba.njit
    def twice(x: Any) -> Any:
        return 2 * x

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress.Compilations() as told:
        assert twice(1) == 2
        assert twice(1.5) == 3
    assert told.count == 2
    said = "compiling test_warm (once: what is compiled is kept for later runs)\n"
    assert capsys.readouterr().err == said

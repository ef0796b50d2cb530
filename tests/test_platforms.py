"""Other systems than Linux and macOS are refused in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.platforms import require_supported

ROOT = Path(__file__).parents[1]
LINE = "spiking_bimt runs on Linux and macOS, not on win32: on Windows use it within WSL"
ON_WINDOWS = "import sys; sys.platform = 'win32'; sys.modules['fcntl'] = None; "


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_linux_and_macos_are_supported(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    require_supported()


def test_windows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(InputError, match=LINE):
        require_supported()


@pytest.mark.parametrize("name", ["place", "SpikingNetwork"])
def test_the_front_door_refuses_at_first_use(name: str) -> None:
    code = ON_WINDOWS + f"import spiking_bimt; spiking_bimt.{name}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == f"spiking_bimt.errors.InputError: {LINE}"


def test_the_command_line_refuses_with_exit_code_2() -> None:
    code = f"from spiking_bimt.cli.commands import main; {ON_WINDOWS} main(['chips'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, f"spiking_bimt: {LINE}\n")

"""The package imports lightly, one way, and ships every folder."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import spiking_bimt

ROOT = Path(__file__).parents[1]


def in_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.strip()


def test_importing_the_package_and_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "import sys, spiking_bimt, spiking_bimt.cli.commands; "
        "print([m for m in ('torch', 'numba', 'matplotlib', 'neurogym', 'h5py', 'rich') "
        "if m in sys.modules])"
    )
    assert in_new_process(code) == "[]"


def test_help_answers_within_half_a_second() -> None:
    code = (
        "import sys, time, subprocess; t = []\n"
        "for _ in range(5):\n"
        "    start = time.perf_counter()\n"
        "    subprocess.run([sys.executable, '-m', 'spiking_bimt', '--help'], check=True,"
        " capture_output=True)\n"
        "    t.append(time.perf_counter() - start)\n"
        "print(min(t))"
    )
    assert float(in_new_process(code)) < 0.5


def test_stages_are_functions_of_the_package() -> None:
    from spiking_bimt import convert, export, place, report, simulate, train, verify

    assert all(callable(f) for f in (convert, export, place, report, simulate, train, verify))
    assert not hasattr(spiking_bimt, "nothing")


def test_every_folder_is_in_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in (ROOT / "spiking_bimt").rglob("__init__.py")
    } | {"spiking_bimt.kernels", "spiking_bimt.formats"}
    assert found == set(listed)


def test_imports_go_one_way() -> None:
    importlinter = pytest.importorskip("importlinter.cli")
    assert importlinter.lint_imports(config_filename=str(ROOT / "pyproject.toml")) == 0

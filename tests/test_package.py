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
        "print([m for m in ('torch', 'numpy', 'numba', 'matplotlib', 'neurogym', 'h5py', 'rich') "
        "if m in sys.modules])"
    )
    assert in_new_process(code) == "[]"


def test_help_takes_hardly_longer_than_the_import_of_click() -> None:
    code = (
        "import resource, subprocess, sys\n"
        "def cpu(*given):\n"
        "    before = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "    subprocess.run([sys.executable, *given], check=True, capture_output=True)\n"
        "    after = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime\n"
        "turns = [(cpu('-m', 'spiking_bimt', 'convert', '--help'), cpu('-c', 'import click'))"
        " for _ in range(5)]\n"
        "print(min(ours for ours, _ in turns) / min(click for _, click in turns))"
    )
    assert float(in_new_process(code)) < 2


def test_stages_are_functions_of_the_package() -> None:
    from spiking_bimt import convert, export, place, report, simulate, train, verify

    assert all(callable(f) for f in (convert, export, place, report, simulate, train, verify))
    assert not hasattr(spiking_bimt, "nothing")


def test_stages_holds_one_module_a_command_and_nothing_else() -> None:
    from spiking_bimt.cli.commands import main

    names = {"import": "import_network"}
    commands = {names.get(name, name) for name in main.commands} - {"study"}
    modules = {path.stem for path in (ROOT / "spiking_bimt" / "stages").glob("*.py")}
    assert modules - {"__init__"} == commands


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

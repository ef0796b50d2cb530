"""The names of the front door: listed, typed, documented, and loaded on use."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spiking_bimt as sb

ROOT = Path(__file__).parents[2]


def in_new_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.strip()


def test_importing_it_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, time\n"
        "start = time.process_time()\n"
        "import spiking_bimt\n"
        "taken = time.process_time() - start\n"
        "dir(spiking_bimt)\n"
        "heavy = {'torch', 'numba', 'matplotlib', 'numpy', 'h5py', 'scipy', 'pandas'}\n"
        "print(taken, heavy & set(sys.modules))"
    )
    found = [in_new_process(code).split(" ", 1) for _ in range(3)]
    assert min(float(taken) for taken, _ in found) < 0.15
    assert {modules for _, modules in found} == {"set()"}


def test_a_simulation_loads_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys, spiking_bimt as sb\n"
        "for name in ('from_sparse', 'simulate_network', 'place_network', 'write_tiles', 'plot'):\n"
        "    getattr(sb, name)\n"
        "print({'torch', 'matplotlib', 'neurogym'} & set(sys.modules))"
    )
    assert in_new_process(code) == "set()"


def test_every_name_is_listed_loaded_and_typed() -> None:
    tree = ast.parse((ROOT / "spiking_bimt" / "__init__.py").read_text())
    typed = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } - {"TYPE_CHECKING", "Any"}
    assert typed | {"__version__"} == set(sb.__all__)
    assert sorted(sb.__all__) == sorted(set(sb.__all__))
    assert dir(sb) == sorted(sb.__all__)
    assert " ".join(dir(sb.plot)) == (
        "accuracy clusters confusion cores energy links occupancy raster rates sheet tiles traffic "
        "training variance wiring"
    )
    folders = {path.parent.name for path in (ROOT / "spiking_bimt").glob("*/__init__.py")}
    assert folders & set(sb.__all__) == {"plot"}
    for name in sb.__all__:
        assert getattr(sb, name).__doc__, name
    assert re.fullmatch(r"\d+\.\d+\.\d+", sb.__version__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sb.nothing  # type: ignore[attr-defined]  # noqa: B018

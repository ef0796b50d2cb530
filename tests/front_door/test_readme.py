"""README's examples stand as they are: they run, and they pass mypy's strict checks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
NOTEBOOK, WHOLE_WAY = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PRINTED = re.findall(r"\nprints\n\n```\n(.*?)```", README, re.DOTALL)[0]
"""What README says that the notebook prints."""
WITHOUT_TORCH = """
[[tool.mypy.overrides]]
module = "torch.*"
follow_imports = "skip"

[[tool.mypy.overrides]]
module = "spiking_bimt.training.rate_module"
disallow_subclassing_any = false
"""
"""The examples do not touch torch, whose types take the checker longer than all others."""


def test_the_notebook_runs_and_leaves_its_tiles(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
    )  # fmt: skip
    assert done.stdout == PRINTED
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["tiles.h5"]


def test_the_whole_way_is_the_example() -> None:
    example = (ROOT / "examples" / "whole_way.py").read_text("utf-8")
    assert example.partition("\n\n")[2] == WHOLE_WAY


@pytest.mark.slow
def test_both_pass_the_type_checker(tmp_path: Path) -> None:
    for name, text in (("notebook.py", NOTEBOOK), ("whole_way.py", WHOLE_WAY)):
        (tmp_path / name).write_text(text, "utf-8")
    files = [str(path) for path in sorted(tmp_path.iterdir())]
    config = tmp_path / "pyproject.toml"
    config.write_text((ROOT / "pyproject.toml").read_text("utf-8") + WITHOUT_TORCH, "utf-8")
    # What the functions of the package do inside is checked elsewhere: here their types count.
    given = ["--strict", "--follow-imports", "silent", "--config-file", str(config),
             "--cache-dir", ".mypy_cache/readme"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *given, *files],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "Success: no issues found in 2 source files\n"

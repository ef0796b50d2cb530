"""Compiles simulate.c, feeds it a network and trials, and reads its spikes."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError
from spiking_bimt.formats.flat import (
    PROGRAM,
    of_this_version,
    read_flat,
    write_inputs,
    write_sections,
)

Array = npt.NDArray[Any]


def run_flat(folder: Path, levels: list[Array], starts: Array) -> list[tuple[Array, Array]]:
    """Steps and neurons of the spikes of every trial, by the C program on an exported folder.

    The program is this package's own simulate.c, never the one that lies in the folder. levels:
    (task steps, C) of each trial; starts (trials, N). Raises InputError where the files are
    damaged, no C compiler is at hand, or the program refuses them.
    """
    return run_sections(read_flat(folder), levels, starts)


def run_sections(
    sections: dict[str, Array], levels: list[Array], starts: Array
) -> list[tuple[Array, Array]]:
    """As `run_flat`, on sections that need lie in no folder."""
    compiler = next((c for c in map(shutil.which, ("cc", "gcc", "clang")) if c), None)
    if compiler is None:
        raise InputError("no C compiler (cc, gcc or clang): install one to run simulate.c")
    with tempfile.TemporaryDirectory() as scratch:
        program, image, inputs = (
            Path(scratch) / name for name in ("simulate", "network.bin", "inputs.bin")
        )
        write_sections(image, of_this_version(sections))
        write_inputs(inputs, levels, starts)
        _call([compiler, "-O2", "-ffp-contract=off", "-o", str(program), str(PROGRAM)])
        text = _call([str(program), str(image), str(inputs)])
    rows = np.array(text.split(), np.int64).reshape(-1, 3)
    return [(own[:, 1], own[:, 2]) for own in (rows[rows[:, 0] == k] for k in range(len(levels)))]


def _call(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        line = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
        raise InputError(f"{command[0]} fails: {line}")
    return done.stdout

"""Compiles simulate.c of an export, feeds it trials and reads its spikes."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError
from spiking_bimt.formats.flat import read_flat, write_inputs

Array = npt.NDArray[Any]


def run_flat(folder: Path, levels: list[Array], starts: Array) -> list[tuple[Array, Array]]:
    """Steps and neurons of the spikes of every trial, by the exported C program itself.

    levels: (task steps, C) of each trial; starts (trials, N). Raises InputError where the files are
    damaged, no C compiler is at hand, or the program refuses them.
    """
    read_flat(folder)
    compiler = next((c for c in map(shutil.which, ("cc", "gcc", "clang")) if c), None)
    if compiler is None:
        raise InputError("no C compiler (cc, gcc or clang): install one to run simulate.c")
    with tempfile.TemporaryDirectory() as scratch:
        program, inputs = Path(scratch) / "simulate", Path(scratch) / "inputs.bin"
        write_inputs(inputs, levels, starts)
        options = ["-O2", "-ffp-contract=off", "-o", str(program)]
        _call([compiler, *options, str(folder / "simulate.c")])
        text = _call([str(program), str(folder / "network.bin"), str(inputs)])
    rows = np.array(text.split(), np.int64).reshape(-1, 3)
    return [(own[:, 1], own[:, 2]) for own in (rows[rows[:, 0] == k] for k in range(len(levels)))]


def _call(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        line = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
        raise InputError(f"{command[0]} fails: {line}")
    return done.stdout

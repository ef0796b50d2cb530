"""Runs taken in turn, and other simulators as processes that run when they are told to."""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from common.kernel_workloads import Workload

Array = npt.NDArray[Any]
Run = Callable[[], tuple[float, int]]
SLOW = 5.0  # seconds of a run after which it is not made again


def in_turns(runs: list[Run], repeats: int) -> list[tuple[float, int]]:
    """Median seconds and the spikes of each, taken in turn, after a first run that is not counted.

    One that takes longer than SLOW is counted once.
    """
    for run in runs:
        run()
    taken: list[list[tuple[float, int]]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, found in zip(runs, taken, strict=True):
            if not found or found[0][0] < SLOW:
                found.append(run())
    return [(statistics.median(t for t, _ in found), found[-1][1]) for found in taken]


class PeerError(Exception):
    """A peer that ended before it was told to."""


class Peer:
    """Another simulator on a workload, in a process of its own interpreter."""

    def __init__(
        self,
        name: str,
        python: str,
        work: Workload,
        record: bool = False,
        checkout: Path | None = None,
    ) -> None:
        """`record`: keep the spikes of a run, computed in float64; `checkout`: run its code."""
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "workload.npz"
        np.savez(path, **work.given, record=record)
        script = Path(__file__).with_name("kernel_peers.py").absolute()
        interpreter = Path(python).absolute()
        self._process = subprocess.Popen(
            [interpreter, script, name, path], cwd=self._folder.name, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | ({} if checkout is None else {"PYTHONPATH": str(checkout)}),
        )  # fmt: skip

    def run(self) -> tuple[float, int]:
        """CPU seconds and spikes of a run."""
        told, said = self._process.stdin, self._process.stdout
        assert told is not None
        assert said is not None
        told.write("run\n")
        told.flush()
        for line in said:
            if line.startswith('{"seconds"'):
                result = json.loads(line)
                return result["seconds"], result["spikes"]
        raise PeerError(f"failed with exit code {self._process.wait()}")

    def spikes(self) -> tuple[Array, Array]:
        """Steps and neurons of the last run, by step and neuron."""
        with np.load(Path(self._folder.name) / "spikes.npz") as file:
            steps, neurons = file["steps"], file["neurons"]
        order = np.lexsort((neurons, steps))
        return steps[order], neurons[order]

    def __enter__(self) -> "Peer":
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """End the process."""
        with self._process:  # waits, and closes its pipes
            self._process.kill()
        self._folder.cleanup()

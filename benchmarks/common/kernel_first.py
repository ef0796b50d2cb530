"""How long a process takes whose first call compiles the kernels, and the one after it."""

import os
import subprocess
import sys
import tempfile
import time

from common.rows import Row, at_least

CALL = """
from spiking_bimt.simulation import build
from spiking_bimt.simulation.engine import Simulation
Simulation(build.random_sheet(20, dt=0.1), mode={mode!r}).advance(100)
"""


def rows(mode: str) -> list[Row]:
    """Seconds from the process's start to its end, imports included; references are the limits."""
    with tempfile.TemporaryDirectory() as cache:
        first, later = (_seconds(mode, cache) for _ in range(2))
    what, text = f"first call, {mode} mode", "elapsed, the process's start and imports included"
    return [
        at_least(f"{what}, new cache", first, 15.0, 1.0, "s", text),
        at_least(f"{what}, a later process", later, 1.0, 1.0, "s", text),
    ]


def _seconds(mode: str, cache: str) -> float:
    start = time.perf_counter()
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    subprocess.run([sys.executable, "-c", CALL.format(mode=mode)], env=environment, check=True)
    return time.perf_counter() - start

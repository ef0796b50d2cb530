"""`demo`: the whole way on a bundled network."""

import os
from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.bundle.networks import bundled_files
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.errors import InputError
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.place import place
from spiking_bimt.stages.report import report
from spiking_bimt.stages.simulate import simulate
from spiking_bimt.stages.verify import verify

# Enough for every number of the report; the published ones use 200 trials per task.
TRIALS = 50


@checked
def demo(out: str | Path = "demo", *, threads: int | None = None) -> dict[str, Any]:
    """Convert, place, simulate, export, verify and report the bundled BIMT network.

    Writes a run folder at `out`, as if `train` had just ended there; an earlier demo there is
    made anew, a run of any other network is refused. Returns each stage's result by its name.
    Raises InputError where `out` holds another run.
    """
    folder = Path(out)
    with run_folder.writing(folder):
        bundled = bundled_files("bimt")
        for target, content in bundled.items():
            path = folder / target
            if os.path.lexists(path) and not (path.is_file() and path.read_bytes() == content):
                raise InputError(f"{path} is of another run: choose another `out`")
        foreign = [name for name in ("network.h5", "checkpoint.h5") if (folder / name).exists()]
        if foreign and (foreign[-1] == "checkpoint.h5" or not (folder / "rate.h5").exists()):
            raise InputError(f"{folder} holds a run of another network: choose another `out`")
        for target, content in bundled.items():
            if not (folder / target).exists():
                store.write_bytes(folder / target, content)
    return {
        "convert": convert(folder, trials=TRIALS, threads=threads),
        "place": place(folder, threads=threads),
        "simulate": simulate(folder, threads=threads),
        "export": export(folder),
        "verify": verify(folder / "tiles.h5", threads=threads),
        "report": report(folder),
    }

"""`demo`: the whole way on a bundled network."""

from importlib import resources
from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.data import store
from spiking_bimt.errors import InputError
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.place import place
from spiking_bimt.stages.report import report
from spiking_bimt.stages.simulate import simulate
from spiking_bimt.stages.verify import verify

# Enough for every number of the report; the published ones use 200 trials a task.
TRIALS = 50

BUNDLED = {"bimt.h5": "rate.h5", "bimt.toml": "config.toml", "bimt.jsonl": "metrics.jsonl"}


def demo(out: str | Path = "demo", *, threads: int | None = None) -> dict[str, Any]:
    """Convert, place, simulate, export, verify and report the bundled BIMT network.

    Writes a run folder at `out`, as if `train` had just ended there; an earlier demo there is
    made anew, a run of any other network is refused. Returns each stage's result by its name.
    """
    folder = Path(out)
    bundle = resources.files("spiking_bimt.bundle")
    with run_folder.writing(folder):
        rate, ours = folder / "rate.h5", (bundle / "bimt.h5").read_bytes()
        other = rate.read_bytes() != ours if rate.exists() else (folder / "network.h5").exists()
        if other or (folder / "checkpoint.h5").exists():
            raise InputError(f"{folder} holds a run of another network: choose another --out")
        for source, target in BUNDLED.items():
            store.write_bytes(folder / target, (bundle / source).read_bytes())
    return {
        "convert": convert(folder, trials=TRIALS, threads=threads),
        "place": place(folder, threads=threads),
        "simulate": simulate(folder, threads=threads),
        "export": export(folder),
        "verify": verify(folder / "tiles.h5", threads=threads),
        "report": report(folder),
    }

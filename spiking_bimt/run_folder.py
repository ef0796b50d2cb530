"""The run folder: what each stage leaves there, and who may write."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from spiking_bimt.data import store
from spiking_bimt.errors import InputError
from spiking_bimt.formats import sonata, tiles

MADE_BY = {
    "config.toml": "train",
    "metrics.jsonl": "train",
    "checkpoint.h5": "train",
    "rate.h5": "train",
    "network.h5": "convert",
    "placement.h5": "place",
    "spikes.h5": "simulate",
    "tiles.h5": "export",
    "report.html": "report",
}
"""Files of a run and the command that makes each."""

SCHEMAS = {
    "rate.h5": "RateNetwork",
    "network.h5": "SpikingNetwork",
    "placement.h5": "Placement",
    "tiles.h5": tiles.SCHEMA,
    "spikes.h5": sonata.SCHEMA,
}
"""Files of a run that say what they were made from."""


def require(run: Path, name: str) -> Path:
    """Path of a file that an earlier stage made; InputError names that stage where it lacks."""
    path = run / name
    network = run / "network.h5"
    if name == "rate.h5" and not path.is_file() and network.is_file():
        made = store.provenance(network, "SpikingNetwork").settings
        if made.get("command") == "import":
            raise InputError(f"{run} holds an imported network, which has no rate network")
    if not path.is_file():
        if run.is_file():
            raise InputError(f"{run} is a file: name the run folder")
        what = f"{run} has no {name}" if run.is_dir() else f"{run} is not a run folder"
        raise InputError(f"{what}: `spiking_bimt {MADE_BY[name]} {run}` makes {name}")
    return path


def provenance(path: Path) -> store.Provenance:
    """What a file of a run was made from."""
    return store.provenance(path, SCHEMAS[path.name])


def outdated(run: Path, name: str, parent: str) -> bool:
    """Whether `name` says that it was made from another `parent` than the run's."""
    made_from = provenance(run / name).inputs.get(parent)
    source = run / parent
    return made_from is not None and not (source.is_file() and store.sha256(source) == made_from)


@contextlib.contextmanager
def writing(run: Path) -> Iterator[Path]:
    """The run folder, created if needed, held against other writers until the block ends.

    Raises InputError when it cannot be made or another process writes there.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock = (run / ".lock").open("w")
    except OSError as error:
        raise InputError(
            f"cannot write in {run}: {error.strerror}; choose another folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another process is writing in {run}: wait for it or choose another folder"
            ) from error
        yield run

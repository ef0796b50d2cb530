"""The run folder: what each stage leaves there, and who may write."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from spiking_bimt.data import atomic, store
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
def writing(run: Path, *names: str) -> Iterator[Path]:
    """The run folder, created if needed, held against other writers until the block ends.

    What killed commands left there is removed. Raises InputError when the folder cannot be made,
    another process writes there, or one of `names`, which the caller is going to write, is a file
    of the user's own.
    """
    with _locked(run):
        for folder in (run, run / "figures", run / "rungs"):
            atomic.clean(folder)
        for name in names:
            atomic.refuse_foreign(run / name)
        yield run


@contextlib.contextmanager
def _locked(run: Path) -> Iterator[None]:
    path = run / ".lock"
    try:
        run.mkdir(parents=True, exist_ok=True)
        # Neither through a link nor emptied: the name may be taken by a file of the user's.
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if path.is_symlink():
            raise InputError(f"{path} is a link, which is not followed: remove it") from error
        raise InputError(
            f"cannot write in {run}: {error.strerror}; choose another folder"
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise InputError(f"{path} is no regular file: remove it")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another process is writing in {run}: wait for it or choose another folder"
            ) from error
        yield
    finally:
        os.close(lock)

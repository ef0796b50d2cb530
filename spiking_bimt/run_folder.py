"""The run folder: what each stage leaves there, and who may write."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from spiking_bimt.battery import sources
from spiking_bimt.data import atomic, store
from spiking_bimt.errors import InputError
from spiking_bimt.formats import sonata, tiles

MADE_BY = {
    "config.toml": "train",
    "data.h5": "train",
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

PARENTS = {
    "rate.h5": ("config.toml", "data.h5"),
    "network.h5": ("rate.h5",),
    "placement.h5": ("network.h5",),
    "spikes.h5": ("network.h5",),
    "tiles.h5": ("network.h5", "placement.h5"),
}
"""Files of a run that each file is made from."""

SCHEMAS = {
    "data.h5": "DataSet",
    "rate.h5": "RateNetwork",
    "network.h5": "SpikingNetwork",
    "placement.h5": "Placement",
    "tiles.h5": tiles.SCHEMA,
    "spikes.h5": sonata.SCHEMA,
}
"""Files of a run that say what they were made from."""


def require(run: Path, name: str) -> Path:
    """Path of a file that an earlier stage made.

    InputError names that stage where the file lacks, or was made from other files than those that
    the run holds now, unless these are taken (see `taking_changed`). The data of the run become
    known, so that trials can be drawn from them.
    """
    path = run / name
    sources.use(run)
    if name == "rate.h5" and imported(run):
        raise InputError(f"{run} holds an imported network, which has no rate network")
    if not path.is_file():
        if run.is_file():
            raise InputError(f"{run} is a file: name the run folder")
        what = f"{run} has no {name}" if run.is_dir() else f"{run} is not a run folder"
        raise InputError(f"{what}: `spiking_bimt {MADE_BY[name]} {run}` makes {name}")
    for parent in PARENTS.get(name, ()):
        if outdated(run, name, parent):
            anew = f"put that one back, `spiking_bimt {MADE_BY[name]} {run}` again"
            raise InputError(
                f"{path} was made from another {parent}: {anew}, or take it with `taking_changed`"
            )
    return path


def imported(run: Path) -> bool:
    """Whether the run's network is one of another tool, without a rate network."""
    network = run / "network.h5"
    if (run / "rate.h5").is_file() or not network.is_file():
        return False
    return store.provenance(network, "SpikingNetwork").settings.get("command") == "import"


def provenance(path: Path) -> store.Provenance:
    """What a file of a run was made from, after its content was checked."""
    if path.name == "tiles.h5":
        tiles.read_tiles(path)  # which has a digest of its own
        return store.provenance(path, tiles.SCHEMA, checked=True)
    return store.provenance(path, SCHEMAS[path.name])


def outdated(run: Path, name: str, parent: str) -> bool:
    """Whether `name` says that it was made from another `parent` than the run's.

    Never where the run has no such parent, or changed files are taken.
    """
    source = run / parent
    if _TAKING.get() or not source.is_file():
        return False
    made_from = store.provenance(run / name, SCHEMAS[name], checked=True).inputs.get(parent)
    return made_from is not None and store.sha256(source) != made_from


_TAKING: ContextVar[bool] = ContextVar("taking changed files", default=False)


@contextlib.contextmanager
def taking_changed() -> Iterator[None]:
    """In the block, files are taken although what they were made from has changed since."""
    token = _TAKING.set(True)
    try:
        yield
    finally:
        _TAKING.reset(token)


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

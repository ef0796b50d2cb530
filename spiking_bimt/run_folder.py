"""The run folder: what each stage leaves there, and who may write."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

from spiking_bimt.battery import sources
from spiking_bimt.data import atomic, store
from spiking_bimt.errors import CodesError, InputError
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
        raise InputError(_missing(run, name))
    for parent in PARENTS.get(name, ()):
        if outdated(run, name, parent):
            anew = "train in another folder" if name == "rate.h5" else makes(run, name)
            raise InputError(
                f"{path} was made from another {parent}: put that one back, {anew}, or take it "
                "with `taking_changed`"
            )
    return path


def imported(run: Path) -> bool:
    """Whether the run's network is one of another tool, without a rate network."""
    network = run / "network.h5"
    if (run / "rate.h5").is_file() or not network.is_file():
        return False
    return store.provenance(network, "SpikingNetwork").settings.get("command") == "import"


def _missing(run: Path, name: str) -> str:
    """What to do about a file that is not there."""
    if run.is_file():
        return f"{run} is a file: name the run folder"
    made_from = name == "rate.h5" and (run / "network.h5").is_file()
    if made_from and not (run / "checkpoint.h5").exists():
        return f"{run} has no rate.h5, which its network.h5 was made from: put it back"
    what = f"{run} has no {name}" if run.is_dir() else f"{run} is not a run folder"
    return f"{what}: {makes(run, name)}"


def makes(run: Path, name: str) -> str:
    """The commands that make a file of a run as it stands, those that it needs first, in words."""
    commands = commands_of(run, (name,))
    return f"{', then '.join(commands)} make{'s' * (len(commands) == 1)} {name}"


def commands_of(run: Path, names: Sequence[str]) -> list[str]:
    """The commands that make files of a run anew, and before them what lacks or is out of date."""
    commands: list[str] = []

    def visit(name: str) -> None:
        for parent in PARENTS.get(name, ()):
            if MADE_BY[parent] != MADE_BY[name] and not is_current(run, parent):
                visit(parent)
        going_on = name == "rate.h5" and (run / "checkpoint.h5").exists()
        command = f"`spiking_bimt {MADE_BY[name]} {run}`{' with `resume=True`' * going_on}"
        if command not in commands:
            commands.append(command)

    for name in names:
        visit(name)
    return commands


def is_current(run: Path, name: str) -> bool:
    """Whether a file of the run is there and of the files that it was made from."""
    there = (run / name).is_file()
    return there and not any(outdated(run, name, parent) for parent in PARENTS.get(name, ()))


def gives_codes(run: Path, bits: int = 8) -> str:
    """The command that gives the run's network integer weights of that width, in words."""
    made = store.provenance(run / "network.h5", SCHEMAS["network.h5"])
    if made.settings.get("command") != "import":
        return f"`spiking_bimt convert {run}` with `bits={bits}` makes such"
    file = made.settings.get("file", "FILE")
    return f"`spiking_bimt import {file} {run}` with `bits={bits}` makes such"


def check_written(folder: Path) -> None:
    """InputError where a file of an exported folder was changed, unless such are taken."""
    if _TAKING.get():
        return
    try:
        atomic.check_manifest(folder)
    except InputError as error:
        raise InputError(f"{error}; or take the folder with `taking_changed`") from error


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
def naming_commands(run: Path) -> Iterator[None]:
    """In the block, an error for want of integer weights names the command that makes them."""
    try:
        yield
    except CodesError as error:
        if not (run / "network.h5").is_file():
            raise
        raise InputError(f"{error.what}: {gives_codes(run, error.bits)}") from error


@contextlib.contextmanager
def writing(run: Path, *names: str) -> Iterator[Path]:
    """The run folder, created if needed, held against other writers until the block ends.

    What killed commands left there is removed. Raises InputError when the folder cannot be made,
    another process writes there, or one of `names`, which the caller is going to write, is a file
    of the user's own.
    """
    with _locked(run), naming_commands(run):
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

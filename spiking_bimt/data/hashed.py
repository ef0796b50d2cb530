"""SHA-256 of files, and whether a file is still the one that was read."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from spiking_bimt.errors import InputError

State = tuple[int, ...]
"""What another file of that name, or a change of it, would have otherwise."""


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file; InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def state(found: os.stat_result) -> State:
    """The state of a file or of an open handle."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def hash_in_state(path: Path, before: State) -> str:
    """SHA-256 of a file; InputError where it is in another state than before."""
    found = sha256(path)
    if state(path.stat()) != before:
        raise InputError(f"{path} was changed after it was read: run the command again")
    return found


@dataclass(frozen=True)
class Read:
    """Files that were opened, and the state in which each was opened first."""

    states: dict[Path, State] = field(default_factory=dict)

    def hashes(self, source: Path) -> dict[str, str]:
        """SHA-256 of each file, by its path from `source` or from the folder that holds that.

        InputError where one has changed since it was opened.
        """
        root = source if source.is_dir() else source.parent
        return {
            Path(os.path.relpath(path, root)).as_posix(): hash_in_state(path, before)
            for path, before in self.states.items()
        }


_NOTED: ContextVar[Read | None] = ContextVar("files that are opened", default=None)


@contextlib.contextmanager
def noting() -> Iterator[Read]:
    """Note the foreign files that are opened in the block: `gate.regular` sees each."""
    read = Read()
    token = _NOTED.set(read)
    try:
        yield read
    finally:
        _NOTED.reset(token)


def note(path: Path, found: os.stat_result) -> None:
    """A file is going to be opened."""
    read = _NOTED.get()
    if read is not None:
        read.states.setdefault(path, state(found))

"""Files that are whole or not there."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from spiking_bimt.errors import InputError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends, or leaves no trace.

    Where the file system can, the file has no name before it is whole, so that a killed process
    leaves nothing either. Raises InputError when the directory is missing, read-only or full.
    """
    temporary: Path | None = None
    try:
        handle = _nameless(path.parent)
        if handle is None:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
            if temporary is None:
                temporary = path.parent / f".{path.name}.{os.getpid()}"
                _link(handle, temporary)
        # mkstemp makes private files; a run's files follow the user's umask like any other.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `path` when the block ends, or leaves no trace.

    Raises InputError when the directory above is missing, read-only or full, or `path` is a file.
    """
    temporary: Path | None = None
    try:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(0, "it is a file", str(path))
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        new = temporary / "new"
        new.mkdir()
        yield new
        if path.exists():
            path.rename(temporary / "old")
        new.rename(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _nameless(folder: Path) -> int | None:
    """A file without a name in `folder`, or None where its file system has none such."""
    if not hasattr(os, "O_TMPFILE"):
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            return None
        raise


def _link(handle: int, path: Path) -> None:
    """Name the nameless file of `handle`."""
    folder = os.open("/proc/self/fd", os.O_RDONLY)
    try:
        path.unlink(missing_ok=True)
        os.link(str(handle), path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically (see `replacing`)."""
    with replacing(path) as file:
        file.write(content)


def remove(path: Path) -> None:
    """Remove a file that may be there; InputError where that fails, or `path` is a folder."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot remove {path}: {error.strerror}; move it away") from error

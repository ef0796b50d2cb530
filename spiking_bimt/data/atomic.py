"""Files and folders that are whole or not there; what this package did not write stays."""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from spiking_bimt.data import gate
from spiking_bimt.data.hashed import sha256
from spiking_bimt.errors import InputError

MARK = b"spiking_bimt"
"""Stands near the start of every file of this package that may take another's place."""
MANIFEST = ".spiking_bimt.json"
"""In a folder that this package wrote: the SHA-256 of each of its files, by name."""

_SEARCHED = 65536
"""Bytes at the start of a file in which the mark is looked for."""
_TEMPORARY = ".spiking_bimt."
"""Between a file's name and the process that writes it, in the name that it has meanwhile."""
_EXCHANGE = 2
"""Flag of Linux's renameat2 and of macOS's renamex_np: the two names change places."""
_HERE = -100
"""renameat2's name for the working folder (AT_FDCWD)."""


@contextlib.contextmanager
def replacing(path: Path, *, ours: bool = False) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends, or leaves no trace.

    Where the file system can, the file has no name before it is whole. What a killed process
    leaves is cleaned by `clean`. Links are replaced, not followed. Raises InputError when the
    folder is missing, read-only or full, or holds a file of that name that this package did not
    write, unless the caller knows it as `ours`.
    """
    if not ours:
        refuse_foreign(path)
    temporary: Path | None = None
    try:
        handle = _nameless(path.parent)
        if handle is None:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
            temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
            if temporary is None:
                temporary = path.parent / f"{_prefix(path)}{os.getpid()}"
                _link(handle, temporary)
        # mkstemp makes private files; a run's files follow the user's umask like any other.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `path` when the block ends, or leaves no trace.

    The two change places in one step, so that one of them always stands there. Only files that the
    old folder's manifest lists, unchanged, are replaced; all else in it is kept. Raises InputError
    when the folder above is missing, read-only or full, `path` is no folder, or the new folder
    needs the name of a file there that this package did not write or that was changed since.
    """
    temporary: Path | None = None
    try:
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            what = "is a link, which is not followed" if path.is_symlink() else "is a file"
            raise InputError(f"cannot write {path}: it {what}; move it away")
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path)))
        new = temporary / "new"
        new.mkdir()
        yield new
        write_manifest(new)
        if path.exists():
            _keep_foreign(path, new)
            _exchange(new, path)
        else:
            new.rename(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(path: Path, content: bytes, *, ours: bool = False) -> None:
    """Write `content` to `path` atomically (see `replacing`)."""
    with replacing(path, ours=ours) as file:
        file.write(content)


def remove(path: Path) -> None:
    """Remove a file of this package that may be there; InputError where it is another's."""
    refuse_foreign(path)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot remove {path}: {error.strerror}; move it away") from error


def refuse_foreign(path: Path) -> None:
    """Raise InputError where a file is there that does not bear this package's mark."""
    try:
        kind = path.lstat().st_mode
    except OSError:
        return
    if stat.S_ISLNK(kind):
        return  # the link is replaced, and what it points to stays
    if not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "no regular file"
        raise InputError(f"cannot write {path}: there is {what} of that name; move it away")
    try:
        with path.open("rb") as file:
            start = file.read(_SEARCHED)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; move it away") from error
    if start and MARK not in start:
        raise InputError(f"{path} is there already and is no file of spiking_bimt: move it away")


def own_folder(path: Path) -> Path:
    """The folder `path`, made where it is missing; InputError where a link stands in its place."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
    if path.is_symlink():
        raise InputError(f"{path} is a link, which is not followed when writing: remove it")
    return path


def clean(folder: Path) -> None:
    """Remove what killed commands left in `folder`; nobody else may write there meanwhile.

    Where a killed exchange left a folder's old content under another name, it is put back.
    """
    for left in folder.glob(f".*{_TEMPORARY}*"):
        name = left.name[1:].rpartition(_TEMPORARY)[0]
        old = left / "old"
        if left.is_symlink() or not name:
            continue
        if left.is_dir():
            if old.is_dir() and not (folder / name).exists():
                old.rename(folder / name)
            shutil.rmtree(left, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                left.unlink()


def write_manifest(folder: Path) -> None:
    """List the files of a folder (none of its folders) with their SHA-256, in its manifest."""
    files = {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}
    text = json.dumps({"written_by": MARK.decode(), "sha256": files}, indent=1)
    (folder / MANIFEST).write_text(text, "utf-8")


def read_manifest(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that this package wrote in a folder, by name; empty without a manifest.

    Raises InputError for a manifest that is not one.
    """
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        files = gate.read_json(path)["sha256"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (InputError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: remove it, and move your own files away") from error


def check_manifest(folder: Path) -> bool:
    """Whether a folder has a manifest; InputError names the first of its files that was changed."""
    listed = read_manifest(folder)
    for name, digest in listed.items():
        path = folder / name
        if "/" in name or not path.is_file():
            raise InputError(f"{path} is not there, which was written with the other files")
        if sha256(path) != digest:
            raise InputError(
                f"{path} is not as it was written: damaged, or changed since: move it away"
            )
    return bool(listed)


def _prefix(path: Path) -> str:
    return f".{path.name}{_TEMPORARY}"


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
    )


def _keep_foreign(old: Path, new: Path) -> None:
    """Give all of the old folder that this package did not write a second name in the new one."""
    listed = read_manifest(old)
    for path in old.iterdir():
        regular = path.is_file() and not path.is_symlink()
        if path.name == MANIFEST or (regular and listed.get(path.name) == sha256(path)):
            continue
        target = new / path.name
        if os.path.lexists(target):
            if not (old / MANIFEST).exists():
                raise InputError(
                    f"{path} is there, and no list of what was written ({MANIFEST}): where an "
                    f"earlier version wrote {old}, remove the folder; otherwise move yours away"
                )
            raise InputError(f"{path} was changed, or is no file of spiking_bimt: move it away")
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target, symlinks=True, copy_function=_second_name)
        else:
            _second_name(path, target)


def _second_name(path: str | Path, target: str | Path) -> None:
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV):
            raise
        shutil.copy2(path, target, follow_symlinks=False)


def _exchange(new: Path, path: Path) -> None:
    """Let two folders change places, in one step where the system can."""
    if _exchanged(new, path):
        return
    old = new.parent / "old"
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise


def _exchanged(new: Path, path: Path) -> bool:
    """Whether the system let them change places in one step."""
    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None)
    a, b = os.fsencode(new), os.fsencode(path)
    if hasattr(library, "renameat2"):
        return bool(library.renameat2(_HERE, a, _HERE, b, _EXCHANGE) == 0)
    if hasattr(library, "renamex_np"):
        return bool(library.renamex_np(a, b, _EXCHANGE) == 0)
    return False


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

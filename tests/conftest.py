"""Workers that share a test run: one thread each, no kernel compiled twice, long files first."""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from spiking_bimt import kernels

_KEPT = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(next(iter(kernels.__path__)), "__pycache__"))
"""Folder that keeps compiled kernels, or holds the folders that do."""

_COMPILING = ("kernels", "simulation", "chip")
"""Folders of the tests that compile most kernels, each for types of its own."""


def pytest_configure(config: pytest.Config) -> None:
    """In a worker, wait for kernels that another compiles; what starts workers, prepares them."""
    if hasattr(config, "workerinput"):
        _KEPT.mkdir(parents=True, exist_ok=True)
        _compile_once((_KEPT / "compiling.lock").open("wb"))
    elif getattr(config.option, "numprocesses", None):
        config.option.loadscopereorder = False  # it would leave files of few, long tests to the end
        # A worker per core: threads of matrix products beside it would wait for each other in
        # loops, which take 37 times the CPU time of the product on a busy machine.
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that compile first, then those with a slow test, then all others.

    So the processes that tests start find most kernels compiled, and at the end no worker waits
    for the long file of another.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> int:
        if item.path.parent.name in _COMPILING:
            return 0
        return 1 if item.path in slow else 2

    items.sort(key=rank)


def _compile_once(file: IO[bytes]) -> None:
    """Compile, or load, a function for some types while no other worker does.

    Each function and each of its signatures has its own byte of the file to lock. As no two
    functions call each other, nobody waits for a worker that waits for it. A function is locked
    while it is saved: two that save at once would take the same number for their files.
    """
    from numba.core import caching, dispatcher
    from numba.core.compiler_lock import global_compiler_lock

    kind: Any = dispatcher.Dispatcher
    cache: Any = caching.Cache
    compile_now, save_now = kind.compile, cache.save_overload
    held: set[int] = set()

    @contextmanager
    def alone(function: Any, signature: object = "") -> Iterator[None]:
        name = f"{function.__module__}.{function.__qualname__}{signature}"
        byte = zlib.crc32(name.encode())
        if byte in held:
            yield
            return
        fcntl.lockf(file, fcntl.LOCK_EX, 1, byte)
        held.add(byte)
        try:
            yield
        finally:
            held.remove(byte)
            fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)

    def compile_alone(kernel: Any, signature: Any) -> Any:
        if kernel._cache.cache_path is None:
            return compile_now(kernel, signature)
        with global_compiler_lock, alone(kernel.py_func, signature):
            return compile_now(kernel, signature)

    def save_alone(kept: Any, signature: Any, compiled: Any) -> None:
        with alone(kept._py_func):
            save_now(kept, signature, compiled)

    kind.compile, cache.save_overload = compile_alone, save_alone

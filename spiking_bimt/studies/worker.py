"""Worker processes that do not outlive the study that they work for."""

import functools
import os
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from spiking_bimt.battery.environments import trusting

_POLL = 1.0
"""Seconds between two looks of a worker at its parent."""

P = ParamSpec("P")
T = TypeVar("T")


def run_with_parent(
    parent: int | None,
    tasks: frozenset[str] | None,
    job: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run a job in a process that ends when its parent, the process of that id, does.

    None, or the process's own id, for one that has a life of its own. tasks: own tasks whose code
    may run there (`environments.trusted`).
    """
    if parent is not None and parent != os.getpid():
        _watch(parent)
    with trusting(None if tasks is None else tuple(tasks)):
        return job(*args, **kwargs)


@functools.cache
def _watch(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

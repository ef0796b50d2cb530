"""Progress bars: on stderr or in a notebook, and only where a person looks at it."""

import contextlib
import html
import importlib
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

Advance = Callable[[int, str], None]

_BETWEEN = 0.2
"""Least time between two drawings of a bar in a notebook, s."""


@contextlib.contextmanager
def progress(description: str, total: int) -> Iterator[Advance]:
    """`advance(done, note)` moves a bar with an estimate of the time left.

    It raises KeyboardInterrupt where one had been raised before and was lost.
    """
    with _heeding_interrupts() as check, _bar(description, total) as show:

        def advance(done: int, note: str) -> None:
            check()
            show(done, note)

        yield advance


@contextlib.contextmanager
def _bar(description: str, total: int) -> Iterator[Advance]:
    if not sys.stderr.isatty():
        yield _in_notebook(description, total) if _is_notebook() else lambda _done, _note: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.fields[note]}"),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(description, total=total, note="")
        yield lambda now, note: shown.update(task, completed=now, note=note)


def _is_notebook() -> bool:
    """Whether this is the kernel of a notebook; IPython is loaded there already."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _in_notebook(description: str, total: int) -> Advance:
    """A bar in the output of the present cell, drawn anew at most five times a second."""
    display = importlib.import_module("IPython.display")
    begun = time.monotonic()
    drawn = -math.inf
    handle: Any = None

    def show(done: int, note: str) -> None:
        nonlocal drawn, handle
        now = time.monotonic()
        if done < total and now - drawn < _BETWEEN:
            return
        drawn = now
        left = (now - begun) / max(done, 1) * (total - done)
        words = f"{description} {done:,}/{total:,} {left:.0f} s left {note}".strip()
        picture = (
            f'<progress value="{done}" max="{total}"></progress> <code>{html.escape(words)}</code>'
        )
        content = {"text/html": picture, "text/plain": words}
        if handle is None:
            handle = display.display(content, raw=True, display_id=True)
        else:
            handle.update(content, raw=True)

    return show


@contextlib.contextmanager
def _heeding_interrupts() -> Iterator[Callable[[], None]]:
    """A check that raises KeyboardInterrupt again, as the end does, where one was lost.

    Python drops what is raised in a destructor or in a callback from C, an interrupt too.
    """
    heard: list[int] = []

    def hear(number: int, _frame: Any) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    def check() -> None:
        if heard:
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, hear)
    try:
        yield check
        check()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def listening() -> contextlib.AbstractContextManager[Any]:
    """`Compilations`, where Numba is loaded at all."""
    return Compilations() if "numba" in sys.modules else contextlib.nullcontext()


class Compilations:
    """Within it, kernels that Numba compiles are counted, and told on a terminal.

    A first call may take many seconds for it, in which nothing else would be seen.
    """

    count = 0
    """Kernels compiled, without the functions that they are made of."""

    def __enter__(self) -> Self:
        """Listen to Numba."""
        from numba.core import event

        self._depth, self._told = 0, set[str]()
        hears = {"on_start": self._begin, "on_end": self._end}
        self._listener = type("_Listener", (event.Listener,), hears)()
        event.register("numba:compile", self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        from numba.core import event

        event.unregister("numba:compile", self._listener)

    def _begin(self, told: Any) -> None:
        self._depth += 1
        module = told.data["dispatcher"].py_func.__module__.rpartition(".")[2]
        if self._depth > 1 or module in self._told or not sys.stderr.isatty():
            return
        kept = "" if self._told else " (once: what is compiled is kept for later runs)"
        self._told.add(module)
        print(f"compiling {module}{kept}", file=sys.stderr)

    def _end(self, _told: Any) -> None:
        self._depth -= 1
        self.count += self._depth == 0

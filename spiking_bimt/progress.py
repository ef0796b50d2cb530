"""Progress bars: on stderr, and only where a person looks at it."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

Advance = Callable[[int, str], None]


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
        yield lambda _done, _note: None
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

"""Progress bars: on stderr, and only where a person looks at it."""

import contextlib
import sys
from collections.abc import Callable, Iterator

Advance = Callable[[int, str], None]


@contextlib.contextmanager
def progress(description: str, total: int) -> Iterator[Advance]:
    """`advance(done, note)` moves a bar with an estimate of the time left."""
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

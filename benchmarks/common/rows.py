"""Rows of a benchmark: what, ours, reference, ratio, target, met; a table, and JSON on request."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One measurement against its reference; `met` is None where there is no target or no peer."""

    what: str
    ours: float | None
    reference: float | None
    ratio: float | None
    target: float | None
    met: bool | None
    unit: str
    note: str = ""


def at_least(what: str, ours: float, reference: float, target: float, unit: str, note: str) -> Row:
    """A row whose ratio reference / ours (a speed-up) should reach `target`."""
    ratio = reference / ours
    return Row(what, ours, reference, ratio, target, ratio >= target, unit, note)


def median_pair(
    ours: Callable[[], object], reference: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Median CPU seconds of both, taken in turn so that the machine's drift hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for call, taken in zip((ours, reference), times, strict=True):
            start = time.process_time()
            call()
            taken.append(time.process_time() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark, --quick and --json; a script may add others."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="a smaller study, under 5 minutes")
    options.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to FILE")
    return options


def show(title: str, rows: list[Row], path: Path | None) -> None:
    """Print the table and write the JSON file."""
    table = Table(title=title, title_justify="left")
    for column in ("what", "ours", "reference", "ratio", "target", "met", "unit", "note"):
        table.add_column(column)
    for row in rows:
        cells = asdict(row)
        table.add_row(*(_text(cells[column.header]) for column in table.columns))  # type: ignore[index]
    Console(width=160).print(table)
    write_json(rows, path)


def write_json(rows: list[Row], path: Path | None) -> None:
    """Write the rows as a list of JSON objects, where a path is given."""
    if path is not None:
        path.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)

"""Parts of tables: rows of a name and a value, numbers as text."""

from typing import Any

from rich.console import Console
from rich.table import Table


def plain(value: Any) -> str:
    """A value as text: numbers with commas, none, or the items of a table."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def with_interval(value: float, interval: list[float]) -> str:
    """A value with its 95% interval."""
    return f"{value:.4f}  (95%: {interval[0]:.4f} to {interval[1]:.4f})"


def drive_rows(drive: dict[str, Any]) -> list[tuple[str, str]]:
    """What drove a network, for how long, the rate that it gave, and what is odd about it."""
    length = "" if drive["seconds"] is None else f", {drive['seconds']:g} s"
    rows = [("drive", f"{drive['text']}{length}: {drive['mean_rate_hz']:.1f} Hz a neuron")]
    for key, what in (("silent", "silent"), ("above_500_hz", "above 500 Hz")):
        if drive[key]:
            rows.append((what, f"{drive[key]:,} of {drive['neurons']:,} neurons {_FIRE[key]}"))
    return rows


_FIRE = {"silent": "never fire", "above_500_hz": "fire above 500 Hz: check the input's units"}


def show_rows(title: str, rows: list[tuple[str, str]]) -> None:
    """Print a table of names and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def show_per_task(columns: dict[str, dict[str, float]]) -> None:
    """Print the accuracy of each task, a column for each network."""
    table = Table(title="accuracy per task", title_justify="left")
    table.add_column("task")
    for name in columns:
        table.add_column(name, justify="right")
    for task in next(iter(columns.values())):
        table.add_row(task, *(f"{values[task]:.3f}" for values in columns.values()))
    Console().print(table)


def show_notes(notes: list[str]) -> None:
    """Print what a reader should know of the table above, a line each."""
    for note in notes:
        Console().print(f"note: {note}", soft_wrap=True)


def show_per_class(columns: dict[str, dict[str, str]]) -> None:
    """Print what became of each class of a data set, a column for each network."""
    table = Table(title="accuracy per class, and the class most often given in its place",
                  title_justify="left")  # fmt: skip
    table.add_column("class")
    for name in columns:
        table.add_column(name, justify="right")
    for label in next(iter(columns.values())):
        table.add_row(label, *(values[label] for values in columns.values()))
    Console().print(table)

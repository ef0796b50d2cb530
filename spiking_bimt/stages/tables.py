"""What the command line prints of each stage's result."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show_rate(result: dict[str, Any]) -> None:
    """Accuracy and wiring of a trained rate network."""
    low, high = result["accuracy_interval"]
    rows = [
        ("accuracy", f"{result['accuracy']:.4f}  (95%: {low:.4f} to {high:.4f})"),
        ("active units", f"{result['active_units']} of {result['trained_units']}"),
        ("recurrent connections", f"{result['synapses']}"),
        ("wiring length (Manhattan)", f"{result['wiring_length']:.0f}"),
    ]
    show_rows(f"rate network, {result['trials_per_task']} trials a task", rows)
    show_tasks({"rate": result["per_task"]})


def show_rows(title: str, rows: list[tuple[str, str]]) -> None:
    """A table of names and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def show_tasks(columns: dict[str, dict[str, float]]) -> None:
    """Accuracy per task, a column a network."""
    table = Table(title="accuracy per task", title_justify="left")
    table.add_column("task")
    for name in columns:
        table.add_column(name, justify="right")
    for task in next(iter(columns.values())):
        table.add_row(task, *(f"{values[task]:.3f}" for values in columns.values()))
    Console().print(table)

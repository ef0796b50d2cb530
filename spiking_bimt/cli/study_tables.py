"""What the command line prints of the studies."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show_study(result: dict[str, Any]) -> None:
    """Tables of a study, and where all of its networks are."""
    if result["name"] == "chip":
        _show_chip(result)
    else:
        _show_growing_brains(result)
    for name, reason in result["failed"].items():
        Console().print(f"{name} failed: {reason}", soft_wrap=True)
    Console().print(f"all networks: {result['study']}", soft_wrap=True)


def _show_growing_brains(result: dict[str, Any]) -> None:
    """Mean over seeds of each kind of training at each strength, and ratios at equal error."""
    table = Table(title="mean over seeds, +- 95% half-width", title_justify="left")
    names = ("error", "active units", "synapses", "wiring length", "modularity", "isolated",
             "isolated null", "variance", "variance null", "cpu seconds")  # fmt: skip
    for column in ("training", "strength", "seeds", *names):
        table.add_column(column, justify="left" if column == "training" else "right")
    for row in result["summary"]:
        cells = [_mean(row[name.replace(" ", "_")]) for name in names]
        table.add_row(row["kind"], f"{row['l1_scale']:g}", str(row["seeds"]), *cells)
    Console(width=190).print(table)
    more = ("mass within", "mass within null", "mantel", "label reliability", "communities agree")
    table = Table(title="function and anatomy, mean over seeds", title_justify="left")
    for column in ("training", "strength", *more):
        table.add_column(column, justify="left" if column == "training" else "right")
    for row in result["summary"]:
        cells = [_mean(row[name.replace(" ", "_")]) for name in more]
        table.add_row(row["kind"], f"{row['l1_scale']:g}", *cells)
    Console(width=150).print(table)
    title = "at the same error: how many times as much, geometric mean over seeds (95%)"
    table = Table(title=title, title_justify="left")
    for column in ("than BIMT needs", "error", "active units", "wiring length", "seeds"):
        table.add_column(column)
    for row in result["equal_error"]:
        cells = [_ratio(row[name]) for name in ("active_units", "wiring_length")]
        table.add_row(row["than"], f"{row['error']:g}", *cells, str(row["active_units"]["n"]))
    Console(width=150).print(table)
    title = "the most local network of each kind: isolated units, and with shuffled labels"
    table = Table(title=title, title_justify="left")
    for column in (
        "training", "strength", "seed", "error", "clusters", "isolated", "shuffled", "p",
    ):  # fmt: skip
        table.add_column(column)
    for row in result["most_local"]:
        numbers = (f"{row[key]:.4g}" for key in ("error", "k", "ratio", "null", "p"))
        table.add_row(row["kind"], f"{row['l1_scale']:g}", str(row["seed"]), *numbers)
    Console(width=150).print(table)


def _ratio(interval: dict[str, Any]) -> str:
    if interval["low"] is None:
        return f"{interval['mean']:.2f}"
    return f"{interval['mean']:.2f} ({interval['low']:.2f} to {interval['high']:.2f})"


def _mean(value: list[float | None]) -> str:
    mean, half = value
    shown = f"{mean:,.0f}" if mean and mean >= 10 else f"{mean:.4f}"
    return shown if half is None else f"{shown} +-{half:,.{0 if half >= 10 else 4}f}"


def _show_chip(result: dict[str, Any]) -> None:
    """What each kind of training costs each chip, and ratios at equal error."""
    names = ("error", "spiking error", "active units", "connections", "cores", "tiles",
             "packets per spike", "hops per trial", "network nj", "total nj", "agreement",
             "broken tasks")  # fmt: skip
    table = Table(title="mean over seeds, +- 95% half-width", title_justify="left")
    left = ("battery", "chip", "training")
    for column in (*left, "l1", "price", "seeds", *names):
        table.add_column(column, justify="left" if column in left else "right")
    for row in result["curves"]:
        cells = [_mean(row[name.replace(" ", "_")]) for name in names]
        head = row["battery"], row["chip"], row["kind"]
        table.add_row(*head, f"{row['l1_scale']:g}", f"{row['price']:g}", str(row["seeds"]), *cells)
    Console(width=270).print(table)
    title = "at the same error: how many times as much, geometric mean over seeds (95%)"
    table = Table(title=title, title_justify="left")
    costs = ("packets_per_spike", "network_nj", "total_nj")
    for column in ("battery", "chip", "than training against the chip", "error", *costs):
        table.add_column(column.replace("_", " "))
    for row in result["equal_error"]:
        cells = [_ratio(row[name]) if name in row else "" for name in costs]
        table.add_row(row["battery"], row["chip"], row["than"], f"{row['error']:g}", *cells)
    Console(width=190).print(table)

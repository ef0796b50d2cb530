"""What the command line prints of each stage's result."""

from typing import Any

from rich.console import Console
from rich.table import Table

_NETWORKS = {
    "rate": "rate",
    "rate_fine": "rate, fine step",
    "spiking": "spiking",
    "quantised": "{bits} bits",
}


def show_train(result: dict[str, Any]) -> None:
    """Accuracy and wiring of a trained rate network."""
    rows = [
        ("accuracy", _with_interval(result["accuracy"], result["accuracy_interval"])),
        ("active units", f"{result['active_units']} of {result['trained_units']}"),
        ("recurrent connections", f"{result['synapses']:,}"),
        ("wiring length (Manhattan)", f"{result['wiring_length']:,.0f}"),
    ]
    _show_rows(f"rate network, {result['trials_per_task']} trials a task", rows)
    _show_tasks({"rate": result["per_task"]})


def show_convert(result: dict[str, Any]) -> None:
    """Accuracy of each network on the same trials, and what the spiking one costs."""
    names = {key: _NETWORKS[key].format(bits=result["bits"]) for key in result["accuracy"]}
    rows = [
        (f"accuracy, {names[key]}", _with_interval(value, result["interval"][key]))
        for key, value in result["accuracy"].items()
    ]
    rows += [
        ("neurons, synapses", f"{result['neurons']:,}, {result['synapses']:,}"),
        ("mean rate", f"{result['mean_rate_hz']:.1f} Hz"),
        ("spikes a trial", f"{result['spikes_per_trial']:,.0f}"),
    ]
    _show_rows(f"conversion, {result['trials_per_task']} trials a task, the same for all", rows)
    _show_tasks({names[key]: values for key, values in result["per_task"].items()})


def show_simulate(result: dict[str, Any]) -> None:
    """Accuracy, activity and speed of a simulation."""
    rows = [
        ("trials", f"{result['trials']:,}"),
        ("accuracy", _with_interval(result["accuracy"], result["interval"])),
        ("spikes", f"{result['spikes']:,}"),
        ("mean rate", f"{result['mean_rate_hz']:.1f} Hz"),
        ("simulated, wall time", f"{result['simulated_seconds']:.0f} s, "
                                 f"{result['wall_seconds']:.2f} s"),
        ("synaptic events/s", f"{result['events_per_second']:.3g}"),
    ]  # fmt: skip
    _show_rows("simulation", rows)


def show_tasks(result: dict[str, Any]) -> None:
    """The known batteries."""
    _show_rows("batteries", [(name, ", ".join(tasks)) for name, tasks in result.items()])


def show_report(result: dict[str, Any]) -> None:
    """Where the page is."""
    Console().print(f"report: {result['report']}", soft_wrap=True)


def _with_interval(value: float, interval: list[float]) -> str:
    return f"{value:.4f}  (95%: {interval[0]:.4f} to {interval[1]:.4f})"


def _show_rows(title: str, rows: list[tuple[str, str]]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _show_tasks(columns: dict[str, dict[str, float]]) -> None:
    table = Table(title="accuracy per task", title_justify="left")
    table.add_column("task")
    for name in columns:
        table.add_column(name, justify="right")
    for task in next(iter(columns.values())):
        table.add_row(task, *(f"{values[task]:.3f}" for values in columns.values()))
    Console().print(table)

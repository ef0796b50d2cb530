"""What the command line prints of each stage's result."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from spiking_bimt.cli.study_tables import show_chip_study, show_study

__all__ = ["show_chip_study", "show_study"]

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
        ("active units", f"{result['active_units']} of {result['trained_units']}, "
                         f"{_cliff(result['importance_threshold'])}"),
        ("recurrent connections", f"{result['synapses']:,}"),
        ("wiring length (Manhattan)", f"{result['wiring_length']:,.0f}"),
    ]  # fmt: skip
    if "chip" in result:
        rows.append(("cores", f"{result['cores']} of {result['chip']}"))
        rows.append(("packets to other cores", f"{result['packets_per_spike']:.3f} a spike"))
    _show_rows(f"rate network, {result['trials_per_task']} trials a task", rows)
    if result.get("rungs"):
        steps = [(f"rung {number}", f"error {error:.4f}, {packets:.3f} packets a spike")
                 for number, (error, packets) in enumerate(result["rungs"])]  # fmt: skip
        _show_rows("the search for the price, on validation trials", steps)
    _show_tasks({"rate": result["per_task"]})


def _cliff(threshold: float) -> str:
    return f"importance above {threshold:.3g}" if threshold else "all that are left: no cliff"


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
    if result["tried"]:
        _show_rows(f"tried for {result['target']}, validation trials", [
            (f"{row['method']}, {row['full_rate']:g} Hz full scale",
             f"{row['accuracy']:.4f} at {row['mean_rate_hz']:.1f} Hz, "
             f"{row['spikes_per_trial']:,.0f} spikes a trial"
             + (", reached" if row["reached"] else ""))
            for row in result["tried"]
        ])  # fmt: skip
    if "diagnosis" in result:
        _show_diagnosis(result["diagnosis"])


def _show_diagnosis(found: dict[str, Any]) -> None:
    rows = [(f"{k + 1}.", line) for k, line in enumerate(found["advice"])]
    rows += [
        (f"{name}, trials lost", f"fixation {lost['fixation']:.3f}, choice {lost['choice']:.3f}")
        for name, lost in found["lost"].items()
        if lost["fixation"] + lost["choice"] > 0
    ]
    rows += [
        (f"one-to-one at {point['full_rate']:g} Hz full scale",
         f"{point['accuracy']:.4f} at {point['mean_rate_hz']:.1f} Hz")
        for point in found["curve"]
    ]  # fmt: skip
    _show_rows("diagnosis", [*rows, ("figure", found["figure"])])


def show_simulate(result: dict[str, Any]) -> None:
    """Accuracy, activity and speed of a simulation."""
    rows = [
        ("trials", f"{result['trials']:,}"),
        ("accuracy", "none: the network has no tasks" if result["accuracy"] is None
                     else _with_interval(result["accuracy"], result["interval"])),
        ("spikes", f"{result['spikes']:,}"),
        ("mean rate", f"{result['mean_rate_hz']:.1f} Hz"),
        ("simulated, wall time", f"{result['simulated_seconds']:.0f} s, "
                                 f"{result['wall_seconds']:.2f} s"),
        ("synaptic events/s", f"{result['events_per_second']:.3g}"),
    ]  # fmt: skip
    _show_rows("simulation", rows)


def show_fixed_point(result: dict[str, Any]) -> None:
    """Accuracy and overflows in fixed point, beside floating point."""
    names = {"floating point": "floating_", f"{result['state_bits']} bits": ""}
    rows = [(f"{what}, {name}", _plain(result[prefix + what])) for what in ("accuracy", "spikes")
            for name, prefix in names.items()]  # fmt: skip
    rows += [(f"{of} overflows", str(result[f"{of}_overflows"])) for of in ("membrane", "current")]
    _show_rows(f"fixed point, {result['trials']:,} trials", rows)


def show_analog(result: dict[str, Any]) -> None:
    """Accuracy with each effect of a device."""
    rows = [
        (name, _with_interval(row["accuracy"], row["interval"]))
        for name, row in result["runs"].items()
    ]
    title = f"{result['device']} after {result['seconds']:g} s, {result['trials']:,} trials"
    _show_rows(title, [*rows, ("figure", result["figure"])])


def _trained_elsewhere(result: dict[str, Any]) -> str:
    trained = result["trained_for"]
    other = trained is not None and trained != result["chip"]
    return f"{result['chip']}, of a network trained against {trained}" if other else result["chip"]


def show_place(result: dict[str, Any]) -> None:
    """Cores used, how near the limits, what the traffic costs, against baselines and bound."""
    rows = [
        ("chip", _trained_elsewhere(result)),
        ("cores used", f"{result['cores']}"),
        ("packets a spike", f"{result['packets_per_spike']:.3f}"),
        (f"hops a spike ({result['routing']})", f"{result['hops_per_spike']:.3f}"),
        ("packets, hops a trial", f"{result['packets_per_trial']:,.0f}, "
                                  f"{result['hops_per_trial']:,.0f}"),
    ]  # fmt: skip
    if result["energy_nj_per_trial"] is not None:
        parts = result["energy_nj_per_trial"]
        rows.append(("energy a trial", f"{sum(parts.values()):,.0f} nJ"))
        rows += [(f"  {event}", f"{value:,.0f} nJ") for event, value in parts.items()]
        if result["energy_nj_per_correct"] is not None:
            rows.append(("energy a correct answer", f"{result['energy_nj_per_correct']:,.0f} nJ"))
    if "step_time_ns" in result:
        spans = result["step_time_ns"]
        rows.append(("work of the busiest core a step, mean; most",
                     f"{spans['mean']:,.0f}; {spans['max']:,.0f} ns"))  # fmt: skip
    if result["busiest_step"] is not None:
        step = result["busiest_step"]
        place, when = step["link"], f"trial {step['trial']} at {step['ms']:g} ms"
        rows.append(
            ("busiest link and step", f"{step['packets_on_a_link']} packets {place}, {when}")
        )
    for name, limit in result["limits"].items():
        allowed = ", no limit" if limit["allowed"] is None else f" of {limit['allowed']:,}"
        rows.append((f"{name.replace('_', ' ')}, fullest core", f"{limit['used']:,}{allowed}"))
    _show_rows(f"placement on {result['chip']}", rows)
    costs = {
        "this placement": result,
        "sheet cut into blocks": result["start"],
        **{f"{name} order": values for name, values in result["baselines"].items()},
        "lower bound for its partition": result["lower_bound"],
    }
    unit = result["unit"]
    _show_rows(f"cost, {unit}", [(name, f"{v['cost']:.4g}") for name, v in costs.items()])


def show_compare(result: dict[str, Any]) -> None:
    """A column a network."""
    networks = result["networks"]
    title = f"on {result['chip']}, each network at its best placement"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in networks:
        table.add_column(name, justify="right")
    for label, value in _COMPARED.items():
        cells = [value(row) for row in networks.values()]
        if any(cell is not None for cell in cells):
            table.add_row(label, *("-" if cell is None else cell for cell in cells))
    Console().print(table)
    for name, row in networks.items():
        if "refused" in row:
            Console().print(f"{name} does not fit: {row['refused']}", soft_wrap=True)


def _placed(key: str, form: str) -> Callable[[dict[str, Any]], str | None]:
    return lambda row: None if key not in row else format(row[key], form)


def _tiled(key: str, form: str) -> Callable[[dict[str, Any]], str | None]:
    return lambda row: None if "tiles" not in row else format(row["tiles"][key], form)


_COMPARED: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "accuracy, rate network": lambda row: f"{row['accuracy']['rate']:.4f}",
    "accuracy, integer spiking": lambda row: f"{row['accuracy']['quantised']:.4f}",
    "units": _placed("active_units", ","),
    "recurrent connections": _placed("synapses", ","),
    "wiring length (Manhattan)": _placed("wiring_length", ",.0f"),
    "mean rate, Hz": _placed("mean_rate_hz", ".1f"),
    "cores": _placed("cores", ","),
    "crossbar tiles": _tiled("tiles", ","),
    "used cells of those tiles": _tiled("utilisation", ".1%"),
    "packets a trial": _placed("packets_per_trial", ",.0f"),
    "packets a spike": _placed("packets_per_spike", ".2f"),
    "hops a trial": _placed("hops_per_trial", ",.0f"),
    "packets on the busiest link": _placed("busiest_link_packets", ","),
    "energy a trial, nJ": lambda row: (
        f"{sum(row['energy_nj_per_trial'].values()):,.0f}"
        if row.get("energy_nj_per_trial") else None
    ),
}  # fmt: skip


def show_import_network(result: dict[str, Any]) -> None:
    """What was read."""
    rows = [(key.replace("_", " "), _plain(value)) for key, value in result.items()]
    _show_rows("import", rows)


def show_export(result: dict[str, Any]) -> None:
    """What was written."""
    for name, written in result.items():
        single = {k: v for k, v in written.items() if not isinstance(v, list)}
        rows = [(key.replace("_", " "), _plain(value)) for key, value in single.items()]
        _show_rows(f"export, {name}", rows)


def show_verify(result: dict[str, Any]) -> None:
    """That the file holds the network, or one row a format."""
    if "checks" in result:
        table = Table(title=f"verify {result['file']}", title_justify="left")
        for column in ("format", "passed", "found"):
            table.add_column(column)
        for row in result["checks"]:
            table.add_row(row["format"], "yes" if row["passed"] else "NO", row["found"])
        Console(width=150).print(table)
        return
    accuracy = result["accuracy"]
    scored = "" if accuracy is None else f", accuracy {accuracy:.4f}"
    Console().print(
        f"{result['file']}: rebuilt from the file alone, {result['spikes']:,} spikes of "
        f"{result['trials']} trials equal{scored}",
        soft_wrap=True,
    )


def show_chips(result: dict[str, Any]) -> None:
    """Every preset's limits, and where its figures come from."""
    for name, chip in result.items():
        sources = chip.pop("sources")
        rows = [(key.replace("_", " "), _plain(value)) for key, value in chip.items()]
        rows += [(f"source: {key}", value) for key, value in sources.items()]
        _show_rows(name, rows)


def show_demo(result: dict[str, Any]) -> None:
    """Each stage's table."""
    for stage, shown in result.items():
        globals()[f"show_{stage}"](shown)


def show_tasks(result: dict[str, Any]) -> None:
    """The known batteries."""
    _show_rows("batteries", [(name, ", ".join(tasks)) for name, tasks in result.items()])


def show_report(result: dict[str, Any]) -> None:
    """Where the page is."""
    Console().print(f"report: {result['report']}", soft_wrap=True)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


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

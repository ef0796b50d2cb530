"""What the command line prints of a network: trained, converted, imported, simulated, exported."""

from typing import Any

from rich.console import Console
from rich.table import Table

from spiking_bimt.cli.table_parts import (
    drive_rows,
    plain,
    show_notes,
    show_per_task,
    show_rows,
    with_interval,
)

_NETWORKS = {
    "rate": "rate",
    "rate_fine": "rate, fine step",
    "spiking": "spiking",
    "quantised": "{bits} bits",
}


def show_train(result: dict[str, Any]) -> None:
    """Accuracy and wiring of a trained rate network."""
    rows = [
        ("accuracy", with_interval(result["accuracy"], result["accuracy_interval"])),
        ("active units", f"{result['active_units']} of {result['trained_units']}, "
                         f"{_cliff(result['importance_threshold'])}"),
        ("recurrent connections", f"{result['synapses']:,}"),
        ("wiring length (Manhattan)", f"{result['wiring_length']:,.0f}"),
    ]  # fmt: skip
    if "chip" in result:
        rows.append(("cores", f"{result['cores']} of {result['chip']}"))
        rows.append(("packets to other cores", f"{result['packets_per_spike']:.3f} a spike"))
    show_rows(f"rate network, {result['trials_per_task']} trials a task", rows)
    if result.get("rungs"):
        steps = [(f"rung {number}", f"error {error:.4f}, {packets:.3f} packets a spike")
                 for number, (error, packets) in enumerate(result["rungs"])]  # fmt: skip
        show_rows("the search for the price, on validation trials", steps)
    show_per_task({"rate": result["per_task"]})


def _cliff(threshold: float) -> str:
    return f"importance above {threshold:.3g}" if threshold else "all that are left: no cliff"


def show_convert(result: dict[str, Any]) -> None:
    """Accuracy of each network on the same trials, and what the spiking one costs."""
    scored = result["accuracy"] or result["agreement"]
    names = {key: _NETWORKS[key].format(bits=result["bits"]) for key in scored}
    if result["accuracy"]:
        rows = [
            (f"accuracy, {names[key]}", with_interval(value, result["interval"][key]))
            for key, value in scored.items()
        ]
    else:
        rows = [("accuracy", "none: the network has no tasks"), ("input", result["drive"])]
        rows += [(f"R2 of the rate network's outputs, {names[key]}", plain(value))
                 for key, value in scored.items()]  # fmt: skip
    rows.append(("neurons, synapses", f"{result['neurons']:,}, {result['synapses']:,}"))
    rows.append(("synaptic time constant", f"{result['tau_out_ms']:g} ms"))
    rows += [
        (f"{what}, {names[key]}", form.format(result[prefix + field]))
        for what, field, form in (
            ("mean rate", "mean_rate_hz", "{:.1f} Hz"),
            ("spikes a trial", "spikes_per_trial", "{:,.0f}"),
        )
        for key, prefix in (("spiking", ""), ("quantised", "quantised_"))
        if key in names
    ]
    show_rows(f"conversion, {result['trials_per_task']} trials a task, the same for all", rows)
    if result["per_task"]:
        show_per_task({names[key]: values for key, values in result["per_task"].items()})
    if result["tried"]:
        show_rows(f"tried for {result['target']}, validation trials", [
            (f"{row['method']}, {row['full_rate']:g} Hz full scale",
             f"{row['accuracy']:.4f} at {row['mean_rate_hz']:.1f} Hz, "
             f"{row['spikes_per_trial']:,.0f} spikes a trial"
             + (", reached" if row["reached"] else ""))
            for row in result["tried"]
        ])  # fmt: skip
    show_notes(result["notes"])
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
    show_rows("diagnosis", [*rows, ("figure", found["figure"])])


def show_simulate(result: dict[str, Any]) -> None:
    """Accuracy, activity and speed of a simulation, or what fixed point or a device changes."""
    if "runs" in result:
        _show_device_effects(result)
        return
    if "state_bits" in result:
        _show_fixed_point(result)
        return
    rows = drive_rows(result["drive"])
    if result["trials"] is not None:
        rows += [
            ("trials", f"{result['trials']:,}"),
            ("accuracy", with_interval(result["accuracy"], result["interval"])),
        ]
    rows += [
        ("spikes", f"{result['spikes']:,}"),
        ("mean rate", f"{result['mean_rate_hz']:.1f} Hz"),
        ("simulated, wall time", f"{result['simulated_seconds']:g} s, "
                                 f"{result['wall_seconds']:.2f} s"),
        ("synaptic events/s", f"{result['events_per_second']:.3g}"),
    ]  # fmt: skip
    show_rows("simulation", rows)


def _show_fixed_point(result: dict[str, Any]) -> None:
    """Accuracy and overflows in fixed point, beside floating point."""
    names = {"floating point": "floating_", f"{result['state_bits']} bits": ""}
    rows = [(f"{what}, {name}", plain(result[prefix + what])) for what in ("accuracy", "spikes")
            for name, prefix in names.items()]  # fmt: skip
    rows += [(f"{of} overflows", str(result[f"{of}_overflows"])) for of in ("membrane", "current")]
    show_rows(f"fixed point, {result['trials']:,} trials", rows)


def _show_device_effects(result: dict[str, Any]) -> None:
    """Accuracy with each effect of a device."""
    rows = [
        (name, with_interval(row["accuracy"], row["interval"]))
        for name, row in result["runs"].items()
    ]
    title = f"{result['device']} after {result['seconds']:g} s, {result['trials']:,} trials"
    show_rows(title, [*rows, ("figure", result["figure"])])


def show_import_network(result: dict[str, Any]) -> None:
    """What was read, and the accuracy of a rate network with tasks."""
    shown = dict(result)
    per_task = shown.pop("per_task", None)
    interval = shown.pop("accuracy_interval", None)
    rows = [
        (key.replace("_", " "),
         with_interval(value, interval) if key == "accuracy" and interval else plain(value))
        for key, value in shown.items()
    ]  # fmt: skip
    show_rows("import", rows)
    if per_task:
        show_per_task({"rate": per_task})


def show_export(result: dict[str, Any]) -> None:
    """What was written."""
    for name, written in result.items():
        single = {k: v for k, v in written.items() if not isinstance(v, list)}
        rows = [(key.replace("_", " "), plain(value)) for key, value in single.items()]
        show_rows(f"export, {name}", rows)


def show_verify(result: dict[str, Any]) -> None:
    """One row a format."""
    table = Table(title=f"verify {result['file']}", title_justify="left")
    for column in ("format", "passed", "found"):
        table.add_column(column)
    for row in result["checks"]:
        table.add_row(row["format"], "yes" if row["passed"] else "NO", row["found"])
    Console(width=150).print(table)

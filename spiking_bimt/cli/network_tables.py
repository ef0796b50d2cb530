"""What the command line prints of a network: trained, converted, imported, simulated, exported."""

from typing import Any

from rich.console import Console
from rich.table import Table

from spiking_bimt.cli.table_parts import (
    drive_rows,
    plain,
    show_notes,
    show_per_class,
    show_per_task,
    show_rows,
    with_interval,
)

_NETWORKS = {
    "rate": "rate",
    "rate_fine": "rate, fine step",
    "spiking": "spiking",
    "quantised": "{bits} bits",
    "integers": "the chip's integers",
}


def show_train(result: dict[str, Any]) -> None:
    """Accuracy and wiring of a trained rate network."""
    measure = _measure(result)
    rows = [
        (measure, with_interval(result["accuracy"], result["accuracy_interval"])),
        *_decisions({"": result["decision_accuracy"]}, result),
        *_errors({"": result}),
        ("active units", f"{result['active_units']} of {result['trained_units']}, "
                         f"{_cliff(result['importance_threshold'])}"),
        ("recurrent connections", f"{result['synapses']:,}"),
        ("wiring length (Manhattan)", f"{result['wiring_length']:,.0f}"),
    ]  # fmt: skip
    if "chip" in result:
        rows.append(("cores", f"{result['cores']} of {result['chip']}"))
        rows.append(("packets to other cores", f"{result['packets_per_spike']:.3f} a spike"))
    show_rows(f"rate network, {_trials(result)}", rows)
    if result.get("rungs"):
        steps = [(f"rung {number}", f"error {error:.4f}, {packets:.3f} packets per spike")
                 for number, (error, packets) in enumerate(result["rungs"])]  # fmt: skip
        show_rows("the search for the price, on validation trials", steps)
    _show_parts({"rate": result}, {"rate": result["per_task"]})


def _measure(result: dict[str, Any]) -> str:
    return str(result.get("measure", "accuracy"))


def _trials(result: dict[str, Any]) -> str:
    """How many trials were scored; of a data set, which."""
    if "decision_accuracy" in result and _is_data(result):
        return f"{result['trials_per_task']} test trials of {next(iter(_per_task(result)))}"
    return f"{result['trials_per_task']} trials per task"


def _per_task(result: dict[str, Any]) -> dict[str, Any]:
    per_task: dict[str, Any] = result["per_task"]
    return next(iter(per_task.values())) if "details" in result else per_task


def _is_data(result: dict[str, Any]) -> bool:
    return bool(result.get("details") or "confusion" in result or "smape" in result)


def _decisions(shares: dict[str, float], result: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows of what the networks decide, and a line that says what it is; none of a data set."""
    if _is_data(result):
        return []
    rows = [(f"decisions{name}", f"{share:.4f}") for name, share in shares.items()]
    said = "right answer at the end; accuracy also asks that fixation was held until the go signal"
    return [*rows, ("", said)]


def _errors(details: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Rows of the errors of a regression, by what follows their name."""
    return [
        (f"{label}{name}", f"{found[key]:.4g}{unit}")
        for name, found in details.items()
        for key, label, unit in (("smape", "sMAPE", " %"), ("mse", "mean squared error", ""))
        if key in found
    ]


def _show_parts(details: dict[str, dict[str, Any]], per_task: dict[str, dict[str, float]]) -> None:
    """The accuracy of each task; of a data set, that of each class and what it is taken for."""
    if not any("confusion" in found or "smape" in found for found in details.values()):
        show_per_task(per_task)
        return
    columns: dict[str, dict[str, str]] = {}
    for name, found in details.items():
        if "confusion" in found:
            rows = zip(found["classes"], found["confusion"], strict=True)
            columns[name] = {label: _class_row(label, row, found["classes"]) for label, row in rows}
    if columns:
        show_per_class(columns)


def _class_row(label: str, row: list[int], classes: list[str]) -> str:
    """Share of a class that was right, and the class that it was most often taken for."""
    total = sum(row)
    if not total:
        return "not tested"
    others = [(count, other) for count, other in zip(row, classes, strict=True) if other != label]
    count, other = max(others)
    taken = f", {count} for {other}" if count else ""
    return f"{row[classes.index(label)] / total:.3f} of {total}{taken}"


def _cliff(threshold: float) -> str:
    return f"importance above {threshold:.3g}" if threshold else "all that are left: no cliff"


def show_convert(result: dict[str, Any]) -> None:
    """Accuracy of each network on the same trials, and what the spiking one costs."""
    scored = result["accuracy"] or result["agreement"]
    names = {key: _NETWORKS[key].format(bits=result["bits"]) for key in scored}
    measure, details = _measure(result), result.get("details", {})
    unit, on = "trial", _trials(result)
    if result["accuracy"]:
        rows = [
            (f"{measure}, {names[key]}", with_interval(value, result["interval"][key]))
            for key, value in scored.items()
        ]
        shares = {f", {names[key]}": v for key, v in result["decision_accuracy"].items()}
        rows += _decisions(shares, result)
        rows += _errors({f", {names[key]}": found for key, found in details.items()})
    else:
        unit, on = "second", f"{result['trials_per_task']} random inputs"
        rows = [("accuracy", "none: the network has no tasks"), ("input", result["drive"])]
        rows += [(f"R2 of the rate network's outputs, {names[key]}", plain(value))
                 for key, value in scored.items()]  # fmt: skip
    if result["chip"] is not None:
        told = result["chip"]
        rows.append(("chip", f"{told['name']}: {told['neurons']:,} neurons, "
                             f"{told['channels']:,} input channels"))  # fmt: skip
    rows.append(("neurons, synapses", f"{result['neurons']:,}, {result['synapses']:,}"))
    rows.append(("synaptic time constant", f"{result['tau_out_ms']:g} ms"))
    rows += [
        (f"{what}, {names[key]}", form.format(result[prefix + field]))
        for what, field, form in (
            ("mean rate", "mean_rate_hz", "{:.1f} Hz"),
            (f"spikes per {unit}", f"spikes_per_{unit}", "{:,.0f}"),
        )
        for key, prefix in (("spiking", ""), ("quantised", "quantised_"))
        if key in names
    ]
    show_rows(f"conversion, {on}, the same for all", rows)
    if result["per_task"]:
        _show_parts(
            {names[key]: found for key, found in details.items()},
            {names[key]: values for key, values in result["per_task"].items()},
        )
    if result["tried"]:
        show_rows(f"tried for {result['target']}, validation trials", [
            (f"{row['method']}, {row['full_rate']:g} Hz full scale",
             f"{row['accuracy']:.4f} at {row['mean_rate_hz']:.1f} Hz, "
             f"{row['spikes_per_trial']:,.0f} spikes per trial"
             + (", reached" if row["reached"] else ""))
            for row in result["tried"]
        ])  # fmt: skip
    show_notes(result["notes"])
    if result["chip"] is not None:
        show_notes([f"the chip's integers lose {text}" for text in result["chip"]["lost"]])
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
    if "weight_shift" in result:
        _show_integers(result)
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
    what = "trials" if result["accuracy"] is not None else "runs of random currents"
    show_rows(f"fixed point, {result['trials']:,} {what}", rows)


def _show_integers(result: dict[str, Any]) -> None:
    """Accuracy and spikes in a chip's integers, beside floating point, and what they lose."""
    least, most = result["thresholds"]
    rows = [
        ("neurons, input channels", f"{result['neurons']}, {result['channels']}"),
        ("accuracy, floating point", f"{result['floating_accuracy']:.4f}"),
        ("accuracy, the chip's integers", with_interval(result["accuracy"], result["interval"])),
        ("spikes, floating point", f"{result['floating_spikes']:,}"),
        ("spikes, the chip's integers", f"{result['spikes']:,}"),
        ("thresholds; weights shifted by",
         f"{least:,} to {most:,}; {result['weight_shift']} places"),
        *(("lost", text) for text in result["lost"]),
    ]  # fmt: skip
    show_rows(f"in {result['chip']}'s integers, {result['trials']:,} trials", rows)


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
    populations = shown.pop("populations", ())
    rows: list[tuple[str, str]] = [
        (key.replace("_", " "),
         with_interval(value, interval) if key == "accuracy" and interval else plain(value))
        for key, value in shown.items()
    ]  # fmt: skip
    rows += [
        (f"  {part['name']}", f"neurons {part['first']} to {part['last']}") for part in populations
    ]
    show_rows("import", rows)
    if per_task:
        show_per_task({"rate": per_task})


def show_export(result: dict[str, Any]) -> None:
    """What was written."""
    for name, written in result.items():
        single = {k: v for k, v in written.items() if not isinstance(v, list)}
        rows = [(key.replace("_", " "), plain(value)) for key, value in single.items()]
        show_rows(f"export, {name}", rows)
        show_notes([f"traffic only: the chip cannot run this network: {text}"
                    for text in written.get("cannot_compute", ())])  # fmt: skip


def show_verify(result: dict[str, Any]) -> None:
    """One row a format."""
    table = Table(title=f"verify {result['file']}", title_justify="left")
    for column in ("format", "passed", "found"):
        table.add_column(column)
    for row in result["checks"]:
        table.add_row(row["format"], "yes" if row["passed"] else "NO", row["found"])
    Console(width=150).print(table)

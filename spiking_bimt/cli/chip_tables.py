"""What the command line prints of placements and of networks side by side on a chip."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from spiking_bimt.cli.table_parts import drive_rows, show_notes, show_rows


def _trained_elsewhere(result: dict[str, Any]) -> str:
    trained = result["trained_for"]
    other = trained is not None and trained != result["chip"]
    return f"{result['chip']}, of a network trained against {trained}" if other else result["chip"]


def show_place(result: dict[str, Any]) -> None:
    """Cores in use, limits, traffic, energy, and costs beside simpler placements and a bound."""
    unit = "trial" if "packets_per_trial" in result else "second"
    rows = [
        ("chip", _trained_elsewhere(result)),
        *drive_rows(result["drive"]),
        ("cores used", f"{result['cores']}"),
        ("packets per spike", f"{result['packets_per_spike']:.3f}"),
        (f"hops per spike ({result['routing']})", f"{result['hops_per_spike']:.3f}"),
        (f"packets, hops per {unit}", f"{result[f'packets_per_{unit}']:,.0f}, "
                                    f"{result[f'hops_per_{unit}']:,.0f}"),
    ]  # fmt: skip
    for part in result.get("populations", ()):
        span = f"neurons {part['first']} to {part['last']} on {part['cores']} cores"
        rows.append((f"  {part['name']}", f"{span}, {part['mean_rate_hz']:.1f} Hz"))
    if result[f"energy_nj_per_{unit}"] is not None:
        parts = result[f"energy_nj_per_{unit}"]
        rows.append((f"energy per {unit}", f"{sum(parts.values()):,.0f} nJ"))
        rows += [(f"  {event}", f"{value:,.0f} nJ") for event, value in parts.items()]
        if result.get("energy_nj_per_correct") is not None:
            rows.append(("energy per correct answer", f"{result['energy_nj_per_correct']:,.0f} nJ"))
    if "step_time_ns" in result:
        spans = result["step_time_ns"]
        rows.append(("work of the busiest core a step, mean; most",
                     f"{spans['mean']:,.0f}; {spans['max']:,.0f} ns"))  # fmt: skip
    if result.get("busiest_step") is not None:
        step = result["busiest_step"]
        part = "" if step["trial"] is None else f"trial {step['trial']} at "
        place, when = step["link"], f"{part}{step['ms']:g} ms"
        rows.append(
            ("busiest link and step", f"{step['packets_on_a_link']} packets {place}, {when}")
        )
    for name, limit in result["limits"].items():
        allowed = ", no limit" if limit["allowed"] is None else f" of {limit['allowed']:,}"
        rows.append((f"{name.replace('_', ' ')}, fullest core", f"{limit['used']:,}{allowed}"))
    show_rows(f"placement on {result['chip']}", rows)
    costs = {
        "this placement": result,
        "sheet cut into blocks": result["start"],
        **{f"{name} order": values for name, values in result["baselines"].items()},
        "lower bound for its partition": result["lower_bound"],
    }
    show_notes(_chip_notes(result, f"{result['chip']} cannot run this network"))
    show_rows(f"cost, {result['unit']}", [(name, f"{v['cost']:.4g}") for name, v in costs.items()])


def _chip_notes(result: dict[str, Any], cannot_run: str) -> list[str]:
    """What a reader must know of costs on a chip."""
    notes = [f"traffic only: {cannot_run}: {text}" for text in result.get("cannot_compute", ())]
    if not result["declares_neuron"]:
        notes.append(f"{result['chip']} declares no neuron: costs alone, of whatever it computes")
    return notes + [f"energy: {result['caveat']}"] * bool(result["caveat"])


def show_compare(result: dict[str, Any]) -> None:
    """One column for each network."""
    networks = result["networks"]
    title = f"on {result['chip']}, each network at its best placement"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in networks:
        table.add_column(name, justify="right")
    placed = [row for row in networks.values() if "refused" not in row]
    unit = "trial" if all("packets_per_trial" in row for row in placed) else "second"
    for label, value in {**_COMPARED, **_costs(unit)}.items():
        cells = [value(row) for row in networks.values()]
        if any(cell is not None for cell in cells):
            table.add_row(label, *("-" if cell is None else cell for cell in cells))
    Console().print(table)
    for name, row in networks.items():
        if row["drive"]["kind"] != "tasks" or row["drive"]["silent"] + row["drive"]["above_500_hz"]:
            rows = drive_rows(row["drive"])
            Console().print(f"{name}: {'; '.join(text for _, text in rows)}", soft_wrap=True)
        if "refused" in row:
            Console().print(f"{name} does not fit: {row['refused']}", soft_wrap=True)
        show_notes([f"traffic only: {result['chip']} cannot run {name}: {text}"
                    for text in row.get("cannot_compute", ())])  # fmt: skip
    show_notes(_chip_notes(result, ""))
    show_notes(result["notes"])


def _placed(key: str, form: str) -> Callable[[dict[str, Any]], str | None]:
    return lambda row: None if key not in row else format(row[key], form)


def _tiled(key: str, form: str) -> Callable[[dict[str, Any]], str | None]:
    return lambda row: None if "tiles" not in row else format(row["tiles"][key], form)


_COMPARED: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "accuracy, rate network": lambda row: (
        f"{row['accuracy']['rate']:.4f}" if "accuracy" in row else None
    ),
    "accuracy, integer spiking": lambda row: (
        f"{row['accuracy']['quantised']:.4f}" if "accuracy" in row else None
    ),
    "neurons": _placed("neurons", ","),
    "recurrent connections, rate network": _placed("synapses", ","),
    "recurrent synapses, integer": _placed("spiking_synapses", ","),
    "wiring length (Manhattan)": _placed("wiring_length", ",.0f"),
    "mean rate, integer spiking, Hz": _placed("mean_rate_hz", ".1f"),
    "cores": _placed("cores", ","),
    "crossbar tiles": _tiled("tiles", ","),
    "used cells of those tiles": _tiled("utilisation", ".1%"),
    "packets per spike": _placed("packets_per_spike", ".2f"),
}


def _costs(unit: str) -> dict[str, Callable[[dict[str, Any]], str | None]]:
    """What networks cost a trial or a second."""
    energy = f"energy_nj_per_{unit}"
    updates, synaptic = f"membrane_updates_per_{unit}", f"synaptic_operations_per_{unit}"
    return {
        f"packets per {unit}": _placed(f"packets_per_{unit}", ",.0f"),
        f"hops per {unit}": _placed(f"hops_per_{unit}", ",.0f"),
        f"packets per {unit}, busiest link": _placed(f"busiest_link_packets_per_{unit}", ",.1f"),
        f"energy per {unit}, nJ": lambda row: (
            f"{sum(row[energy].values()):,.0f}" if row.get(energy) else None
        ),
        "parameters, dense": _benched("parameters", "dense", ",.0f"),
        "parameters, sparse": _benched("parameters", "sparse", ",.0f"),
        "footprint, bytes, dense": _benched("footprint_bytes", "dense", ",.0f"),
        "footprint, bytes, sparse": _benched("footprint_bytes", "sparse", ",.0f"),
        "connection sparsity": _benched("connection_sparsity", None, ".4f"),
        "activation sparsity": _benched("activation_sparsity", None, ".4f"),
        f"synaptic operations per {unit}, dense": _benched(synaptic, "dense", ",.0f"),
        f"effective MACs per {unit}": _benched(synaptic, "effective_macs", ",.0f"),
        f"effective ACs per {unit}": _benched(synaptic, "effective_acs", ",.0f"),
        f"membrane updates per {unit}": _benched(updates, None, ",.0f"),
    }


def _benched(key: str, part: str | None, form: str) -> Callable[[dict[str, Any]], str | None]:
    """A figure of NeuroBench (`analysis.neurobench`)."""

    def cell(row: dict[str, Any]) -> str | None:
        value = row.get("neurobench", {}).get(key)
        value = value[part] if value is not None and part is not None else value
        return None if value is None else format(value, form)

    return cell

"""What the command line prints of the things that are known by name."""

from typing import Any

from spiking_bimt.cli.table_parts import plain, show_notes, show_rows


def show_chips(result: dict[str, Any]) -> None:
    """A line for each chip, or the whole of one."""
    if len(result) > 1:
        show_rows("chips", [(name, chip["description"]) for name, chip in result.items()])
        show_notes(["`spiking_bimt chips NAME` shows one whole"])
    else:
        for name, chip in result.items():
            show_rows(name, _rows_of_chip(chip))
            if chip["neuron"] is None:
                show_notes(["its file declares no neuron: what it computes is not checked"])


def _rows_of_chip(chip: dict[str, Any]) -> list[tuple[str, str]]:
    """Figures, those quoted by others marked; then the neuron, the synapse and the sources."""
    quoted = chip["second_hand"]
    left = ("sources", "second_hand", "name")
    parts = {key: chip[key] for key in ("neuron", "synapse") if chip[key] is not None}
    keys = [key for key in chip if key not in (*left, "neuron", "synapse")]
    rows = [(key, key, chip[key]) for key in keys if chip[key] != ""]
    rows += [
        (f"{part}.{key}", f"{part}: {key}", value)
        for part, held in parts.items()
        for key, value in held.items()
    ]
    return [
        *((label.replace("_", " "), plain(value) + " (second-hand)" * (key in quoted))
          for key, label, value in rows),
        *((f"source: {key}", value) for key, value in chip["sources"].items()),
    ]  # fmt: skip


def show_presets(result: dict[str, Any]) -> None:
    """The figures of each device, and where they come from."""
    for name, preset in result.items():
        figures = {key: value for key, value in preset.items() if key != "sources"}
        rows = [(key.replace("_", " "), plain(value)) for key, value in figures.items()]
        rows += [(f"source: {key}", value) for key, value in preset["sources"].items()]
        show_rows(name, rows)


def show_tasks(result: dict[str, Any]) -> None:
    """The known batteries."""
    show_rows("batteries", [(name, ", ".join(tasks)) for name, tasks in result.items()])


def show_warm(result: dict[str, Any]) -> None:
    """How many kernels were compiled for what."""
    rows = [(name, f"{count} compiled") for name, count in result["compiled"].items()]
    rows += [(f"{name}, left out", why) for name, why in result["left_out"].items()]
    show_rows("kernels", [*rows, ("seconds", plain(result["seconds"]))])


def show_configs(result: dict[str, Any]) -> None:
    """What each configuration of training is for, and its phases."""
    for name, config in result.items():
        rows = [
            ("description", config["description"]),
            ("phases, steps of each", plain(config["phases"])),
            ("needs a chip", "yes" if config["needs_chip"] else "no"),
        ]
        show_rows(name, rows)

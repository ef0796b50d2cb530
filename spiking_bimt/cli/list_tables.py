"""What the command line prints of the things that are known by name."""

from typing import Any

from spiking_bimt.cli.table_parts import plain, show_rows


def show_presets(result: dict[str, Any]) -> None:
    """The figures of each chip or device, and where they come from."""
    for name, preset in result.items():
        figures = {key: value for key, value in preset.items() if key != "sources"}
        rows = [(key.replace("_", " "), plain(value)) for key, value in figures.items()]
        rows += [(f"source: {key}", value) for key, value in preset["sources"].items()]
        show_rows(name, rows)


def show_tasks(result: dict[str, Any]) -> None:
    """The known batteries."""
    show_rows("batteries", [(name, ", ".join(tasks)) for name, tasks in result.items()])


def show_configs(result: dict[str, Any]) -> None:
    """What each configuration of training is for, and its phases."""
    for name, config in result.items():
        rows = [
            ("description", config["description"]),
            ("phases, steps of each", plain(config["phases"])),
            ("needs a chip", "yes" if config["needs_chip"] else "no"),
        ]
        show_rows(name, rows)

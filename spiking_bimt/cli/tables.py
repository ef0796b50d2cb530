"""Which function prints the result of which command."""

from collections.abc import Callable
from typing import Any

from rich.console import Console

from spiking_bimt.cli.chip_tables import show_compare, show_place
from spiking_bimt.cli.list_tables import (
    show_chips,
    show_configs,
    show_presets,
    show_tasks,
    show_warm,
)
from spiking_bimt.cli.network_tables import (
    show_convert,
    show_export,
    show_import_network,
    show_simulate,
    show_train,
    show_verify,
)
from spiking_bimt.cli.study_tables import show_study


def show(stage: str, result: dict[str, Any]) -> None:
    """Print the result of a stage as tables."""
    _TABLES[stage](result)


def _show_demo(result: dict[str, Any]) -> None:
    for stage, shown in result.items():
        show(stage, shown)


def _show_report(result: dict[str, Any]) -> None:
    Console().print(f"report: {result['report']}", soft_wrap=True)


_TABLES: dict[str, Callable[[dict[str, Any]], None]] = {
    "chips": show_chips,
    "compare": show_compare,
    "configs": show_configs,
    "convert": show_convert,
    "demo": _show_demo,
    "devices": show_presets,
    "export": show_export,
    "import_network": show_import_network,
    "place": show_place,
    "report": _show_report,
    "simulate": show_simulate,
    "study": show_study,
    "tasks": show_tasks,
    "train": show_train,
    "verify": show_verify,
    "warm": show_warm,
}

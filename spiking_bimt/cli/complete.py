"""What a shell offers for the value of an option: names that the package knows, else files."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _chips(_context: click.Context) -> Iterable[str]:
    from spiking_bimt.chip.presets import chip_names

    return chip_names()


def _devices(_context: click.Context) -> Iterable[str]:
    from spiking_bimt.chip.presets import device_names

    return device_names()


def _configurations(_context: click.Context) -> Iterable[str]:
    from spiking_bimt.training.config import presets

    return presets()


def _formats(_context: click.Context) -> Iterable[str]:
    from spiking_bimt.formats.registry import written

    return written()


def _batteries(_context: click.Context) -> Iterable[str]:
    from spiking_bimt.battery.draw import BATTERIES

    return BATTERIES


def _tasks(context: click.Context) -> Iterable[str]:
    """Tasks of the battery that was given before, or of all."""
    from spiking_bimt.battery.draw import BATTERIES

    given = context.params.get("battery")
    chosen = [given] if given in BATTERIES else list(BATTERIES)
    return dict.fromkeys(task for battery in chosen for task in BATTERIES[battery])


def _one(known: Callable[[click.Context], Iterable[str]]) -> Complete:
    """Complete one name; a file where no name begins so, since a file may be given too."""

    def offered(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        names = [CompletionItem(name) for name in known(context) if name.startswith(begun)]
        return names or [CompletionItem(begun, type="file")]

    return offered


def _several(known: Callable[[click.Context], Iterable[str]]) -> Complete:
    """Complete the last of names that commas separate; each is offered once."""

    def offered(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        before, comma, last = begun.rpartition(",")
        taken = before.split(",")
        return [
            CompletionItem(f"{before}{comma}{name}")
            for name in known(context)
            if name.startswith(last) and name not in taken
        ]

    return offered


chips, devices, configurations = _one(_chips), _one(_devices), _one(_configurations)
battery, batteries = _one(_batteries), _several(_batteries)
formats, tasks = _several(_formats), _several(_tasks)

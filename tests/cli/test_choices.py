"""The choices of the command line are those of the functions behind it."""

import typing

import click
import pytest

from spiking_bimt.cli.commands import main
from spiking_bimt.converting import quantise, recipe, source_neurons
from spiking_bimt.data.network import RESETS
from spiking_bimt.formats.nir_neurons import Integration
from spiking_bimt.stages import import_network, simulate
from spiking_bimt.studies.study import STUDIES

LISTS = {
    ("convert", "method"): recipe.METHODS, ("convert", "sources"): source_neurons.KINDS,
    ("convert", "reset"): RESETS, ("convert", "per"): quantise.PER,
    ("convert", "signs"): quantise.SIGNS, ("convert", "fit"): quantise.FITS,
    ("simulate", "weights"): simulate._WEIGHTS, ("import", "kind"): import_network.KINDS,
    ("import", "step"): typing.get_args(Integration), ("study", "name"): STUDIES,
}  # fmt: skip


def choices() -> dict[tuple[str, str], tuple[str, ...]]:
    """The choices of every option and argument of every command that has some."""
    group = typing.cast(click.Group, main)
    context = click.Context(group)
    found = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice):
                found[name, str(parameter.name)] = tuple(parameter.type.choices)
    return found


@pytest.mark.parametrize(("place", "known"), LISTS.items())
def test_a_choice_has_the_names_that_the_function_knows(
    place: tuple[str, str], known: tuple[str, ...]
) -> None:
    assert sorted(choices()[place]) == sorted(known)


def test_no_choice_is_left_out() -> None:
    assert set(choices()) == set(LISTS)

"""The help of each command: texts, defaults, headings and examples."""

import re
import shlex
from dataclasses import fields
from typing import Any

import click
import pytest
from click.testing import CliRunner

from spiking_bimt.cli.commands import main
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.one_to_one import ConversionConfig
from spiking_bimt.converting.quantise import Rounding

COMMANDS = sorted(main.commands)


def help_of(name: str) -> str:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_text_and_tells_its_default(name: str) -> None:
    context = click.Context(main.commands[name])
    for option in main.commands[name].params:
        if not isinstance(option, click.Option):
            continue
        record = option.get_help_record(context)
        assert record is not None
        assert option.help
        assert option.help[0].isupper() or " " in option.help, option.name
        needs_no_default = option.is_flag or option.name in (
            "target", "start", "cores", "device", "chip", "max_packets", "max_error", "file",
            "scheduler", "spikes", "currents", "poisson_hz", "neuron_rates",
        )  # fmt: skip
        assert needs_no_default or "[default: " in record[1], option.name


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_commands_that_can_be_given(name: str) -> None:
    *_, examples = help_of(name).partition("Examples:\n")
    lines = [shlex.split(line) for line in examples.strip().splitlines()]
    assert lines
    for program, command, *arguments in lines:
        assert (program, command) == ("spiking_bimt", name)
        main.commands[command].make_context(command, arguments)  # raises for a wrong option


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_whole_sentences(name: str) -> None:
    assert not main.commands[name].get_short_help_str(66).endswith("...")


def test_the_options_of_convert_stand_under_headings() -> None:
    headings = re.findall(r"^(\w.*):$", help_of("convert"), re.MULTILINE)
    assert headings == [
        "Method",
        "Spiking neurons",
        "Integer weights",
        "Training, with --method aware or finetune",
        "Test and calibration",
        "Options",
    ]


def test_the_defaults_that_the_help_of_convert_tells_are_those_of_the_settings() -> None:
    texts = {option.name: getattr(option, "help", "") for option in main.commands["convert"].params}
    settings: dict[str, Any] = {
        field.name: field.default
        for record in (ConversionConfig, FinetuneConfig, Rounding)
        for field in fields(record)
    }
    compared = 0
    for name, default in settings.items():
        found = re.search(r"\[default: ([^\]\s]+)\]", texts.get(name) or "")
        if found is None or name in ("seed", "bits"):
            continue
        told = found[1]
        assert told == default if isinstance(default, str) else float(told) == default, name
        compared += 1
    assert compared >= 20


@pytest.mark.parametrize(
    ("name", "known"),
    [("chips", "loihi16"), ("devices", "pcm"), ("configs", "quick"), ("tasks", "yang19")],
)
def test_what_is_known_by_name_can_be_listed(name: str, known: str) -> None:
    for options in ([], ["--json"]):
        result = CliRunner().invoke(main, [name, *options])
        assert result.exit_code == 0
        assert known in result.stdout

"""Messages name arguments; the command line shows its own options in their place."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from spiking_bimt.cli.commands import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("command", "message", "shown"),
    [
        ("convert", "give `bits`", "give --bits"),
        ("place", "convert it with `bits=8`", "convert it with --bits 8"),
        ("train", "give `resume=True` to go on", "give --resume to go on"),
        ("train", "train on `start`", "train on --from"),
        ("place", "a `time_limit` and a `chip`", "a --time and a --chip"),
        ("place", "`quantise` it", "`quantise` it"),
        ("place", "`spiking_bimt train RUN` makes it", "`spiking_bimt train RUN` makes it"),
    ],
)
def test_arguments_become_options(command: str, message: str, shown: str) -> None:
    assert main.with_options(message, command) == shown


def test_a_run_without_its_checkpoint_names_the_option(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train", str(tmp_path / "new"), "--resume"])
    assert result.exit_code == 2
    assert "has no checkpoint.h5: `spiking_bimt train" in result.stderr


def test_the_library_names_no_option() -> None:
    """Options stand in the command line's own files alone."""
    files = [*(ROOT / "spiking_bimt").rglob("*.py"), *(ROOT / "export").glob("*.py")]
    texts = {
        path: re.findall(r"raise \w+Error\((.*?)\n\s*\)?\n", path.read_text("utf-8"), re.DOTALL)
        for path in files
        if "cli" not in path.parts
    }
    found = [
        (path.name, text)
        for path, raised in texts.items()
        for text in raised
        if re.search(r"[\s`(\"]--[a-z]", text)
    ]
    assert not found

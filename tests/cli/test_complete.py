"""A shell offers the names that the package knows, in a real bash too."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from spiking_bimt.battery.draw import BATTERIES
from spiking_bimt.chip.presets import chip_names, device_names
from spiking_bimt.cli.commands import main

ROOT = Path(__file__).parents[2]


def offered(*words: str, begun: str = "") -> list[str]:
    shell = BashComplete(main, {}, "spiking_bimt", "_SPIKING_BIMT_COMPLETE")
    return [
        item.value if item.type == "plain" else f"<{item.type}>"
        for item in shell.get_completions(list(words), begun)
    ]


def test_commands_and_options() -> None:
    assert offered(begun="pl") == ["place"]
    assert offered("place", "run", begun="--ch") == ["--chip"]


@pytest.mark.parametrize(
    ("command", "option"), [("train", "--chip"), ("place", "--chip"), ("compare", "--chip")]
)
def test_chips(command: str, option: str) -> None:
    assert offered(command, "run", option) == chip_names()
    assert offered(command, "run", option, begun="loihi1") == ["loihi16"]


def test_devices_and_configurations() -> None:
    assert offered("simulate", "run", "--device") == device_names()
    assert offered("export", "run", "--device", begun="p") == ["pcm"]
    assert offered("train", "run", "--config", begun="pa") == ["pack", "paper"]


def test_a_file_where_no_name_begins_so() -> None:
    assert offered("place", "run", "--chip", begun="./my") == ["<file>"]
    assert offered("place") == ["<file>"]


def test_several_names_with_commas() -> None:
    assert offered("export", "run", "--format", begun="s") == ["sanafe", "sonata"]
    assert offered("export", "run", "--format", begun="nir,s") == ["nir,sanafe", "nir,sonata"]
    assert offered("export", "run", "--format", begun="sanafe,s") == ["sanafe,sonata"]
    assert offered("study", "chip", "out", "--batteries", begun="y") == ["yang19"]


def test_tasks_are_those_of_the_battery_that_was_given() -> None:
    assert offered("train", "run", "--battery") == ["yang19", "modcog"]
    assert offered("train", "run", "--battery", "yang19", "--tasks", begun="go,an") == ["go,anti"]
    modcog = offered("train", "run", "--battery", "modcog", "--tasks")
    assert modcog == list(BATTERIES["modcog"])
    assert {*modcog, *BATTERIES["yang19"]} == set(offered("import", "file", "run", "--tasks"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_in_a_real_bash(tmp_path: Path) -> None:
    program = tmp_path / "spiking_bimt"
    program.write_text(
        f"#!{sys.executable}\nfrom spiking_bimt.cli import main\nmain()\n", encoding="utf-8"
    )
    program.chmod(0o755)
    script = (
        'eval "$(_SPIKING_BIMT_COMPLETE=bash_source spiking_bimt)"\n'
        "COMP_WORDS=(spiking_bimt place run --chip loihi1)\n"
        "COMP_CWORD=4\n"
        "_spiking_bimt_completion spiking_bimt\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == "loihi16\n"

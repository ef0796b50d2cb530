"""The command line: exit codes, one-line errors, JSON."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.tiny import TINY, call


def test_train_and_convert_print_json(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    code, stdout, _ = call("convert", copy, "--trials", 2, "--json")
    assert code == 0
    measured = json.loads(stdout)
    assert set(measured["accuracy"]) == {"rate", "rate_fine", "spiking", "quantised"}
    code, stdout, _ = call(
        "train", copy, "--config", copy / "config.toml", "--resume", "--json", "--test-trials", 2
    )
    assert json.loads(stdout)["trained_units"] == 36


def test_json_has_no_nan(run: Path, tmp_path: Path) -> None:
    def refused(constant: str) -> None:
        raise AssertionError(constant)

    copy = shutil.copytree(run, tmp_path / "run")
    neurons = ("--tau-mem", 20, "--t-ref", 2, "--reset", "value")
    code, stdout, _ = call("convert", copy, *neurons, "--trials", 1, "--diagnose", "--json")
    assert code == 0
    assert json.loads(stdout, parse_constant=refused)["diagnosis"]


def test_train_draws_the_sheet_when_asked(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.format(steps=20))
    args = ["train", tmp_path / "run", "--config", tmp_path / "tiny.toml", "--test-trials", 2]
    assert call(*args, "--pictures")[0] == 0
    frames = sorted(path.name for path in (tmp_path / "run" / "figures").iterdir())
    assert frames == ["grid-000010.png", "grid-000020.png", "grid-000030.png", "grid.gif"]
    with Image.open(tmp_path / "run" / "figures" / "grid.gif") as animation:
        assert animation.n_frames == 3  # type: ignore[attr-defined]


def test_resume_needs_no_configuration_but_the_runs_own(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "rate.h5").unlink()
    assert call("train", copy, "--resume", "--test-trials", 2)[0] == 0
    assert (copy / "rate.h5").read_bytes() == (run / "rate.h5").read_bytes()


def test_a_run_whose_name_is_no_text_is_reported(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, os.fsdecode(os.fsencode(tmp_path / "run") + b"\xff"))
    code, stdout, stderr = call("report", copy)
    assert (code, stderr) == (0, "")
    assert "report.html" in stdout
    assert (Path(copy) / "report.html").is_file()


def test_no_arguments_show_the_help() -> None:
    code, stdout, stderr = call()
    assert (code, stderr) == (0, "")
    assert "Commands:\n" in stdout


@pytest.mark.slow
def test_interrupt_keeps_the_checkpoint_and_resume_finishes_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TINY.format(steps=700))
    arguments = ["--config", str(config), "--test-trials", "2"]
    command = [sys.executable, "-m", "spiking_bimt", "train"]
    # A suite that runs in the background inherits an ignored SIGINT, and so would the child.
    process = subprocess.Popen(
        [*command, str(tmp_path / "killed"), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    metrics = tmp_path / "killed" / "metrics.jsonl"
    # By the first swap, at step 100, every kernel is compiled: a compiler may swallow the signal.
    while not (metrics.exists() and len(metrics.read_text().splitlines()) > 11):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert stderr.endswith("\nspiking_bimt: interrupted: what was finished is kept\n")
    assert not (tmp_path / "killed" / "rate.h5").exists()
    assert not [p for p in (tmp_path / "killed").iterdir() if ".h5." in p.name]
    assert call("train", tmp_path / "killed", *arguments, "--resume")[0] == 0
    assert call("train", tmp_path / "whole", *arguments)[0] == 0
    for name in ("rate.h5", "metrics.jsonl"):
        killed, whole = (tmp_path / folder / name for folder in ("killed", "whole"))
        assert killed.read_bytes() == whole.read_bytes()


def test_the_presets_ship_with_the_package() -> None:
    names = {path.name for path in resources.files("spiking_bimt.training").iterdir()}
    assert {"chip.toml", "quick.toml"} <= names


def test_a_network_of_leaky_rates_gets_the_neurons_that_it_was_trained_for(tmp_path: Path) -> None:
    (tmp_path / "lif.toml").write_text('activation = "lif"\n' + TINY.format(steps=20))
    run = tmp_path / "run"
    assert call("train", run, "--config", tmp_path / "lif.toml", "--test-trials", 2)[0] == 0
    code, stdout, _ = call("convert", run, "--trials", 2, "--json")
    assert code == 0
    assert json.loads(stdout)["conversion"]["tau_mem"] == 20.0
    code, _, stderr = call("convert", run, "--trials", 2, "--tau-mem", 10)
    assert code == 2
    assert "trained for neurons with tau_mem 20.0, not 10.0" in stderr

"""Bad input, damaged files and full disks: one line, the exit code of its kind, nothing lost."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.tiny import call


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fly"], "No such command 'fly'"),
        (["convert", "nowhere"], "nowhere is not a run folder: `spiking_bimt train nowhere`"),
        (["train", "new", "--config", "none.toml"], "there is no file none.toml"),
        (["train", "new", "--tasks", "go,gone"], "battery yang19: unknown task 'gone'"),
        (["train", "new", "--battery", "zoo"], "unknown battery 'zoo'; known: yang19, modcog, own"),
        (["train", "new", "--reg", "l2"], "unknown reg 'l2'; known: bimt, bimt-noswap, l1, none"),
        (
            ["train", "new", "--resume"],
            "new has no checkpoint.h5: `spiking_bimt train new` begins a training",
        ),
        (["simulate", "RUN", "--trials", "0"], "0 trials per task: ask for at least 1"),
        (["simulate", "RUN", "--threads", "0"], "threads is 0: at least 1 is needed"),
        (["simulate", "RUN", "--state-bits", "2"], "membrane has 2 bits: 4 to 32 can be"),
        (
            ["simulate", "RUN", "--state-bits", "16", "--threads", "1"],
            "threads does not go with state_bits",
        ),
        (["convert", "RUN", "--bits", "1"], "1 bits: signed integer weights have 2 to 16"),
        (["convert", "RUN", "--dt", "3"], "task_dt 20.0 ms is not a multiple of dt 3.0 ms"),
        (["convert", "RUN", "--wings"], "No such option '--wings'"),
        (["place", "RUN", "--chip", "potato"], "unknown chip 'potato'"),
        (["export", "RUN"], "RUN has no placement.h5: `spiking_bimt place"),
        (["export", "RUN", "--format", "csv"], "unknown format 'csv'; known: tiles"),
        (["verify", "RUN/tiles.h5"], "tiles.h5 does not exist"),
        (
            ["train", "RUN"],
            "holds a training already: `spiking_bimt train RUN` with --resume goes on",
        ),
        (["train", "new", "--seed", "-1"], "seed is -1: it must not be negative"),
        (["train", "new", "--test-trials", "0"], "0 test trials per task: ask for at least 1"),
        (["convert", "RUN", "--seed", "-1"], "seed is -1: it must not be negative"),
        (["convert", "RUN", "--trials", "0"], "0 trials per task: ask for at least 1"),
        (["place", "RUN", "--seed", "-1"], "seed is -1"),
        (["simulate", "RUN", "--seed", "-1"], "seed is -1"),
        (["simulate", "RUN", "--trials", "99999999999"], "at most 10,000 are held in memory"),
        (["simulate", "--from", "RUN", "--device", "pcm"], "RUN is not a file"),
        (["convert", "RUN/rate.h5"], "RUN/rate.h5 is a file: name the run folder"),
        (["convert", "RUN", "--lr", "1"], "lr would do nothing: one-to-one does not train"),
        (["convert", "RUN", "--bits", "0", "--edge-bits", "8"], "edge_bits would do nothing"),
        (["convert", "RUN", "--dt", "1e-9"], "a delay of 10.0 ms is 1e+10 steps"),
        (["convert", "RUN", "--delay", "nan"], "convert: delay is nan, expected a number"),
        (["export", "RUN", "--format", "c", "--device", "pcm"], "device goes into tiles"),
        (["export", "RUN", "--format", "c", "--selftest", "1"], "selftest goes into tiles"),
        (["verify", "RUN", "--trials", "0"], "0 trials per task: ask for at least 1"),
        (["verify", "RUN", "--against", "gone"], "gone is not a file: name the network.h5"),
        (["compare", "RUN", "--trials", "5"], "trials are of the bundled networks"),
        (["compare", "RUN", "--seed", "-1"], "seed is -1: it must not be negative"),
        (["train", "new", "--max-packets", "0.2"], "--max-packets is about a chip's packets"),
        (["train", "new", "--config", "quick", "--packet-scale", "2"], "name the chip as --chip"),
        (["train", "new", "--seed", str(2**63)], "it must be below 2^63"),
        (["study", "growing-brains", "new", "--jobs", "0"], "0 trainings at a time"),
        (["study", "chip", "new", "--quick", "--seeds", "2"], "quick has one seed"),
        (
            ["study", "chip", "new", "--scheduler", "x", "--jobs", "2"],
            "jobs does not go with scheduler",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str
) -> None:
    copy = shutil.copytree(run, tmp_path / "RUN")
    before = {path: path.read_bytes() for path in copy.iterdir()}
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = call(*args)
    assert code == 2
    assert stdout == ""
    assert message in stderr
    assert stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in copy.iterdir()} == before


def test_a_network_without_its_training_is_not_overwritten(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "checkpoint.h5").unlink()
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    for resume in ([], ["--resume"]):
        code, _, stderr = call("train", copy, *resume)
        assert code == 2
        assert "holds a network that was not trained there" in stderr
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_figure_that_cannot_be_removed_is_named(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "diagnosis.svg").mkdir()
    code, _, stderr = call("convert", copy, "--trials", 1)
    assert code == 2
    assert "diagnosis.svg: there is a folder of that name; move it away" in stderr
    assert stderr.count("\n") == 1


def test_a_damaged_file_is_named(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    whole = (copy / "network.h5").read_bytes()
    (copy / "network.h5").write_bytes(whole[: len(whole) // 2])
    code, _, stderr = call("simulate", copy)
    assert code == 2
    assert "network.h5 is not a readable HDF5 file" in stderr


def test_without_a_folder_for_compiled_kernels_one_is_asked_for(run: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "spiking_bimt", "simulate", str(run), "--trials", "1"],
        env={**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in done.stderr


def test_debug_shows_the_traceback() -> None:
    code, _, stderr = call("convert", "nowhere", "--debug")
    assert code == 2
    assert "Traceback" in stderr


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    code, _, stderr = call("train", "/proc/spiking_bimt")
    assert code == 2
    assert "cannot write in /proc/spiking_bimt" in stderr
    assert "choose another folder" in stderr


def test_a_disk_that_fills_up_leaves_what_was_there(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from spiking_bimt.cli.commands import main\n"
        "import spiking_bimt.stages.convert\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, "convert", str(copy), "--trials", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"spiking_bimt: cannot write {copy}/network.h5: File too large")
    assert done.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    code, _, stderr = call("train", tmp_path / "run")
    assert code == 2
    assert "cannot write in" in stderr


def test_two_processes_in_one_run_folder(run: Path) -> None:
    from spiking_bimt import run_folder

    with run_folder.writing(run):
        code, _, stderr = call("convert", run, "--trials", 2)
    assert code == 2
    assert "another process is writing in" in stderr

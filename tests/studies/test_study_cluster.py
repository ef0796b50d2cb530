"""A study on the workers of a Dask scheduler loses nothing when a worker dies."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.studies import growing_brains, runner
from spiking_bimt.studies.study import study

pytest.importorskip("distributed")

TINY = """
sheet = [6, 6]
pool = 60
checkpoint_every = 20
validation_trials = 1
tasks = ["go", "anti"]
[[phases]]
name = "grow"
steps = 400
l1 = 1e-5
distance = 0.3
"""

Process = subprocess.Popen[str]


def start(*command: str) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[Process]]]:
    """The address of a scheduler with two workers of one thread each, and the workers."""
    file = tmp_path / "scheduler.json"
    options = ("--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard")
    scheduler = start("distributed.cli.dask_scheduler", *options, "--port", "0")
    workers = [
        start("distributed.cli.dask_worker", "--scheduler-file", str(file), "--no-nanny",
              "--nthreads", "1", "--local-directory", str(tmp_path / f"worker{i}"))
        for i in range(2)
    ]  # fmt: skip
    try:
        from distributed import Client

        deadline = time.monotonic() + 300
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(2, timeout=300)
            address = client.scheduler.address
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def open_files(process: Process) -> list[str]:
    """Paths of the files that a process holds open."""
    paths = []
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        # A file may be closed between the listing and the look.
        with contextlib.suppress(FileNotFoundError):
            paths.append(str(descriptor.readlink()))
    return paths


def kill_the_busy(workers: list[Process], runs: Path) -> Process:
    """Kill, with no chance to clean up, the first worker that is in the middle of a training."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for checkpoint in runs.glob("*/checkpoint.h5"):
            if (checkpoint.parent / "rate.h5").exists():
                continue
            for worker in workers:
                if str(checkpoint.parent / ".lock") in open_files(worker):
                    worker.send_signal(signal.SIGKILL)
                    return worker
        time.sleep(0.01)
    raise AssertionError("no worker was seen training")


def train_alone(folder: Path, config: Path, scheduler: str | None = None) -> None:
    """A study whose networks are not described, which takes longer than their training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing_brains, "describe", lambda network, _: {"units": network.n_units})
        patch.setattr(growing_brains, "conclude", lambda _, rows: {"rows": rows})
        how: dict[str, Any] = {"jobs": 1} if scheduler is None else {"scheduler": scheduler}
        study("growing-brains", folder, quick=True, configs=[config], **how)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_a_worker_killed_in_mid_study_loses_nothing(
    cluster: tuple[str, list[Process]], tmp_path: Path
) -> None:
    address, workers = cluster
    config = tmp_path / "tiny.toml"
    config.write_text(TINY)
    with ThreadPoolExecutor(1) as pool:
        driver = pool.submit(train_alone, tmp_path / "out", config, address)
        dead = kill_the_busy(workers, tmp_path / "out" / "runs")
        driver.result(timeout=600)
    assert dead.wait() == -signal.SIGKILL
    train_alone(tmp_path / "alone", config)
    for job in growing_brains.list_jobs(1, quick=True):
        there, here = (tmp_path / d / "runs" / job.name / "rate.h5" for d in ("out", "alone"))
        assert there.read_bytes() == here.read_bytes()


def test_a_scheduler_that_does_not_answer_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "ANSWER_WITHIN", 0.5)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at 127\.0\.0\.1:9"):
        study("growing-brains", tmp_path / "out", scheduler="127.0.0.1:9")

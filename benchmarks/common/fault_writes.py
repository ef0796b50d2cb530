"""Commands that are killed, interrupted or run out of space, at each of their writes in turn.

strace counts the system calls that write and lets the n-th kill the process or fail; a tmpfs of a
few pages runs full for real. Both need Linux, and the tmpfs the right to mount.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common.fault_cases import contents
from common.fault_run import Outcome, call

from spiking_bimt.data import atomic

WRITERS: dict[str, tuple[str, ...]] = {
    "train": ("train", "RUN", "--resume", "--pictures", "--test-trials", "1"),
    "convert": ("convert", "RUN", "--trials", "1", "--diagnose"),
    "place": ("place", "RUN", "--chip", "loihi16"),
    "simulate": ("simulate", "RUN", "--trials", "1"),
    "device": ("simulate", "RUN", "--device", "pcm", "--trials", "1"),
    "export": ("export", "RUN", "--format", "tiles,c,sonata,netx,nir,sanafe", "--lossy"),
    "import": ("import", "RUN/net.npz", "RUN/new"),
    "report": ("report", "RUN"),
    "verify": ("verify", "RUN", "--trials", "1"),
}
"""Every command that writes into a run, or into a scratch folder; RUN is the run folder."""
WRITES = (
    "write,pwrite64,writev,ftruncate,fsync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "mkdir,mkdirat"
)
"""System calls that a full disk can fail."""
CHANGES = f"{WRITES},unlink,unlinkat,rmdir,chmod,fchmod,fchmodat,openat"
"""System calls before each of which a process is killed: those, and removals and openings."""
OWN = ("c/mine.c", "sonata/mine.txt", "sanafe/mine.txt", "mine.txt", "figures/mine.png")
"""Files that a user put beside those of the run."""
FREE_STEP = 32768
"""Bytes by which a disk has more space from one try to the next."""


def injected(arguments: list[str], calls: str, action: str, number: int) -> tuple[Outcome, bool]:
    """A command whose system call of that number is killed or fails; whether it came so far."""
    rule = [] if number == 0 else ["-e", f"inject={calls}:{action}:when={number}"]
    with tempfile.NamedTemporaryFile("r") as log:
        outcome = _in_child(
            lambda: call(*arguments),
            lambda pid: ["strace", "-f", "-qq", "-o", log.name, "-p", str(pid), "-e",
                         f"trace={calls}", *rule],
        )  # fmt: skip
        lines = log.read().splitlines()
    reached = any("(INJECTED)" in line or "killed by SIGKILL" in line for line in lines)
    return outcome, reached


def _in_child(
    work: Callable[[], Outcome], tracer: Callable[[int], list[str]] | None = None
) -> Outcome:
    """The outcome of work in a forked process, traced from its start on; code -9 where killed."""
    ours, theirs = socket.socketpair()  # to send is none of the calls that are traced
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            theirs.recv(1)
            theirs.sendall(json.dumps(vars(work())).encode())
        finally:
            os._exit(0)
    theirs.close()
    tracing = None
    if tracer is not None:
        tracing = subprocess.Popen(tracer(pid), stderr=subprocess.DEVNULL)
        while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
            if tracing.poll() is not None:
                raise RuntimeError(f"strace cannot attach ({tracing.returncode})")
            time.sleep(0.005)
    ours.sendall(b"x")
    with ours.makefile("rb") as file:
        text = file.read()
    ours.close()
    os.waitpid(pid, 0)
    if tracing is not None:
        tracing.wait()
    return Outcome(**json.loads(text)) if text else Outcome(-signal.SIGKILL, None, "killed")


def try_writes(whole: Path, scratch: Path, name: str, kill: bool) -> tuple[int, list[str]]:
    """Kill a command before each of its writes, or let the write fail; how many, and what was lost.

    Afterwards the next command must run, and leave nothing of the killed one.
    """
    calls, action = (CHANGES, "signal=KILL") if kill else (WRITES, "error=ENOSPC")
    lost: list[str] = []
    number = 1
    while True:
        copy = with_own_files(whole, scratch / "run")
        before = contents(copy)
        arguments = [part.replace("RUN", str(copy)) for part in WRITERS[name]]
        outcome, reached = injected(arguments, calls, action, number)
        if not reached:
            return number - 1, lost
        wrong = what_is_lost(copy, before)
        if not kill and outcome.code and not outcome.in_one_line:
            wrong.append(outcome.error.strip() or "no message")
        lost += [f"{name}, {action} at write {number}: {what}" for what in wrong]
        number += 1


def with_own_files(whole: Path, copy: Path) -> Path:
    """A copy of a run with files of the user's own."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    for name in OWN:
        if (copy / name).parent != copy:
            (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("mine")
    return copy


def what_is_lost(copy: Path, before: dict[str, str | None]) -> list[str]:
    """Files that are gone, half-written, or the user's and changed; what the next command leaves.

    What follows on a training is the training, and on all else a simulation.
    """
    after = contents(copy)
    lost = [f"{name} is gone" for name in before if name not in after]
    lost += [f"{name} is changed" for name in OWN if after.get(name) != before[name]]
    lost += [
        f"{name} is half-written"
        for name, found in after.items()
        if found is None and not is_leftover(name)
    ]
    if (copy / "checkpoint.h5").exists():
        following = ["train", str(copy), "--resume", "--test-trials", "1"]
    else:
        following = ["simulate", str(copy), "--trials", "1", "--force"]
    found = call(*following)
    if found.code:
        lost.append(f"the next command: {found.error.strip()}")
    return lost + [f"{name} is left over" for name in contents(copy) if is_leftover(name)]


def is_leftover(name: str) -> bool:
    """Whether a file, or the folder that it is in, has a name that is given while it is written."""
    return ".spiking_bimt." in name.replace(atomic.MANIFEST, "")


@contextlib.contextmanager
def small_disk(folder: Path, n_bytes: int) -> Iterator[Path]:
    """A file system of that size."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(folder)], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_disks(
    whole: Path, scratch: Path, name: str, step: int = FREE_STEP
) -> tuple[int, list[str]]:
    """Run a command on disks with ever more free pages until it has enough; what was lost."""
    lost: list[str] = []
    free = 0
    while True:
        with small_disk(scratch / "disk", 64 * 2**20) as disk:
            copy = with_own_files(whole, disk / "run")
            before = contents(copy)
            _fill(disk, free)
            arguments = [part.replace("RUN", str(copy)) for part in WRITERS[name]]
            outcome = _in_child(lambda arguments=arguments: call(*arguments))  # type: ignore[misc]
            (disk / "filler").unlink()
            wrong = what_is_lost(copy, before)
        if outcome.code and not outcome.in_one_line:
            wrong.append(outcome.error.strip() or "no message")
        lost += [f"{name}, {free} bytes free: {what}" for what in wrong]
        if outcome.code == 0:
            return free // step + 1, lost
        free += step


def _fill(disk: Path, free: int) -> None:
    """Leave so many bytes free."""
    with (disk / "filler").open("wb") as file:
        left = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - free
        file.write(bytes(max(left, 0)))


def interrupt(whole: Path, scratch: Path, name: str, moments: int) -> tuple[int, list[str]]:
    """Send SIGINT at so many moments from the start of the process to its end; what was lost."""
    lost = []
    began = time.time()
    subprocess.run(_process(with_own_files(whole, scratch / "run"), name), check=True)
    length = time.time() - began
    for number in range(moments):
        copy = with_own_files(whole, scratch / "run")
        before = contents(copy)
        process = subprocess.Popen(
            _process(copy, name), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(length * number / moments)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1].decode().splitlines()
        wrong = what_is_lost(copy, before)
        # Before Python has set its own handler, a signal ends the process without a word.
        ended = process.returncode in (0, 130, -signal.SIGINT)
        line = not said or said[-1].startswith("spiking_bimt: ") or process.returncode == 0
        if not ended or not line or any("Traceback" in part for part in said):
            wrong.append(f"code {process.returncode}: {said[-1:]}")
        lost += [f"{name}, SIGINT at {number} of {moments}: {what}" for what in wrong]
    return moments, lost


def _process(copy: Path, name: str) -> list[str]:
    arguments = [part.replace("RUN", str(copy)) for part in WRITERS[name]]
    return [sys.executable, "-m", "spiking_bimt", *arguments, "--json"]

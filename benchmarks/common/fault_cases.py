"""Damaged files, one at a time, given to every command that reads them: what came of each."""

import dataclasses
import json
import os
import shutil
import signal
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common.damage import KINDS
from common.fault_run import Outcome, call, content

Command = tuple[str, ...]

_VERIFY_ALL: Command = ("verify", "RUN", "--trials", "1")
READERS: dict[str, list[Command]] = {
    "rate.h5": [("convert", "RUN", "--trials", "1"), ("report", "RUN"), ("compare", "RUN")],
    "network.h5": [("simulate", "RUN", "--trials", "1"), ("place", "RUN"), ("export", "RUN"),
                   _VERIFY_ALL, ("compare", "RUN")],
    "placement.h5": [("export", "RUN", "--format", "tiles,sanafe", "--lossy"), ("report", "RUN"),
                     ("convert", "RUN", "--cores", "RUN/placement.h5", "--trials", "1")],
    "spikes.h5": [("report", "RUN"), ("export", "RUN", "--format", "sanafe", "--lossy")],
    "tiles.h5": [("verify", "RUN/tiles.h5", "--trials", "1"), ("report", "RUN"),
                 ("simulate", "RUN", "--device", "pcm", "--trials", "1")],
    "netx.h5": [("verify", "RUN/netx.h5", "--trials", "1")],
    "network.nir": [("verify", "RUN/network.nir", "--trials", "1"),
                    ("import", "RUN/network.nir", "RUN/new")],
    "sanafe/network.yaml": [("verify", "RUN/sanafe", "--trials", "1")],
    "sanafe/arch.yaml": [("verify", "RUN/sanafe", "--trials", "1")],
    "sanafe/.spiking_bimt.json": [("verify", "RUN/sanafe", "--trials", "1"),
                                  ("export", "RUN", "--format", "sanafe", "--lossy")],
    "c/network.bin": [("verify", "RUN/c", "--trials", "1")],
    "c/network.json": [("verify", "RUN/c", "--trials", "1")],
    "c/simulate.c": [("verify", "RUN/c", "--trials", "1")],
    "c/.spiking_bimt.json": [("verify", "RUN/c", "--trials", "1"), ("export", "RUN", "--format",
                             "c", "--lossy")],
    "sonata/nodes.h5": [("verify", "RUN/sonata", "--trials", "1"),
                        ("import", "RUN/sonata", "RUN/new")],
    "sonata/edges.h5": [("verify", "RUN/sonata", "--trials", "1"),
                        ("import", "RUN/sonata", "RUN/new")],
    "sonata/circuit_config.json": [("verify", "RUN/sonata", "--trials", "1"),
                                   ("import", "RUN/sonata", "RUN/new")],
    "sonata/simulation_config.json": [("verify", "RUN/sonata", "--trials", "1")],
    "sonata/node_types.csv": [("verify", "RUN/sonata", "--trials", "1"),
                              ("import", "RUN/sonata", "RUN/new")],
    "sonata/edge_types.csv": [("verify", "RUN/sonata", "--trials", "1"),
                              ("import", "RUN/sonata", "RUN/new")],
    "net.npz": [("import", "RUN/net.npz", "RUN/new")],
    "own.toml": [("place", "RUN", "--chip", "RUN/own.toml")],
    "device.toml": [("simulate", "RUN", "--device", "RUN/device.toml", "--trials", "1")],
}  # fmt: skip
"""Artefacts of a run and what else commands read, with the commands; RUN is the run folder."""
_RESUME: Command = ("train", "RUN", "--resume", "--test-trials", "1")
TRAINED: dict[str, list[Command]] = {
    name: [_RESUME] for name in ("checkpoint.h5", "metrics.jsonl", "config.toml")
}
"""The same of a training that was interrupted."""
USERS_OWN = ("own.toml", "device.toml", "config.toml")
"""Text that a user writes: another valid text is not damage."""
_PAGES = shutil.ignore_patterns("*.html")
EVERY_COMMAND = 2
"""Files of each artefact and damage that all its commands get; they take turns at the others."""
LONGEST = 300
"""Seconds that one case may take before it counts as hung."""


@dataclass(frozen=True)
class Case:
    """One damaged file."""

    run: str
    """Name of the run folder that it is in."""
    name: str
    kind: str
    seed: int

    @property
    def key(self) -> str:
        """What a journal knows it by."""
        return f"{self.run}/{self.name} {self.kind} {self.seed}"


@dataclass
class Verdict:
    """What became of a case."""

    key: str
    runs: int = 0
    refused: int = 0
    faults: list[str] = dataclasses.field(default_factory=list)
    """Kind of fault, command and message, for each that was found."""
    memory: float = 0.0
    """Peak of memory over that of the whole file, the largest of its commands."""


def all_cases(per_kind: int) -> Iterator[Case]:
    """So many of each artefact and kind of damage, spread evenly over all from the start on."""
    for seed in range(per_kind):
        for run, readers in (("whole", READERS), ("trained", TRAINED)):
            for name in readers:
                for kind in KINDS:
                    yield Case(run, name, kind, seed)


class Bench:
    """Runs cases on copies of the run folders; keeps what commands make of the whole files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole: dict[Command, tuple[Outcome, dict[str, str | None], int]] = {}

    def judge(self, case: Case) -> Verdict:
        """Damage the file and run every command that reads it, or one of them in turn."""
        run, verdict = self._folder / case.run, Verdict(case.key)
        seed = (case.seed, zlib.crc32(case.name.encode()), zlib.crc32(case.kind.encode()))
        image = KINDS[case.kind]((run / case.name).read_bytes(), np.random.default_rng(seed))
        commands = (READERS if case.run == "whole" else TRAINED)[case.name]
        if case.seed >= EVERY_COMMAND:
            commands = [commands[case.seed % len(commands)]]
        for command in commands:
            if command not in self._whole:
                self._whole[command] = self._made(case.run, command, "", b"")
            found, files, peak = self._made(case.run, command, case.name, image)
            verdict.runs += 1
            verdict.refused += found.code != 0
            verdict.memory = max(verdict.memory, peak / self._whole[command][2])
            if wrong := self._wrong(case.name, command, found, files, run):
                verdict.faults.append(f"{wrong}: {case.key}, {command[0]}: {found.error.strip()}")
        return verdict

    @property
    def _copy(self) -> Path:
        return self._folder / "copy"

    def _made(
        self, run: str, command: Command, name: str, image: bytes
    ) -> tuple[Outcome, dict[str, str | None], int]:
        """Outcome of a command on a copy of the run, the files that it left, and its peak, KiB."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._folder / run, self._copy, ignore=_PAGES)
        if name:
            (self._copy / name).write_bytes(image)
        _reset_peak()
        outcome = call(*(part.replace("RUN", str(self._copy)) for part in command))
        peak = _peak_kib()
        return outcome, contents(self._copy) if outcome.code == 0 else {}, peak

    def _wrong(
        self, name: str, command: Command, found: Outcome, files: dict[str, str | None], run: Path
    ) -> str:
        """The kind of fault, or nothing."""
        if found.code not in (0, 1, 2):
            return "tracebacks"
        if found.code:
            return "" if found.in_one_line else "more than a line"
        if name in USERS_OWN:
            return ""
        if command[0] == "verify" and files[name] != content(run / name):
            return "missed by verify"
        whole, written, _ = self._whole[command]
        # The page names the hashes of the files that it was made from, a damaged one's too.
        same = all(
            written.get(path) == found_there
            for path, found_there in files.items()
            if path != name and not path.endswith(".html")
        )
        return "" if _equal(found.result, whole.result) and same else "silent differences"


def _equal(found: Any, whole: Any) -> bool:
    """Whether two results say the same.

    The report leaves out, and says so, what was made from other bytes than those that are there.
    """
    if isinstance(found, dict) and "numbers" in found:
        return all(whole["numbers"][name] == value for name, value in found["numbers"].items())
    return bool(found == whole)


def contents(run: Path) -> dict[str, str | None]:
    """A hash of the content of every file of a run, by its name in it."""
    files = (path for path in run.rglob("*") if path.is_file())
    return {str(path.relative_to(run)): content(path) for path in files}


def run_cases(cases: list[Case], folder: Path, journal: Path, until: float) -> None:
    """Judge the cases that the journal lacks until that time, a line of the journal each.

    They run in a process of their own: one that dies or hangs is a fault of its case.
    """
    done = {row["key"] for row in read_journal(journal) if not row["faults"]}
    left = [case for case in cases if case.key not in done]
    number = folder / "number"
    while left and time.time() < until:
        number.write_text("0")
        process = os.fork()
        if process == 0:
            _worker(left, folder, journal, until, number)
        status = os.waitpid(process, 0)[1]
        at = int(number.read_text())
        if status:
            died = f"crash or hang ({os.waitstatus_to_exitcode(status)}): {left[at].key}"
            _add(journal, Verdict(left[at].key, 1, 0, [died]))
            at += 1
        left = left[at:]


def run_tasks(
    tasks: dict[str, Callable[[], tuple[int, list[str]]]], journal: Path, until: float
) -> None:
    """Run what the journal lacks until that time; a task gives its tries, and the faults."""
    done = {row["key"] for row in read_journal(journal) if not row["faults"]}
    for key, task in tasks.items():
        if key not in done and time.time() < until:
            tried, lost = task()
            _add(journal, Verdict(key, tried, 0, lost))


def _worker(cases: list[Case], folder: Path, journal: Path, until: float, number: Path) -> None:
    bench = Bench(folder)
    for at, case in enumerate(cases):
        number.write_text(str(at))
        if time.time() > until:
            os._exit(0)
        signal.alarm(LONGEST)
        _add(journal, bench.judge(case))
        signal.alarm(0)
    number.write_text(str(len(cases)))
    os._exit(0)


def _add(journal: Path, verdict: Verdict) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(vars(verdict)) + "\n")


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The last line of each case."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return list({row["key"]: row for row in rows}.values())


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

"""Is damage noticed, and is nothing lost? Damaged files, failing writes, kills, an early Ctrl-C.

    python benchmarks/faults.py [--quick] [--json FILE]

Every artefact of a small run is damaged in one place and given to every command that reads it. The
command must print what it prints of the whole file, or end with one line; `verify` must fail where
the content of an exported file is another. Then each write of a command fails or kills it: what was
there stays whole, and the next command cleans up.
"""

import collections
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from common.damage import KINDS
from common.fault_run import call, content, make_run, make_training
from common.rows import Row, parser, show

from spiking_bimt.data import atomic

READERS: dict[str, list[tuple[str, ...]]] = {
    "rate.h5": [("convert", "RUN", "--trials", "1"), ("report", "RUN"), ("compare", "RUN")],
    "network.h5": [("simulate", "RUN", "--trials", "1"), ("place", "RUN"), ("export", "RUN"),
                   ("verify", "RUN", "--trials", "1")],
    "placement.h5": [("export", "RUN"), ("report", "RUN")],
    "spikes.h5": [("report", "RUN")],
    "tiles.h5": [("verify", "RUN/tiles.h5", "--trials", "1"), ("verify", "RUN", "--trials", "1"),
                 ("simulate", "RUN", "--device", "pcm", "--trials", "1")],
    "netx.h5": [("verify", "RUN/netx.h5", "--trials", "1")],
    "c/network.bin": [("verify", "RUN/c", "--trials", "1")],
    "c/network.json": [("verify", "RUN/c", "--trials", "1")],
    "sonata/nodes.h5": [("verify", "RUN/sonata", "--trials", "1")],
    "sonata/edges.h5": [("verify", "RUN/sonata", "--trials", "1")],
    "sonata/circuit_config.json": [("verify", "RUN/sonata", "--trials", "1")],
}  # fmt: skip
TRAINED: dict[str, list[tuple[str, ...]]] = {
    name: [("train", "RUN", "--resume", "--test-trials", "1")]
    for name in ("checkpoint.h5", "metrics.jsonl", "config.toml")
}
FREE_TEXT = ("config.toml", "metrics.jsonl")
"""Files that a user may edit: another valid text is not damage."""
WRITERS = (("convert", "RUN", "--trials", "1"), ("place", "RUN"), ("simulate", "RUN"),
           ("export", "RUN", "--format", "tiles,c,sonata"), ("report", "RUN"))  # fmt: skip


def damaged_runs(
    run: Path, readers: dict[str, list[tuple[str, ...]]], per_kind: int, scratch: Path
) -> tuple[collections.Counter[str], list[str]]:
    """What commands made of so many damaged files of each artefact and kind of damage."""
    counts: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    for name, commands in readers.items():
        image = (run / name).read_bytes()
        whole = {one: _on_copy(run, scratch, one)[0] for one in commands}
        for kind, damage in KINDS.items():
            for seed in range(per_kind):
                bad = damage(image, np.random.default_rng((seed, len(name), len(kind))))
                counts["files"] += 1
                for one in commands:
                    counts["runs"] += 1
                    found, other = _on_copy(run, scratch, one, name, bad)
                    wrong = _wrong(name, one, found, whole[one], other)
                    counts[wrong or ("equal" if found.code == 0 else "refused")] += 1
                    if wrong:
                        faults.append(f"{wrong}: {name}, {kind} {seed}, {one[0]}: {found.error}")
    return counts, faults


def _on_copy(
    run: Path, scratch: Path, command: tuple[str, ...], name: str = "", image: bytes = b""
) -> tuple[Any, bool]:
    """Outcome of a command on a copy of the run; whether the damaged file has another content."""
    copy = scratch / "run"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    if name:
        (copy / name).write_bytes(image)
    other = bool(name) and content(copy / name) != content(run / name)
    return call(*(part.replace("RUN", str(copy)) for part in command)), other


def _wrong(name: str, command: tuple[str, ...], found: Any, whole: Any, other: bool) -> str:
    if found.code not in (0, 1, 2):
        return "tracebacks"
    if found.code and not found.in_one_line:
        return "more than a line"
    if found.code == 0 and command[0] == "verify" and other and "network.h5" not in name:
        return "missed by verify"
    if found.code == 0 and found.result != whole.result and name not in FREE_TEXT:
        return "silent differences"
    return ""


@contextmanager
def failing(number: int, fail: Callable[[], None]) -> Iterator[list[int]]:
    """In the block, the write or rename of that number fails; yields how many there were."""
    seen = [0]

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            seen[0] += 1
            if seen[0] == number:
                fail()
            return real(*arguments, **options)

        return run

    places = [(os, "fsync"), (os, "link"), (Path, "replace"), (Path, "rename"),
              (Path, "write_text"), (Path, "mkdir"), (atomic, "_exchanged")]  # fmt: skip
    patches = [
        mock.patch.object(where, name, guarded(getattr(where, name))) for where, name in places
    ]
    for patch in patches:
        patch.start()
    try:
        yield seen
    finally:
        for patch in patches:
            patch.stop()


def _full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failed_writes(run: Path, scratch: Path, kill: bool) -> tuple[int, list[str]]:
    """Let each write of each command fail, or kill it there; how many, and what was lost."""
    tried = 0
    lost: list[str] = []
    for command in WRITERS:
        number = 1
        while True:
            copy = _with_own_files(run, scratch)
            before = _contents(copy)
            arguments = [part.replace("RUN", str(copy)) for part in command]
            reached = (
                _killed(arguments, number) if kill else _without_space(arguments, number, lost)
            )
            if not reached:
                break
            tried, number = tried + 1, number + 1
            lost += [f"{command[0]}, write {number - 1}: {x}" for x in _lost(copy, before)]
    return tried, lost


def _with_own_files(run: Path, scratch: Path) -> Path:
    copy = scratch / "run"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    for name in ("c/mine.c", "sonata/mine.txt", "mine.txt"):
        (copy / name).write_text("mine")
    return copy


def _contents(run: Path) -> dict[str, str | None]:
    files = (path for path in run.rglob("*") if path.is_file())
    return {str(path.relative_to(run)): content(path) for path in files}


def _without_space(arguments: list[str], number: int, lost: list[str]) -> bool:
    with failing(number, _full) as seen:
        found = call(*arguments)
    if seen[0] >= number and found.code != 0 and not found.in_one_line:
        lost.append(f"{arguments[0]}, write {number}: {found.error}")
    return seen[0] >= number


def _killed(arguments: list[str], number: int) -> bool:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import faults\n"
        "with faults.failing(int(sys.argv[2]), faults._kill): faults.call(*sys.argv[3:])"
    )
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", script, here, str(number), *arguments]
    return subprocess.run(command, check=False).returncode == -signal.SIGKILL


def _lost(copy: Path, before: dict[str, str | None]) -> list[str]:
    """Files that are gone, half-written, or the user's and changed; leftovers after a command."""
    left = call("simulate", copy, "--trials", "1", "--force")
    after = _contents(copy)
    lost = [name for name in before if name not in after]
    lost += [name for name in before if "mine" in name and after.get(name) != before[name]]
    lost += [name for name in after if ".spiking_bimt." in name.replace(atomic.MANIFEST, "")]
    return (
        lost
        + [name for name, found in after.items() if found is None]
        + ([f"next command: {left.error}"] if left.code else [])
    )


def interrupted(moments: list[float]) -> list[str]:
    """SIGINT so many seconds after the entry point began; outputs that are not one line."""
    bad = []
    for moment in moments:
        command = [sys.executable, "-m", "spiking_bimt", "chips"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        error = process.communicate()[1].decode()
        if process.returncode not in (0, 130, -signal.SIGINT) or len(error.splitlines()) > 1:
            bad.append(f"SIGINT after {moment:.2f} s: {error[-200:]}")
    return bad


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Run the campaign, print the table and each fault."""
    options = parser(__doc__).parse_args()
    per_kind = 2 if options.quick else 90
    rows: list[Row] = []

    def none(what: str, found: int, note: str) -> None:
        rows.append(Row(what, found, None, None, 0, found == 0, "cases", note))

    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        make_run(scratch / "whole")
        make_training(scratch / "trained")
        counts, faults = damaged_runs(scratch / "whole", {}, 0, scratch)
        honest = _peak_mib()
        for run, readers in (("whole", READERS), ("trained", TRAINED)):
            found, more = damaged_runs(scratch / run, readers, per_kind, scratch)
            counts, faults = counts + found, faults + more
        note = f"{counts['files']} files, {counts['runs']} runs, {counts['refused']} refused"
        for what in ("silent differences", "missed by verify", "tracebacks", "more than a line"):
            none(what, counts[what], note)
        peak = _peak_mib() / honest
        rows.append(Row("peak of memory", peak, None, None, 3, peak <= 3, "x", "of whole files"))
        for what, kill in (("full disk", False), ("kill", True)):
            tried, lost = failed_writes(scratch / "whole", scratch, kill)
            none(f"{what}: lost or left over", len(lost), f"{tried} writes")
            faults += lost
        early = interrupted([0.05 * k for k in range(4 if options.quick else 40)])
        none("SIGINT: more than a line", len(early), "from the start of the process on")
    for fault in [*faults, *early]:
        print(fault)
    show("faults", rows, options.json)


if __name__ == "__main__":
    main()

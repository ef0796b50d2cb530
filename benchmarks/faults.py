"""Is damage noticed, and is nothing lost? Damaged files, kills, full disks, Ctrl-C.

    python benchmarks/faults.py [--quick] [--journal FILE] [--seconds N] [--json FILE]

Every artefact of a small run is damaged in one place and given to every command that reads it. The
command must print and write what it does with the whole file, or end with one line; `verify` must
fail where the content of an exported file is another. Then each system call by which a command
changes its folder fails or kills it, and it runs on disks that are too small: what was there stays
whole, and the next command cleans up. With a journal, what is done is not done again, faults apart:
`--seconds` ends a piece of the work, and the same command goes on with it.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common.fault_cases import all_cases, read_journal, run_cases, run_tasks
from common.fault_run import make_run, make_training
from common.fault_writes import WRITERS, fill_disks, interrupt, try_writes
from common.rows import Row, parser, show

PER_KIND = 50
"""Damaged files of each artefact and kind of damage: 4 kinds of 26 artefacts are 5,200 files."""
INTERRUPTED = ("train", "convert", "export")
"""Commands that are interrupted: each try starts a process of its own."""
MOMENTS = 8
"""Moments of an interrupt, evenly from the start of the process to the end of the command."""
DAMAGE_FAULTS = ("silent differences", "missed by verify", "tracebacks", "more than a line",
                 "crash or hang")  # fmt: skip


def write_tasks(folder: Path, quick: bool) -> dict[str, Any]:
    """What is tried of each command: functions that give how many tries, and what was lost."""
    tasks: dict[str, Any] = {}
    for name in ("simulate",) if quick else WRITERS:
        run = folder / ("trained" if name == "train" else "whole")
        tasks[f"kill {name}"] = lambda n=name, r=run: try_writes(r, folder, n, True)
        tasks[f"failed write {name}"] = lambda n=name, r=run: try_writes(r, folder, n, False)
        tasks[f"full disk {name}"] = lambda n=name, r=run: fill_disks(r, folder, n)
    for name in ("simulate",) if quick else INTERRUPTED:
        run = folder / ("trained" if name == "train" else "whole")
        tasks[f"interrupt {name}"] = lambda n=name, r=run: interrupt(r, folder, n, MOMENTS)
    return tasks


def main() -> None:
    """Run the campaign, or a piece of it, and print the table and each fault."""
    options = parser(__doc__)
    options.add_argument("--journal", type=Path, help="where each case is noted, and found again")
    options.add_argument("--seconds", type=float, default=float("inf"), help="end of this piece")
    chosen = options.parse_args()
    until = time.time() + chosen.seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = chosen.journal or folder / "journal"
        cases = list(all_cases(1 if chosen.quick else PER_KIND))
        tasks = write_tasks(folder, chosen.quick)
        make_run(folder / "whole")
        make_training(folder / "trained")
        run_cases(cases[: len(cases) // 8], folder, journal, until)
        run_tasks(tasks, journal, until)
        run_cases(cases, folder, journal, until)
        rows = read_journal(journal)
    left = {case.key for case in cases} | set(tasks)
    left -= {row["key"] for row in rows}
    if left:
        print(f"{len(left)} cases are left: the same command goes on with them", file=sys.stderr)
    for row in rows:
        print(*row["faults"], sep="\n", end="\n" if row["faults"] else "")
    show("faults", table(rows, set(tasks)), chosen.json)


def table(rows: list[dict[str, Any]], tasks: set[str]) -> list[Row]:
    """How many faults of each kind, and the peak of memory."""
    damaged = [row for row in rows if row["key"] not in tasks]
    faults = [fault for row in damaged for fault in row["faults"]]
    note = (
        f"{len(damaged)} files, {sum(row['runs'] for row in damaged)} runs, "
        f"{sum(row['refused'] for row in damaged)} refused"
    )
    found = [
        _none(what, sum(fault.startswith(what) for fault in faults), note) for what in DAMAGE_FAULTS
    ]
    peak = max((row["memory"] for row in damaged), default=0.0)
    found.append(Row("peak of memory", peak, None, None, 3, peak <= 3, "x", "of whole files"))
    for kind in ("kill", "failed write", "full disk", "interrupt"):
        some = [row for row in rows if row["key"] in tasks and row["key"].startswith(kind)]
        lost = sum(len(row["faults"]) for row in some)
        tried = sum(row["runs"] for row in some)
        found.append(_none(f"{kind}: lost, left over, or more than a line", lost, f"{tried} tries"))
    return found


def _none(what: str, found: int, note: str) -> Row:
    return Row(what, found, None, None, 0, found == 0, "cases", note)


if __name__ == "__main__":
    main()

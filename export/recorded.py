"""Spikes that silicon or a simulator of hardware recorded, against the golden ones of a tile file.

A file is a CSV or npz of step and neuron, with a trial where it has trials, or SONATA. Without a
trial, the golden trials lie end to end, and steps and times count from the start of the first.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import gate, validate
from spiking_bimt.data.selftest import SelfTest
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.stimuli import sonata_spikes

Ints = npt.NDArray[np.int64]

SHIFTS = (-2, -1, 1, 2)
"""Steps by which all spikes may be early or late: counting from 1, or to the arrival."""


class Spikes(NamedTuple):
    """Recorded spikes, in any order."""

    trial: Ints | None
    """(n,) trial of each; None where steps go on from trial to trial."""
    step: Ints
    """(n,) simulation step, from 0 on."""
    neuron: Ints
    """(n,)"""


def read_recorded(path: Path, dt: float) -> Spikes:
    """The spikes of a file; dt: ms of a step, for SONATA, where step n ends at (n + 1) dt.

    Raises InputError for a file that is none of the three, or holds no spike.
    """
    readers: dict[str, Callable[[Path], Spikes]] = {".csv": _of_csv, ".npz": _of_npz}
    read = readers.get(path.suffix.lower())
    found = _of_sonata(path, dt) if read is None else read(path)
    if not len(found.step):
        raise InputError(f"{path} holds no spike: there is nothing to compare")
    return found


def compare_recorded(path: Path, golden: SelfTest, dt: float, task_dt: float) -> dict[str, Any]:
    """What was compared, as a result of `verify`; CheckError says where the spikes part.

    Raises InputError for spikes of neurons, trials or steps that the golden trials do not have.
    """
    found = read_recorded(path, dt)
    n_trials, n_neurons = golden.v_start.shape
    lengths = np.diff(golden.offsets) * round(task_dt / dt)
    starts = np.append(0, np.cumsum(lengths))
    trial, step = _in_trials(path, found, starts)
    for what, values, most in (("neuron", found.neuron, n_neurons), ("trial", trial, n_trials)):
        if values.max() >= most:
            k = int(values.argmax())
            raise InputError(
                f"{path}: spike {k} is of {what} {values[k]}; the golden trials have {most} "
                f"{what}s, from 0 on"
            )
    late = step >= lengths[trial]
    if late.any():
        k = int(np.argmax(late))
        raise InputError(
            f"{path}: spike {k} is in step {step[k]} of trial {trial[k]}, which has "
            f"{lengths[trial[k]]} steps, from 0 on"
        )
    own = np.repeat(np.arange(n_trials), np.diff(golden.spike_offsets))
    expected = (starts[own] + golden.steps) * n_neurons + golden.neurons
    recorded = np.sort((starts[trial] + step) * n_neurons + found.neuron)
    expected = np.sort(expected)
    if not np.array_equal(recorded, expected):
        raise CheckError(_difference(path, recorded, expected, starts, n_neurons))
    return {
        "found": f"{len(expected):,} spikes of {n_trials} trials equal, recorded in {path.name}",
        "spikes": len(expected), "trials": n_trials,
    }  # fmt: skip


def _in_trials(path: Path, found: Spikes, starts: Ints) -> tuple[Ints, Ints]:
    """Trial of each spike, and its step in it."""
    if found.trial is not None:
        return found.trial, found.step
    if found.step.max() >= starts[-1]:
        k = int(found.step.argmax())
        raise InputError(
            f"{path}: spike {k} is in step {found.step[k]}; the {len(starts) - 1} golden trials, "
            f"end to end, have {starts[-1]} steps, from 0 on"
        )
    trial: Ints = np.asarray(np.searchsorted(starts, found.step, side="right") - 1, np.int64)
    return trial, found.step - starts[trial]


def _difference(path: Path, recorded: Ints, expected: Ints, starts: Ints, n_neurons: int) -> str:
    """Where and how two sorted lists of spikes part; a spike is step * n_neurons + neuron."""
    keys, where = np.unique(np.append(expected, recorded), return_inverse=True)
    due = np.bincount(where[: len(expected)], minlength=len(keys))
    got = np.bincount(where[len(expected) :], minlength=len(keys))
    apart = np.flatnonzero(due != got)
    step, neuron = np.divmod(keys[apart], n_neurons)
    trial: Ints = np.asarray(np.searchsorted(starts, step, side="right") - 1, np.int64)
    first = f"trial {trial[0]}, step {step[0] - starts[trial[0]]}, neuron {neuron[0]}"
    how = f"{got[apart[0]]} recorded and {due[apart[0]]} golden spikes"
    missing = int(np.maximum(due - got, 0).sum())
    other = int(np.maximum(got - due, 0).sum())
    changed = np.bincount(neuron, np.abs(due - got)[apart], n_neurons)
    worst = int(changed.argmax())
    of = [int((each % n_neurons == worst).sum()) for each in (recorded, expected)]
    text = (
        f"{path}: recorded and golden spikes part at {first}: {how}. Of {len(expected):,} golden "
        f"spikes {missing:,} are missing, and {other:,} of {len(recorded):,} recorded ones are "
        f"none; {len(np.unique(trial))} of {len(starts) - 1} trials and {len(np.unique(neuron))} "
        f"of {n_neurons} neurons differ, most of all neuron {worst} ({of[0]} recorded, {of[1]} "
        "golden spikes)"
    )
    for shift in SHIFTS:
        if np.array_equal(recorded + shift * n_neurons, expected):
            late = "late" if shift < 0 else "early"
            return f"{text}. They are equal but for being {abs(shift)} step(s) too {late}"
    return text


def _of_csv(path: Path) -> Spikes:
    """Columns step, neuron and, where there are trials, trial."""
    rows = gate.read_csv(path)
    names = list(rows[0]) if rows else ["step", "neuron"]
    columns: dict[str, Any] = {}
    for name in names:
        try:
            columns[name] = np.array([int(row[name]) for row in rows], np.int64)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{path}: column {name} holds no whole number ({error})") from error
    return _spikes(path, columns)


def _of_npz(path: Path) -> Spikes:
    """Arrays step, neuron and, where there are trials, trial."""
    with (
        gate.opening_npz(path, "an npz file of spikes") as file,
        np.load(file, allow_pickle=False) as content,
    ):
        return _spikes(path, {name: content[name] for name in content.files})


def _spikes(path: Path, columns: dict[str, Any]) -> Spikes:
    """Spikes of named columns; InputError for others, of other lengths, or negative ones."""
    if not {"step", "neuron"} <= set(columns) <= {"step", "neuron", "trial"}:
        raise InputError(
            f"{path} must hold step and neuron, and may hold trial; it holds {', '.join(columns)}"
        )
    n = np.size(columns["step"])
    made: dict[str, Ints] = {}
    for name, value in columns.items():
        if value.dtype.kind not in "iu":
            raise InputError(f"{path}: {name} holds {value.dtype}, expected whole numbers")
        made[name] = validate.array(f"{path}:", name, value, (n,), np.int64)
        if n and made[name].min() < 0:
            raise InputError(f"{path}: {name} holds {made[name].min()}: it must not be negative")
    return Spikes(made.get("trial"), made["step"], made["neuron"])


def _of_sonata(path: Path, dt: float) -> Spikes:
    """/spikes/<population>/timestamps (ms) and node_ids."""
    times, ids, _, of_channels = sonata_spikes(path)
    if of_channels:
        raise InputError(f"{path} holds spikes of input channels: give those of the neurons")
    steps = times.astype(np.float64) / dt - 1
    whole = np.rint(steps)
    off = np.abs(steps - whole) > 0.01
    if off.any():
        k = int(np.argmax(off))
        raise InputError(
            f"{path}: spike {k} is at {times[k]:g} ms, which ends no step of {dt:g} ms: a spike of "
            f"step n is at (n + 1) times {dt:g} ms"
        )
    return _spikes(path, {"step": whole.astype(np.int64), "neuron": ids})

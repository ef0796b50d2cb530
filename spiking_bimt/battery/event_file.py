"""Event data in the layout of the Heidelberg Digits: HDF5 with spikes/times, spikes/units, labels.

spikes/times and spikes/units have a list for each trial, of the times in s and of the units that
spiked (Cramer et al. 2022, doi:10.1109/TNNLS.2020.3044364). Events become channels: a channel's
input at a step is the number of its events within it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.ts_file import partner_of
from spiking_bimt.data import gate
from spiking_bimt.data.blocks import scratch
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

MOST_VALUES = 2**32
"""Most values (steps times channels) that events are turned into: 16 GiB in a temporary file."""
IN_MEMORY = 2**24
"""Values up to which they are held in memory."""
STEP_MS = 10.0
"""Step where none is given, ms."""
TRIALS = 256
"""Trials that are read at a time."""


@dataclass(frozen=True)
class _Survey:
    """What a file of events holds."""

    path: Path
    labels: Array
    """(n,)"""
    lengths: Array
    """(n,) steps of each trial."""
    n_units: int


def read_events(path: Path, step_ms: float | None, channels: int | None) -> dict[str, Any]:
    """The arrays (`raw_data.KEYS`) of a file, with those of the test file where it has one.

    channels: neighbouring units share one, so that there are this many; one for each unit where
    None. Files are read twice, some trials at a time; large inputs are in a temporary file.
    """
    step = STEP_MS if step_ms is None else step_ms
    partner = partner_of(path)
    parts = [_survey(each, step) for each in ([path] if partner is None else [path, partner])]
    n_units = max(part.n_units for part in parts)
    width = n_units if channels is None else channels
    if not 1 <= width <= n_units:
        raise InputError(f"{width} channels of {n_units} units: ask for 1 to that many")
    lengths = np.concatenate([part.lengths for part in parts])
    offsets = np.append(0, np.cumsum(lengths))
    size = int(offsets[-1]) * width
    if size > MOST_VALUES:
        raise InputError(
            f"the events become {size:,} values, at most {MOST_VALUES:,} are held: give fewer "
            "`channels` or a longer `dt`"
        )
    shape = (int(offsets[-1]), width)
    inputs = scratch(shape, np.float32) if size > IN_MEMORY else np.zeros(shape, np.float32)
    first = 0
    for part in parts:
        for times, units, counts in _trials(part.path):
            own = offsets[first : first + len(counts) + 1]
            inputs[own[0] : own[-1]] = _binned(times, units, counts, step, (n_units, width), own)
            first += len(counts)
    given: dict[str, Any] = {
        "inputs": inputs,
        "offsets": offsets,
        "labels": np.concatenate([part.labels for part in parts]),
        "dt": step,
        "name": path.stem.removesuffix("_train"),
    }
    if partner is not None:
        given["split"] = np.repeat(["train", "test"], [len(part.labels) for part in parts])
    return given


def _survey(path: Path, step_ms: float) -> _Survey:
    """Labels, lengths and units of a file, after its events were checked."""
    with gate.opening_hdf5(path) as file:
        for name in ("spikes/times", "spikes/units", "labels"):
            if not isinstance(file.get(name), h5py.Dataset):
                raise InputError(f"it has no dataset {name}: not in the layout of event data")
        labels = gate.read_dataset(file["labels"])
        sizes = [_list_count(file[f"spikes/{name}"], name) for name in ("times", "units")]
    n = len(labels) if labels.ndim == 1 else -1
    if sizes != [n, n]:
        raise InputError(
            f"{path} has {max(n, 0)} labels, and times and units of {sizes[0]} and {sizes[1]} "
            "trials: each trial needs as many units as times, and a label"
        )
    lengths, n_units = [np.empty(0, np.int64)], 0
    for times, units, counts in _trials(path):
        own = np.ones(len(counts), np.int64)
        np.maximum.at(own, np.repeat(np.arange(len(counts)), counts), _steps(times, step_ms) + 1)
        lengths.append(own)
        n_units = max(n_units, 1 + int(units.max(initial=0)))
    return _Survey(path, labels, np.concatenate(lengths), n_units)


def _list_count(dataset: h5py.Dataset, name: str) -> int:
    kind = h5py.check_vlen_dtype(dataset.dtype)
    if kind is None or np.dtype(kind).kind not in "iuf" or dataset.ndim != 1:
        raise InputError(f"spikes/{name} holds {dataset.dtype}, expected a list of numbers a trial")
    return len(dataset)


def _trials(path: Path) -> Iterator[tuple[Array, Array, Array]]:
    """Times (s) and units of the events of some trials, and the events of each, checked."""
    with gate.opening_hdf5(path) as file:
        times_of, units_of = file["spikes/times"], file["spikes/units"]
        for start in range(0, len(times_of), TRIALS):
            lists = [list(each[start : start + TRIALS]) for each in (times_of, units_of)]
            counts, others = (np.array([len(part) for part in each]) for each in lists)
            if not np.array_equal(counts, others):
                k = int(np.argmax(counts != others))
                raise InputError(
                    f"{path}: trial {start + k} has {counts[k]} times and {others[k]} units: each "
                    "trial needs as many units as times, and a label"
                )
            times, units = (np.concatenate([np.empty(0), *each]) for each in lists)
            if not (np.isfinite(times).all() and times.min(initial=0) >= 0):
                wrong = times[~(np.isfinite(times) & (times >= 0))][0]
                raise InputError(f"{path} has an event at {wrong} s: times start at 0")
            if units.min(initial=0) < 0 or (units != np.floor(units)).any():
                raise InputError(f"{path} has units that are no whole numbers from 0")
            yield times.astype(float), units.astype(np.int64), counts


def _steps(times: Array, step_ms: float) -> Array:
    """Step of each event."""
    found: Array = np.floor(times * (1000 / step_ms)).astype(np.int64)
    return found


def _binned(
    times: Array, units: Array, counts: Array, step_ms: float, width: tuple[int, int],
    offsets: Array,
) -> Array:  # fmt: skip
    """Events of each channel at each step (S, C) of some trials.

    width: units, and channels that they share; offsets: of these trials among all.
    """
    n_units, n_channels = width
    trial = np.repeat(np.arange(len(counts)), counts)
    row = (offsets[:-1] - offsets[0])[trial] + _steps(times, step_ms)
    channel = units * n_channels // n_units
    size = int(offsets[-1] - offsets[0]) * n_channels
    inputs: Array = np.bincount(row * n_channels + channel, minlength=size)
    return inputs.reshape(-1, n_channels)

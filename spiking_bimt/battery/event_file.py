"""Event data in the layout of the Heidelberg Digits: HDF5 with spikes/times, spikes/units, labels.

spikes/times and spikes/units have a list for each trial, of the times in s and of the units that
spiked (Cramer et al. 2022, doi:10.1109/TNNLS.2020.3044364). Events become channels: a channel's
input at a step is the number of its events within it.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.ts_file import partner_of
from spiking_bimt.data import gate
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]

MOST_VALUES = 2**28
"""Most values (steps times channels) that events are turned into: they are held in memory."""
STEP_MS = 10.0
"""Step where none is given, ms."""


def read_events(path: Path, step_ms: float | None, channels: int | None) -> dict[str, Any]:
    """The arrays (`raw_data.KEYS`) of a file, with those of the test file where it has one.

    channels: neighbouring units share one, so that there are this many; one for each unit where
    None.
    """
    step = STEP_MS if step_ms is None else step_ms
    partner = partner_of(path)
    parts = [_read(each) for each in ([path] if partner is None else [path, partner])]
    n_units = 1 + max(int(units.max(initial=0)) for _, units, _, _ in parts)
    width = n_units if channels is None else channels
    if not 1 <= width <= n_units:
        raise InputError(f"{width} channels of {n_units} units: ask for 1 to that many")
    binned = [_binned(times, units, counts, step, (n_units, width))
              for times, units, counts, _ in parts]  # fmt: skip
    lengths = np.concatenate([lengths for _, lengths in binned])
    given: dict[str, Any] = {
        "inputs": np.concatenate([inputs for inputs, _ in binned]),
        "offsets": np.append(0, np.cumsum(lengths)),
        "labels": np.concatenate([labels for _, _, _, labels in parts]),
        "dt": step,
        "name": path.stem.removesuffix("_train"),
    }
    if partner is not None:
        given["split"] = np.repeat(["train", "test"], [len(labels) for *_, labels in parts])
    return given


def _read(path: Path) -> tuple[Array, Array, Array, Array]:
    """Times (s) and units of all events, events of each trial, and labels of the trials."""
    with gate.opening_hdf5(path) as file:
        for name in ("spikes/times", "spikes/units", "labels"):
            if not isinstance(file.get(name), h5py.Dataset):
                raise InputError(f"it has no dataset {name}: not in the layout of event data")
        lists = [_lists(file[f"spikes/{name}"], name) for name in ("times", "units")]
        labels = gate.read_dataset(file["labels"])
    counts = [np.array([len(part) for part in each]) for each in lists]
    n = len(labels)
    if (
        labels.ndim != 1
        or any(len(c) != n for c in counts)
        or not np.array_equal(counts[0], counts[1])
    ):
        raise InputError(
            f"{path} has {n} labels, and times and units of {len(counts[0])} and {len(counts[1])} "
            "trials: each trial needs as many units as times, and a label"
        )
    times, units = (np.concatenate([np.empty(0), *each]) for each in lists)
    if not (np.isfinite(times).all() and times.min(initial=0) >= 0):
        raise InputError(f"{path} has an event at {times[~(times >= 0)][:1]} s: times start at 0")
    if units.min(initial=0) < 0 or (units != np.floor(units)).any():
        raise InputError(f"{path} has units that are no whole numbers from 0")
    return times.astype(float), units.astype(np.int64), counts[0], labels


def _lists(dataset: h5py.Dataset, name: str) -> list[Array]:
    kind = h5py.check_vlen_dtype(dataset.dtype)
    if kind is None or np.dtype(kind).kind not in "iuf" or dataset.ndim != 1:
        raise InputError(f"spikes/{name} holds {dataset.dtype}, expected a list of numbers a trial")
    return list(dataset[()])


def _binned(
    times: Array, units: Array, counts: Array, step_ms: float, width: tuple[int, int]
) -> tuple[Array, Array]:
    """Events of each channel at each step (S, C), and the steps of each trial.

    width: units, and channels that they share.
    """
    n_units, n_channels = width
    at = np.floor(times * (1000 / step_ms)).astype(np.int64)
    trial = np.repeat(np.arange(len(counts)), counts)
    lengths = np.ones(len(counts), np.int64)
    np.maximum.at(lengths, trial, at + 1)
    size = int(lengths.sum()) * n_channels
    if size > MOST_VALUES:
        raise InputError(
            f"the events become {size:,} values, at most {MOST_VALUES:,} are held: give fewer "
            "`channels` or a longer `dt`"
        )
    row = (np.cumsum(lengths) - lengths)[trial] + at
    channel = units * n_channels // n_units
    inputs = np.bincount(row * n_channels + channel, minlength=size)
    return inputs.reshape(-1, n_channels).astype(np.float32), lengths

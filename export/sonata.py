"""SONATA spike files: https://github.com/AllenInstitute/sonata, section on spike trains.

    /spikes/<population>            attribute sorting = by_time
    /spikes/<population>/timestamps (n_spikes,) float64, attribute units = "ms"
    /spikes/<population>/node_ids   (n_spikes,) uint64
    /trials                         ours: start_ms, duration_ms, task; attribute tasks

Trials lie one after the other on the time axis. A spike in a trial's step n is stamped
start + (n + 1) dt, the end of the step, so trial k owns the times in (start, start + duration].
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store, validate
from spiking_bimt.data.fields import json_of
from spiking_bimt.data.spikes import Recording
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError

SCHEMA = "Spikes"
_MAGIC = 0x0A7A  # marks a SONATA file, with the version below
_VERSION = (0, 1)
_SORTING = {"none": 0, "by_id": 1, "by_time": 2}


@dataclass(frozen=True, eq=False)
class SpikeFile(validate.Record):
    """The spikes of a set of trials, as a SONATA file holds them."""

    population: str
    n_neurons: int
    dt: float
    """Simulation step, ms."""
    offsets: npt.NDArray[np.int64]
    """(n + 1,) trial k owns spikes offsets[k]..offsets[k + 1]."""
    steps: npt.NDArray[np.int32]
    """(n_spikes,) simulation step within the trial."""
    neurons: npt.NDArray[np.int32]
    """(n_spikes,) neuron of each spike."""
    start_ms: npt.NDArray[np.float64]
    """(n,) start of each trial on the file's time axis, ms."""
    duration_ms: npt.NDArray[np.float64]
    """(n,) length of each trial, ms."""
    task: npt.NDArray[np.int32]
    """(n,) index into `tasks`."""
    tasks: tuple[str, ...]

    def __post_init__(self) -> None:
        name, n, spikes = "SpikeFile", len(self.offsets) - 1, len(self.neurons)
        shapes: dict[str, tuple[tuple[int | None, ...], type]] = {
            "offsets": ((n + 1,), np.int64),
            "steps": ((spikes,), np.int32),
            "neurons": ((spikes,), np.int32),
            "start_ms": ((n,), np.float64),
            "duration_ms": ((n,), np.float64),
            "task": ((n,), np.int32),
        }
        for field, (shape, dtype) in shapes.items():
            value = validate.array(name, field, getattr(self, field), shape, dtype)
            object.__setattr__(self, field, value)
        validate.positive(name, "dt", self.dt)
        validate.csr(name, self.offsets, self.neurons, self.n_neurons)
        if n and not (self.task.min() >= 0 and self.task.max() < len(self.tasks)):
            raise InputError(f"{name}.task must lie in 0..{len(self.tasks) - 1}")


def write_spikes(
    path: Path,
    recording: Recording,
    trials: Trials | None,
    *,
    kind: str = "run",
    population: str = "default",
    settings: dict[str, Any] | None = None,
    inputs: dict[str, Path] | None = None,
) -> None:
    """Write the spikes of `recording`, made on `trials`, atomically.

    trials: None for a run without them, whose task in the file is `kind`. Raises InputError
    where the two differ in number of trials, the recording kept no spikes, the
    population's name is not one HDF5 link, or `path` cannot be written.
    """
    if trials is not None and recording.n_trials != trials.n_trials:
        raise InputError(f"a recording of {recording.n_trials} trials, not {trials.n_trials}")
    if len(recording.neurons) != int(recording.spike_counts.sum()):
        raise InputError("the recording kept no spikes: simulate with record_spikes=True")
    if not population or population == "." or "/" in population:
        raise InputError(f"population is {population!r}: it must be a name without '/'")
    task: npt.NDArray[np.int32]
    if trials is None:
        lasting = recording.lengths * recording.dt
        tasks: tuple[str, ...] = (kind,)
        start, task = np.cumsum(lasting) - lasting, np.zeros(len(lasting), np.int32)
    else:
        lasting = trials.lengths * trials.dt
        tasks = trials.tasks
        start, task = trials.offsets[:-1] * trials.dt, trials.task
    of_trial = np.repeat(start, np.diff(recording.offsets))
    with store.writing(path, SCHEMA, settings or {}, inputs or {}) as file:
        mark(file)
        group = file.create_group("spikes").create_group(population)
        group.attrs.create("sorting", _SORTING["by_time"], dtype=h5py.enum_dtype(_SORTING, "u1"))
        group.attrs["dt"], group.attrs["n_neurons"] = recording.dt, recording.n_neurons
        times = of_trial + (recording.steps + 1.0) * recording.dt
        # Not compressed: libsonata's own build of HDF5 has no deflate filter.
        group.create_dataset("timestamps", data=times, track_times=False)
        store.write_text(group["timestamps"], "units", "ms")
        group.create_dataset("node_ids", data=recording.neurons.astype("u8"), track_times=False)
        own = file.create_group("trials")
        store.write_text(own, "tasks", json.dumps(list(tasks)))
        store.write_array(own, "start_ms", start)
        store.write_array(own, "duration_ms", lasting)
        store.write_array(own, "task", task)


def mark(file: h5py.File) -> None:
    """Say that this is a SONATA file, and of which version."""
    file.attrs["magic"] = np.uint32(_MAGIC)
    file.attrs["version"] = np.array(_VERSION, np.uint32)


def read_spikes(path: Path, *, population: str = "default") -> SpikeFile:
    """Read what `write_spikes` wrote; InputError for anything but a whole, valid file of it."""
    with store.reading(path, SCHEMA) as file:
        known = list(file["spikes"])
        if population not in known:
            raise InputError(f"no population {population!r}; known: {', '.join(known)}")
        group, own = file["spikes"][population], file["trials"]
        n_neurons, dt = int(_number(group, "n_neurons")), _number(group, "dt")
        times = _floats(group, "timestamps")
        start, duration = _floats(own, "start_ms"), _floats(own, "duration_ms")
        offsets, steps = _in_trials(times, start, duration, dt)
        return SpikeFile(
            population=population,
            n_neurons=n_neurons,
            dt=dt,
            offsets=offsets,
            steps=steps,
            neurons=_neurons(group, n_neurons, times.shape),
            start_ms=start,
            duration_ms=duration,
            task=store.read_array(own, "task"),
            tasks=_tasks(own),
        )


def _in_trials(
    times: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    duration: npt.NDArray[np.float64],
    dt: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Offsets of each trial's spikes, and the step of each spike within its trial."""
    if (np.diff(times) < 0).any() or (np.diff(start) < 0).any():
        raise InputError("timestamps and start_ms must ascend")
    if duration.max(initial=0.0) / dt >= np.iinfo(np.int32).max:
        raise InputError("a trial has more steps than 32 bits count")
    # Half a step later, a spike that ends one trial cannot round into the next.
    offsets = np.append(np.searchsorted(times, start + dt / 2), len(times))
    trial = np.repeat(np.arange(len(start)), np.diff(offsets))
    if offsets[0] != 0 or len(trial) != len(times):
        raise InputError("a spike lies before the first trial")
    after = times - start[trial]
    if (after > duration[trial] + dt / 2).any():
        raise InputError("a spike lies after the end of its trial")
    return offsets.astype(np.int64), (np.round(after / dt) - 1).astype(np.int32)


def _number(group: h5py.Group, name: str) -> float:
    value = np.asarray(group.attrs[name])
    if value.ndim or value.dtype.kind not in "iuf":
        raise InputError(f"attribute {name} is not a number")
    validate.positive("spikes", name, float(value))
    return float(value)


def _floats(group: h5py.Group, name: str) -> npt.NDArray[np.float64]:
    value: npt.NDArray[np.float64] = validate.array(
        "spikes", name, store.read_array(group, name), (None,), np.float64
    )
    return value


def _neurons(group: h5py.Group, n_neurons: int, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
    ids = store.read_array(group, "node_ids")
    if ids.shape != shape:
        raise InputError(f"node_ids has shape {ids.shape}, timestamps {shape}")
    if ids.dtype.kind not in "iu":
        raise InputError(f"node_ids holds {ids.dtype}, expected integers")
    if ids.size and not (ids.min() >= 0 and ids.max() < n_neurons):
        raise InputError(f"node_ids must lie in 0..{n_neurons - 1}")
    out: npt.NDArray[np.int32] = ids.astype(np.int32)
    return out


def _tasks(group: h5py.Group) -> tuple[str, ...]:
    names = json_of(group, "tasks")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("attribute tasks is not a list of names")
    return tuple(names)

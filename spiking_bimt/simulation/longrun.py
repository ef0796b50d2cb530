"""Long runs: spikes to disk as they come, and a simulation's state saved and taken up again."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import xxhash

from spiking_bimt.data import digest, store
from spiking_bimt.data.fields import text_of
from spiking_bimt.data.validate import Record, hand_over, own
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.engine import Simulation
from spiking_bimt.simulation.parts import CLOCK

SCHEMA = "SimulationState"
SPIKES = "SpikeStream"

_ARRAYS = ("cells", "marks", "clock", "head", "history", "cursors", "first")
_ROWS_A_CHUNK = 2**16


@dataclass(frozen=True, eq=False)
class SpikeStream(Record):
    """The spikes of a run, as `stream` wrote them."""

    steps: npt.NDArray[np.int64]
    """(n_spikes,) step since the simulation's start, ascending."""
    neurons: npt.NDArray[np.int32]
    dt: float
    """Step, ms."""
    n_neurons: int

    def __post_init__(self) -> None:
        own(self)


def stream(
    simulation: Simulation,
    steps: int,
    path: str | Path,
    *,
    every: int = 1000,
    report: Callable[[int], None] | None = None,
) -> int:
    """Run `steps` steps and write their spikes to `path`; returns how many there were.

    No more than the spikes of `every` steps are in memory at a time; `report` is told the steps
    done. The file takes its name when it is whole. Of several ranks, which must all call this, rank
    0 writes, and the others return how many spikes their neurons had. Raises InputError where it
    cannot be written.
    """
    path = Path(path)
    if simulation.rank:
        pieces = range(0, steps, every)
        return sum(len(simulation.advance(min(every, steps - at)).neurons) for at in pieces)
    partial, count = path.with_name(f".{path.name}.partial"), 0
    try:
        with h5py.File(partial, "w") as file:
            store.write_text(file, "schema", store.SCHEMA_PREFIX + SPIKES)
            store.write_text(file, "schema_version", store.SCHEMA_VERSION)
            file.attrs["dt"] = simulation.dt
            file.attrs["n_neurons"] = simulation.n_neurons
            when, who = (_growing(file, name, kind) for name, kind in _COLUMNS)
            # Hashed as they come, so that the digest needs no second reading.
            hashes = {name: xxhash.xxh3_128() for name, _ in _COLUMNS}
            for start in range(0, steps, every):
                activity = simulation.advance(min(every, steps - start))
                for column, new in ((when, activity.steps), (who, activity.neurons)):
                    column.resize((count + len(new),))
                    column[count:] = new
                    hashes[column.name[1:]].update(
                        np.ascontiguousarray(new, column.dtype.newbyteorder("<")).data
                    )
                count += len(activity.neurons)
                if report is not None:
                    report(min(start + every, steps))
            held = {name: total.digest() for name, total in hashes.items()}
            store.write_text(file, digest.NAME, digest.content_digest(file, held))
        partial.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def read_stream(path: str | Path) -> SpikeStream:
    """Read what `stream` wrote; InputError for anything but a whole file of it."""
    with store.reading(Path(path), SPIKES) as file:
        steps, neurons = (hand_over(store.read_array(file, name)) for name, _ in _COLUMNS)
        if steps.shape != neurons.shape:
            raise InputError(f"steps has shape {steps.shape}, neurons {neurons.shape}")
        return SpikeStream(steps, neurons, float(file.attrs["dt"]), int(file.attrs["n_neurons"]))


def save_state(simulation: Simulation, path: str | Path) -> None:
    """Write the state of a simulation between two calls of `advance`, atomically.

    Neither the network nor the inputs are in it: the same ones must be given again. Raises
    InputError for a simulation over several ranks.
    """
    _refuse_ranks(simulation)
    simulation.settle()
    with store.writing(Path(path), SCHEMA, {}, {}) as file:
        store.write_text(file, "made_of", _made_of(simulation))
        file.attrs["step"] = simulation.steps_done
        file.attrs["parts"] = len(simulation.parts)
        for i, part in enumerate(simulation.parts):
            group = file.create_group(f"part{i}")
            for name in _ARRAYS:
                store.write_array(group, name, getattr(part, name))


def resume(simulation: Simulation, path: str | Path) -> None:
    """Put a simulation, made with the same arguments, where `save_state` left one.

    Raises InputError where the file is not one of it, or belongs to another network, order,
    precision, epoch or number of threads, and for a simulation over several ranks.
    """
    _refuse_ranks(simulation)
    with store.reading(Path(path), SCHEMA) as file:
        if file.attrs["parts"] != len(simulation.parts):
            raise InputError(
                f"the state is of {file.attrs['parts']} threads, the simulation has "
                f"{len(simulation.parts)}: give threads={file.attrs['parts']}"
            )
        if text_of(file, "made_of") != _made_of(simulation):
            raise InputError("the state belongs to another network, order, dtype or epoch")
        loaded = [
            {name: store.read_array(file[f"part{i}"], name) for name in _ARRAYS}
            for i in range(len(simulation.parts))
        ]
        step = int(file.attrs["step"])
    simulation.settle()
    for part, arrays in zip(simulation.parts, loaded, strict=True):
        for name in ("cells", "marks", "clock", "head"):
            _fill(getattr(part, name), arrays[name], name)
        part.history, part.cursors, part.first = (arrays[name] for name in _ARRAYS[4:])
        part.mode = CLOCK
    simulation.steps_done = step


def _refuse_ranks(simulation: Simulation) -> None:
    if simulation.rank is not None:
        raise InputError("a state is of one process: this simulation runs over several ranks")


_COLUMNS = (("steps", np.int64), ("neurons", np.int32))


def _growing(file: h5py.File, name: str, kind: npt.DTypeLike) -> Any:
    return file.create_dataset(
        name, (0,), kind, maxshape=(None,), chunks=(_ROWS_A_CHUNK,), track_times=False
    )


def _fill(into: npt.NDArray[Any], value: npt.NDArray[Any], name: str) -> None:
    if into.shape != value.shape:
        raise InputError(f"{name} has shape {value.shape}, expected {into.shape}")
    into[...] = value


def _made_of(simulation: Simulation) -> str:
    """SHA-256 of all that the state's meaning depends on."""
    made_of = hashlib.sha256()
    for part in simulation.parts:
        for array in (part.table, *part.synapses):
            made_of.update(np.ascontiguousarray(array).data)
    return made_of.hexdigest()

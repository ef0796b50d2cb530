"""Files of stimuli: spikes (SONATA, npz), currents (npz), and mean rates of neurons (npz).

spikes.npz    times (n,) ms, ascending; neurons (n,), or channels (n,); weights (n,) if wanted
currents.npz  dt (), ms, and currents (T, C) or (T, N): levels of the channels, or v per ms
              into the neurons; named channels or neurons where C = N
rates.npz     rates_hz (N,)
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import gate, validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.driven import Stimulus, into, poisson
from spiking_bimt.simulation.inputs import Input, SpikeTrains, channel_currents, held_rows

Array = npt.NDArray[Any]

TAIL_MS = 50.0
"""Time after the last spike of a file that is simulated too, ms: the spike acts in it."""


def stimulus(
    spikes: str | Path | None = None,
    currents: str | Path | None = None,
    poisson_hz: float | None = None,
    weight: float | None = None,
    ms: float | None = None,
) -> Stimulus | None:
    """The stimulus that a command's options ask for, or None where they ask for none.

    Raises InputError where two are given, an option has no effect, or a file is not what it
    should be.
    """
    given = {"spikes": spikes, "currents": currents, "poisson_hz": poisson_hz}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise InputError(f"{' and '.join(named)} are two stimuli: give one")
    if weight is not None and named not in (["spikes"], ["poisson_hz"]):
        raise InputError("weight is of the spikes of `spikes` or `poisson_hz`: give one of them")
    if ms is not None:
        validate.positive("stimulus", "ms", ms)
    if spikes is not None:
        return read_spike_stimulus(Path(spikes), weight, ms)
    if currents is not None:
        if ms is not None:
            raise InputError("ms does not go with currents, whose rows say how long they are")
        return read_currents(Path(currents))
    return None if poisson_hz is None else poisson(poisson_hz, weight=weight, ms=ms)


def read_spike_stimulus(
    path: Path, weight: float | None = None, ms: float | None = None
) -> Stimulus:
    """Spikes of a SONATA or npz file; see `simulation.driven.into` for weight."""
    npz = path.suffix.lower() == ".npz"
    times, ids, weights, channels = (_npz_spikes if npz else sonata_spikes)(path)
    if weights is not None and weight is not None:
        raise InputError(f"{path} has weights of its own: leave `weight` out")
    what = "input channel" if channels else "neuron"

    def make(network: SpikingNetwork, _seed: int) -> Input:
        n = network.n_inputs if channels else network.n_neurons
        if len(ids) and ids.max() >= n:
            raise InputError(
                f"{path}: spike {int(ids.argmax())} is of {what} {ids.max()}; the network has {n} "
                f"{what}s, from 0 on"
            )
        own = weight if weights is None or channels else 1.0
        return into(
            network, channels, SpikeTrains(times, ids, 1.0 if weights is None else weights), own
        )

    length = float(times[-1]) + TAIL_MS if ms is None else ms
    text = f"{len(ids):,} spikes of {path.name} into {what}s"
    return Stimulus("spikes", lambda _: text, length, make)


def _npz_spikes(path: Path) -> tuple[Array, Array, Array | None, bool]:
    """Times, ids, weights, and whether the ids are of channels."""
    arrays = _arrays(path, "spikes", ("times", "ids", "neurons", "channels", "weights"))
    names = [name for name in ("ids", "neurons", "channels") if name in arrays]
    if "times" not in arrays or len(names) != 1:
        raise InputError(
            f"{path} must hold times (ms) and one of neurons, ids and channels; it holds "
            f"{', '.join(arrays) or 'nothing'}"
        )
    times = _numbers(path, "times", arrays["times"], 1)
    ids = _ids(path, names[0], arrays[names[0]], len(times))
    weights = arrays.get("weights")
    if weights is not None:
        weights = _numbers(path, "weights", weights, 1)
        if len(weights) != len(times):
            raise InputError(f"{path}: {len(weights)} weights for {len(times)} spikes")
    _check_order(path, times)
    return times, ids, weights, names[0] == "channels"


def sonata_spikes(path: Path) -> tuple[Array, Array, None, bool]:
    """Times (ms, ascending), ids, no weights, and whether ids are of channels, of a SONATA file.

    They are of channels in the population `channels`. Raises InputError for another file, several
    populations, times in another unit, and no spike.
    """
    with gate.opening_hdf5(path) as file:
        group = file.get("spikes")
        if not isinstance(group, h5py.Group) or not len(group):
            raise InputError(f"{path} is no SONATA spike file: it has no /spikes/<population>")
        if len(group) > 1:
            names = ", ".join(group)
            raise InputError(f"{path} holds the populations {names}: write one of them alone")
        name, own = next(iter(group.items()))
        if not isinstance(own, h5py.Group) or not {"timestamps", "node_ids"} <= set(own):
            raise InputError(f"{path}: /spikes/{name} lacks timestamps or node_ids")
        unit = own["timestamps"].attrs.get("units", "ms")
        unit = unit.decode() if isinstance(unit, bytes) else str(unit)
        if unit not in ("ms", "milliseconds", "millisecond"):
            raise InputError(f"{path}: its timestamps are in {unit!r}: write them in ms")
        by_time = int(own.attrs.get("sorting", 0)) == 2
        times = _numbers(path, "timestamps", own["timestamps"][()], 1)
        ids = _ids(path, "node_ids", own["node_ids"][()], len(times))
    if by_time:
        _check_order(path, times)
    order = np.argsort(times, kind="stable")
    if not len(times):
        raise InputError(f"{path} holds no spike")
    return times[order], ids[order], None, name == "channels"


def _check_order(path: Path, times: Array) -> None:
    if not len(times):
        raise InputError(f"{path} holds no spike")
    if times.min() < 0:
        raise InputError(f"{path}: a time is {times.min():g} ms: it must not be negative")
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back):
        k = int(back[0]) + 1
        raise InputError(
            f"{path}: time {k} is {times[k]:g} ms, before the one ahead of it, {times[k - 1]:g}: "
            "sort the spikes by time"
        )


def read_currents(path: Path) -> Stimulus:
    """Currents of an npz file."""
    name, rows, row_ms = _current_rows(path)

    def make(network: SpikingNetwork, _seed: int) -> Input:
        _whole_steps(path, row_ms, network.dt, "steps")
        if _into_channels(path, name, rows.shape[1], network):
            return channel_currents(network, rows, row_ms)
        return held_rows(rows, row_ms, np.arange(rows.shape[1]))

    text = f"currents of {path.name}, {len(rows):,} rows of {row_ms:g} ms"
    return Stimulus("currents", lambda _: text, len(rows) * row_ms, make)


def read_levels(path: str | Path, network: SpikingNetwork) -> Array:
    """(S, C) levels of the network's input channels at its task steps, of a file of currents."""
    path = Path(path)
    name, rows, row_ms = _current_rows(path)
    many = _whole_steps(path, row_ms, network.task_dt, "input steps")
    if not _into_channels(path, name, rows.shape[1], network):
        raise InputError(
            f"{path} is of the neurons: a self-test holds levels of the {network.n_inputs} input "
            "channels alone"
        )
    return np.repeat(rows, many, axis=0)


def _current_rows(path: Path) -> tuple[str, Array, float]:
    """Name and rows of the currents, and the length of a row, ms."""
    arrays = _arrays(path, "currents", ("currents", "channels", "neurons", "dt"))
    names = [name for name in arrays if name != "dt"]
    if "dt" not in arrays or len(names) != 1:
        raise InputError(
            f"{path} must hold dt, the ms of a row, and one of currents, channels and neurons; it "
            f"holds {', '.join(arrays) or 'nothing'}"
        )
    rows = _numbers(path, names[0], arrays[names[0]], 2)
    row_ms = float(_numbers(path, "dt", arrays["dt"], 0))
    validate.positive(str(path), "dt", row_ms)
    if not rows.size:
        raise InputError(f"{path}: {names[0]} has shape {rows.shape}: it holds no current")
    return names[0], rows, row_ms


def _whole_steps(path: Path, row_ms: float, dt: float, what: str) -> int:
    """How many steps a row is; InputError unless it is a whole number of them."""
    steps = row_ms / dt
    if round(steps) < 1 or abs(steps - round(steps)) > 1e-6 * steps:
        raise InputError(
            f"{path} has rows of {row_ms:g} ms, the network {what} of {dt:g} ms: a row must be a "
            "whole number of steps"
        )
    return round(steps)


def _into_channels(path: Path, name: str, columns: int, network: SpikingNetwork) -> bool:
    """Whether so many columns are those of the channels; else they are of the neurons."""
    sizes = {"channels": network.n_inputs, "neurons": network.n_neurons}
    fits = [kind for kind, n in sizes.items() if n == columns and name in (kind, "currents")]
    if len(fits) == 1:
        return fits[0] == "channels"
    if fits:
        raise InputError(
            f"{path}: the network has {columns} channels and as many neurons: name the array "
            "channels or neurons"
        )
    raise InputError(
        f"{path}: {name} has {columns} columns, the network {sizes['channels']} channels and "
        f"{sizes['neurons']} neurons"
    )


def read_rates(path: str | Path, n: int) -> Array:
    """(N,) mean rate of each of n neurons, Hz, of an npz file."""
    path = Path(path)
    arrays = _arrays(path, "rates", ("rates_hz",))
    if "rates_hz" not in arrays:
        raise InputError(f"{path} must hold rates_hz, a rate for each neuron")
    rates = _numbers(path, "rates_hz", arrays["rates_hz"], 1)
    if len(rates) != n:
        raise InputError(f"{path} holds {len(rates)} rates, the network has {n} neurons")
    if rates.min() < 0:
        raise InputError(f"{path}: rate {int(rates.argmin())} is {rates.min():g} Hz, below 0")
    return rates


def _arrays(path: Path, what: str, known: tuple[str, ...]) -> dict[str, Array]:
    """The arrays of an npz file, never unpickled; one that is not known is refused by name."""
    with (
        gate.opening_npz(path, f"an npz file of {what}") as file,
        np.load(file, allow_pickle=False) as content,
    ):
        unknown = [name for name in content.files if name not in known]
        if unknown:
            raise InputError(f"it holds {unknown[0]!r}; known: {', '.join(known)}")
        return {name: content[name] for name in content.files}


def _numbers(path: Path, name: str, value: Array, axes: int) -> Array:
    """Finite numbers; floats in their own precision."""
    if value.dtype.kind not in "iuf":
        raise InputError(f"{path}: {name} holds {value.dtype}, expected numbers")
    kept = value.dtype if value.dtype in (np.float16, np.float32) else np.dtype(np.float64)
    return validate.array(f"{path}:", name, value, (None,) * axes, kept)


def _ids(path: Path, name: str, value: Array, n: int) -> Array:
    """(n,) whole numbers from 0 on."""
    ids = validate.array(f"{path}:", name, _numbers(path, name, value, 1), (n,), np.int64)
    if n and ids.min() < 0:
        raise InputError(f"{path}: {name} holds {ids.min()}: it must not be negative")
    return ids

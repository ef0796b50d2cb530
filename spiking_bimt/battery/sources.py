"""Data sets as batteries: the file of a run that holds one, and trials drawn from it.

The battery of a network that was trained on data is "data:" and a digest of the data. Whoever opens
a run makes its data known here; the digest says whether they are those of the network.
"""

import functools
from pathlib import Path

import numpy as np

from spiking_bimt.data import store
from spiking_bimt.data.dataset import PREFIX, DataSet, battery_of
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError

FILE = "data.h5"
"""File of a run with the data that it was trained on."""

_PARTS = {"train": "train", "validate": "validation", "calibrate": "train", "test": "test"}
"""Part of a data set that each stream of trials is drawn from."""

_known: dict[str, Path] = {}


def is_data(battery: str) -> bool:
    """Whether a battery is a data set."""
    return battery.startswith(PREFIX)


def write(data: DataSet, path: Path) -> str:
    """Write the data of a run; returns their battery, which can be drawn from now on."""
    battery = battery_of(data)
    store.save(data, path, {"command": "train", "battery": battery, "source": data.source})
    _known[battery] = path
    return battery


def use(folder: Path) -> None:
    """Make the data of a run folder known, where it has any."""
    path = folder / FILE
    if path.is_file():
        battery = store.provenance(path, "DataSet", checked=True).settings.get("battery")
        if isinstance(battery, str):
            _known[battery] = path


def find(battery: str) -> DataSet:
    """The data of a battery; InputError where no run that was opened has them."""
    path = _known.get(battery)
    if path is None or not path.is_file():
        raise InputError(
            f"the data of battery {battery} are not at hand: they are in {FILE} of the run that "
            "the network was trained in; put that file beside the network's"
        )
    changed = path.stat()
    return _load(path, changed.st_mtime_ns, changed.st_size, battery)


@functools.lru_cache(maxsize=2)
def _load(path: Path, _changed_ns: int, _size: int, battery: str) -> DataSet:
    data = store.load(path, DataSet, mapped=True)
    if battery_of(data) != battery:
        raise InputError(f"{path} holds other data than it says: put the run's own file back")
    return data


def draw(battery: str, most: int, dt: float, stream: str, entropy: tuple[int, int, int]) -> Trials:
    """At most so many trials of a stream, without noise; all of its part where it has no more.

    entropy: seed, number of the stream, and pool. Test trials are the same for every seed: fewer
    are a part of more.
    """
    data = find(battery)
    if abs(dt - data.dt) > 1e-9 * data.dt:
        raise InputError(f"the data {data.name} have steps of {data.dt} ms, not of {dt} ms")
    members = data.members(_PARTS[stream])
    if most < len(members):
        rng = np.random.default_rng((0, 3, 0) if stream == "test" else entropy)
        members = members[rng.permutation(len(members))[:most]]
    return data.take(members)

"""Data sets that other packages ship, by name: aeon:NAME and sklearn:digits."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.battery.ts_file import read_ts
from spiking_bimt.errors import InputError, unknown_name

PACKAGES = ("aeon", "sklearn")
"""What stands before the colon of a name."""
_TEST_SHARE = 0.3
"""Share of the digits of each class that test."""


def is_name(source: str) -> bool:
    """Whether a source is the name of shipped data."""
    return source.partition(":")[0] in PACKAGES and ":" in source


def read_shipped(source: str) -> dict[str, Any]:
    """The arrays (`raw_data.KEYS`) of shipped data; InputError says which there are."""
    package, _, name = source.partition(":")
    return _of_aeon(name) if package == "aeon" else _of_sklearn(name)


def _of_aeon(name: str) -> dict[str, Any]:
    """A data set of the archive that lies in aeon's own folder; aeon itself is not imported."""
    found = importlib.util.find_spec("aeon")
    if found is None or not found.submodule_search_locations:
        raise InputError("aeon is not installed: pip install 'spiking-bimt[data]'")
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "data"
    known = sorted(
        path.name.removesuffix("_TRAIN.ts")
        for path in folder.glob("*/*_TRAIN.ts")
        if path.with_name(path.name.replace("_TRAIN", "_TEST")).is_file()
    )
    if name not in known:
        raise unknown_name("data set of aeon", name, known, "or the path of a NAME_TRAIN.ts")
    return read_ts(next(folder.glob(f"*/{name}_TRAIN.ts")))


def _of_sklearn(name: str) -> dict[str, Any]:
    """The digits: eight rows of eight pixels, a row per step; 30% of each class test."""
    if name != "digits":
        raise unknown_name("data set of sklearn", name, ("digits",))
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    labels = digits.target
    test = train_test_split(
        np.arange(len(labels)), test_size=_TEST_SHARE, stratify=labels, random_state=0
    )[1]
    split = np.full(len(labels), "train", "U5")
    split[test] = "test"
    return {"inputs": digits.images, "labels": labels, "split": split, "name": name}

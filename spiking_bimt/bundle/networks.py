"""The networks that come with the package, taken by their names where no run of that name is."""

import os
from importlib import resources
from pathlib import Path

from spiking_bimt import run_folder
from spiking_bimt.data import store

BUNDLED = ("cores", "bimt", "l1", "none")
"""Networks that come with the package: one trained against a chip, others by `train --reg NAME`."""

_FILES = {"h5": "rate.h5", "toml": "config.toml", "jsonl": "metrics.jsonl"}
"""Names in a run folder, by the ending in the bundle."""


def bundled_files(name: str) -> dict[str, bytes]:
    """The files of a bundled network, by their names in a run folder."""
    bundle = resources.files("spiking_bimt.bundle")
    found = {target: bundle / f"{name}.{ending}" for ending, target in _FILES.items()}
    return {target: file.read_bytes() for target, file in found.items() if file.is_file()}


def names_bundled(run: Path) -> bool:
    """Whether a run that is not there has the bare name of a bundled network."""
    return str(run) in BUNDLED and not os.path.lexists(run)


def unpack(run: Path) -> list[str]:
    """Make the run folder of a bundled network where `names_bundled`; what to tell the user."""
    if not names_bundled(run):
        return []
    with run_folder.writing(run):
        for target, content in bundled_files(str(run)).items():
            store.write_bytes(run / target, content)
    return [f"{run} is the bundled network, copied to the new folder {run}"]


def start_file(run: Path) -> Path:
    """rate.h5 of the run that a training goes on from, or the file of a bundled network."""
    if names_bundled(run):
        return Path(str(resources.files("spiking_bimt.bundle"))) / f"{run}.h5"
    return run_folder.require(run, "rate.h5")

"""The data set of a study: one file in its folder, which every run of it gets."""

import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from spiking_bimt.battery import sources
from spiking_bimt.data import store
from spiking_bimt.data.dataset import DataSet, battery_of
from spiking_bimt.errors import InputError
from spiking_bimt.training.config import TrainConfig, read_config
from spiking_bimt.training.settings import fit_to_data

DATA = "data"
"""What the jobs of a study on data call their battery."""


def keep(folder: Path, data: DataSet, config: str | Path) -> None:
    """Write the data into the study's folder, with the noise of its configuration.

    Raises InputError where the folder has other data.
    """
    data = replace(data, noise=read_config(config).input_noise)
    if (folder / sources.FILE).is_file():
        if _battery(folder) != battery_of(data):
            raise InputError(f"{folder} has other data, in {sources.FILE}: give another folder")
        return
    if (folder / "runs").exists():
        raise InputError(f"{folder} has trainings without these data: give another folder")
    sources.write(data, folder / sources.FILE)


def _battery(folder: Path) -> str | None:
    """The battery of the study's data, which become known, or None where it has none."""
    path = folder / sources.FILE
    if not path.is_file():
        return None
    sources.use(folder)
    return str(store.provenance(path, "DataSet", checked=True).settings["battery"])


def fitted(folder: Path, config: TrainConfig) -> TrainConfig:
    """The configuration of a training of the study, on its data where it has any."""
    battery = _battery(folder)
    if battery is None:
        return config
    data = sources.find(battery)
    return fit_to_data(replace(config, input_noise=data.noise), data, None)[0]


def give(folder: Path, run: Path) -> None:
    """Put the study's data, where it has any, into the folder of a run that has none."""
    target = run / sources.FILE
    if not (folder / sources.FILE).is_file() or target.exists():
        return
    run.mkdir(parents=True, exist_ok=True)
    # No file of a run is ever changed in place: the runs may share it.
    with contextlib.suppress(OSError):
        os.link(folder / sources.FILE, target)
        return
    with store.replacing(target) as file, (folder / sources.FILE).open("rb") as source:
        shutil.copyfileobj(source, file)

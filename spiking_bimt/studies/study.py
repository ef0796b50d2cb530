"""`study`: many trainings as independent jobs, and what they show together."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.battery import sources
from spiking_bimt.battery.raw_data import DataOptions
from spiking_bimt.battery.read_data import DataLike, read_data
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.studies import chip_study, growing_brains, study_data
from spiking_bimt.studies.chip_jobs import TASKS
from spiking_bimt.studies.runner import Plan, backend, run_jobs
from spiking_bimt.training.settings import refuse_beside_data, refuse_without_data

STUDIES = ("growing-brains", "chip")
_OF_DATA = {"growing-brains": ("data",), "chip": ("data", "data-cores", "data-cores")}
"""Configurations of each study on a data set."""

SEEDS = 3
"""Seeds of each training where nothing else is asked for."""
JOBS = 2
"""Trainings at a time where nothing else is asked for."""


@checked
def study(
    name: str,
    out: str | Path,
    *,
    seeds: int | None = None,
    quick: bool = False,
    configs: Sequence[str | Path] | None = None,
    batteries: Sequence[str] | None = None,
    data: DataLike | None = None,
    dt: float | None = None,
    read: str = "mean",
    standardise: str | None = None,
    channels: int | None = None,
    encode: str | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Train every network of a study under `out`/runs, then compare them; returns the comparison.

    name: "growing-brains" (none, L1 and BIMT, as in the paper of that name) or "chip" (these and
    training against a chip's packets, each at its best placement; networks of a growing-brains
    study in the same folder are used). seeds: of each training, 3 by default. quick: one seed, and
    the fewest trainings that show something. configs: presets or TOML files in place of the study's
    own: one for growing-brains ("paper"); for chip three, of trainings without a chip, of those
    that go on from them, and of those that save spikes too ("paper", "pack", "frugal"). batteries:
    of the chip study, "yang19" and "modcog" by default.

    data: trainings on a data set in place of tasks, with dt, read, standardise, channels and encode
    as in `train`. It is kept in `out`, and its configurations are "data", and for chip "data-cores"
    for the two others.

    Jobs that are done are skipped, interrupted ones go on from their checkpoint. jobs: trainings at
    a time on this machine, 2 by default; scheduler: address of a Dask scheduler whose workers share
    `out`. Writes study.json or chip-study.json, and figures/*.svg. Raises InputError for
    an unknown name, settings that do not go together, and a study of other settings in `out`.
    """
    if quick and seeds is not None:
        raise InputError("quick has one seed: leave seeds out")
    if scheduler is not None and jobs is not None:
        raise InputError("jobs does not go with scheduler, whose workers set the number")
    n_seeds = 1 if quick else SEEDS if seeds is None else seeds
    if n_seeds < 1:
        raise InputError(f"{n_seeds} seeds: at least 1 is needed")
    options = DataOptions(dt, read, standardise, channels, encode)
    if data is None:
        refuse_without_data(options)
    else:
        refuse_beside_data(batteries=batteries)
        configs, batteries = configs or _OF_DATA.get(name), (study_data.DATA,)
    folder, plan = Path(out), _plan(name, n_seeds, quick, configs, batteries)
    chosen = None if data is None else read_data(data, options)
    with (
        backend(scheduler, JOBS if jobs is None else jobs) as parent,
        run_folder.writing(folder, plan.result),
    ):
        if chosen is not None and configs:
            study_data.keep(folder, chosen, configs[0])
        elif (folder / sources.FILE).exists():
            raise InputError(f"{folder} is a study on data: give them as `data`")
        rows, failed = run_jobs(folder, plan, parent)
        result = {
            "written_by": "spiking_bimt",
            "name": name,
            **plan.conclude(folder, rows),
            "failed": failed,
        }
        store.write_bytes(folder / plan.result, json.dumps(result).encode())
    return {**result, "study": str(folder / plan.result)}


def _plan(
    name: str,
    seeds: int,
    quick: bool,
    configs: Sequence[str | Path] | None,
    batteries: Sequence[str] | None,
) -> Plan:
    """The study of a name; InputError for an unknown one and for settings that it has not."""
    if name == "growing-brains":
        if batteries not in (None, (study_data.DATA,)):
            raise InputError("batteries are of the study chip: leave them out")
        return growing_brains.plan(seeds, quick, configs or growing_brains.CONFIGS)
    if name == "chip":
        chosen = tuple(batteries or TASKS)
        return chip_study.plan(seeds, quick, configs or chip_study.CONFIGS, chosen)
    raise unknown_name("study", name, STUDIES)

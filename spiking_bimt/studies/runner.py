"""The trainings of a study as jobs that can be interrupted, and statistics over their seeds."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spiking_bimt.analysis import curves
from spiking_bimt.battery.environments import trusted
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.stages.train import train
from spiking_bimt.studies import study_data
from spiking_bimt.studies.kept_row import read_row, write_row
from spiking_bimt.studies.worker import run_with_parent
from spiking_bimt.training.config import TrainConfig, read_config

Row = dict[str, Any]
"""What is known of one network of a study, as JSON values."""

ANSWER_WITHIN = 20.0
"""Seconds in which a scheduler must answer; one that has just been started takes some."""

_KEPT_FROM_START = ("start", "battery", "tasks", "sheet", "tau")
"""Settings that a training takes from the network that it goes on from."""


class Job(Protocol):
    """One training of a study, a frozen dataclass of JSON values."""

    @property
    def name(self) -> str:
        """Name of its run folder."""
        ...

    @property
    def base(self) -> "Job | None":
        """The training that it goes on from."""
        ...

    def settings(self) -> dict[str, Any]:
        """Its fields of `TrainConfig`, in place of those of its configuration."""
        ...


@dataclass(frozen=True)
class Plan:
    """What makes a study."""

    jobs: Sequence[Sequence[Job]]
    """Its trainings; each list begins when the one before it is done."""
    config_of: Callable[[Any], str | Path]
    """Preset or TOML file of the configuration of a job."""
    describe: Callable[[RateNetwork, Any], Row]
    """What is measured of the network of a job; a function of a module, for other processes."""
    conclude: Callable[[Path, list[Row]], Row]
    """Tables from all rows, and the names of the figures that it writes into the folder."""
    described: str
    """Name of the file in each run folder that holds the job's row."""
    result: str
    """Name of the file in the study's folder that holds everything."""


@contextlib.contextmanager
def backend(scheduler: str | None, jobs: int) -> Iterator[int | None]:
    """joblib over the processes of this machine, or over the workers of a Dask scheduler.

    Yields the process that the workers end with; None for those of a scheduler, which have a life
    of their own. Raises InputError without the `cluster` extra, or where no scheduler answers.
    """
    import joblib

    if jobs < 1:
        raise InputError(f"{jobs} trainings at a time: at least 1 is needed")
    if scheduler is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield os.getpid()
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "a Dask scheduler needs the cluster extra: pip install 'spiking-bimt[cluster]'"
        ) from error
    try:
        client = Client(scheduler, timeout=ANSWER_WITHIN)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {scheduler}: start one there") from error
    with client, joblib.parallel_config(backend="dask"):
        yield None


def run_jobs(
    folder: Path, plan: Plan, parent: int | None = None
) -> tuple[list[Row], dict[str, str]]:
    """Rows of the trainings that succeeded, and by name the reasons of those that failed.

    parent: of the worker processes (see `backend`). Raises InputError where every one failed.
    """
    import joblib

    done: list[Row] = []
    for some in plan.jobs:
        done += joblib.Parallel()(
            joblib.delayed(run_with_parent)(
                parent,
                trusted(),
                run_job,
                folder,
                job,
                plan.config_of(job),
                plan.describe,
                plan.described,
            )
            for job in some
        )
    rows = [row for row in done if "failed" not in row]
    if not rows:
        raise InputError(f"every training of the study failed: {done[0]['failed']}")
    return rows, {row["name"]: row["failed"] for row in done if "failed" in row}


def run_job(
    folder: Path, job: Job, source: str | Path, describe: Callable[[RateNetwork, Any], Row],
    described: str,
) -> Row:  # fmt: skip
    """Train one network, or go on with it, and describe it; a described one is only read.

    source: preset or TOML file of its configuration, which is fitted to the data of the study where
    it has any. A training that fails by its own settings,
    say by a penalty that leaves no unit, gives a row with the reason ("failed") and does not stop
    the others. Raises InputError where the folder holds a training of another configuration.
    """
    run = folder / "runs" / job.name
    try:
        config = study_data.fitted(folder, read_config(source, **job.settings()))
    except InputError as error:
        return {"name": job.name, "failed": str(error)}
    _refuse_other_configuration(run, job, config)
    if (run / described).exists():
        return read_row(run / described)
    try:
        study_data.give(folder, run)
        network, seconds = _trained(run, folder, job, config)
        measured = describe(network, job)
    except InputError as error:
        return {"name": job.name, "failed": str(error)}
    row = {"name": job.name, **vars(job), "cpu_seconds": seconds, **measured}
    write_row(run / described, row)
    return row


def _refuse_other_configuration(run: Path, job: Job, wanted: TrainConfig) -> None:
    """InputError where the run folder holds a training with other settings than the job's."""
    if not (run / "config.toml").exists():
        return
    found = read_config(run / "config.toml")
    if job.base is not None:
        wanted = replace(wanted, **{name: getattr(found, name) for name in _KEPT_FROM_START})
    if found != wanted:
        raise InputError(f"{run} was made with another configuration: give the study a new folder")


def _trained(
    run: Path, folder: Path, job: Job, config: TrainConfig
) -> tuple[RateNetwork, float | None]:
    """The trained network, and the CPU seconds of its training where that was done in one go."""
    seconds = None
    if not (run / "rate.h5").exists():
        resume = (run / "checkpoint.h5").exists()
        base = None if job.base is None else folder / "runs" / job.base.name
        began = time.process_time()
        # Where no price reaches the target, the nearest network is kept: its error shows how near.
        with contextlib.suppress(CheckError):
            train(run, config=config, start=base, resume=resume)
        seconds = None if resume else time.process_time() - began
    return store.load(run / "rate.h5", RateNetwork), seconds


def mean_and_half(values: Sequence[float]) -> list[float | None]:
    """Mean and the half-width of its 95% t interval; None for the width of a single value."""
    found = curves.interval(values)
    return [found.mean, None if found.high is None else found.high - found.mean]


def summarise(
    rows: Sequence[Row], by: Sequence[str], columns: Mapping[str, Callable[[Row], float | None]]
) -> list[Row]:
    """Mean and half-width over seeds of each column, for the rows that agree in the fields `by`.

    columns: name and value of each; None is left out, and a column of None alone is 0.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    table = []
    for key, members in groups.items():
        entry: Row = {**dict(zip(by, key, strict=True)), "seeds": len(members)}
        for name, value_of in columns.items():
            values = [float(v) for v in map(value_of, members) if v is not None]
            entry[name] = mean_and_half(values or [0.0])
        table.append(entry)
    return table


def compare_at_equal_error(
    rows: Sequence[Row],
    ours: Callable[[str], bool],
    theirs: Sequence[str],
    costs: Sequence[str],
    errors: Sequence[float],
    least: float = 0.0,
) -> list[Row]:
    """How many times as much other kinds of training cost as ours at the same error.

    ours: whether a kind is ours; theirs: the kinds compared with it. For each error that both reach
    with the same seed: the geometric mean over seeds of the ratio of each cost, with its 95%
    interval (`analysis.curves`). Costs below `least` count as `least`.
    """
    seeds = sorted({row["seed"] for row in rows})
    own = [row for row in rows if ours(row["kind"])]

    def points(some: Sequence[Row], cost: str, seed: int) -> npt.NDArray[np.float64]:
        """(n, 2) error and cost of the networks of a seed."""
        chosen = [row for row in some if row["seed"] == seed]
        return np.array([(row["error"], max(row[cost], least)) for row in chosen])

    table = []
    for kind in theirs:
        other = [row for row in rows if row["kind"] == kind]
        for error in errors:
            entry: Row = {"than": kind, "error": error}
            for cost in costs:
                pairs = [(points(own, cost, seed), points(other, cost, seed)) for seed in seeds]
                both = [(a, b) for a, b in pairs if len(a) and len(b)]
                found = curves.ratios([a for a, _ in both], [b for _, b in both], error)
                if found:
                    entry[cost] = vars(curves.interval(found, logarithmic=True))
            table += [entry] if len(entry) > 2 else []
    return table

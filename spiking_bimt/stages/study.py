"""`study`: many trainings as independent jobs, and what they show together."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiking_bimt.errors import InputError
from spiking_bimt.stages.train import train

SCALES: dict[str, tuple[float, ...]] = {
    "bimt": (0.5, 1.0, 2.0, 4.0),
    "l1": (0.5, 1.0, 2.0, 4.0),
    "bimt-noswap": (1.0, 2.0),
    "none": (1.0,),
}
"""Strengths of the penalty (`l1_scale`) that the study tries, by regulariser."""


@dataclass(frozen=True)
class Job:
    """One training of a study."""

    reg: str
    l1_scale: float
    seed: int

    @property
    def name(self) -> str:
        """Name of its run folder."""
        return f"{self.reg}-{self.l1_scale:g}-seed{self.seed}"


def growing_brains_jobs(seeds: int, quick: bool) -> list[Job]:
    """The trainings of the study, the most telling first, so that a part of it is of use."""
    if seeds < 1:
        raise InputError(f"{seeds} seeds: at least 1 is needed")
    wanted = {"bimt": (1.0,), "l1": (1.0,)} if quick else SCALES
    pairs = [(reg, scale) for reg, scales in wanted.items() for scale in scales]
    return [Job(reg, scale, seed) for seed in range(seeds) for reg, scale in pairs]


def study(
    out: str | Path,
    *,
    seeds: int = 3,
    quick: bool = False,
    config: str | Path = "paper",
    jobs: int = 2,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Train every network of the "Growing Brains" study under `out`/runs, then compare them.

    Jobs that are done are skipped, interrupted ones go on from their checkpoint. jobs: trainings
    at a time on this machine; scheduler: address of a Dask scheduler whose workers share `out`.
    """
    import joblib

    folder = Path(out)
    todo = growing_brains_jobs(1 if quick else seeds, quick)
    with _backend(scheduler, jobs):
        done = joblib.Parallel()(joblib.delayed(run_job)(folder, job, config) for job in todo)
    return {"runs": {job.name: result for job, result in zip(todo, done, strict=True)}}


def run_job(folder: Path, job: Job, config: str | Path) -> dict[str, Any]:
    """Train one network, or go on with it, or only read what it measured."""
    run = folder / "runs" / job.name
    result = run / "result.json"
    if result.exists():
        return json.loads(result.read_text())  # type: ignore[no-any-return]
    measured = train(
        run,
        config=config,
        reg=job.reg,
        l1_scale=job.l1_scale,
        seed=job.seed,
        resume=(run / "checkpoint.h5").exists(),
    )
    row = {**dataclasses.asdict(job), **measured}
    result.write_text(json.dumps(row))
    return row


@contextlib.contextmanager
def _backend(scheduler: str | None, jobs: int) -> Iterator[None]:
    import joblib

    if scheduler is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "a Dask scheduler needs the cluster extra: pip install 'spiking-bimt[cluster]'"
        ) from error
    with Client(scheduler), joblib.parallel_config(backend="dask"):
        yield

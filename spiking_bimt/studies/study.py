"""`study`: many trainings as independent jobs, and what they show together."""

import dataclasses
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt import run_folder
from spiking_bimt.analysis import curves
from spiking_bimt.analysis.clusters import functional_clusters
from spiking_bimt.analysis.portrait import CLUSTERS, portrait, variance_of
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.plot import run_figures, sheet_figures, study_figures
from spiking_bimt.plot.files import store_figure as store_figure
from spiking_bimt.stages.train import TEST_TRIALS, train
from spiking_bimt.studies.backend import backend as backend
from spiking_bimt.training import bimt
from spiking_bimt.training.config import read_config

SCALES: dict[str, tuple[float, ...]] = {
    "bimt": (1.0, 0.8, 1.8, 2.0, 4.0, 8.0),
    "l1": (2.0, 4.0, 8.0, 16.0),
    "bimt-noswap": (1.0, 4.0),
    "none": (1.0,),
}
"""Strengths of the penalty (`l1_scale`) that the study tries, by regulariser; the first is the one
that its figures of single networks show. Without distances a penalty of a given strength is weaker.
"""


SUMMARISED = ("error", "active_units", "synapses", "wiring_length", "modularity")

COMPARED_AT = (0.025, 0.03, 0.035, 0.04, 0.045)
"""Errors at which BIMT and L1 are compared."""

FIXED = str(CLUSTERS[-1])
"""The number of clusters whose locality the summary shows."""

FLOOR = 0.017
"""Mean error over the 20 tasks of an observer that knows both angles: noise, and random labels."""


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
    wanted = {reg: SCALES[reg][:1] for reg in ("bimt", "l1")} if quick else SCALES
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
    Writes study_figures.json and figures/*.svg.
    """
    import joblib

    folder = Path(out)
    read_config(config)
    todo = growing_brains_jobs(1 if quick else seeds, quick)
    with run_folder.writing(folder), backend(scheduler, jobs):
        done = joblib.Parallel()(joblib.delayed(run_job)(folder, job, config) for job in todo)
        rows = list(flat_rows(done))
        if not rows:
            raise InputError(f"every training of the study failed: {done[0]['failed']}")
        result: dict[str, Any] = {
            "summary": summary(rows),
            "equal_error": equal_error(rows),
            "most_local": most_local(rows),
            "failed": {row["name"]: row["failed"] for row in done if "failed" in row},
            "figures": _draw(folder, rows),
        }
        store.write_bytes(folder / "study.json", json.dumps({**result, "networks": rows}).encode())
    return {**result, "study": str(folder / "study.json")}


def flat_rows(done: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row a network; L1 with swaps only afterwards is a kind of its own."""
    for row in done:
        if "failed" in row:
            continue
        base = {"reg": row["reg"], "l1_scale": row["l1_scale"], "seed": row["seed"]}
        base["cpu_seconds"] = row["cpu_seconds"]
        yield {"kind": row["reg"], **base, **row["as trained"]}
        if "swapped afterwards" in row:
            yield {"kind": "l1, swapped afterwards", **base, **row["swapped afterwards"]}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and, over seeds, 95% half-width of the main numbers of each kind and strength."""
    groups: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["l1_scale"]), []).append(row)
    return [
        {
            "kind": kind,
            "l1_scale": scale,
            "seeds": len(members),
            **{key: _mean([float(m[key]) for m in members]) for key in SUMMARISED},
            "cpu_seconds": _mean([m["cpu_seconds"] for m in members if m["cpu_seconds"]] or [0.0]),
            "excess_error": _mean([m["error"] - FLOOR for m in members]),
            **{
                short: _mean([m["clusters"][FIXED][name] for m in members])
                for short, name in (
                    ("isolated", "isolated_8"),
                    ("isolated_null", "isolated_8_labels"),
                    ("variance", "place_variance"),
                    ("variance_null", "place_variance_labels"),
                )
            },
        }
        for (kind, scale), members in groups.items()
    ]


def _mean(values: list[float]) -> list[float | None]:
    """Mean and the half-width of its t interval; None for one value."""
    found = curves.interval(values)
    return [found.mean, None if found.high is None else found.high - found.mean]


def equal_error(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times as much L1 needs as BIMT at the same error, over seeds.

    For each error that both reach: the geometric mean over seeds of the ratio of active units and
    of wiring length, with its 95% interval (`analysis.curves`).
    """
    seeds = sorted({row["seed"] for row in rows})

    def curve(kind: str, cost: str) -> list[Any]:
        chosen = [[r for r in rows if (r["kind"], r["seed"]) == (kind, seed)] for seed in seeds]
        return [np.array([(r["error"], r[cost]) for r in group]) for group in chosen]

    table = []
    kinds = {row["kind"] for row in rows}
    for theirs in ("l1", "l1, swapped afterwards"):
        for error in COMPARED_AT if {"bimt", theirs} <= kinds else ():
            entry: dict[str, Any] = {"than": theirs, "error": error}
            for cost in ("active_units", "wiring_length"):
                found = curves.ratios(curve("bimt", cost), curve(theirs, cost), error)
                if found:
                    entry[cost] = vars(curves.interval(found, logarithmic=True))
            table += [entry] if len(entry) > 2 else []
    return table


def most_local(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lowest ratio of isolated units of each kind, over its networks and numbers of clusters.

    Only where shuffled labels leave at least half of the units isolated: with few clusters on a
    crowded sheet, hardly a unit is isolated whatever the labels.
    """
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        for entry in row["isolation"]:
            known = best.get(row["kind"])
            if entry["null"] >= 0.5 and (known is None or entry["ratio"] < known["ratio"]):
                of = {key: row[key] for key in ("kind", "l1_scale", "seed", "error")}
                best[row["kind"]] = {**of, **entry}
    return list(best.values())


def _draw(folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    """The paper's figures, from all networks and from one of each kind."""
    first = {row["kind"]: row for row in reversed(rows) if row["l1_scale"] == SCALES[row["reg"]][0]}
    networks = {kind: _network(folder, row) for kind, row in first.items()}
    figures = {
        "error-units": study_figures.error_curve(rows, "active_units", "active units"),
        "error-wiring": study_figures.error_curve(
            rows, "wiring_length", "wiring length (Manhattan, grid spacings)"
        ),
        "importance": study_figures.importance_ranks(
            {kind: row["importance"] for kind, row in first.items()},
            int(np.prod(next(iter(networks.values())).sheet)),
        ),
        "weight-distance": study_figures.weight_by_distance(networks),
        "isolated": study_figures.isolation(rows, FIXED),
        "cluster-variance": study_figures.cluster_variance(rows, FIXED),
        "accuracy": run_figures.accuracy_per_task(
            {kind: first[kind]["per_task"] for kind in ("bimt", "l1", "none") if kind in first}
        ),
    }
    for kind, network in networks.items():
        variance = variance_of(network)
        clusters = functional_clusters(variance.normalised, variance.responsive, k=CLUSTERS[0])
        name = kind.replace(", ", "-").replace(" ", "-")
        figures[f"clusters-{name}"] = sheet_figures.cluster_map(
            network.positions, network.sheet, clusters.labels
        )
        figures[f"variance-{name}"] = sheet_figures.variance_matrix(
            variance.normalised, clusters.labels, variance.tasks
        )
    for name, uri in figures.items():
        store_figure(folder / "figures" / f"{name}.svg", uri)
    return [f"figures/{name}.svg" for name in figures]


def _network(folder: Path, row: dict[str, Any]) -> RateNetwork:
    job = Job(row["reg"], row["l1_scale"], row["seed"])
    network = store.load(folder / "runs" / job.name / "rate.h5", RateNetwork)
    return swapped_afterwards(network) if row["kind"] != row["reg"] else network


def run_job(folder: Path, job: Job, config: str | Path) -> dict[str, Any]:
    """Train one network, or go on with it, and describe it; a described one is only read.

    A training that fails by its own settings, say by a penalty that leaves no unit, is told of in
    the result ("failed") and does not stop the others.
    """
    run = folder / "runs" / job.name
    result, kept = run / "result.json", run / "config.toml"
    settings = read_config(config, reg=job.reg, l1_scale=job.l1_scale, seed=job.seed)
    if kept.exists() and read_config(kept) != settings:
        raise InputError(f"{run} was made with another configuration: give the study a new folder")
    if result.exists():
        return json.loads(result.read_text("utf-8"))  # type: ignore[no-any-return]
    try:
        network, seconds = _trained(run, job, config)
    except InputError as error:
        return {"name": job.name, "failed": str(error)}
    rows = {"as trained": portrait(network, TEST_TRIALS)}
    if job.reg == "l1":
        rows["swapped afterwards"] = portrait(swapped_afterwards(network), TEST_TRIALS)
    row = {"name": job.name, **dataclasses.asdict(job), "cpu_seconds": seconds, **rows}
    store.write_bytes(result, json.dumps(row).encode())
    return row


def _trained(run: Path, job: Job, config: str | Path) -> tuple[RateNetwork, float | None]:
    """The trained network, and the CPU seconds of its training where that was done in one go."""
    seconds = None
    if not (run / "rate.h5").exists():
        resume = (run / "checkpoint.h5").exists()
        start = time.process_time()
        train(run, config=config, reg=job.reg, l1_scale=job.l1_scale, seed=job.seed, resume=resume)
        seconds = None if resume else time.process_time() - start
    return store.load(run / "rate.h5", RateNetwork), seconds


def swapped_afterwards(network: RateNetwork) -> RateNetwork:
    """The same function with its units at better places: swaps until none helps."""
    rows, cols = network.sheet
    n = rows * cols
    w_rec = np.zeros((n, n), np.float32)
    w_rec[: network.n_units, : network.n_units] = network.w_rec
    places = network.positions[:, 0].astype(np.int64) * cols + network.positions[:, 1]
    empty = np.setdiff1d(np.arange(n), places)
    start = np.concatenate([places, empty])
    place = bimt.swap_places(w_rec, start, bimt.sheet_distances(rows, cols), max_swaps=100 * n)
    positions = np.stack(np.divmod(place[: network.n_units], cols), axis=1)
    return dataclasses.replace(network, positions=positions)

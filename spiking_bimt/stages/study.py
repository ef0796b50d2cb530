"""`study`: many trainings as independent jobs, and what they show together."""

import base64
import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.analysis.active import active_units
from spiking_bimt.analysis.clusters import (
    SHUFFLED,
    Clusters,
    functional_clusters,
    isolated_null,
    isolated_ratio,
)
from spiking_bimt.analysis.importance import importance
from spiking_bimt.analysis.structure import agreement, modules
from spiking_bimt.analysis.variance import TaskVariance, task_variance
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.page import figures as figures_of
from spiking_bimt.page import sheet, study_figures
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.stages import run as runs
from spiking_bimt.stages.train import TEST_TRIALS, train
from spiking_bimt.tasks.accuracy import score
from spiking_bimt.tasks.battery import draw_trials
from spiking_bimt.training import bimt
from spiking_bimt.training.config import read_config

SCALES: dict[str, tuple[float, ...]] = {
    "bimt": (0.5, 1.0, 2.0, 4.0),
    "l1": (0.5, 1.0, 2.0, 4.0),
    "bimt-noswap": (1.0, 2.0),
    "none": (1.0,),
}
"""Strengths of the penalty (`l1_scale`) that the study tries, by regulariser."""


SUMMARISED = ("error", "active_units", "synapses", "wiring_length", "modularity")

PAPER_CLUSTERS = 7
"""Functional clusters of Liu et al. 2023's BIMT network."""


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
    Writes study.json and figures/*.svg.
    """
    import joblib

    folder = Path(out)
    read_config(config)
    todo = growing_brains_jobs(1 if quick else seeds, quick)
    with runs.writing(folder), _backend(scheduler, jobs):
        done = joblib.Parallel()(joblib.delayed(run_job)(folder, job, config) for job in todo)
        rows = list(flat_rows(done))
        result = {"summary": summary(rows), "figures": _draw(folder, rows)}
        store.write_bytes(folder / "study.json", json.dumps({**result, "networks": rows}).encode())
    return {**result, "study": str(folder / "study.json")}


def flat_rows(done: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row a network; L1 with swaps only afterwards is a kind of its own."""
    for row in done:
        base = {"reg": row["reg"], "l1_scale": row["l1_scale"], "seed": row["seed"]}
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
            "isolated": _mean([m["isolated_fixed"]["ratio"] for m in members]),
            "isolated_null": _mean([m["isolated_fixed"]["null_labels"] for m in members]),
        }
        for (kind, scale), members in groups.items()
    ]


def _mean(values: list[float]) -> list[float | None]:
    """Mean and the half-width of its t interval; None for one value."""
    from scipy import stats

    if len(values) < 2:
        return [values[0], None]
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return [float(np.mean(values)), float(half)]


def _draw(folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    """The paper's figures, from all networks and from one of each kind."""
    first = {row["kind"]: row for row in reversed(rows) if row["l1_scale"] == 1.0}
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
        "isolated": study_figures.isolation(rows),
        "accuracy": figures_of.accuracy_per_task(
            {kind: first[kind]["per_task"] for kind in ("bimt", "l1", "none") if kind in first}
        ),
    }
    for kind, network in networks.items():
        clusters, variance = _clusters(network)
        name = kind.replace(", ", "-").replace(" ", "-")
        figures[f"clusters-{name}"] = sheet.cluster_map(
            network.positions, network.sheet, clusters.labels
        )
        figures[f"variance-{name}"] = sheet.variance_matrix(
            variance.normalised, clusters.labels, variance.tasks
        )
    (folder / "figures").mkdir(exist_ok=True)
    for name, uri in figures.items():
        store.write_bytes(
            folder / "figures" / f"{name}.svg", base64.b64decode(uri.partition(",")[2])
        )
    return [f"figures/{name}.svg" for name in figures]


def _network(folder: Path, row: dict[str, Any]) -> RateNetwork:
    job = Job(row["reg"], row["l1_scale"], row["seed"])
    network = store.load(folder / "runs" / job.name / "rate.h5", RateNetwork)
    return swapped_afterwards(network) if row["kind"] != row["reg"] else network


def _clusters(network: RateNetwork) -> tuple[Clusters, TaskVariance]:
    some = draw_trials(network.battery, network.tasks, 50, network.dt, stream="validate")
    variance = task_variance(network, some)
    found = functional_clusters(variance.normalised, variance.responsive, k=PAPER_CLUSTERS)
    return found, variance


def run_job(folder: Path, job: Job, config: str | Path) -> dict[str, Any]:
    """Train one network, or go on with it, and describe it; a described one is only read."""
    run = folder / "runs" / job.name
    result = run / "result.json"
    if result.exists():
        return json.loads(result.read_text("utf-8"))  # type: ignore[no-any-return]
    if not (run / "rate.h5").exists():
        train(
            run,
            config=config,
            reg=job.reg,
            l1_scale=job.l1_scale,
            seed=job.seed,
            resume=(run / "checkpoint.h5").exists(),
        )
    network = store.load(run / "rate.h5", RateNetwork)
    rows = {"as trained": describe(network)}
    if job.reg == "l1":
        rows["swapped afterwards"] = describe(swapped_afterwards(network))
    row = {**dataclasses.asdict(job), **rows}
    store.write_bytes(result, json.dumps(row).encode())
    return row


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


def describe(network: RateNetwork) -> dict[str, Any]:
    """Error, size, wiring and clustering of a network, as the paper measures them.

    The same 200 test trials a task for every network. Ratios of isolated units are at a fixed
    number of clusters (PAPER_CLUSTERS) and at the silhouette's, each with both nulls' means.
    """
    trials = draw_trials(network.battery, network.tasks, TEST_TRIALS, network.dt, stream="test")
    result = score(rate_outputs(network, trials), trials)
    sizes = importance(network)
    active = active_units(sizes)
    some = draw_trials(network.battery, network.tasks, 50, network.dt, stream="validate")
    variance = task_variance(network, some)
    structure = modules(network)
    rows: dict[str, Any] = {
        "error": 1 - result.accuracy,
        "interval": [1 - value for value in reversed(result.interval)],
        "per_task": dict(zip(trials.tasks, result.per_task().tolist(), strict=True)),
        **wiring(network),
        "active_units": len(active.units),
        "cliff": None if np.isinf(active.cliff) else active.cliff,
        "importance": sorted(sizes.tolist(), reverse=True),
        "modularity": structure.modularity,
        "modules": int(structure.labels.max()) + 1,
    }
    for name, k in (("fixed", PAPER_CLUSTERS), ("silhouette", None)):
        clusters = functional_clusters(variance.normalised, variance.responsive, k=k)
        rows[f"isolated_{name}"] = _isolation(network, clusters)
        same = agreement(clusters.labels, structure.labels)
        rows[f"adjusted_rand_{name}"] = same.adjusted_rand
    return rows


def _isolation(network: RateNetwork, clusters: Clusters) -> dict[str, Any]:
    where = (clusters.labels, network.positions, network.sheet)
    nulls = {kind: isolated_null(*where, shuffled=kind) for kind in SHUFFLED}
    return {
        "k": clusters.k,
        "ratio": isolated_ratio(*where),
        **{f"null_{kind}": float(values.mean()) for kind, values in nulls.items()},
    }


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

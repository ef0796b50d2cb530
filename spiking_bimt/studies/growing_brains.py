"""The study of "Growing Brains": none, L1 and BIMT at many strengths, as in the paper."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt import plot
from spiking_bimt.analysis.clusters import functional_clusters
from spiking_bimt.analysis.portrait import CLUSTERS, portrait, variance_of
from spiking_bimt.battery.draw import default_trials
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.plot import study_figures
from spiking_bimt.plot.picture import draw_axes, store_figure
from spiking_bimt.plot.score_figures import height_for
from spiking_bimt.studies.runner import Plan, Row, compare_at_equal_error, summarise
from spiking_bimt.training import bimt
from spiking_bimt.training.config import read_config
from spiking_bimt.training.function import attract_afterwards

CONFIGS = ("paper",)
"""Preset of every training."""

MODULES = "modules"
"""Kind of the networks of the preset of that name, which price and attract by function."""

SCALES: dict[str, tuple[float, ...]] = {
    "bimt": (1.0, 0.8, 1.8, 2.0, 4.0, 8.0),
    "l1": (2.0, 4.0, 8.0, 16.0),
    "bimt-noswap": (1.0, 4.0),
    "none": (1.0,),
    MODULES: (1.0,),
}
"""Strengths of the penalty (`l1_scale`) that the study tries, by regulariser, or MODULES; the first
is the one that its figures of single networks show. Without distances a penalty of a given strength
is weaker.
"""

COMPARED_AT = (0.025, 0.03, 0.035, 0.04, 0.045)
"""Errors at which BIMT and L1 are compared."""

AFTERWARDS: dict[str, Callable[[RateNetwork], RateNetwork]] = {
    "swapped afterwards": bimt.arrange,
    "attracted afterwards": attract_afterwards,
}
"""What gives the units of a trained network other places: for short wire, and so that units that
do the same are together besides."""

MOVED = {"l1": tuple(AFTERWARDS), "bimt": ("attracted afterwards",)}
"""Networks whose units are moved after training, too, each a kind of its own."""

FIXED = str(CLUSTERS[-1])
"""The number of clusters whose locality the summary shows."""

LEAST_ISOLATED = 0.5
"""Share of units that shuffled labels must leave isolated, for the most local network to count:
with few clusters on a crowded sheet, hardly a unit is isolated whatever the labels."""


def _of_clusters(name: str) -> Callable[[Row], float]:
    return lambda row: float(row["clusters"][FIXED][name])


def _of_modules(name: str, value: str = "observed") -> Callable[[Row], float]:
    return lambda row: float(row["function_and_anatomy"][name][value])


def _agreement(row: Row) -> float:
    """Adjusted Rand index of the clusters and the Louvain communities at resolution 1."""
    found = row["function_and_anatomy"]["communities"]
    return next(
        float(entry["adjusted_rand"])
        for entry in found
        if (entry["method"], entry["resolution"]) == ("louvain", 1.0)
    )


COLUMNS: dict[str, Callable[[Row], float | None]] = {
    "error": itemgetter("error"),
    "active_units": itemgetter("active_units"),
    "synapses": itemgetter("synapses"),
    "wiring_length": itemgetter("wiring_length"),
    "modularity": itemgetter("modularity"),
    "cpu_seconds": itemgetter("cpu_seconds"),
    "excess_error": lambda row: float(row["error"]) - study_figures.FLOOR,
    "isolated": _of_clusters("isolated_8"),
    "isolated_null": _of_clusters("isolated_8_labels"),
    "variance": _of_clusters("place_variance"),
    "variance_null": _of_clusters("place_variance_labels"),
    "mass_within": _of_modules("mass_within"),
    "mass_within_null": _of_modules("mass_within", "chance"),
    "mantel": _of_modules("mantel"),
    "label_reliability": _of_modules("reliability", "halves"),
    "communities_agree": _agreement,
}
"""What the summary shows of each kind and strength."""


@dataclass(frozen=True)
class Job:
    """One training of the study."""

    reg: str
    l1_scale: float
    seed: int

    @property
    def name(self) -> str:
        """Name of its run folder."""
        return f"{self.reg}-{self.l1_scale:g}-seed{self.seed}"

    @property
    def base(self) -> None:
        """No training of this study goes on from another."""
        return

    def settings(self) -> dict[str, Any]:
        """Its fields of `TrainConfig`."""
        reg = "bimt" if self.reg == MODULES else self.reg
        return {"reg": reg, "l1_scale": self.l1_scale, "seed": self.seed}


def plan(seeds: int, quick: bool, configs: Sequence[str | Path]) -> Plan:
    """The study with so many seeds. InputError where `configs` is not one that can be read."""
    if len(configs) != 1:
        raise InputError(f"growing-brains has 1 configuration, not {len(configs)}")
    (config,) = configs
    read_config(config)
    return Plan(
        jobs=(list_jobs(seeds, quick),),
        config_of=lambda job: MODULES if job.reg == MODULES else config,
        describe=describe,
        conclude=conclude,
        described="result.json",
        result="study.json",
    )


def list_jobs(seeds: int, quick: bool) -> list[Job]:
    """The trainings of the study, the most telling first, so that a part of it is of use."""
    wanted = {reg: SCALES[reg][:1] for reg in ("bimt", "l1")} if quick else SCALES
    pairs = [(reg, scale) for reg, scales in wanted.items() for scale in scales]
    return [Job(reg, scale, seed) for seed in range(seeds) for reg, scale in pairs]


def describe(network: RateNetwork, job: Job) -> Row:
    """Portrait of the network as trained and, for some, with its units moved afterwards."""
    many = default_trials(network.battery)
    row = {"as trained": portrait(network, many)}
    for how in MOVED.get(job.reg, ()):
        row[how] = portrait(AFTERWARDS[how](network), many)
    return row


def conclude(folder: Path, done: list[Row]) -> Row:
    """Tables of the study, and its figures in the folder."""
    rows = list(flatten_rows(done))
    kinds = {row["kind"] for row in rows}
    theirs = [kind for kind in ("l1", "l1, swapped afterwards") if {"bimt", kind} <= kinds]
    return {
        "networks": rows,
        "summary": summarise(rows, ("kind", "l1_scale"), COLUMNS),
        "equal_error": compare_at_equal_error(
            rows,
            lambda kind: kind == "bimt",
            theirs,
            ("active_units", "wiring_length"),
            COMPARED_AT,
        ),
        "most_local": find_most_local(rows),
        "figures": _draw(folder, rows),
    }


def flatten_rows(done: list[Row]) -> Iterator[Row]:
    """One row per network; one whose units were moved afterwards is a kind of its own."""
    for row in done:
        base = {name: row[name] for name in ("reg", "l1_scale", "seed", "cpu_seconds")}
        yield {"kind": row["reg"], **base, **row["as trained"]}
        for how in MOVED.get(row["reg"], ()):
            yield {"kind": f"{row['reg']}, {how}", **base, **row[how]}


def find_most_local(rows: list[Row]) -> list[Row]:
    """The lowest ratio of isolated units of each kind, over its networks and numbers of clusters.

    Only where shuffled labels leave LEAST_ISOLATED of the units isolated.
    """
    best: dict[str, Row] = {}
    for row in rows:
        for entry in row["isolation"]:
            known = best.get(row["kind"])
            if entry["null"] >= LEAST_ISOLATED and (
                known is None or entry["ratio"] < known["ratio"]
            ):
                of = {key: row[key] for key in ("kind", "l1_scale", "seed", "error")}
                best[row["kind"]] = {**of, **entry}
    return list(best.values())


def _draw(folder: Path, rows: list[Row]) -> list[str]:
    """The paper's figures, from all networks and from one of each kind."""
    first = {row["kind"]: row for row in reversed(rows) if row["l1_scale"] == SCALES[row["reg"]][0]}
    networks = {kind: _network(folder, row) for kind, row in first.items()}
    per_task = {kind: first[kind]["per_task"] for kind in ("bimt", "l1", "none") if kind in first}
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
        "accuracy": draw_axes(
            5.4, height_for(len(next(iter(per_task.values())))), partial(plot.accuracy, per_task)
        ),
    }
    for kind, network in networks.items():
        variance = variance_of(network)
        clusters = functional_clusters(variance.normalised, variance.responsive, k=CLUSTERS[0])
        name = kind.replace(", ", "-").replace(" ", "-")
        figures[f"clusters-{name}"] = draw_axes(5.4, 5.2, partial(plot.clusters, network, clusters))
        figures[f"variance-{name}"] = draw_axes(
            5.4, 7.4, partial(plot.variance, variance, clusters=clusters)
        )
    store.own_folder(folder / "figures")
    for name, picture in figures.items():
        store_figure(folder / "figures" / f"{name}.svg", picture)
    return [f"figures/{name}.svg" for name in figures]


def _network(folder: Path, row: Row) -> RateNetwork:
    job = Job(row["reg"], row["l1_scale"], row["seed"])
    network = store.load(folder / "runs" / job.name / "rate.h5", RateNetwork)
    how = row["kind"].removeprefix(job.reg).removeprefix(", ")
    return AFTERWARDS[how](network) if how else network

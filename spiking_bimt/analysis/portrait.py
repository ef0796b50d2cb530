"""All that the paper measures of one network, as plain numbers."""

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
from spiking_bimt.analysis.modularity import Effort, measure_modularity
from spiking_bimt.analysis.spread import place_index, variance_null, variance_within
from spiking_bimt.analysis.structure import agreement, modules
from spiking_bimt.analysis.variance import TaskVariance, task_variance
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.battery import sources
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs

CLUSTERS = (7, 12)
"""Fixed numbers of clusters: that of Liu et al. 2023's BIMT network, and one for small networks."""

ISOLATION_CLUSTERS = tuple(range(5, 17))
"""Numbers of clusters at which the ratio of isolated units is given, since it depends on them."""

EFFORT = Effort(
    trials=50, shuffles=1000, rewirings=100, resolutions=(0.75, 1.0, 1.5), lesions=10,
    lesion_trials=10,
)  # fmt: skip
"""Of the measures of whether function and anatomy are modular together."""

VARIANCE_TRIALS = 50
"""Validation trials of each task that the task variance is measured on."""


def variance_of(network: RateNetwork) -> TaskVariance:
    """Task variance of the network on validation trials; of a data set, the classes are tasks."""
    many = VARIANCE_TRIALS * (len(network.b_out) if sources.is_data(network.battery) else 1)
    some = draw_trials(network.battery, network.tasks, many, network.dt, stream="validate")
    return task_variance(network, some.by_class())


def portrait(network: RateNetwork, trials_per_task: int) -> dict[str, Any]:
    """Error, size, wiring and clustering of a network, as JSON values.

    The error is over the same test trials for every network. The ratio of isolated units and the
    variance within clusters are given for each fixed number of clusters and for the silhouette's,
    with their means after shuffles and the share of shuffles with a value as low; the ratio also
    for every number in ISOLATION_CLUSTERS.
    """
    trials = draw_trials(network.battery, network.tasks, trials_per_task, network.dt, stream="test")
    result = score(rate_outputs(network, trials), trials)
    sizes = importance(network)
    active = active_units(sizes)
    structure = modules(network)
    variance = variance_of(network)
    found = {
        str(k or "silhouette"): functional_clusters(variance.normalised, variance.responsive, k=k)
        for k in (*CLUSTERS, None)
    }
    return {
        "error": 1 - result.accuracy,
        "interval": [1 - value for value in reversed(result.interval)],
        "per_task": dict(zip(trials.tasks, result.per_task().tolist(), strict=True)),
        **wiring(network),
        "active_units": len(active.units),
        "cliff": None if np.isinf(active.cliff) else active.cliff,
        "cliff_threshold": active.threshold,
        "importance": sorted(sizes.tolist(), reverse=True),
        "modularity": structure.modularity,
        "modules": int(structure.labels.max()) + 1,
        "clusters": {
            name: {
                **_locality(network, clusters),
                **vars(agreement(clusters.labels, structure.labels)),
            }
            for name, clusters in found.items()
        },
        "isolation": isolation_by_clusters(network, variance),
        "function_and_anatomy": measure_modularity(network, effort=EFFORT),
    }


def isolation_by_clusters(network: RateNetwork, variance: TaskVariance) -> list[dict[str, float]]:
    """Ratio of isolated units (8 neighbours) for each number of clusters that the units can fill.

    With its mean over shuffles of the labels, and the share of shuffles with a ratio as low.
    """
    rows = []
    for k in ISOLATION_CLUSTERS:
        if k <= variance.responsive.sum():
            clusters = functional_clusters(variance.normalised, variance.responsive, k=k)
            where = (clusters.labels, network.positions, network.sheet)
            ratio, null = isolated_ratio(*where), isolated_null(*where)
            rows.append(
                {"k": k, "ratio": ratio, "null": float(null.mean()), "p": _share(null <= ratio)}
            )
    return rows


def _locality(network: RateNetwork, clusters: Clusters) -> dict[str, Any]:
    where = (clusters.labels, network.positions, network.sheet)
    rows: dict[str, Any] = {"k": clusters.k}
    for neighbours in (4, 8):
        isolated = isolated_ratio(*where, neighbours)
        rows[f"isolated_{neighbours}"] = isolated
        for kind in SHUFFLED:
            null = isolated_null(*where, neighbourhood=neighbours, shuffled=kind)
            rows[f"isolated_{neighbours}_{kind}"] = float(null.mean())
            if kind == "labels":
                rows[f"isolated_{neighbours}_p"] = _share(null <= isolated)
    coordinates = {
        "index": place_index(network.positions, network.sheet),
        "place": network.positions.astype(np.float64),
    }
    for name, points in coordinates.items():
        variance = variance_within(clusters.labels, points)
        null = variance_null(clusters.labels, points)
        rows[f"{name}_variance"] = variance
        rows[f"{name}_variance_labels"] = float(null.mean())
        rows[f"{name}_variance_p"] = _share(null <= variance)
    return rows


def _share(hits: Any) -> float:
    """Share of hits; the observed value counts as one of the shuffles, so that it is never 0."""
    return float((hits.sum() + 1) / (len(hits) + 1))

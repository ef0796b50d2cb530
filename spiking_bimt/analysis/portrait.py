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
from spiking_bimt.analysis.spread import place_index, variance_null, variance_within
from spiking_bimt.analysis.structure import agreement, modules
from spiking_bimt.analysis.variance import TaskVariance, task_variance
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.tasks.accuracy import score
from spiking_bimt.tasks.battery import draw_trials

CLUSTERS = (7, 12)
"""Fixed numbers of clusters: that of Liu et al. 2023's BIMT network, and one for small networks."""

VARIANCE_TRIALS = 50


def clusters_and_variance(network: RateNetwork, k: int | None) -> tuple[Clusters, TaskVariance]:
    """Functional clusters on validation trials, and the task variance that they are made of."""
    some = draw_trials(
        network.battery, network.tasks, VARIANCE_TRIALS, network.dt, stream="validate"
    )
    variance = task_variance(network, some)
    return functional_clusters(variance.normalised, variance.responsive, k=k), variance


def portrait(network: RateNetwork, trials_per_task: int) -> dict[str, Any]:
    """Error, size, wiring and clustering of a network, as JSON values.

    The error is over the same test trials for every network. The ratio of isolated units and the
    variance within clusters are given for each fixed number of clusters and for the silhouette's,
    with the means of their nulls and the share of shuffles that are as low.
    """
    trials = draw_trials(network.battery, network.tasks, trials_per_task, network.dt, stream="test")
    result = score(rate_outputs(network, trials), trials)
    sizes = importance(network)
    active = active_units(sizes)
    structure = modules(network)
    found = {str(k): clusters_and_variance(network, k)[0] for k in CLUSTERS}
    found["silhouette"] = clusters_and_variance(network, None)[0]
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
    }


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
    """Share of shuffles with the observed one among them, so that it is never 0."""
    return float((hits.sum() + 1) / (len(hits) + 1))

"""Functional clusters of units, and whether a cluster's units are neighbours on the sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

CANDIDATES = tuple(range(3, 16))
"""Numbers of clusters that the silhouette chooses from."""

NEIGHBOURHOODS = {
    4: ((0, 1), (1, 0), (0, -1), (-1, 0)),
    8: ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)),
}
"""Steps from a place to its grid neighbours: sides only, or sides and corners."""

SHUFFLED = ("labels", "places")
"""What `isolated_null` can shuffle."""

_CHUNK = 500
"""Sheets that are shuffled at a time, to limit memory."""


@dataclass(frozen=True)
class Clusters:
    """Functional clusters of a network's units."""

    labels: Labels
    """(N,) cluster of each unit, 0 the largest; -1 for silent units."""
    centres: Doubles
    """(k, n_tasks) mean normalised task variance of each cluster."""
    silhouettes: dict[int, float]
    """Mean silhouette of each number of clusters that was tried."""

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.centres)


def functional_clusters(
    normalised: Doubles,
    responsive: npt.NDArray[np.bool_],
    *,
    k: int | None = None,
    candidates: Sequence[int] = CANDIDATES,
    seed: int = 0,
) -> Clusters:
    """k-means on the normalised task variance (N, n_tasks) of the responsive units.

    k: number of clusters, or of distinct rows where these are fewer; None takes the candidate with
    the largest mean silhouette, and of equal ones the smallest. A candidate must lie below the
    number of distinct rows, or it is skipped; where none is left, all responsive units are one
    cluster.
    """
    points = normalised[responsive]
    if len(points) == 0:
        raise InputError(
            "no unit responds to any task, so there is nothing to cluster: train the network"
        )
    if k is not None and not 1 <= k <= len(points):
        raise InputError(f"{k} clusters of {len(points)} responsive units: ask for 1 to that many")
    distinct = len(np.unique(points, axis=0))
    tried = (
        [min(k, distinct)]
        if k is not None
        else sorted(n for n in set(candidates) if 2 <= n < distinct)
    )
    found = {n: _kmeans(points, n, seed) for n in tried} or {1: np.zeros(len(points), np.int32)}
    silhouettes = {n: _silhouette(points, labels) for n, labels in found.items()}
    best = max(found, key=lambda n: (silhouettes[n], -n))
    labels = np.full(len(normalised), -1, np.int32)
    labels[responsive] = _by_size(found[best])
    centres = np.stack([normalised[labels == c].mean(0) for c in range(labels.max() + 1)])
    return Clusters(labels, centres, silhouettes)


def isolated_ratio(
    labels: Labels,
    positions: npt.NDArray[np.int32],
    sheet: tuple[int, int],
    neighbourhood: int = 8,
) -> float:
    """Share of the clustered units that have no unit of their own cluster on a neighbouring place.

    labels: (N,), -1 for units that do not count; positions: (N, 2) row and column; sheet: rows
    and columns; neighbourhood: 4 or 8 places. Liu et al. 2023 (arXiv:2310.07711) do not say which;
    with 8, shuffled labels give a ratio near the one that they print.
    """
    return float(_isolated(_grid(labels, positions, sheet)[None], neighbourhood)[0])


def isolated_null(
    labels: Labels,
    positions: npt.NDArray[np.int32],
    sheet: tuple[int, int],
    *,
    neighbourhood: int = 8,
    shuffled: str = "labels",
    shuffles: int = 10_000,
    seed: int = 0,
) -> Doubles:
    """(shuffles,) `isolated_ratio` after shuffles: its distribution by chance.

    shuffled: "labels" exchanges the clusters among the clustered units, which keep their places
    (as Liu et al. 2023); "places" scatters the units over the whole sheet.
    """
    if shuffled not in SHUFFLED:
        raise InputError(f"shuffled is {shuffled!r}; known: {', '.join(SHUFFLED)}")
    rng = np.random.default_rng(seed)
    grid = _grid(labels, positions, sheet)
    moving = np.flatnonzero(grid.ravel() >= 0) if shuffled == "labels" else np.arange(grid.size)
    ratios = []
    for begin in range(0, shuffles, _CHUNK):
        many = np.tile(grid.ravel(), (min(_CHUNK, shuffles - begin), 1))
        many[:, moving] = rng.permuted(many[:, moving], axis=1)
        ratios.append(_isolated(many.reshape(-1, *grid.shape), neighbourhood))
    return np.concatenate(ratios) if ratios else np.empty(0)


def _grid(labels: Labels, positions: npt.NDArray[np.int32], sheet: tuple[int, int]) -> Labels:
    """The sheet with the label of the unit at each place, -1 elsewhere."""
    if not (labels >= 0).any():
        raise InputError("no unit belongs to a cluster")
    grid = np.full(sheet, -1, np.int32)
    grid[positions[:, 0], positions[:, 1]] = labels
    return grid


def _isolated(grids: Labels, neighbourhood: int) -> Doubles:
    """(S,) ratio of isolated units of each of (S, rows, cols) sheets."""
    if neighbourhood not in NEIGHBOURHOODS:
        raise InputError(f"neighbourhood is {neighbourhood}; known: 4 (sides) and 8 (corners too)")
    rows, cols = grids.shape[1:]
    framed = np.pad(grids, ((0, 0), (1, 1), (1, 1)), constant_values=-1)
    together = np.zeros(grids.shape, bool)
    for down, right in NEIGHBOURHOODS[neighbourhood]:
        together |= grids == framed[:, 1 + down : 1 + down + rows, 1 + right : 1 + right + cols]
    clustered = grids >= 0
    alone = (clustered & ~together).sum(axis=(1, 2))
    ratios: Doubles = alone / clustered.sum(axis=(1, 2))
    return ratios


def _kmeans(points: Doubles, k: int, seed: int) -> Labels:
    from sklearn.cluster import KMeans

    labels: Labels = KMeans(k, n_init=10, random_state=seed).fit_predict(points).astype(np.int32)
    return labels


def _silhouette(points: Doubles, labels: Labels) -> float:
    """Mean silhouette; 0 where it is undefined (one cluster, or each unit its own)."""
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(labels)) < len(points):
        return 0.0
    return float(silhouette_score(points, labels))


def _by_size(labels: Labels) -> Labels:
    """The same clusters, numbered from the largest to the smallest."""
    names, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rank = np.empty(len(names), np.int32)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(names), dtype=np.int32)
    return rank[inverse]

"""How far apart on the sheet the units of one cluster lie."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

_CHUNK = 1000
"""Labellings that are shuffled at a time, to limit memory."""


def place_index(positions: npt.NDArray[np.integer], sheet: tuple[int, int]) -> Doubles:
    """(N, 1) number of each unit's place, row after row: the coordinate of Liu et al. 2023."""
    index: Doubles = positions[:, :1] * float(sheet[1]) + positions[:, 1:]
    return index


def variance_within(labels: Labels, coordinates: Doubles) -> float:
    """Mean over the clustered units of the squared distance to their cluster's mean.

    labels: (N,), -1 for units that do not count; coordinates: (N, D): `place_index` for the
    "variance of indices within clusters" of Liu et al. 2023 (arXiv:2310.07711), or rows and
    columns, which treat all directions alike.
    """
    return float(_variances(*_clustered(labels, coordinates))[0])


def variance_null(
    labels: Labels, coordinates: Doubles, *, shuffles: int = 10_000, seed: int = 0
) -> Doubles:
    """(shuffles,) `variance_within` after shuffling the labels among the clustered units."""
    rng = np.random.default_rng(seed)
    own, points = _clustered(labels, coordinates)
    parts = []
    for begin in range(0, shuffles, _CHUNK):
        many = np.tile(own, (min(_CHUNK, shuffles - begin), 1))
        parts.append(_variances(rng.permuted(many, axis=1), points))
    return np.concatenate(parts) if parts else np.empty(0)


def scattered_variance(
    labels: Labels, sheet: tuple[int, int], *, shuffles: int = 10_000, seed: int = 0
) -> Doubles:
    """(shuffles,) `variance_within` of rows and columns with the units scattered over the sheet."""
    rng = np.random.default_rng(seed)
    n_places = sheet[0] * sheet[1]
    own = np.full(n_places, -1, np.int32)
    own[: (labels >= 0).sum()] = labels[labels >= 0]
    points = np.stack(np.divmod(np.arange(n_places), sheet[1]), axis=1).astype(np.float64)
    parts = []
    for begin in range(0, shuffles, _CHUNK):
        many = np.tile(own, (min(_CHUNK, shuffles - begin), 1))
        parts.append(_variances(rng.permuted(many, axis=1), points - points.mean(0)))
    return np.concatenate(parts) if parts else np.empty(0)


def _clustered(labels: Labels, coordinates: Doubles) -> tuple[Labels, Doubles]:
    if not (labels >= 0).any():
        raise InputError("no unit belongs to a cluster")
    points = np.asarray(coordinates, np.float64)[labels >= 0]
    return labels[None, labels >= 0], points - points.mean(0)


def _variances(many: Labels, points: Doubles) -> Doubles:
    """(S,) variance of (n, D) points near the origin for each of (S, n) labellings.

    The squares of all labelled points less those of the clusters' means.
    """
    squares, counted = np.zeros(len(many)), np.zeros(len(many))
    for cluster in np.unique(many[0][many[0] >= 0]):
        members = (many == cluster).astype(np.float64)
        sums, sizes = members @ points, members.sum(1)
        squares += members @ (points**2).sum(1) - (sums**2).sum(1) / sizes
        counted += sizes
    variances: Doubles = squares / counted
    return variances

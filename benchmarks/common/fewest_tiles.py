"""Could any placement at all take fewer crossbar tiles? Decided exactly, by integer programming."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

Array = npt.NDArray[Any]


def fewest_tiles(reaches: Array, shape: tuple[int, int], most: int) -> int:
    """Least tiles of any placement on cores of shape[1] neurons, or `most` if it is no less.

    reaches: (sources, N) whether a source reaches a neuron; shape: rows and columns of a tile. A
    core's neurons fill one tile's columns, so it takes a tile for every shape[0] of its sources.
    """
    for total in range(1, most):
        if any(_placeable(reaches, shape, parts) for parts in _partitions(total, total)):
            return total
    return most


def _partitions(total: int, largest: int) -> Iterator[list[int]]:
    """Ways to share out tiles among cores, falling."""
    if total == 0:
        yield []
    for first in range(min(total, largest), 0, -1):
        for rest in _partitions(total - first, first):
            yield [first, *rest]


def _placeable(reaches: Array, shape: tuple[int, int], tiles: list[int]) -> bool:
    """Whether the neurons fit on cores of so many tiles each.

    x[c, n] says that neuron n is on core c, y[c, s] >= x[c, n] that source s has a row there.
    """
    (source, neuron), (s, n), k = np.nonzero(reaches), reaches.shape, len(tiles)
    if n > k * shape[1] or reaches.sum(0).max() > tiles[0] * shape[0]:
        return False
    nnz = len(source)
    edges = sparse.csr_array((np.ones(nnz), (np.arange(nnz), neuron)), shape=(nnz, n))
    rows = sparse.csr_array((np.ones(nnz), (np.arange(nnz), source)), shape=(nnz, s))
    own, one = sparse.eye_array(k), np.ones((1, n))
    wide, tall = sparse.kron(own, one), sparse.kron(own, np.ones((1, s)))
    no_x, no_y = sparse.csr_array((k, k * n)), sparse.csr_array((k, k * s))
    constraints = [
        LinearConstraint(sparse.hstack([sparse.kron(np.ones((1, k)), sparse.eye_array(n)),
                                        sparse.csr_array((n, k * s))]), 1, 1),
        LinearConstraint(sparse.hstack([wide, no_y]), 0, shape[1]),
        LinearConstraint(sparse.hstack([no_x, tall]), 0, shape[0] * np.array(tiles)),
        LinearConstraint(sparse.hstack([sparse.kron(own, edges), -sparse.kron(own, rows)]),
                         -np.inf, 0),
    ]  # fmt: skip
    integral = np.repeat([1, 0], [k * n, k * s])
    found = milp(np.zeros(k * (n + s)), integrality=integral, bounds=Bounds(0, 1),
                 constraints=constraints)  # fmt: skip
    if found.status not in (0, 2):
        raise RuntimeError(f"the solver did not decide: {found.message}")
    return bool(found.status == 0)

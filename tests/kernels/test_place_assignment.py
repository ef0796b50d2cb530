"""Assignments against SciPy, the bound of the quadratic one against all permutations."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from spiking_bimt.chip.arrange import gilmore_lawler
from spiking_bimt.kernels.place_assignment import assign, dual_ascent


@pytest.mark.parametrize("seed", range(20))
def test_an_assignment_costs_what_scipys_does_and_leaves_reduced_costs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    cost = rng.random((n, n)) * rng.integers(0, 3, (n, n))
    rows, columns = linear_sum_assignment(cost)
    reduced = cost.copy()
    assert assign(reduced) == pytest.approx(cost[rows, columns].sum(), rel=1e-12, abs=1e-12)
    assert (reduced >= 0).all()
    assert reduced[linear_sum_assignment(reduced)].sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_ascent_ends_between_gilmores_bound_and_the_best_permutation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    flows = rng.random((6, 6)) ** 3
    np.fill_diagonal(flows, 0.0)
    xy = np.array(list(itertools.product(range(3), range(2))))
    apart = np.abs(xy[:, None] - xy) @ np.array([3.0, 4.0])
    best = min((flows * apart[np.ix_(p, p)]).sum() for p in itertools.permutations(range(6)))
    bound = dual_ascent(flows, apart, 60)
    assert max(0.94 * best, gilmore_lawler(flows, apart)) < bound <= best * (1 + 1e-12)


def test_silent_parts_have_a_bound_of_nothing() -> None:
    assert dual_ascent(np.zeros((4, 4)), np.ones((4, 4)), 3) == 0

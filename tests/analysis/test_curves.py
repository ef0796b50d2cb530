"""Costs at equal error: known lines, points that a better one hides, and known intervals."""

import numpy as np
import pytest

from spiking_bimt.analysis.curves import cost_at, interval, pareto_front, ratios
from spiking_bimt.errors import InputError


def test_the_front_leaves_out_what_is_worse_in_both() -> None:
    points = np.array([[0.03, 100], [0.02, 200], [0.04, 150], [0.05, 50], [0.02, 300]])
    np.testing.assert_array_equal(pareto_front(points), [[0.02, 200], [0.03, 100], [0.05, 50]])


def test_the_cost_is_a_line_on_a_logarithmic_scale() -> None:
    points = np.array([[0.05, 10.0], [0.03, 1000.0]])
    assert cost_at(points, 0.03) == pytest.approx(1000)
    assert cost_at(points, 0.04) == pytest.approx(100)
    assert cost_at(points, 0.02) is None
    assert cost_at(points, 0.06) is None


def test_ratios_pair_the_curves_and_skip_errors_that_one_does_not_reach() -> None:
    ours = [np.array([[0.02, 10.0], [0.04, 10.0]]), np.array([[0.02, 10.0], [0.025, 5.0]])]
    theirs = [np.array([[0.02, 40.0], [0.04, 20.0]])] * 2
    # A flat pareto_front is its first point alone.
    assert ratios(ours, theirs, 0.02) == pytest.approx([4, 4])
    assert ratios(ours, theirs, 0.03) == []


def test_the_interval_is_students() -> None:
    found = interval([1.0, 2.0, 3.0])
    # t(0.975, 2) = 4.302653, standard error 1 / sqrt(3).
    assert found.mean == pytest.approx(2)
    assert found.low == pytest.approx(2 - 4.302653 / 3**0.5, rel=1e-5)
    geometric = interval([1.0, 100.0], logarithmic=True)
    assert geometric.mean == pytest.approx(10)
    assert interval([5.0]) == interval([5.0], logarithmic=False)
    assert interval([5.0]).low is None
    with pytest.raises(InputError, match="no value"):
        interval([])

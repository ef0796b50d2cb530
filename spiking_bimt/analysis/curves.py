"""Costs of two kinds of training at equal error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95% t interval; low and high are None for a single seed."""

    mean: float
    low: float | None
    high: float | None
    n: int


def pareto_front(points: Doubles) -> Doubles:
    """The points (error, cost) that no other point beats in both, by rising error."""
    best: list[npt.NDArray[np.float64]] = []
    for point in points[np.lexsort((points[:, 1], points[:, 0]))]:
        if not best or point[1] < best[-1][1]:
            best.append(point)
    return np.array(best)


def cost_at(points: Doubles, error: float) -> float | None:
    """Cost at an error on the front of (n, 2) points (error, cost); None outside its errors.

    Between two points, the logarithm of the cost is interpolated linearly in the error.
    """
    errors, costs = pareto_front(points).T
    if not errors[0] <= error <= errors[-1]:
        return None
    return float(np.exp(np.interp(error, errors, np.log(costs))))


def ratios(ours: Sequence[Doubles], theirs: Sequence[Doubles], error: float) -> list[float]:
    """Cost of theirs over ours at an error, for each pair of curves that both reach it."""
    pairs = [(cost_at(a, error), cost_at(b, error)) for a, b in zip(ours, theirs, strict=True)]
    return [b / a for a, b in pairs if a is not None and b is not None]


def interval(values: Sequence[float], *, logarithmic: bool = False) -> Interval:
    """Mean and 95% t interval; logarithmic: of the logarithms (a geometric mean)."""
    from scipy import stats

    if not values:
        raise InputError("there is no value to take a mean of")
    x = np.log(values) if logarithmic else np.asarray(values, np.float64)
    back = np.exp if logarithmic else np.asarray
    mean = float(back(x.mean()))
    if len(x) < 2:
        return Interval(mean, None, None, 1)
    half = float(stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return Interval(mean, float(back(x.mean() - half)), float(back(x.mean() + half)), len(x))

"""Active units: those above the cliff in importance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

LEAST_CLIFF = 10.0
"""Smallest ratio of importances that is a cliff; without one, every unit above 0 is active."""


@dataclass(frozen=True)
class Active:
    """Units above the cliff."""

    units: npt.NDArray[np.int64]
    """Indices of the active units."""
    threshold: float
    """Importance that separates them from the others: the geometric middle of the gap."""
    cliff: float
    """Ratio of the importances on both sides of the gap; inf where nothing lies below."""


def active_units(importance: Doubles) -> Active:
    """Units above the largest gap between neighbours by rank, on a logarithmic scale.

    importance: (N,) values, least 0. Liu et al. 2023 see a cliff of four orders of magnitude;
    here it is found as the largest ratio of consecutive importances, which has to reach
    LEAST_CLIFF. Units of importance 0 are never active.
    """
    positive = np.sort(importance[importance > 0])[::-1]
    if len(positive) == 0:
        return Active(np.empty(0, np.int64), 0.0, float("inf"))
    ratios = positive[:-1] / positive[1:]
    at = int(np.argmax(ratios)) if len(ratios) else -1
    if at < 0 or ratios[at] < LEAST_CLIFF:
        return Active(np.flatnonzero(importance > 0), 0.0, float("inf"))
    threshold = float(np.sqrt(positive[at] * positive[at + 1]))
    return Active(np.flatnonzero(importance > threshold), threshold, float(ratios[at]))

"""Mean and scale by which data are standardised, of the training sequences alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.blocks import rows_of_part
from spiking_bimt.errors import InputError, unknown_name

Array = npt.NDArray[Any]

STANDARDISE = ("channel", "all", "none")
"""What is standardised: each channel by itself, all by one mean and scale, or nothing."""


@dataclass(frozen=True)
class Rows:
    """Rows of the training sequences, block by block."""

    values: Array
    """(S, C)"""
    offsets: Array
    """(n + 1,)"""
    training: Array
    """(n,) whether a sequence is one of training."""

    def __iter__(self) -> Iterator[Array]:
        return rows_of_part(self.values, self.offsets, self.training)


def standards(inputs: Rows, channels: tuple[str, ...], standardise: str) -> dict[str, Array]:
    """Mean and scale (C,) of each channel, by which inputs are standardised."""
    if standardise not in STANDARDISE:
        raise unknown_name("standardise", standardise, STANDARDISE)
    if standardise == "channel":
        return statistics(inputs, channels, "channel")
    mean, scale = 0.0, 1.0
    if standardise == "all":
        found = _mean_and_deviation(inputs, None)
        mean, scale = float(found[0]), float(found[1])
        if scale == 0:
            raise InputError(f"inputs are {mean:g} in every training sequence")
    return {"mean": np.full(len(channels), mean), "scale": np.full(len(channels), scale)}


def statistics(values: Rows, names: tuple[str, ...], what: str) -> dict[str, Array]:
    """Mean and standard deviation of each column; InputError for one that never changes."""
    mean, scale = _mean_and_deviation(values, 0)
    least, most = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for rows in values:
        least = np.minimum(least, rows.min(axis=0, initial=np.inf))
        most = np.maximum(most, rows.max(axis=0, initial=-np.inf))
    flat = np.flatnonzero(least == most)
    if len(flat):
        k = int(flat[0])
        said = f" ({names[k]})" if names[k] != str(k) else ""
        advice = "leave it out" + (", or give `standardise=all`" if what == "channel" else "")
        raise InputError(f"{what} {k}{said} is {least[k]:g} in every training sequence: {advice}")
    return {"mean": mean, "scale": scale}


def _mean_and_deviation(values: Rows, axis: int | None) -> tuple[Any, Any]:
    """Over rows (axis 0), or over all numbers (None)."""
    count, total = 0, 0.0
    for rows in values:
        count += len(rows) if axis == 0 else rows.size
        total = total + rows.sum(axis=axis, dtype=float)
    mean = total / count
    squares = sum(np.square(rows - mean).sum(axis=axis) for rows in values)
    return mean, np.sqrt(squares / count)

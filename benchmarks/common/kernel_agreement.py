"""The spikes of other simulators against ours: rates, intervals and steps."""

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats
from common.kernel_turns import Peer
from common.kernel_workloads import Workload, cuba, sheet, simulation_of
from common.rows import Row

Array = npt.NDArray[Any]


def intervals(steps: Array, neurons: Array) -> Array:
    """Intervals between the spikes of a neuron, in steps."""
    order = np.lexsort((steps, neurons))
    own = neurons[order][1:] == neurons[order][:-1]
    found: Array = np.diff(steps[order])[own]
    return found


def alike(theirs: tuple[Array, Array], ours: tuple[Array, Array]) -> int:
    """How many of their spikes, counted for each neuron, are ours within one step."""
    (steps, neurons), (own_steps, own_neurons) = theirs, ours
    span = np.int64(max(steps.max(), own_steps.max()) + 4)
    own = np.sort(own_neurons * span + own_steps)
    keys = neurons * span + steps
    return int((np.searchsorted(own, keys - 1) < np.searchsorted(own, keys + 2)).sum())


def row(peer: str, work: Workload, theirs: tuple[Array, Array], dtype: str) -> Row:
    """Rates in Hz; met where they differ by 2% at most and the intervals by no more than chance."""
    activity = simulation_of(work, mode="clock", dtype=dtype).advance(work.steps)
    ours = activity.steps.astype(np.int64), activity.neurons.astype(np.int64)
    found = scipy.stats.ks_2samp(intervals(*ours), intervals(*theirs))
    scale = 1000 / len(work.given["v0"]) / work.given["duration"]
    ratio = len(ours[0]) / len(theirs[0])
    met = bool(abs(ratio - 1) <= 0.02 and found.pvalue > 0.01)
    note = (
        f"intervals: KS {found.statistic:.4f}, p {found.pvalue:.2g}; within a step of ours: "
        f"{alike(theirs, ours)} of {len(theirs[0])}"
    )
    what = f"{work.name}, our {dtype} and {peer} in float64"
    return Row(what, len(ours[0]) * scale, len(theirs[0]) * scale, ratio, 1.0, met, "Hz", note)


def rows(peer: str, python: str) -> list[Row]:
    """W1 for 1 s, and a small sheet with constant currents alone for 1 s."""
    found = []
    for work in (cuba("W1", 4000, 80, 1.0, 1000.0), sheet(20, 0.85, 1000.0)):
        with Peer(peer, python, work, record=True) as other:
            other.run()
            theirs = other.spikes()
        found += [row(peer, work, theirs, dtype) for dtype in ("float64", "float32")]
    return found

"""Which weights go: by a threshold, by what accuracy bears, and by what a core holds."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.limits import usage, worst_excess
from spiking_bimt.data.chip import Chip
from spiking_bimt.kernels import train_axons
from spiking_bimt.training import cores
from spiking_bimt.training.parameters import Parameters

Ints = npt.NDArray[np.int64]

THRESHOLDS = tuple(1e-4 * 2.0 ** (k / 2) for k in range(20))
"""Thresholds that a search goes through, 1e-4 to 0.07."""


def below(p: Parameters, threshold: float) -> Parameters:
    """The weights without those below the threshold; biases stay."""
    least = np.float32(threshold)
    kept = (w * (np.abs(w) >= least) if w.ndim == 2 else w.copy() for w in p.arrays().values())
    return Parameters(*kept)


def below_between(p: Parameters, core: Ints, n_cores: int, threshold: float) -> Parameters:
    """The weights without groups between cores whose 2-norm is below the threshold."""
    pruned = Parameters(*(w.copy() for w in p.arrays().values()))
    w = pruned.w_rec
    norms = np.sqrt(train_axons.sums(w.astype(np.float64) ** 2, core, n_cores))
    drop = norms < threshold
    drop[core, np.arange(len(core))] = False
    w[drop[core]] = 0.0
    return pruned


def largest(
    make: Callable[[float], Parameters], error: Callable[[Parameters], float], bound: float
) -> Parameters:
    """make(threshold) at the largest threshold before the error first exceeds the bound.

    The least threshold is taken whatever it costs.
    """
    best = make(THRESHOLDS[0])
    for threshold in THRESHOLDS[1:]:
        tried = make(threshold)
        if error(tried) > bound:
            break
        best = tried
    return best


def fit(chip: Chip, p: Parameters, core: Ints, used: Ints, delay: int) -> int:
    """Drop the weakest axons of cores beyond a limit of the chip, in place, until all fit; count.

    core indexes `used`, the chip's cores; delay: longest synaptic delay, steps.
    """
    chip_core = used[core].astype(np.int32)
    dropped = 0
    while True:
        graph = cores.axon_graph(p, delay)
        worst = worst_excess(chip, usage(chip, graph, chip_core))
        if worst is None or worst[0] == "neurons_per_core":
            return dropped
        field, full = worst[0], int(np.flatnonzero(used == worst[1])[0])
        w = np.concatenate([p.w_rec, p.w_in], axis=1)
        norms = np.sqrt(train_axons.sums(w.astype(np.float64) ** 2, core, len(used)))
        norms[norms == 0] = np.inf
        if field == "output_axons":
            norms[:, len(core) :] = np.inf
            norms[:, : len(core)][:, core != full] = np.inf
        else:
            norms[np.arange(len(used)) != full] = np.inf
        c, source = np.unravel_index(int(norms.argmin()), norms.shape)
        own = np.flatnonzero(core == c)
        if source < len(core):
            p.w_rec[own, int(source)] = 0.0
        else:
            p.w_in[own, int(source) - len(core)] = 0.0
        dropped += 1

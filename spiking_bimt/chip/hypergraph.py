"""Partition of a network with few packets between its parts, by Mt-KaHyPar (an extra)."""

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph, destinations
from spiking_bimt.errors import InputError

Ints = npt.NDArray[np.int32]

_SCALE = 1000
"""Weight of a net of the mean rate: Mt-KaHyPar's weights are whole numbers."""
_handle: list[Any] = []
"""The initialised library: it can start its threads only once in a process."""


def has_mtkahypar() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("mtkahypar") is not None


def hypergraph_parts(
    graph: AxonGraph, rates: npt.NDArray[np.float64], parts: int, room: int, seed: int,
    preset: str = "DETERMINISTIC_QUALITY",
) -> Ints:  # fmt: skip
    """(N,) part of each neuron; a part has at most `room` neurons, and few packets leave it.

    Each neuron and its targets are a net, weighted by the neuron's rate; the connectivity of the
    net less one is the number of packets that a spike sends to other parts. The preset is a
    deterministic one: with DEFAULT, even on one thread, the result depends on the partitions that
    the process made before.
    """
    if not has_mtkahypar():
        raise InputError("the start km1 needs Mt-KaHyPar: pip install 'spiking-bimt[mtkahypar]'")
    import mtkahypar

    if not _handle:
        _handle.append(mtkahypar.initialize(1))
    mtkahypar.set_seed(seed % 2**31)
    n = graph.n_neurons
    targets, bounds = graph.targets.tolist(), graph.indptr.tolist()
    # The preset ignores the seed: a random numbering of the neurons takes its place.
    number = np.random.default_rng(seed).permutation(n)
    named = number.tolist()
    nets = [
        sorted({named[i], *(named[j] for j in targets[bounds[i] : bounds[i + 1]])})
        for i in range(n)
    ]
    weights = np.maximum(1, np.rint(_SCALE * rates / max(rates.mean(), 1e-300))).astype(int)
    context = _handle[0].context_from_preset(mtkahypar.PresetType.__members__[preset])
    context.set_partitioning_parameters(parts, room * parts / n - 1, mtkahypar.Objective.KM1)
    hypergraph = _handle[0].create_hypergraph(context, n, n, nets, [1] * n, weights.tolist())
    found = hypergraph.partition(context)
    return np.array(found.get_partition(), np.int32)[number]


def packets_between(graph: AxonGraph, part: Ints, rates: npt.NDArray[np.float64]) -> float:
    """Packets between parts for the given rates: the objective of `hypergraph_parts`."""
    n = graph.n_neurons
    indptr, parts, _ = destinations(graph, part, int(part.max()) + 1)
    owner = np.repeat(np.arange(n), np.diff(indptr[: n + 1]))
    # A sum, not a matrix product, whose last bits depend on the number of BLAS threads.
    return float(rates[owner][parts[: indptr[n]] != part[owner]].sum())

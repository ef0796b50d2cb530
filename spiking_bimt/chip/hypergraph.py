"""Parts of a network that few packets connect, by Mt-KaHyPar (an extra)."""

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph, destinations
from spiking_bimt.errors import InputError

Ints = npt.NDArray[np.int32]

_SCALE = 1000  # Mt-KaHyPar's weights are whole numbers: the mean rate's
_handle: list[Any] = []  # the library starts its threads once a process


def has_mtkahypar() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("mtkahypar") is not None


def hypergraph_parts(
    graph: AxonGraph, rates: npt.NDArray[np.float64], parts: int, room: int, seed: int,
    preset: str = "DETERMINISTIC_QUALITY",
) -> Ints:  # fmt: skip
    """(N,) part of each neuron, none larger than `room`, with few (sender, part) pairs.

    A net joins each neuron to its targets, weighted by its rate; its connectivity less one is the
    packets that leave its part. The same parts every time: with its preset DEFAULT, even on one
    thread, they depend on what the process partitioned before.
    """
    if not has_mtkahypar():
        raise InputError("the start km1 needs Mt-KaHyPar: pip install 'spiking-bimt[mtkahypar]'")
    import mtkahypar

    if not _handle:
        _handle.append(mtkahypar.initialize(1))
    mtkahypar.set_seed(seed % 2**31)
    n = graph.n_neurons
    targets, bounds = graph.targets.tolist(), graph.indptr.tolist()
    # That preset does the same whatever the seed is: what differs is how neurons are numbered.
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
    """Packets from the part of each neuron to others: the connectivity less one, by rate."""
    n = graph.n_neurons
    indptr, parts, _ = destinations(graph, part, int(part.max()) + 1)
    owner = np.repeat(np.arange(n), np.diff(indptr[: n + 1]))
    # A sum, as a product's last bits depend on the threads of BLAS.
    return float(rates[owner][parts[: indptr[n]] != part[owner]].sum())

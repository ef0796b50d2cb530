"""A start for large networks, by levels: groups of neurons are placed first, then the neurons."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.refine import ROUNDS, Begun, Clock, refined
from spiking_bimt.chip.search import Problem, rearranged, search_from
from spiking_bimt.kernels.place_levels import merged, paired
from spiking_bimt.kernels.place_reach import transposed

Ints = npt.NDArray[np.int32]

_GROUPS = 16
"""Groups that a core has room for at least: fewer leave the search too few choices."""
_LOOKED = 2000
"""Targets of its sources that are looked at to find a neuron its partner."""
_EACH = 10
"""Proposals a group: neurons move afterwards, and groups follow the start well."""


def by_levels(problem: Problem, used: Ints, clock: Clock) -> Ints:
    """Core of each neuron when groups of neurons that share sources are placed as if they were one.

    Neurons are paired, and pairs again, while a core of `used` has room for enough groups. The
    groups are put on the cores grown by what they share, arranged and refined, with the union of
    their neurons' targets for their own. Cores may leave `used` for what lies around it.
    """
    coarse, group = coarsened(problem)
    rng = np.array([problem.seed % 2**64], np.uint64)
    core = used[start.grown(coarse.graph, coarse.rates, len(used))]
    search, own = rearranged(search_from(coarse, core), used, rng)
    begun = Begun(search.core.copy(), own, search.cost, True)
    n = coarse.graph.n_neurons
    per_round = max(1, round(_EACH * problem.effort * n / ROUNDS))
    found = refined(coarse, [begun], rng, per_round, clock, None)
    own = np.unique(found.core)
    own = np.append(own, np.setdiff1d(used, own)[: len(used) - len(own)])
    search = search_from(problem, start.topped_up(found.core[group], own, problem.least))
    # The groups of a core may be a few neurons too many.
    search.drained(own, rng)
    return search.core


def coarsened(problem: Problem) -> tuple[Problem, Ints]:
    """The problem of placing groups of neurons, and the group of each neuron, (N,).

    Groups are powers of two of neurons, but for the last. No limit but their number is kept.
    """
    graph, rates, room = problem.graph, problem.rates, problem.room
    group: Ints = np.arange(graph.n_neurons, dtype=np.int32)
    while room >= 2 * _GROUPS:
        given = graph.indptr, graph.targets, graph.pre_indptr, graph.pre
        pair: Ints = paired(*given, rates, _LOOKED)
        graph, room, group = _halved(graph, pair), -(-room // 2), pair[group]
        rates = np.asarray(np.bincount(pair, rates), np.float64)
    places = np.zeros((graph.n_neurons, 2), np.int32)
    coarse = replace(
        problem, graph=graph, rates=rates, positions=places, room=room, least=0, trained=None,
        loose=True,
    )  # fmt: skip
    return coarse, group


def _halved(graph: AxonGraph, pair: Ints) -> AxonGraph:
    """The axon graph of pairs of neurons; a pair drives what either of its neurons drives."""
    n = -(-graph.n_neurons // 2)
    indptr, targets = merged(graph.indptr, graph.targets, pair, n)
    pre_indptr, pre = transposed(indptr, targets, n)
    return replace(
        graph, n_neurons=n, indptr=indptr, targets=targets, pre_indptr=pre_indptr, pre=pre
    )

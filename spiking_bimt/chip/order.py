"""The order of the neurons on a core, chosen to need few crossbar rows."""

import itertools

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.kernels import place_ordering

Ints = npt.NDArray[np.int32]


def packed_slots(graph: AxonGraph, core: Ints, width: int) -> Ints:
    """Slot of each neuron on its core, so that blocks of `width` slots share sources.

    A greedy choice: the next neuron is the one that adds the fewest new sources to the block. Where
    this saves no row, the neurons of the core keep the order of their indices.
    """
    by_core = np.argsort(core, kind="stable").astype(np.int32)
    bounds = np.append(np.flatnonzero(np.diff(core[by_core], prepend=-1)), len(core))
    slot = np.empty(len(core), np.int32)
    place = np.full(len(core), -1, np.int32)
    seen = np.zeros(graph.n_sources, np.int64)
    stamp = 0
    for low, high in itertools.pairwise(bounds):
        members = by_core[low:high]
        if len(members) > width:
            blocks = -(-len(members) // width)
            place[members] = np.arange(len(members))
            given = graph.pre_indptr, graph.pre
            order = place_ordering.shared_order(
                members, width, *given, graph.indptr, graph.targets, place, seen, stamp
            )
            place[members] = -1
            rows = [
                place_ordering.rows_needed(one, width, *given, seen, stamp + k * blocks)
                for k, one in ((1, members), (2, order))
            ]
            stamp += 3 * blocks
            members = order if rows[1] < rows[0] else members
        slot[members] = np.arange(len(members))
    return slot

"""Cores that hold too many neurons pass some on, core by core, to where there is room."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.place_moves import Int, make
from spiking_bimt.kernels.place_quote import quote
from spiking_bimt.kernels.place_state import NEURONS, Graph, Mesh, Rules, Scratch, State
from spiking_bimt.kernels.shared_random import random_below
from spiking_bimt.kernels.shared_vector import borrowing, inlined

Array = npt.NDArray[Any]

# Neurons of a core that are looked at for the one that costs least to pass on.
_LOOKED = 64


@inlined
def cheapest(
    graph: Graph, mesh: Mesh, state: State, scratch: Scratch, rng: Array, a: Int, b: Int
) -> Int:
    """The neuron of core a, of some at random, whose move to core b costs least."""
    members = state.used[NEURONS, a]
    best, least = np.int64(state.member[a, 0]), np.inf
    for k in range(min(members, _LOOKED)):
        at = k if members <= _LOOKED else random_below(rng, members)
        v = np.int64(state.member[a, at])
        rise = quote(graph, mesh, state, scratch, v, b, np.int64(-1))
        if rise < least:
            best, least = v, rise
    return best


@borrowing
def drain(
    graph: Graph, mesh: Mesh, rules: Rules, state: State, scratch: Scratch, usable: Array,
    indptr: Array, near: Array, came: Array, queue: Array, rng: Array,
) -> int:  # fmt: skip
    """Let every core with too many neurons pass them on; returns how many found no room.

    usable (K,): whether a core may get neurons. indptr (K + 1,), near: the neighbours of each core.
    came, queue (K,): working memory.
    Of the shortest way from a full core to one with room every core passes on one neuron, the last
    one first, so that none gets more than it had or has room for.
    """
    most, stuck = rules.allowed[NEURONS], 0
    for full in range(usable.size):
        while state.used[NEURONS, full] > most:
            came[:] = -1
            came[full], queue[0] = full, full
            first, end, room = 0, 1, np.int64(-1)
            while first < end and room < 0:
                core = queue[first]
                first += 1
                for k in range(indptr[core], indptr[core + 1]):
                    b = np.int64(near[k])
                    if not usable[b] or came[b] >= 0:
                        continue
                    came[b] = core
                    if state.used[NEURONS, b] < most:
                        room = b
                        break
                    queue[end] = b
                    end += 1
            if room < 0:
                stuck += state.used[NEURONS, full] - most
                break
            while room != full:
                a = came[room]
                v = np.int64(cheapest(graph, mesh, state, scratch, rng, a, room))
                make(graph, mesh, rules, state, scratch, v, room, np.int64(-1))
                room = a
    scratch.log_size[0] = 0
    return stuck

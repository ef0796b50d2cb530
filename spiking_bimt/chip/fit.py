"""A legal start: which cores a network needs, and a first placement on them within every limit."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.begin import Starts
from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.limits import (
    LIMITS,
    allowed,
    axon_bits,
    least_cores,
    memory_formula,
    too_much,
    usage,
    worst_excess,
)
from spiking_bimt.chip.refine import Begun
from spiking_bimt.chip.search import Problem, Search, search_from
from spiking_bimt.data.chip import Chip
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.place_fit import packed

Ints = npt.NDArray[np.int32]
Random = npt.NDArray[np.uint64]

_QUICK = 60
"""Proposals a neuron of a fit where more cores may be used instead."""
_THOROUGH = 1500
"""The same where there are no more cores, and a refusal is the alternative."""
_WORK = 5e7
"""Synapses that all proposals of one fit may read: a few seconds."""
_GROWTH = 8
"""Where cores do not hold a network, one in so many is added."""
_GRIDS = 4
"""A refusal looks for a grid of up to so many times the cores."""
_LARGE = 20_000
"""Neurons above which a refusal only states the bound: looking for a grid would take minutes."""
_SETS = 2000
"""Sets of groups that are looked at to fill one core."""
_GROUPS = 2000
"""Groups above which they are not packed: so many small ones are moved about instead."""
_PACKINGS = 200
"""Orders of groups in which cores are filled."""
_SHARED = (1.0, 0.5, 0.25, 0.125, 0.0625)
"""Sources that drive more than this share of all neurons do not make them one group."""


def legal_start(
    problem: Problem, starts: Starts, cores: int | None, rng: Random
) -> tuple[Ints, Ints, Begun]:
    """Cores to use, the first start on them, and a placement that keeps all limits.

    The fewest cores on which one of the starts is legal or becomes so, or exactly `cores`.
    Raises InputError where none was found.
    """
    chip, known = problem.chip, too_much(problem.chip, problem.graph)
    if known is not None:
        other = smallest_grid(problem, starts, chip.n_cores)
        raise InputError(f"{known}: prune it, or use {other}")
    n_cores = least_cores(chip, problem.graph) if cores is None else cores
    while True:
        last = cores is not None or n_cores == chip.n_cores
        used = start.blocks(chip, n_cores)[0]
        begun = starts.core(starts.names[0], problem, used)
        search = fitted(problem, starts, used, rng, last)
        if search.excess == 0:
            return used, begun, Begun(search.core.copy(), used, search.cost, True)
        if last:
            raise _not_found(problem, starts, search.core, n_cores)
        n_cores = min(chip.n_cores, n_cores + max(1, n_cores // _GROWTH))


def fitted(problem: Problem, starts: Starts, used: Ints, rng: Random, thorough: bool) -> Search:
    """The search from the first start that keeps all limits, or from what comes nearest to that.

    First all starts as they are, then each with moves and swaps out of overfull cores, then groups
    of neurons that share sources packed whole; `thorough`: with annealing of what is too much.
    """
    begins: list[Search] = []
    for name in starts.names:
        search = search_from(problem, starts.core(name, problem, used))
        if search.excess == 0:
            return search
        begins.append(search)
    nearest = begins[0]
    each = _QUICK if not thorough else _THOROUGH
    synapses = max(1, len(problem.graph.targets))
    each = max(1, min(each, int(_WORK / synapses)))

    def closer(search: Search) -> bool:
        nonlocal nearest
        if search.excess < nearest.excess:
            nearest = search
        return nearest.excess == 0

    for search in begins:
        if search.repaired(used, rng) or closer(search):
            return search
    for core in grouped(problem, used, rng):
        search = search_from(problem, core)
        if closer(search) or search.repaired(used, rng):
            return search
        begins.append(search)
    begins.sort(key=lambda one: one.excess)
    for search in begins if thorough else begins[:1]:
        if search.fitted(used, rng, each) or closer(search):
            return search
    return nearest


def grouped(problem: Problem, used: Ints, rng: Random) -> Iterator[Ints]:
    """Cores of neurons when groups that share sources stay whole and fill core after core.

    Sources that drive a large share of all neurons, which every core reads anyway, make no group.
    """
    chip, graph = problem.chip, problem.graph
    most = allowed(chip)[[0, 1, 3]]
    most[0] = problem.room
    known: set[int] = set()
    for share in _SHARED:
        wide = np.diff(graph.indptr) > share * graph.n_neurons
        if int(wide.sum()) in known:
            continue
        known.add(int(wide.sum()))
        group, sizes = _groups(chip, graph, wide)
        room = most - np.array([0, wide.sum(), 0])
        if len(sizes) > _GROUPS or (sizes.max(axis=0) > room).any():
            continue
        found = packed(sizes, room, len(used), rng, _PACKINGS, _SETS)
        if found.min() >= 0:
            yield used[found[group]].astype(np.int32)


def _groups(
    chip: Chip, graph: AxonGraph, wide: npt.NDArray[np.bool_]
) -> tuple[Ints, npt.NDArray[np.int64]]:
    """The group of each neuron, (N,), and what each takes: neurons, axons, memory, (groups, 3)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, n_sources = graph.n_neurons, graph.n_sources
    source = np.repeat(np.arange(n_sources), np.diff(graph.indptr))
    kept = ~wide[source]
    shape = n + n_sources, n + n_sources
    edges = graph.targets[kept], n + source[kept]
    matrix = coo_array((np.ones(int(kept.sum())), edges), shape)
    label = connected_components(matrix, directed=False)[1]
    _, group = np.unique(label[:n], return_inverse=True)
    n_groups = int(group.max()) + 1
    sizes = np.zeros((n_groups, 3), np.int64)
    sizes[:, 0] = np.bincount(group, minlength=n_groups)
    pair, synapses = np.unique(group[graph.targets] * n_sources + source, return_counts=True)
    owner, driver = np.divmod(pair, n_sources)
    sizes[:, 1] = np.bincount(owner[~wide[driver]], minlength=n_groups)
    bits = axon_bits(synapses, memory_formula(chip, graph))
    sizes[:, 2] = np.bincount(owner, weights=bits, minlength=n_groups).astype(np.int64)
    return group.astype(np.int32), sizes


def _not_found(problem: Problem, starts: Starts, core: Ints, n_cores: int) -> InputError:
    chip = problem.chip
    worst = worst_excess(chip, usage(chip, problem.graph, core))
    assert worst is not None
    field, at, value, limit = worst
    return InputError(
        f"no placement was found on {n_cores} cores of {chip.name}, which does not prove that "
        f"there is none: in the best one core {at} takes {value} {LIMITS[field]}, {limit} are "
        f"allowed ({value - limit} too many): prune the network, or use "
        f"{smallest_grid(problem, starts, n_cores)}"
    )


def smallest_grid(problem: Problem, starts: Starts, n_cores: int) -> str:
    """The smallest square grid of such tiles, or board of such chips, that was found to hold the
    network, in words; only grids of more than `n_cores`."""
    chip, n = problem.chip, len(problem.positions)
    needed = max(n_cores + 1, least_cores(chip, problem.graph))
    if n > _LARGE:
        side = math.isqrt(max(math.ceil(needed / chip.cores_per_tile), 1) - 1) + 1
        return f"a grid of at least {side} x {side} such tiles"
    most, step = min(n, _GRIDS * (needed - 1)), (chip.chip_width or 1, chip.chip_height or 1)
    times = 0
    while True:
        times += 1
        wide, high = times * step[0], times * step[1]
        grid = replace(chip, width=wide, height=high)
        what, tiles = "grid" if chip.chip_width is None else "board", f"{wide} x {high} such tiles"
        if grid.n_cores < needed:
            continue
        larger = replace(problem, chip=grid)
        used = start.compact_cores(grid, min(grid.n_cores, n))
        rng = np.array([problem.seed], np.uint64)
        if fitted(larger, starts, used, rng, True).excess == 0:
            return f"a {what} of {tiles}, on which it fits"
        if grid.n_cores >= most:
            return f"a higher limit: no {what} of up to {tiles} held it"

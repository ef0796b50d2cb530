"""A placement under refinement: what stays the same, what moves, and how it is made legal."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.arrange import arranged
from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.limits import (
    LIMITS,
    allowed,
    axon_bits,
    least_cores,
    memory_formula,
    usage,
    worst_excess,
)
from spiking_bimt.chip.price import core_prices, packet_price
from spiking_bimt.data.chip import Chip
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import place_moves, place_state
from spiking_bimt.kernels.place_annealing import anneal

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

# Proposals a neuron in each attempt at a legal start, and attempts before another core is used.
_REPAIR_PROPOSALS, _REPAIR_ROUNDS = 100, 10
_GRID_GROWTH = 4  # a refusal looks for a grid of up to this many times the cores


@dataclass(frozen=True)
class Problem:
    """What stays the same while neurons move."""

    chip: Chip
    graph: AxonGraph
    rates: Floats
    positions: Ints
    """(N, 2) places on the network's sheet."""
    room: int
    """Most neurons that a core may get."""
    least: int
    """Fewest neurons that a core in use may be left with."""
    seed: int
    trained: Ints | None = None
    """(N,) core on which training left each neuron, or None."""


@dataclass(frozen=True)
class Search:
    """A placement under refinement, with what the kernels need beside it."""

    problem: Problem
    graph: place_state.Graph
    mesh: place_state.Mesh
    rules: place_state.Rules
    state: place_state.State
    scratch: place_state.Scratch

    def anneal(
        self, cores: Ints, rng: Any, temperature: float, n: int, repair: bool, pressure: float = 0.0
    ) -> None:
        """n proposals of moves and swaps between `cores`."""
        usable = np.zeros(self.problem.chip.n_cores, bool)
        usable[cores] = True
        anneal(
            self.graph, self.mesh, self.rules, self.state, self.scratch, usable, cores,
            self.problem.least, rng, temperature, n, repair, pressure,
        )  # fmt: skip

    def repaired(self, cores: Ints, rng: Any, rounds: int = _REPAIR_ROUNDS) -> bool:
        """Whether moves and swaps made the placement legal."""
        for _ in range(rounds):
            if self.excess == 0:
                break
            self.anneal(cores, rng, 0.0, _REPAIR_PROPOSALS * len(self.state.core), True)
        return self.excess == 0

    @property
    def core(self) -> Ints:
        """(N,) core of each neuron."""
        return self.state.core

    @property
    def cost(self) -> float:
        """Cost of the placement, in the units of the chip's prices."""
        return float(self.state.total[0])

    @property
    def excess(self) -> int:
        """By how much the cores exceed the limits in all; 0 for a legal placement."""
        return int(self.state.excess[0])


def search_from(problem: Problem, core: Ints, slack: int = 0) -> Search:
    """The state of a placement, ready to be refined; cores may hold `slack` neurons too many."""
    chip, graph = problem.chip, problem.graph
    formula = memory_formula(chip, graph)
    *limits, most_dests = allowed(chip).tolist()
    limits[place_state.NEURONS] = problem.room + slack
    at_x, at_y = core_prices(chip)
    most = max(problem.room + slack, np.bincount(core).max())
    axons = place_state.Graph(
        graph.indptr, graph.targets, graph.pre_indptr, graph.pre, problem.rates
    )
    search = Search(
        problem,
        axons,
        place_state.Mesh(
            np.ascontiguousarray(chip.core_xy()[:, 0]), at_x, at_y, packet_price(chip),
            chip.routing == "multicast", chip.local_packets,
        ),
        place_state.Rules(
            np.array(limits, np.int64),
            np.array([1, 1, 1, formula.word], np.int64),
            axon_bits(np.arange(np.diff(graph.indptr).max() + 1), formula),
            most_dests,
        ),
        place_state.empty_state(axons, core, chip.n_cores, most),
        place_state.scratch(chip.n_cores, chip.width, int(np.diff(graph.pre_indptr).max())),
    )  # fmt: skip
    place_moves.tally(search.graph, search.mesh, search.rules, search.state, search.scratch)
    return search


def rearranged(
    search: Search, used: Ints, rng: npt.NDArray[np.uint64], effort: float = 1.0, slack: int = 0
) -> tuple[Search, Ints]:
    """The search with whole cores in better places, and the cores then in use."""
    problem = search.problem
    places = start.surrounding_cores(problem.chip, used)
    at = arranged(problem.chip, problem.graph, search.core, problem.rates, places, rng, effort)
    return search_from(problem, at[search.core], slack), at[used]


def legal_start(
    problem: Problem, cores: int | None, rng: npt.NDArray[np.uint64]
) -> tuple[Ints, Ints, Search]:
    """Cores to use, the sheet cut into as many blocks, and the search once no limit is broken.

    The fewest cores that moves and swaps make legal, or exactly `cores`.
    """
    chip = problem.chip
    n_cores = min(least_cores(chip, problem.graph), chip.n_cores) if cores is None else cores
    while True:
        used = start.compact_cores(chip, n_cores)
        begun = start.sheet_blocks(problem.positions, used, chip.core_xy())
        search = search_from(problem, begun)
        if search.repaired(used, rng):
            return used, begun, search
        if cores is not None or n_cores == chip.n_cores:
            raise _does_not_fit(problem, search.core, n_cores)
        n_cores = min(chip.n_cores, n_cores + max(1, n_cores // 8))


def _does_not_fit(problem: Problem, core: Ints, n_cores: int) -> InputError:
    chip = problem.chip
    worst = worst_excess(chip, usage(chip, problem.graph, core))
    assert worst is not None
    field, at, value, limit = worst
    return InputError(
        f"the network does not fit on {n_cores} cores of {chip.name}: in the best placement found "
        f"core {at} takes {value} {LIMITS[field]}, {limit} are allowed ({value - limit} too "
        f"many): prune the network, or use {_smallest_grid(problem, n_cores)}"
    )


def _smallest_grid(problem: Problem, n_cores: int) -> str:
    """The smallest square grid of such tiles that was found to hold the network, in words."""
    chip, n = problem.chip, len(problem.positions)
    most = min(n, _GRID_GROWTH * n_cores)
    side = math.isqrt(max(n_cores // chip.cores_per_tile, 1) - 1) + 1
    while True:
        grid = replace(chip, width=side, height=side, chip_width=None, chip_height=None,
                       chip_hop_cost=None)  # fmt: skip
        if grid.n_cores > n_cores:
            used = start.compact_cores(grid, min(grid.n_cores, n))
            larger = replace(problem, chip=grid)
            begun = start.sheet_blocks(problem.positions, used, grid.core_xy())
            rng = np.array([problem.seed], np.uint64)
            if search_from(larger, begun).repaired(used, rng, 2):
                return f"a grid of {side} x {side} such tiles, on which it fits"
            if grid.n_cores >= most:
                return f"a higher limit: no grid of up to {side} x {side} such tiles held it"
        side += 1

"""A placement under refinement: what stays the same, what moves, and how it is made legal."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.arrange import arranged
from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.limits import LIMITS, UNLIMITED, allowed, axon_bits, memory_formula
from spiking_bimt.chip.price import core_prices, packet_price
from spiking_bimt.data.chip import Chip
from spiking_bimt.kernels import place_moves, place_state
from spiking_bimt.kernels.place_annealing import anneal
from spiking_bimt.kernels.place_drain import drain
from spiking_bimt.kernels.place_fit import fit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

_REPAIR_PROPOSALS = 100
"""Proposals per neuron in each round of repair: as many as a few moves to every neighbour."""
_REPAIR_ROUNDS = 10
"""Rounds of repair at most; one that changes nothing ends it."""
_FIT_ROUNDS = 25
"""Temperatures of a fit, the last of them 0."""
_FIT_HOT = 0.5
"""First temperature of a fit, in mean sizes of a change."""
_FIT_COLD = 0.02
"""The last temperature above 0, in the same unit."""
_FIT_SAMPLE = 3
"""Proposals per neuron from which that mean is taken."""
_THRIFT = 0.25
"""What an input axon is worth beside one unit of excess while fitting: enough to gather neurons
that share sources, too little to trade a broken limit for it."""


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
    effort: float = 1.0
    """Scale of the number of proposals."""
    loose: bool = False
    """Whether the search keeps no limit but that of neurons, and leaves it to `Search.legal` to say
    which of its placements keep the others too."""


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
        """Whether moves and swaps that lower the excess or the cost made the placement legal."""
        for _ in range(rounds):
            before = self.excess
            if before == 0:
                break
            self.anneal(cores, rng, 0.0, _REPAIR_PROPOSALS * len(self.state.core), True)
            if self.excess == before:
                break
        return self.excess == 0

    def drained(self, cores: Ints, rng: Any) -> bool:
        """Whether cores with too many neurons could pass them on to neighbours with room."""
        chip = self.problem.chip
        usable = np.zeros(chip.n_cores, bool)
        usable[cores] = True
        given = self.graph, self.mesh, self.rules, self.state, self.scratch, usable
        working = np.empty((2, chip.n_cores), np.int64)
        return bool(drain(*given, *neighbours(chip), *working, rng) == 0)

    def fitted(self, cores: Ints, rng: Any, each: int) -> bool:
        """Whether annealing of what is too much, `each` proposals per neuron, made it legal."""
        usable = np.zeros(self.problem.chip.n_cores, bool)
        usable[cores] = True
        given = (self.graph, self.mesh, self.rules, self.state, self.scratch, usable, cores,
                 self.problem.least, rng)  # fmt: skip
        n = len(self.state.core)
        mean = fit(*given, 0.0, _THRIFT, _FIT_SAMPLE * n)
        for step in range(_FIT_ROUNDS):
            if self.excess == 0:
                break
            cooled = mean * _FIT_HOT * (_FIT_COLD / _FIT_HOT) ** (step / (_FIT_ROUNDS - 2))
            last = step == _FIT_ROUNDS - 1
            fit(*given, 0.0 if last else cooled, _THRIFT, math.ceil(each * n / _FIT_ROUNDS))
        return self.excess == 0

    @property
    def legal(self) -> bool:
        """Whether the placement keeps all limits of the chip, those that are loose too."""
        *most, dests = allowed(self.problem.chip).tolist()
        most[place_state.NEURONS] = self.problem.room
        kept = (self.state.used <= np.array(most)[:, None]).all()
        return bool(kept and self.state.dests.max() <= dests)

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
    if problem.loose:
        *limits, most_dests = [UNLIMITED] * len(LIMITS)
    limits[place_state.NEURONS] = problem.room + slack
    at_x, at_y = core_prices(chip)
    most = max(problem.room + slack, np.bincount(core).max())
    axons = place_state.Graph(
        graph.indptr, graph.targets, graph.pre_indptr, graph.pre, np.array(problem.rates)
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
    """The search with whole cores in better places, and the cores then in use.

    Cores may leave the rectangle that they fill for what lies around it.
    """
    problem = search.problem
    places = start.surrounding_cores(problem.chip, used)
    given = problem.chip, problem.graph, search.core, problem.rates, places, rng
    at = arranged(*given, effort * min(1.0, math.sqrt(problem.effort)))
    return search_from(problem, at[search.core], slack), at[used]


def neighbours(chip: Chip) -> tuple[npt.NDArray[np.int64], Ints]:
    """The cores of the same tile and of the tiles around it, by core: indptr (K + 1,), cores."""
    tile = np.arange(chip.width * chip.height).reshape(chip.width, chip.height)
    across, along = (tile[:-1], tile[1:]), (tile[:, :-1], tile[:, 1:])
    both = (across, across[::-1], along, along[::-1], (tile, tile))
    pairs = np.hstack([np.stack([a.ravel(), b.ravel()]) for a, b in both])
    own = np.arange(chip.cores_per_tile)
    first = (pairs[0, :, None, None] * len(own) + own[:, None] + 0 * own).ravel()
    other = (pairs[1, :, None, None] * len(own) + 0 * own[:, None] + own).ravel()
    first, other = first[first != other], other[first != other]
    indptr = np.append(0, np.cumsum(np.bincount(first, minlength=chip.n_cores)))
    return indptr, other[np.argsort(first, kind="stable")].astype(np.int32)

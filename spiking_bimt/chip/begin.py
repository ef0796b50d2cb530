"""The starts of the placer by name, and the searches that begin at each of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.hypergraph import has_mtkahypar, hypergraph_parts, packets_between
from spiking_bimt.chip.levels import by_levels
from spiking_bimt.chip.refine import GENTLE, Begun, Clock, chunks, is_dense
from spiking_bimt.chip.search import Problem, Search, rearranged, search_from
from spiking_bimt.chip.traffic import flow
from spiking_bimt.data.chip import Chip
from spiking_bimt.errors import InputError, unknown_name

Ints = npt.NDArray[np.int32]
Random = npt.NDArray[np.uint64]

STARTS = ("blocks", "hilbert", "sequential", "overlap", "km1", "levels", "trained")
_OF_THE_BLOCK = ("blocks", "hilbert")
"""Starts that depend on the shape of the block of cores."""

TRIAL = 0.05
"""Share of a refinement's proposals with which each start is tried."""
_TRIAL_ROUNDS = 6
"""Temperatures of such a trial."""
_STARTING = 0.4
"""Share of a time limit after which no other start is tried."""
ALL_TRIED = 50_000
"""Neurons of the largest network whose starts are all tried: each takes a twentieth of the time."""
_CUT = 20_000
"""Neurons of the largest network that Mt-KaHyPar cuts: it would take longer than all the rest."""
_DRAWS = 4
"""Numberings of a small network that Mt-KaHyPar cuts, as its parts depend on them."""
_SMALL = 200
"""Neurons of such a network: 4 cuts take a tenth of a second."""
_SHAPES = 3
"""Blocks of cores that the starts are tried on."""


@dataclass(frozen=True)
class Starts:
    """The starts that a placement tries, and the parts found so far."""

    names: tuple[str, ...]
    clock: Clock
    known: dict[tuple[str, int], Ints] = field(default_factory=dict)
    """Parts of neurons, or their cores, by start and number of cores, where dear to find."""

    def core(self, name: str, problem: Problem, used: Ints) -> Ints:
        """Core of each neuron in the start of that name, over the cores `used`."""
        graph, chip, n = problem.graph, problem.chip, len(problem.positions)
        match name:
            case "blocks":
                return start.sheet_blocks(problem.positions, used, chip.core_xy())
            case "hilbert":
                return start.hilbert(problem.positions, used, chip.core_xy())
            case "sequential":
                return used[start.even_parts(n, len(used))]
            case "trained" if problem.trained is not None:
                return start.compacted(problem.trained, used)
        key = name, len(used)
        if name == "levels":
            if key not in self.known:
                own = Clock(self.clock.began, self.clock.limit * _STARTING)
                self.known[key] = by_levels(problem, used, own)
            return self.known[key]
        if key not in self.known:
            rates = problem.rates
            self.known[key] = (
                start.grown(graph, rates, len(used)) if name == "overlap" else _cut(problem, used)
            )
        parts: Ints = used[self.known[key]]
        return parts if name == "overlap" else start.topped_up(parts, used, problem.least)


def _cut(problem: Problem, used: Ints) -> Ints:
    """Parts by Mt-KaHyPar, of a small network the best of several."""
    given = problem.graph, problem.rates, len(used), problem.room
    draws = range(1 if problem.graph.n_neurons > _SMALL else _DRAWS)
    return min(
        (hypergraph_parts(*given, problem.seed * _DRAWS + draw) for draw in draws),
        key=lambda found: packets_between(problem.graph, found, problem.rates),
    )


def chosen_starts(
    asked: Sequence[str] | None, graph: AxonGraph, trained: bool, clock: Clock
) -> Starts:
    """Those asked for, or all that suit the network and are installed."""
    if asked is None:
        n = graph.n_neurons
        sparse = n <= _CUT and not is_dense(graph)
        able = {"km1": sparse and has_mtkahypar(), "levels": n > ALL_TRIED, "trained": trained}
        few = ("blocks", "levels", "trained") if n > ALL_TRIED else STARTS
        return Starts(tuple(name for name in few if able.get(name, True)), clock)
    for name in asked:
        if name == "trained" and not trained:
            raise InputError("the network was not trained against this chip: no start 'trained'")
        if name not in STARTS:
            raise unknown_name("start", name, STARTS)
    if not asked:
        raise InputError(f"starts is empty: name at least one of {', '.join(STARTS)}")
    return Starts(tuple(asked), clock)


def tried(
    chip: Chip, problem: Problem, starts: Starts, known: list[Begun], n_cores: int, rng: Random,
    proposals: int, clock: Clock,
) -> tuple[list[Begun], dict[str, float]]:  # fmt: skip
    """All starts, arranged and refined a little, the cheapest first; what they cost on `chip`.

    known: placements to try beside them. Starts that moves do not make legal are left out. Where
    the links' prices tell blocks of cores apart, starts are tried on several of them. proposals:
    those of a whole refinement.
    """
    blocks = start.blocks(problem.chip, n_cores)[:_SHAPES]
    begins: list[Begun] = []
    costs: dict[str, float] = {}
    asked = [(name, used) for k, used in enumerate(blocks) for name in starts.names
             if k == 0 or name in _OF_THE_BLOCK]  # fmt: skip
    alone = len(asked) + len(known) == 1

    def take(core: Ints, used: Ints) -> None:
        search = search_from(problem, core)
        if search.repaired(used, rng):
            search, own = rearranged(search, used, rng)
            if not alone:
                search = _warmed(search, own, rng, proposals, clock)
            begins.append(_begun(search, own))

    for one in known:
        take(one.core, one.used)
    for name, used in asked:
        if begins and clock.share() > _STARTING:
            break
        count = len(begins)
        core = starts.core(name, problem, used)
        # The groups of "levels" have left the block where that costs less.
        take(core, np.unique(core) if name == "levels" else used)
        if len(begins) > count:
            cost = flow(chip, problem.graph, begins[-1].core, problem.rates).cost(chip)
            costs[name] = min(cost, costs.get(name, math.inf))
    begins.sort(key=lambda begun: begun.cost)
    if begins and len(blocks) > 1:
        begins += _elsewhere(problem, begins[0], blocks, rng)
        begins.sort(key=lambda begun: begun.cost)
    return begins, costs


def _begun(search: Search, own: Ints) -> Begun:
    return Begun(search.core.copy(), own, search.cost, search.legal)


def _warmed(search: Search, own: Ints, rng: Random, proposals: int, clock: Clock) -> Search:
    """The search after a short, gentle refinement, or as it was where that gained nothing."""
    problem, untouched, cost = search.problem, search.core.copy(), search.cost
    n = math.ceil(TRIAL * proposals / _TRIAL_ROUNDS)
    scale = search.cost / len(problem.positions)
    for step in range(_TRIAL_ROUNDS):
        heat = GENTLE * (1 - step / (_TRIAL_ROUNDS - 1)) * scale
        for part in chunks(problem.graph, n):
            if clock.share() < _STARTING:
                search.anneal(own, rng, heat, part, False)
    return search_from(problem, untouched) if search.cost > cost else search


def _elsewhere(problem: Problem, begun: Begun, blocks: list[Ints], rng: Random) -> list[Begun]:
    """The same parts of the network on the other blocks of cores, where they cost less there."""
    found: list[Begun] = []
    place = np.zeros(problem.chip.n_cores, np.int32)
    for used in blocks:
        place[np.sort(begun.used)] = used[: len(begun.used)]
        search, own = rearranged(search_from(problem, place[begun.core]), used, rng)
        if search.cost < begun.cost:
            found.append(_begun(search, own))
    return found

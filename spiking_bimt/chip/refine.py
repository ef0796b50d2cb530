"""Refinement of a placement: simulated annealing in which cores may for a while be too full."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.search import Problem, Search, rearranged, search_from

Ints = npt.NDArray[np.int32]
Random = npt.NDArray[np.uint64]
Progress = Callable[[int, str], None]
ROUNDS = 40
"""Temperatures of the refinement: the steps that `progress` counts."""
GENTLE = 0.05
"""First temperature of a refinement that keeps its start; temperatures are in units of the start's
mean cost of a neuron."""
_HOTTEST = (0.15, 0.6, 2.0)
"""First temperatures that are tried: a sheet wants heat enough to fold over the mesh, a random
network does not."""
_HOT_LARGE = 0.3
"""First temperature of networks too large for a trial: more would spoil what `levels` found."""
_HOT = 0.3
"""First temperature of small and dense networks."""
_COLDEST = 0.003
"""Last temperature: nearly nothing that costs more is taken."""
_PILOT = 0.12
"""Share of the proposals, and of the time that is left, in each trial of a first temperature."""
_SLACK = 0.15
"""Share of its neurons that a core may hold too many for most of the cooling."""
_SOFT = 0.9
"""Share of the cooling after which no core may hold too many."""
_SPREAD = (3.0, 0.3)
"""Standard deviation of cores' sizes, neurons, that the price of them aims at first and last."""
_RISE = 0.5
"""Last rise of that price, in units of the mean cost of a neuron."""
_HARD = 500
"""Neurons of the largest network whose cores never hold too many: it has several refinements."""
_AGAIN = 200
"""Neurons from which on there is less time for more than one refinement than for four."""
_MORE = 3
"""Refinements beside the first, up to so many neurons."""
_LARGE = 50_000
"""Neurons above which no first temperature is tried."""
_DENSE = 0.8
"""Share of all pairs with a synapse above which there is no cut to find."""
_CHUNK = 1e6
"""Synapses that are read between two looks at the time: some milliseconds."""


@dataclass(frozen=True)
class Begun:
    """A placement to begin at."""

    core: Ints
    used: Ints
    """The cores in use."""
    cost: float
    """By the prices of the search."""
    legal: bool
    """Whether it keeps all limits, those too that the search leaves out."""


@dataclass(frozen=True)
class Clock:
    """How much of the time that a placement may take has gone."""

    began: float
    limit: float

    def share(self) -> float:
        """Share of the time that has passed, 0 to 1 and more."""
        return (time.perf_counter() - self.began) / self.limit


def is_dense(graph: AxonGraph) -> bool:
    """Whether nearly all pairs of neurons have a synapse."""
    return bool(graph.indptr[graph.n_neurons] > _DENSE * graph.n_neurons**2)


def chunks(graph: AxonGraph, proposals: int) -> Iterator[int]:
    """Proposals in parts that are short enough to look at the time between them."""
    chunk = math.ceil(_CHUNK * graph.n_neurons / max(1, len(graph.targets)))
    while proposals > 0:
        yield min(chunk, proposals)
        proposals -= chunk


def refinements(graph: AxonGraph) -> float:
    """How many times the proposals of one refinement a network gets: it falls smoothly with its
    neurons, so that the time, which is in proportion to both, grows with them."""
    return 1.0 if is_dense(graph) else 1.0 + _MORE * min(1.0, _AGAIN / graph.n_neurons)


@dataclass
class Found:
    """The best placement met, its cost, and the number of proposals.

    `legal` is the best one that keeps all limits, also where the search leaves some of them out.
    """

    core: Ints
    cost: float
    legal: Ints | None
    legal_cost: float
    proposals: int = 0

    def look(self, search: Search) -> None:
        """Keep what the search stands at where it is better."""
        if search.excess > 0:
            return
        if search.cost < self.cost:
            self.core, self.cost = search.core.copy(), search.cost
        if search.cost < self.legal_cost and search.legal:
            self.legal, self.legal_cost = search.core.copy(), search.cost

    def take(self, other: "Found") -> None:
        """Keep what another refinement found where it is better, and add its proposals."""
        self.proposals += other.proposals
        if other.cost < self.cost:
            self.core, self.cost = other.core, other.cost
        if other.legal_cost < self.legal_cost:
            self.legal, self.legal_cost = other.legal, other.legal_cost


def refined(
    problem: Problem, begins: list[Begun], rng: Random, per_round: int, clock: Clock,
    progress: Progress | None,
) -> Found:  # fmt: skip
    """The best placement met from the starts, the cheapest first.

    From the best start, hot: short trials of the first temperature, then the rest at the best of
    them. Where heat only spoils the start, as of a network in clusters, gently too; a small network
    always goes through both, and through heat from the next best starts, as far as its
    `refinements` allow.
    """
    first, *others = begins
    found = Found(first.core, first.cost, None, math.inf)
    for one in begins:
        if one.legal and one.cost < found.legal_cost:
            found.legal, found.legal_cost = one.core, one.cost
    n, dense, whole = problem.graph.n_neurons, is_dense(problem.graph), refinements(problem.graph)
    times = max(1, round(whole))
    soft = n > _HARD and not dense

    def cool(begun: Begun, heat: float, soft: bool, share: float = 1.0, until: float = 1.0,
             told: Progress | None = None) -> float:  # fmt: skip
        rounds = max(1, round(share * per_round * whole / times))
        schedule = _Schedule(heat, soft, clock.share(), until)
        one = _cooled(problem, begun, rng, rounds, clock, told, schedule)
        found.take(one)
        return one.cost

    heat, left = _HOT_LARGE if soft else _HOT, 1.0
    if soft and n <= _LARGE:
        step = _PILOT * (1.0 - clock.share())
        costs = [cool(first, one, True, _PILOT, clock.share() + step) for one in _HOTTEST]
        heat, left = _HOTTEST[int(np.argmin(costs))], 1.0 - _PILOT * len(_HOTTEST)
    cool(first, heat, soft, left, told=progress)
    spoilt = found.cost >= (1 - 1e-9) * first.cost
    again = [(first, GENTLE, False)] if spoilt or not soft else []
    again += [(other, heat, soft) for other in others]
    for begun, hot, too_full in again[: max(times - 1, int(spoilt))]:
        if clock.share() < 1:
            cool(begun, hot, too_full)
    return found


@dataclass(frozen=True)
class _Schedule:
    """How one refinement cools: from `hottest`, within the shares of the time limit."""

    hottest: float
    soft: bool
    """Whether cores may be too full at first."""
    since: float
    until: float

    def gone(self, step: int, share: float) -> float:
        """How far it has cooled, by rounds, or by time where that is further; 1 at the end."""
        return min(1.0, max(step / (ROUNDS - 2), (share - self.since) / (self.until - self.since)))

    def heat(self, gone: float) -> float:
        """Temperature, in units of the mean cost of a neuron."""
        return float(self.hottest * (_COLDEST / self.hottest) ** gone)

    def pressure(self, gone: float) -> float:
        """Price of the square of a core's neurons, in the same unit: sizes vary with the heat."""
        ripe = gone / _SOFT
        spread = _SPREAD[0] * (1 - ripe) + _SPREAD[1] * ripe
        return float(max(self.heat(gone) / (2 * spread**2), _RISE * ripe**8))


def _cooled(
    problem: Problem, begun: Begun, rng: Random, per_round: int, clock: Clock,
    progress: Progress | None, schedule: _Schedule,
) -> Found:  # fmt: skip
    """One refinement from a legal placement."""
    scale, used = begun.cost / len(begun.core), begun.used
    found = Found(begun.core, begun.cost, None, math.inf)
    slack = math.ceil(_SLACK * problem.room) if schedule.soft else 0
    search = search_from(problem, begun.core, slack)
    if not slack:
        found.look(search)
    for step in range(ROUNDS):
        if step in (ROUNDS // 2, ROUNDS - 2):
            search, used = rearranged(search, used, rng, 0.5, slack)
        for n in chunks(problem.graph, per_round):
            share = clock.share()
            if share >= schedule.until:
                break
            gone = schedule.gone(step, share)
            if slack and gone >= _SOFT:
                slack, search = 0, search_from(problem, search.core)
                search.drained(used, rng)
                search.repaired(used, rng, 1)
            heat = 0.0 if step == ROUNDS - 1 or gone >= 1 else scale * schedule.heat(gone)
            pressure = scale * schedule.pressure(gone) if slack else 0.0
            search.anneal(used, rng, heat, n, False, pressure)
            found.proposals += n
            if not slack:
                found.look(search)
        if clock.share() >= schedule.until:
            break
        if progress is not None:
            progress(step + 1, f"cost {found.cost:.4g}")
    return found

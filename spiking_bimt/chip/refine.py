"""Refinement of a placement: simulated annealing in which cores may for a while be too full."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.search import Search, rearranged, search_from

Ints = npt.NDArray[np.int32]
Random = npt.NDArray[np.uint64]
Progress = Callable[[int, str], None]
Begun = tuple[Search, Ints]
"""A search and the cores that it uses."""

ROUNDS = 40
"""Temperatures of the refinement: the steps that `progress` counts."""
GENTLE = 0.05
"""First temperature of a refinement that keeps its start, in the unit of those below."""
# Temperatures in units of the start's mean cost of a neuron: first ones to try, the one of networks
# too large for a trial, of small and dense ones, and the last.
_HOTTEST, _HOT_LARGE, _HOT, _COLDEST = (0.15, 0.6, 2.0), 1.0, 0.3, 0.003
# Share of the proposals, and of the time that is left, in each trial of a first temperature.
_PILOT = 0.12
# Cores may hold this share too many until that share of the cooling; the spread of their sizes
# (standard deviation, neurons) that the price of it aims at first and last, and its last rise in
# units of the mean cost of a neuron.
_SLACK, _SOFT, _SPREAD, _RISE = 0.15, 0.9, (3.0, 0.3), 0.5
# Networks of up to so many neurons are refined again, of more are not tried at two temperatures;
# the share of all pairs with a synapse above which there is no cut to find.
_AGAIN, _LARGE, _DENSE = 500, 50_000, 0.8
_CHUNK = 1e6  # synapses between two looks at the time


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


@dataclass
class _Found:
    """The best legal placement met, its cost, and the number of proposals."""

    core: Ints
    cost: float
    proposals: int = 0

    def take(self, other: "_Found") -> None:
        self.proposals += other.proposals
        if other.cost < self.cost:
            self.core, self.cost = other.core, other.cost


def refined(
    begins: list[Begun], rng: Random, per_round: int, clock: Clock, progress: Progress | None
) -> tuple[Ints, int]:
    """The best legal placement met from the starts, the cheapest first, and the proposals made.

    From the best start, hot: short trials of the first temperature, then the rest at the best of
    them. Where heat only spoils the start, as of a network in clusters, gently too; a small sparse
    network goes through both, and through heat from the next best starts.
    """
    (core, used), *others = [(begun.core.copy(), own) for begun, own in begins]
    problem, found = begins[0][0].problem, _Found(core, begins[0][0].cost)
    if len(used) == 1:
        if progress is not None:
            progress(ROUNDS, "one core")
        return core, 0

    def cool(begun: tuple[Ints, Ints], heat: float, soft: bool, share: float = 1.0,
             until: float = 1.0, told: Progress | None = None) -> float:  # fmt: skip
        rounds = max(1, round(share * per_round))
        one = _cooled(search_from(problem, begun[0]), begun[1], rng, rounds, clock, told,
                      _Schedule(heat, soft, clock.share(), until))  # fmt: skip
        found.take(one)
        return one.cost

    start, cost, n = (core, used), found.cost, problem.graph.n_neurons
    dense = is_dense(problem.graph)
    small = n <= _AGAIN or dense
    heat, left = _HOT if small else _HOT_LARGE, 1.0
    if not small and n <= _LARGE:
        step = _PILOT * (1.0 - clock.share())
        costs = [cool(start, first, True, _PILOT, clock.share() + step) for first in _HOTTEST]
        heat, left = _HOTTEST[int(np.argmin(costs))], 1.0 - _PILOT * len(_HOTTEST)
    cool(start, heat, not small, left, told=progress)
    again = [] if found.cost < (1 - 1e-9) * cost else [(start, GENTLE, False)]
    if n <= _AGAIN and not dense:
        again = [(start, GENTLE, False), *((other, heat, False) for other in others[:2])]
    for begun, heat, soft in again:
        if clock.share() < 1:
            cool(begun, heat, soft)
    return found.core, found.proposals


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
    search: Search, used: Ints, rng: Random, per_round: int, clock: Clock,
    progress: Progress | None, schedule: _Schedule,
) -> _Found:  # fmt: skip
    """One refinement from a legal placement."""
    problem, scale = search.problem, search.cost / len(search.core)
    found = _Found(search.core.copy(), search.cost)
    slack = math.ceil(_SLACK * problem.room) if schedule.soft else 0
    if slack:
        search = search_from(problem, search.core, slack)
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
                search.repaired(used, rng, 1)
            heat = 0.0 if step == ROUNDS - 1 or gone >= 1 else scale * schedule.heat(gone)
            pressure = scale * schedule.pressure(gone) if slack else 0.0
            search.anneal(used, rng, heat, n, False, pressure)
            found.proposals += n
            if not slack and search.excess == 0 and search.cost < found.cost:
                found.core, found.cost = search.core.copy(), search.cost
        if clock.share() >= schedule.until:
            break
        if progress is not None:
            progress(step + 1, f"cost {found.cost:.4g}")
    return found

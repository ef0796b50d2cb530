"""From a spiking network to cores: the best of several starts, then refinement."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import AxonGraph, axon_graph
from spiking_bimt.chip.hypergraph import has_mtkahypar, hypergraph_parts, packets_between
from spiking_bimt.chip.limits import refuse_hopeless
from spiking_bimt.chip.order import packed_slots
from spiking_bimt.chip.score import measure
from spiking_bimt.chip.search import Problem, Search, legal_start, rearranged, search_from
from spiking_bimt.data import validate
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Progress = Callable[[int, str], None]

ROUNDS = 40
"""Temperatures of the refinement: the steps that `progress` counts."""
STARTS = ("blocks", "hilbert", "sequential", "overlap", "km1", "trained")
# Temperatures in units of the start's mean cost of a neuron.
_HOTTEST, _COLDEST = 0.3, 0.003
# Proposals a neuron, the most and the least; work of all proposals between them, of a neuron and of
# a network at least and most; cores whose reading in a source's row is as much work as the source.
_MOST, _LEAST, _WORK_EACH, _WORK, _ROW = 8000, 100, 2e5, (3e7, 2.4e8), 16
# Share of the proposals, and temperatures, with which each start is tried.
_TRIAL, _TRIAL_ROUNDS, _TRIAL_HOTTEST = 0.05, 6, 0.05
# Share of a time limit after which no other start is tried; synapses between two looks at the time.
_STARTING, _CHUNK = 0.4, 1e6
# The largest network whose starts are all tried, that Mt-KaHyPar cuts, that is refined again, in
# neurons; the share of all pairs with a synapse above which there is no cut to find.
_TRIED, _CUT, _AGAIN, _DENSE = 50_000, 20_000, 500, 0.5

# Times that Mt-KaHyPar cuts a network of up to so many neurons.
_DRAWS, _SMALL = 6, 200

_Begun = tuple[Search, Ints]
"""A search and the cores that it uses."""


@dataclass(frozen=True)
class _Clock:
    """How much of the time that a placement may take has gone."""

    began: float
    limit: float

    def share(self) -> float:
        return (time.perf_counter() - self.began) / self.limit


def place(
    network: SpikingNetwork,
    chip: Chip,
    rates: npt.ArrayLike,
    *,
    seed: int = 0,
    cores: int | None = None,
    effort: float = 1.0,
    time_limit: float | None = None,
    starts: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Placement:
    """Neurons on cores, at a low cost of packets and hops, within every limit of the chip.

    rates: (N,) mean spikes per ms of each neuron, or any weights of its packets, least 0. It fills
    the fewest cores that fit; `cores` spreads the neurons over that many instead, evenly. `effort`
    scales the number of proposals. `starts`: those of `STARTS` to try, by default all that suit the
    network's size and are installed. Each is arranged on the mesh and refined a little; from the
    best, moves and swaps that break no limit lower sum_i rate_i * (packet_cost + hops) by simulated
    annealing. The same seed gives the same placement, unless `time_limit` (s) ends it early.

    Raises InputError where the network cannot fit, with the limit, the core and the excess.
    """
    clock = _Clock(time.perf_counter(), math.inf if time_limit is None else time_limit)
    graph = axon_graph(network)
    refuse_hopeless(chip, graph)
    weight = validate.array("place", "rates", rates, (graph.n_neurons,), np.float64)
    if (weight < 0).any():
        raise InputError(f"rates must not be negative; neuron {int(weight.argmin())} has one")
    validate.positive("place", "effort", effort)
    if time_limit is not None:
        validate.positive("place", "time_limit", time_limit)
    if seed < 0:
        raise InputError(f"seed is {seed}: it must be a whole number, least 0")
    trained = network.core if network.chip == chip.name else None
    names = _starts(starts, graph, trained is not None)
    room = _room(chip, graph.n_neurons, cores)
    least = 0 if cores is None else graph.n_neurons // cores
    problem = Problem(chip, graph, weight, network.positions, room, least, seed, trained)
    rng = np.array([seed % 2**64], np.uint64)
    used, begun, search = legal_start(problem, cores, rng)
    per_round = max(1, round(effort * _proposals(search) / ROUNDS))
    begins: list[_Begun] = [(search, used)]
    tried: dict[str, float] = {}
    if len(used) > 1:
        begins, tried = _tried(problem, names, used, search, rng, per_round, clock)
    best, proposals = _refine(begins, rng, per_round, clock, progress)
    measured = measure(problem, best, begun, used)
    measured |= {"seed": seed, "proposals": proposals, "starts": tried}
    return Placement(
        chip.name, chip.n_cores, best, packed_slots(graph, best, chip.crossbar_cols), measured
    )


def _starts(starts: Sequence[str] | None, graph: AxonGraph, trained: bool) -> tuple[str, ...]:
    if starts is None:
        n = graph.n_neurons
        sparse = n <= _CUT and not _dense(graph)
        able = {"km1": sparse and has_mtkahypar(), "trained": trained}
        few = ("blocks", "trained") if n > _TRIED else STARTS
        return tuple(name for name in few if able.get(name, True))
    for name in starts:
        if name == "trained" and not trained:
            raise InputError("the network was not trained against this chip: no start 'trained'")
        if name not in STARTS:
            raise InputError(f"unknown start {name!r}; known: {', '.join(STARTS)}")
    if not starts:
        raise InputError(f"no start is named; known: {', '.join(STARTS)}")
    return tuple(starts)


def _dense(graph: AxonGraph) -> bool:
    return bool(graph.indptr[graph.n_neurons] > _DENSE * graph.n_neurons**2)


def _room(chip: Chip, n: int, cores: int | None) -> int:
    if cores is None:
        return min(chip.neurons_per_core, n)
    fewest = math.ceil(n / chip.neurons_per_core)
    if not fewest <= cores <= min(chip.n_cores, n):
        raise InputError(
            f"{n} neurons cannot spread over {cores} cores of {chip.name}: choose from {fewest} to "
            f"{min(chip.n_cores, n)}"
        )
    return math.ceil(n / cores)


def _proposals(search: Search) -> int:
    """Proposals for a network: in proportion to its neurons, up to a limit of work.

    A proposal reads, for every source of its neurons, the cores that the source reaches.
    """
    graph, n = search.problem.graph, search.problem.graph.n_neurons
    rows = 1 + search.state.reach_size / _ROW
    work = max(1.0, float(np.diff(graph.indptr) @ rows) / n)
    whole = min(max(_WORK_EACH * n, _WORK[0]), _WORK[1])
    return int(max(min(_MOST * n, whole / work), _LEAST * n))


def start_from(name: str, problem: Problem, used: Ints) -> Ints:
    """Core of each neuron in the start of that name, over the cores `used`."""
    graph, chip, n = problem.graph, problem.chip, len(problem.positions)
    match name:
        case "blocks":
            return start.sheet_blocks(problem.positions, used, chip.core_xy())
        case "hilbert":
            return start.hilbert(problem.positions, used, chip.core_xy())
        case "sequential":
            return used[start.even_parts(n, len(used))]
        case "overlap":
            return used[start.grown(graph, problem.rates, len(used))]
        case "trained" if problem.trained is not None:
            return start.compacted(problem.trained, used)
    given = graph, problem.rates, len(used), problem.room
    draws = range(1 if n > _SMALL else _DRAWS)
    parts = min(
        (hypergraph_parts(*given, problem.seed * _DRAWS + draw) for draw in draws),
        key=lambda found: packets_between(graph, found, problem.rates),
    )
    return start.topped_up(used[parts], used, problem.least)


def _tried(
    problem: Problem, names: Sequence[str], used: Ints, legal: Search,
    rng: npt.NDArray[np.uint64], per_round: int, clock: _Clock,
) -> tuple[list[_Begun], dict[str, float]]:  # fmt: skip
    """The searches from all starts after a little refinement, the cheapest first; their costs."""
    begins: list[_Begun] = []
    costs: dict[str, float] = {}
    for name in names:
        if costs and clock.share() > _STARTING:
            break
        search = (
            legal if name == "blocks" else search_from(problem, start_from(name, problem, used))
        )
        if not search.repaired(used, rng):
            continue
        search, own = rearranged(search, used, rng)
        untouched, cost = search.core.copy(), search.cost
        if len(names) > 1:
            n = math.ceil(_TRIAL * ROUNDS * per_round / _TRIAL_ROUNDS)
            scale = search.cost / len(problem.positions)
            for step in range(_TRIAL_ROUNDS):
                heat = _TRIAL_HOTTEST * (1 - step / (_TRIAL_ROUNDS - 1)) * scale
                for part in _chunks(problem.graph, n):
                    if clock.share() < _STARTING:
                        search.anneal(own, rng, heat, part, False)
        if search.cost > cost:
            search = search_from(problem, untouched)
        begins.append((search, own))
        costs[name] = search.cost
    begins.sort(key=lambda begun: begun[0].cost)
    return begins or [(legal, used)], costs


def _refine(
    begins: list[_Begun], rng: npt.NDArray[np.uint64], per_round: int, clock: _Clock,
    progress: Progress | None,
) -> tuple[Ints, int]:  # fmt: skip
    """The best legal placement met, and the number of proposals.

    From the best start, hot. Where heat only spoils it, as of a network in clusters, gently too; a
    small sparse network goes through both, and through heat from the next best starts.
    """
    (search, used), *others = [(begun.core.copy(), own) for begun, own in begins]
    problem, cost = begins[0][0].problem, begins[0][0].cost
    best, best_cost, done = _cooled(*begins[0], rng, per_round, clock, progress, _HOTTEST)
    if len(used) == 1:
        return best, done
    again = [] if best_cost < cost else [(search, used, _TRIAL_HOTTEST)]
    if problem.graph.n_neurons <= _AGAIN and not _dense(problem.graph):
        again = [(search, used, _TRIAL_HOTTEST), *((*begun, _HOTTEST) for begun in others[:2])]
    for core, own, hottest in again:
        if clock.share() >= 1:
            break
        given = search_from(problem, core), own, rng, per_round, clock, None, hottest
        found, found_cost, more = _cooled(*given)
        done += more
        if found_cost < best_cost:
            best, best_cost = found, found_cost
    return best, done


def _cooled(
    search: Search, used: Ints, rng: npt.NDArray[np.uint64], per_round: int, clock: _Clock,
    progress: Progress | None, hottest: float,
) -> tuple[Ints, float, int]:  # fmt: skip
    """The best legal placement met, its cost, and the number of proposals.

    It cools from `hottest` with the rounds, or with the time that has gone where that is further.
    """
    if len(used) == 1:
        if progress is not None:
            progress(ROUNDS, "one core")
        return search.core.copy(), search.cost, 0
    best, best_cost, begun = search.core.copy(), search.cost, search.cost
    done = 0
    for step in range(ROUNDS):
        if clock.share() >= 1:
            break
        if step in (ROUNDS // 2, ROUNDS - 2):
            search, used = rearranged(search, used, rng, 0.5)
        for n in _chunks(search.problem.graph, per_round):
            gone = max(step / (ROUNDS - 2), clock.share())
            heat = hottest * (_COLDEST / hottest) ** min(gone, 1.0) * begun / len(best)
            search.anneal(used, rng, 0.0 if step == ROUNDS - 1 or gone >= 1 else heat, n, False)
            done += n
            if search.cost < best_cost:
                best, best_cost = search.core.copy(), search.cost
            if clock.share() >= 1:
                break
        if progress is not None:
            progress(step + 1, f"cost {best_cost:.4g}")
    return best, best_cost, done


def _chunks(graph: AxonGraph, proposals: int) -> Iterator[int]:
    """Proposals in parts that are short enough to look at the time between them."""
    chunk = math.ceil(_CHUNK * graph.n_neurons / max(1, len(graph.targets)))
    while proposals > 0:
        yield min(chunk, proposals)
        proposals -= chunk

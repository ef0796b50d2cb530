"""From a spiking network to cores: the best of several starts, then refinement."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import AxonGraph, axon_graph
from spiking_bimt.chip.hypergraph import has_mtkahypar, hypergraph_parts
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
# Proposals a neuron, the most and the least; work of a neuron's and of all proposals between them,
# and cores whose reading in a source's row is as much work as the source itself.
_MOST, _LEAST, _WORK_EACH, _WORK, _ROW = 3000, 40, 5e4, 6e7, 16
# Share of the proposals, and temperatures, with which each start is tried.
_TRIAL, _TRIAL_ROUNDS, _TRIAL_HOTTEST = 0.05, 6, 0.05
# Share of a time limit after which no other start is tried; synapses between two looks at the time.
_STARTING, _CHUNK = 0.4, 1e6
# The largest network whose starts are all tried, and that Mt-KaHyPar cuts, neurons; the share of
# all pairs with a synapse above which it finds nothing to cut.
_TRIED, _CUT, _DENSE = 50_000, 20_000, 0.5


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
    tried: dict[str, float] = {}
    if len(used) > 1:
        search, used, tried = _best_start(problem, names, used, search, rng, per_round, clock)
    best, proposals = _refine(search, used, rng, per_round, clock, progress)
    measured = measure(problem, best, begun, used)
    measured |= {"seed": seed, "proposals": proposals, "starts": tried}
    return Placement(
        chip.name, chip.n_cores, best, packed_slots(graph, best, chip.crossbar_cols), measured
    )


def _starts(starts: Sequence[str] | None, graph: AxonGraph, trained: bool) -> tuple[str, ...]:
    if starts is None:
        n = graph.n_neurons
        sparse = n <= _CUT and graph.indptr[n] <= _DENSE * n**2
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
    return int(max(min(_MOST * n, _WORK_EACH / work * n, _WORK / work), _LEAST * n))


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
    parts = hypergraph_parts(graph, problem.rates, len(used), problem.room, problem.seed)
    return start.topped_up(used[parts], used, problem.least)


def _best_start(
    problem: Problem, names: Sequence[str], used: Ints, legal: Search,
    rng: npt.NDArray[np.uint64], per_round: int, clock: _Clock,
) -> tuple[Search, Ints, dict[str, float]]:  # fmt: skip
    """The search from the start that is cheapest after a little refinement; all their costs."""
    kept: tuple[Search, Ints] = legal, used
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
        if not costs or search.cost < min(costs.values()):
            kept = search, own
        costs[name] = search.cost
    return *kept, costs


def _refine(
    search: Search, used: Ints, rng: npt.NDArray[np.uint64], per_round: int, clock: _Clock,
    progress: Progress | None,
) -> tuple[Ints, int]:  # fmt: skip
    """The best legal placement met, and the number of proposals.

    A start so good that heat only spoils it, as of a network in clusters, is also refined gently.
    """
    begun, cost = search.core.copy(), search.cost
    best, best_cost, done = _cooled(search, used, rng, per_round, clock, progress, _HOTTEST)
    if best_cost < cost or clock.share() >= 1 or len(used) == 1:
        return best, done
    search = search_from(search.problem, begun)
    best, _, more = _cooled(search, used, rng, per_round, clock, None, _TRIAL_HOTTEST)
    return best, done + more


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

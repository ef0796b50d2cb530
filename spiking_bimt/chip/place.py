"""From a spiking network to cores: the best of several starts, then refinement."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.fit import legal_start
from spiking_bimt.chip.graph import AxonGraph, axon_graph
from spiking_bimt.chip.hypergraph import has_mtkahypar, hypergraph_parts, packets_between
from spiking_bimt.chip.limits import check, refuse_hopeless
from spiking_bimt.chip.order import packed_slots
from spiking_bimt.chip.price import with_dearer_hops
from spiking_bimt.chip.refine import (
    GENTLE,
    ROUNDS,
    Begun,
    Clock,
    Progress,
    chunks,
    is_dense,
    refined,
)
from spiking_bimt.chip.score import measure
from spiking_bimt.chip.search import Problem, Search, rearranged, search_from
from spiking_bimt.chip.traffic import flow
from spiking_bimt.data import validate
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

STARTS = ("blocks", "hilbert", "sequential", "overlap", "km1", "trained")
# Proposals a neuron at most; least of a neuron, and of all where that is less; work of all of them
# between these, of a neuron and of a network at least and most; cores whose reading in a source's
# row is as much work as the source; times that a proposal takes longer where routes are trees.
_MOST, _LEAST, _WORK_EACH, _WORK, _ROW, _TREE = 8000, (300, 1e8), 2e5, (2.2e7, 3.2e8), 16, 2
# Share of the proposals, and temperatures, with which each start is tried.
_TRIAL, _TRIAL_ROUNDS = 0.05, 6
# Share of a time limit after which no other start is tried.
_STARTING = 0.4
# The largest network whose starts are all tried, and that Mt-KaHyPar cuts, in neurons.
_TRIED, _CUT = 50_000, 20_000
# Times that Mt-KaHyPar cuts a network of up to so many neurons.
_DRAWS, _SMALL = 4, 200
# The search takes a hop for at least this share of a packet: hops load links and take time too.
_HOP = 0.1


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
    clock = Clock(time.perf_counter(), math.inf if time_limit is None else time_limit)
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
    given = weight, network.positions, room, least, seed, trained
    problem = Problem(with_dearer_hops(chip, _HOP), graph, *given)
    rng = np.array([seed % 2**64], np.uint64)
    used, begun, search = legal_start(problem, names, start_from, cores, rng)
    per_round = max(1, round(effort * _proposals(search) / ROUNDS))
    begins: list[Begun] = [(search, used)]
    tried: dict[str, float] = {}
    if len(used) > 1:
        begins, tried = _tried(chip, problem, names, used, search, rng, per_round, clock)
    best, proposals = refined(begins, rng, per_round, clock, progress)
    # What is best by the prices of the search may, by the chip's, be dearer than a start.
    legal = best, search.core, *(begun.core for begun, _ in begins)
    best = min(legal, key=lambda core: flow(chip, graph, core, weight).cost(chip))
    measured = measure(replace(problem, chip=chip), best, begun, used)
    measured |= {"seed": seed, "proposals": proposals, "starts": tried}
    return Placement(
        chip.name, chip.n_cores, best, packed_slots(graph, best, chip.crossbar_cols), measured
    )


def kept(network: SpikingNetwork, chip: Chip, rates: Floats) -> Placement:
    """The placement on the cores that the network was trained or converted for, as they are.

    rates: as in `place`. Raises InputError where it has no cores of this chip, or breaks a limit.
    """
    if network.core is None or network.chip != chip.name:
        made_for = f"has cores of {network.chip}" if network.chip else "has no cores"
        raise InputError(
            f"there is nothing to keep: the network {made_for}; convert it with --cores, or train "
            f"against {chip.name}"
        )
    graph, core, n = axon_graph(network), network.core, network.n_neurons
    used = np.unique(core)
    slots = packed_slots(graph, core, chip.crossbar_cols)
    check(chip, graph, Placement(chip.name, chip.n_cores, core, slots))
    problem = Problem(chip, graph, rates, network.positions, _room(chip, n, None), 0, 0, core)
    measured = measure(problem, core, core, used) | {"seed": 0, "proposals": 0, "starts": {}}
    return Placement(chip.name, chip.n_cores, core, slots, measured)


def _starts(starts: Sequence[str] | None, graph: AxonGraph, trained: bool) -> tuple[str, ...]:
    if starts is None:
        n = graph.n_neurons
        sparse = n <= _CUT and not is_dense(graph)
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
    work = max(1.0, float((np.diff(graph.indptr) * rows).sum()) / n)
    whole = min(max(_WORK_EACH * n, _WORK[0]), _WORK[1])
    of_paths = max(min(_MOST * n, whole / work), min(_LEAST[0] * n, _LEAST[1]))
    return int(of_paths / (_TREE if search.mesh.multicast else 1))


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
    chip: Chip, problem: Problem, names: Sequence[str], used: Ints, legal: Search,
    rng: npt.NDArray[np.uint64], per_round: int, clock: Clock,
) -> tuple[list[Begun], dict[str, float]]:  # fmt: skip
    """The searches from all starts after a little refinement, the cheapest first; their costs."""
    begins: list[Begun] = []
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
                heat = GENTLE * (1 - step / (_TRIAL_ROUNDS - 1)) * scale
                for part in chunks(problem.graph, n):
                    if clock.share() < _STARTING:
                        search.anneal(own, rng, heat, part, False)
        if search.cost > cost:
            search = search_from(problem, untouched)
        begins.append((search, own))
        costs[name] = flow(chip, problem.graph, search.core, problem.rates).cost(chip)
    begins.sort(key=lambda begun: begun[0].cost)
    return begins or [(legal, used)], costs

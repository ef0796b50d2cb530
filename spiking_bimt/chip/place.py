"""From a spiking network to cores: the best of several starts, then refinement."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.begin import Starts, chosen_starts, tried
from spiking_bimt.chip.fit import legal_start
from spiking_bimt.chip.graph import axon_graph, destinations
from spiking_bimt.chip.limits import UNLIMITED, allowed, check, refuse_hopeless
from spiking_bimt.chip.order import packed_slots
from spiking_bimt.chip.price import with_dearer_hops
from spiking_bimt.chip.refine import ROUNDS, Begun, Clock, Progress, refined
from spiking_bimt.chip.score import measure
from spiking_bimt.chip.search import Problem
from spiking_bimt.chip.traffic import flow
from spiking_bimt.data import validate
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Random = npt.NDArray[np.uint64]

_MOST = 8000
"""Proposals per neuron at most, in one refinement: more gain nothing, even where cheap."""
_LEAST = 300
"""Proposals per neuron at least: a neuron then meets the cores around it several times."""
_LEAST_OF_ALL = 6e7
"""Proposals of a whole network that are enough where that is fewer."""
_WORK_EACH = 2e5
"""Work of all proposals of a neuron, in sources read: about a millisecond."""
_WORK_LEAST = 2.2e7
"""Work of a whole network at least: a tenth of a second."""
_WORK_MOST = 3.2e8
"""Work of a whole network at most, but for the proposals that it gets at least."""
_ROW = 16
"""Cores whose reading in a source's row is as much work as the source."""
_TREE = 2
"""Times that a proposal takes longer where routes are trees."""
_MOST_RATE = 1e9
"""Hz of a neuron at most: costs are sums of rates times prices, and must stay finite."""
_MOST_EFFORT = 1e6
"""Times the usual proposals at most: they are counted in 64 bits."""
_HOP = 0.1
"""The search takes a hop for at least this share of a packet: hops load links and take time too."""


def place(
    network: SpikingNetwork,
    chip: Chip,
    rates_hz: npt.ArrayLike,
    *,
    seed: int = 0,
    cores: int | None = None,
    effort: float = 1.0,
    time_limit: float | None = None,
    starts: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Placement:
    """Neurons on cores, at a low cost of packets and hops, within every limit of the chip.

    rates_hz: (N,) mean rate of each neuron, Hz: the weight of its packets. It fills the fewest
    cores that fit; `cores` spreads the neurons over that many instead, evenly. `effort` scales the
    number of proposals, and below 1 its root that of exchanges of cores. `starts`: those of
    `STARTS` to try, by default all that suit the network's size and are installed. Each is arranged
    on the mesh and refined a little; from the best, moves and swaps that break no limit lower
    sum_i rate_i * (packet_cost + hops) by simulated annealing.
    The same seed gives the same placement, unless `time_limit` (s) ends it early.

    Raises InputError where the network cannot fit, with the limit, the core and the excess.
    """
    clock = Clock(time.perf_counter(), math.inf if time_limit is None else time_limit)
    graph = axon_graph(network)
    refuse_hopeless(chip, graph)
    weight = per_ms(rates_hz, graph.n_neurons)
    if not 0 < effort <= _MOST_EFFORT:
        raise InputError(
            f"effort is {effort}: it must lie above 0, and be {_MOST_EFFORT:g} at most"
        )
    if time_limit is not None:
        validate.positive("place", "time_limit", time_limit)
    validate.seed(seed)
    trained = network.core if network.chip == chip.name else None
    chosen = chosen_starts(starts, graph, trained is not None, clock)
    room = _room(chip, graph.n_neurons, cores)
    least = 0 if cores is None else graph.n_neurons // cores
    given = weight, network.positions, room, least, int(seed), trained
    problem = Problem(with_dearer_hops(chip, _HOP), graph, *given, effort)
    used, begun, legal = legal_start(problem, chosen, cores, _random(seed))
    per_round = max(1, round(effort * _proposals(problem, legal.core) / ROUNDS))
    best, costs, proposals = _improved(chip, problem, legal, chosen, per_round, clock, progress)
    measured = measure(replace(problem, chip=chip), best, begun, used)
    measured |= {"seed": seed, "proposals": proposals, "starts": costs}
    slots = packed_slots(graph, best, chip.crossbar_cols)
    return Placement(chip.name, chip.n_cores, best, slots, measured=measured)


def _random(seed: int) -> Random:
    """The state of the random numbers."""
    return np.array([int(seed) % 2**64], np.uint64)


def _improved(
    chip: Chip, problem: Problem, legal: Begun, chosen: Starts, per_round: int, clock: Clock,
    progress: Progress | None,
) -> tuple[Ints, dict[str, float], int]:  # fmt: skip
    """The best placement found from a legal one, the costs of the starts, and proposals made.

    Limits on anything but neurons are left out at first. What is then found is what a chip without
    them would get; where it keeps them, nothing better was to be found. Else the search is made
    again within them, from what it came to as well, and the best placement of both is taken.
    """
    if len(legal.used) == 1:
        if progress is not None:
            progress(ROUNDS, "one core")
        return legal.core, {}, 0
    begins, met, proposals = [legal], [legal.core], 0
    costs: dict[str, float] = {}
    limited = bool((allowed(chip)[1:] < UNLIMITED).any())
    for loose in (True, False) if limited else (False,):
        # A loose search may not use up the time for the other one.
        one = Clock(clock.began, clock.limit / 2) if loose else clock
        given, rng = replace(problem, loose=loose), _random(problem.seed)
        known = begins if limited and not loose else []
        ours, costs = tried(chip, given, chosen, known, len(legal.used), rng,
                            per_round * ROUNDS, one)  # fmt: skip
        found = refined(given, ours or begins, rng, per_round, one, progress)
        proposals += found.proposals
        met += [begun.core for begun in ours if begun.legal]
        if found.legal is not None:
            met.append(found.legal)
        if found.legal_cost <= found.cost and clock.limit == math.inf:
            break
        begins.append(Begun(found.core, np.unique(found.core), found.cost, False))
    flows = [flow(chip, problem.graph, core, problem.rates).cost(chip) for core in met]
    # What is best by the prices of the search may, by the chip's, be dearer than a start.
    return met[int(np.argmin(flows))], costs, proposals


def per_ms(rates_hz: npt.ArrayLike, n: int) -> Floats:
    """(N,) checked rates in spikes per ms, the unit in which costs are measured."""
    rates = validate.array("place", "rates_hz", rates_hz, (n,), np.float64)
    if (rates < 0).any():
        raise InputError(f"rates_hz must not be negative; neuron {int(rates.argmin())} has one")
    if rates.max(initial=0.0) > _MOST_RATE:
        raise InputError(
            f"rates_hz of neuron {int(rates.argmax())} is {rates.max():g}: the most is "
            f"{_MOST_RATE:g} Hz"
        )
    return np.asarray(rates / 1000)


def kept(network: SpikingNetwork, chip: Chip, rates_hz: npt.ArrayLike) -> Placement:
    """The placement on the cores that the network was trained or converted for, as they are.

    rates_hz: as in `place`. Raises InputError where it has no cores of this chip, or breaks a
    limit.
    """
    if network.core is None or network.chip != chip.name:
        made_for = f"has cores of {network.chip}" if network.chip else "has no cores"
        raise InputError(
            f"there is nothing to keep: the network {made_for}; convert it with `cores`, or train "
            f"against {chip.name}"
        )
    graph, core, n = axon_graph(network), network.core, network.n_neurons
    used = np.unique(core)
    slots = packed_slots(graph, core, chip.crossbar_cols)
    check(chip, graph, Placement(chip.name, chip.n_cores, core, slots))
    rates = per_ms(rates_hz, n)
    problem = Problem(chip, graph, rates, network.positions, _room(chip, n, None), 0, 0, core)
    measured = measure(problem, core, core, used) | {"seed": 0, "proposals": 0, "starts": {}}
    return Placement(chip.name, chip.n_cores, core, slots, measured=measured)


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


def _proposals(problem: Problem, core: Ints) -> int:
    """Proposals for a network: in proportion to its neurons, up to a limit of work.

    A proposal reads, for every source of its neurons, the cores that the source reaches.
    """
    graph, n = problem.graph, problem.graph.n_neurons
    reached = np.diff(destinations(graph, core, problem.chip.n_cores)[0])
    rows = 1 + reached / _ROW
    work = max(1.0, float((np.diff(graph.indptr) * rows).sum()) / n)
    whole = min(max(_WORK_EACH * n, _WORK_LEAST), _WORK_MOST)
    of_paths = max(min(_MOST * n, whole / work), min(_LEAST * n, _LEAST_OF_ALL))
    return int(of_paths / (_TREE if problem.chip.routing == "multicast" else 1))

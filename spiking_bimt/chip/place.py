"""From a spiking network to cores: a start from the sheet's coordinates, then refinement."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import AxonGraph, axon_graph, destinations
from spiking_bimt.chip.limits import (
    LIMITS,
    allowed,
    axon_bits,
    memory_formula,
    refuse_hopeless,
    usage,
    worst_excess,
)
from spiking_bimt.chip.order import packed_slots
from spiking_bimt.chip.traffic import flow, packet_destinations
from spiking_bimt.data import validate
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import placement as kernel
from spiking_bimt.kernels import placement_state as records
from spiking_bimt.kernels.arrangement import arrange

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Progress = Callable[[int, str], None]

ROUNDS = 40
"""Temperatures of the refinement: the steps that `progress` counts."""
# Temperatures in units of the start's mean cost of a neuron; the best of 0.03-0.3, 0.001-0.01.
_HOTTEST, _COLDEST = 0.3, 0.003
# Proposals a neuron, and synapses that all proposals together may touch.
_PROPOSALS, _SYNAPSES = 1500, 4e7
# Proposals a neuron in each attempt at a legal start, and attempts before another core is used.
_REPAIR_PROPOSALS, _REPAIR_ROUNDS = 100, 10
# (Neuron, core) pairs that may be routed to find better places for whole cores.
_LINK_EVALUATIONS = 1e8


@dataclass(frozen=True)
class _Problem:
    """What stays the same while neurons move."""

    chip: Chip
    graph: AxonGraph
    rates: Floats
    room: int
    """Most neurons that a core may get."""
    least: int
    """Fewest neurons that a core in use may be left with."""


@dataclass(frozen=True)
class _Search:
    """A placement under refinement, with what the kernels need beside it."""

    graph: records.Graph
    mesh: records.Mesh
    rules: records.Rules
    state: records.State
    scratch: records.Scratch
    least: int

    def anneal(self, cores: Ints, rng: Any, temperature: float, n: int, repair: bool) -> None:
        kernel.anneal(
            self.graph, self.mesh, self.rules, self.state, self.scratch, cores, self.least, rng,
            temperature, n, repair,
        )  # fmt: skip

    @property
    def cost(self) -> float:
        return float(self.state.total[0])

    @property
    def excess(self) -> int:
        return int(self.state.excess[0])


def place(
    network: SpikingNetwork,
    chip: Chip,
    rates: npt.ArrayLike,
    *,
    seed: int = 0,
    cores: int | None = None,
    effort: float = 1.0,
    progress: Progress | None = None,
) -> Placement:
    """Neurons on cores, at a low cost of packets and hops, within every limit of the chip.

    rates: (N,) mean spikes per ms of each neuron, or any weights of its packets, least 0. It fills
    the fewest cores that fit; `cores` spreads the neurons over that many instead, evenly. `effort`
    scales the number of proposals. The start is the network's sheet cut into blocks; moves and
    swaps that break no limit then lower sum_i rate_i * (packet_cost + hops), by simulated
    annealing. The same seed gives the same placement.

    Raises InputError where the network cannot fit, with the limit, the core and the excess.
    """
    graph = axon_graph(network)
    refuse_hopeless(chip, graph)
    weight = validate.array("place", "rates", rates, (graph.n_neurons,), np.float64)
    if (weight < 0).any():
        raise InputError(f"rates must not be negative; neuron {int(weight.argmin())} has one")
    validate.positive("place", "effort", effort)
    if seed < 0:
        raise InputError(f"seed is {seed}: it must be a whole number, least 0")
    room = _room(chip, graph.n_neurons, cores)
    least = 0 if cores is None else graph.n_neurons // cores
    problem = _Problem(chip, graph, weight, room, least)
    rng = np.array([seed % 2**64], np.uint64)
    used, begun, search = _legal_start(problem, network.positions, cores, rng)
    best, proposals = _refine(problem, search, used, rng, effort, progress)
    measured = _measure(problem, best, begun, used, seed)
    measured |= {"seed": seed, "proposals": proposals}
    return Placement(
        chip.name, chip.n_cores, best, packed_slots(graph, best, chip.crossbar_cols), measured
    )


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


def _search(problem: _Problem, core: Ints) -> _Search:
    chip, graph = problem.chip, problem.graph
    formula = memory_formula(chip, graph)
    limits = allowed(chip)
    limits[records.NEURONS] = problem.room
    xy = chip.core_xy()
    axons = records.Graph(graph.indptr, graph.targets, graph.pre_indptr, graph.pre, problem.rates)
    search = _Search(
        axons,
        records.Mesh(
            np.ascontiguousarray(xy[:, 0]),
            np.ascontiguousarray(xy[:, 1]),
            np.array([chip.packet_cost, chip.hop_cost_x, chip.hop_cost_y]),
            chip.routing == "multicast",
            chip.local_packets,
        ),
        records.Rules(
            limits,
            np.array([1, 1, 1, formula.word], np.int64),
            axon_bits(np.arange(np.diff(graph.indptr).max() + 1), formula),
        ),
        records.empty_state(axons, core, chip.n_cores, problem.room),
        records.scratch(chip.n_cores, chip.width, int(np.diff(graph.pre_indptr).max())),
        problem.least,
    )
    kernel.tally(search.graph, search.mesh, search.rules, search.state, search.scratch)
    return search


def _legal_start(
    problem: _Problem, positions: Ints, cores: int | None, rng: npt.NDArray[np.uint64]
) -> tuple[Ints, Ints, _Search]:
    """Cores to use, the start, and the search from it once no limit is broken."""
    chip, n = problem.chip, problem.graph.n_neurons
    n_cores = math.ceil(n / problem.room) if cores is None else cores
    while True:
        used = start.compact_cores(chip, n_cores)
        begun = start.sheet_blocks(positions, used, chip.core_xy())
        search = _search(problem, begun)
        for _ in range(_REPAIR_ROUNDS):
            if search.excess == 0:
                return used, begun, search
            search.anneal(used, rng, 0.0, _REPAIR_PROPOSALS * n, True)
        if search.excess == 0:
            return used, begun, search
        if cores is not None or n_cores == chip.n_cores:
            raise _does_not_fit(problem, search.state.core, n_cores)
        n_cores = min(chip.n_cores, n_cores + max(1, n_cores // 8))


def _does_not_fit(problem: _Problem, core: Ints, n_cores: int) -> InputError:
    chip = problem.chip
    worst = worst_excess(chip, usage(chip, problem.graph, core))
    assert worst is not None
    field, at, value, limit = worst
    return InputError(
        f"the network does not fit on {n_cores} cores of {chip.name}: in the best placement found "
        f"core {at} takes {value} {LIMITS[field]}, {limit} are allowed ({value - limit} too "
        "many): prune the network, or use a chip with more cores or a higher limit"
    )


def _refine(
    problem: _Problem, search: _Search, used: Ints, rng: npt.NDArray[np.uint64], effort: float,
    progress: Progress | None,
) -> tuple[Ints, int]:  # fmt: skip
    """The best legal placement met, and the number of proposals."""
    if len(used) == 1:
        if progress is not None:
            progress(ROUNDS, "one core")
        return search.state.core.copy(), 0
    n = problem.graph.n_neurons
    per_round = max(1, round(effort * _proposals(problem.graph) / ROUNDS))
    best, best_cost, begun = search.state.core.copy(), search.cost, search.cost
    done = 0
    for step in range(ROUNDS):
        if step in (0, ROUNDS // 2, ROUNDS - 2):
            search, used = _rearranged(problem, search, used)
        cooled = _HOTTEST * (_COLDEST / _HOTTEST) ** (step / (ROUNDS - 2))
        temperature = 0.0 if step == ROUNDS - 1 else cooled * begun / n
        search.anneal(used, rng, temperature, per_round, False)
        done += per_round
        if search.cost < best_cost:
            best, best_cost = search.state.core.copy(), search.cost
        if progress is not None:
            progress(step + 1, f"cost {best_cost:.4g}")
    return best, done


def _proposals(graph: AxonGraph) -> int:
    """Proposals for a network: in proportion to its neurons, up to a limit of work."""
    fan_in = max(1.0, len(graph.targets) / graph.n_neurons)
    return int(min(_PROPOSALS * graph.n_neurons, _SYNAPSES / fan_in))


def _rearranged(problem: _Problem, search: _Search, used: Ints) -> tuple[_Search, Ints]:
    """The search with whole cores in better places, and the cores then in use."""
    chip, core = problem.chip, search.state.core
    indptr, dests = packet_destinations(chip, problem.graph, core)
    places = start.surrounding_cores(chip, used)
    pairs = len(places) * (len(places) - 1) / 2
    sweeps = int(_LINK_EVALUATIONS / max(1.0, pairs * len(dests)))
    if sweeps == 0:
        return search, used
    at = np.arange(chip.n_cores, dtype=np.int32)
    arrange(
        indptr, dests, core, problem.rates, search.mesh.x.copy(), search.mesh.y.copy(),
        search.mesh.prices[1:], search.mesh.multicast, places, min(sweeps, 20), at,
        search.scratch.low, search.scratch.high,
    )  # fmt: skip
    return _search(problem, at[core]), at[used]


def _measure(problem: _Problem, best: Ints, begun: Ints, used: Ints, seed: int) -> dict[str, Any]:
    chip, n = problem.chip, problem.graph.n_neurons
    found = usage(chip, problem.graph, best)
    return {
        "unit": "pJ per ms" if chip.energy is not None else "packets and hops per ms",
        "cores": len(np.unique(best)),
        **_score(problem, best),
        "start": _score(problem, begun),
        "baselines": {
            "sequential": _score(problem, start.sequential(n, problem.room)),
            "random": _score(problem, start.shuffled(n, used, seed)),
        },
        "lower_bound": _lower_bound(problem, best),
        "limits": {
            field: {"used": int(getattr(found, field).max()), "allowed": getattr(chip, field)}
            for field in LIMITS
        },
    }


def _score(problem: _Problem, core: Ints) -> dict[str, Any]:
    """Cost, packets and hops of a placement, and whether it keeps the limits."""
    flows = flow(problem.chip, problem.graph, core, problem.rates)
    used = usage(problem.chip, problem.graph, core)
    return {
        "cost": flows.cost(problem.chip),
        "packets": flows.packets,
        "unicast_hops": flows.path_x + flows.path_y,
        "multicast_hops": flows.tree_x + flows.tree_y,
        "max_link": float(flows.load.max()),
        "fits": worst_excess(problem.chip, used) is None,
    }


def _lower_bound(problem: _Problem, core: Ints) -> dict[str, Any]:
    """No arrangement of these groups of neurons on the tiles can cost less.

    A spike that must reach d other tiles crosses d links or more, alone or as a tree.
    """
    chip, graph, n = problem.chip, problem.graph, problem.graph.n_neurons
    tile = (core // chip.cores_per_tile).astype(np.int32)
    indptr, tiles, _ = destinations(graph, tile, chip.width * chip.height)
    owner = np.repeat(np.arange(n), np.diff(indptr[: n + 1]))
    remote = np.bincount(owner[tiles[: indptr[n]] != tile[owner]], minlength=n)
    hops = float(problem.rates @ remote)
    packets = flow(chip, graph, core, problem.rates).packets
    return {
        "of": "this partition of the neurons into tiles, wherever they sit",
        "hops": hops,
        "cost": packets * chip.packet_cost + hops * min(chip.hop_cost_x, chip.hop_cost_y),
    }

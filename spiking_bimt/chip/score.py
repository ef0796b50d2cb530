"""What a placement costs, beside its start, the baselines and a lower bound."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.arrange import least_links
from spiking_bimt.chip.graph import destinations
from spiking_bimt.chip.limits import LIMITS, usage, worst_excess
from spiking_bimt.chip.price import least_link_price, packet_price, unit
from spiking_bimt.chip.search import Problem
from spiking_bimt.chip.traffic import flow

Ints = npt.NDArray[np.int32]

_GILMORE_CORES = 256  # the largest mesh that Gilmore and Lawler's bound is computed for
_ROUNDING = 1e-9  # a bound's share that the rounding of its sum and of the cost's may add to it


def measure(problem: Problem, best: Ints, begun: Ints, used: Ints) -> dict[str, Any]:
    """A placement's cost, its start's and the baselines', its lower bound and its use of limits."""
    chip, n = problem.chip, problem.graph.n_neurons
    found = usage(chip, problem.graph, best)
    return {
        "unit": f"{unit(chip)} per ms",
        "cores": len(np.unique(best)),
        **score(problem, best),
        "start": score(problem, begun),
        "baselines": {
            "sequential": score(problem, start.sequential(n, problem.room)),
            "random": score(problem, start.shuffled(n, used, problem.seed)),
        },
        "lower_bound": lower_bound(problem, best),
        "limits": {
            field: {"used": int(getattr(found, field).max()), "allowed": getattr(chip, field)}
            for field in LIMITS
        },
    }


def score(problem: Problem, core: Ints) -> dict[str, Any]:
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


def lower_bound(problem: Problem, core: Ints) -> dict[str, Any]:
    """No arrangement of these groups of neurons on the tiles can cost less.

    A spike that must reach d other tiles crosses d links or more, alone or as a tree. Under
    unicast, on a mesh that is not too large, bounds of the quadratic assignment are higher.
    """
    chip, graph, n = problem.chip, problem.graph, problem.graph.n_neurons
    tile = (core // chip.cores_per_tile).astype(np.int32)
    indptr, tiles, _ = destinations(graph, tile, chip.width * chip.height)
    owner = np.repeat(np.arange(n), np.diff(indptr[: n + 1]))
    remote = np.bincount(owner[tiles[: indptr[n]] != tile[owner]], minlength=n)
    hops = float(problem.rates @ remote)
    packets = flow(chip, graph, core, problem.rates).packets * packet_price(chip)
    least = hops * least_link_price(chip)
    if chip.routing == "unicast" and chip.n_cores <= _GILMORE_CORES:
        every = np.arange(chip.n_cores, dtype=np.int32)
        least = max(least, least_links(chip, graph, core, problem.rates, every))
    return {
        "of": "this partition of the neurons into tiles, wherever they sit",
        "hops": hops,
        "cost": packets + least * (1 - _ROUNDING),
    }

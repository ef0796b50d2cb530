"""Parts of a network to places on the mesh: exchanges of whole cores, and a bound on the best."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph, packet_destinations
from spiking_bimt.chip.price import core_prices, links_between
from spiking_bimt.data.chip import Chip
from spiking_bimt.kernels import place_arrangement
from spiking_bimt.kernels.place_assignment import dual_ascent

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

_STEPS = 30
"""Temperatures of the annealing."""
_HOTTEST = 0.5
"""First temperature, in units of the mean change of cost by an exchange."""
_COLDEST = 0.005
"""Last temperature, in the same units."""
_SAMPLE = 100
"""Exchanges that this mean is taken over."""
_PER_PAIR = 40
"""Exchanges for each pair of places."""
_FEWEST = 4000
"""Exchanges at least, on a chip of few places."""
_VISITS = 1e7
"""(net, core) pairs that all exchanges together may price, which bounds the time."""
_ASCENT_CORES = 16
"""Most cores of the dual ascent: its work grows with the 5th power of the cores."""
_SWEEPS = 60
"""Sweeps of the dual ascent."""


@dataclass(frozen=True)
class _Weighted:
    """Distinct senders (core and set of destinations) and the sum of their rates."""

    home: Ints
    indptr: npt.NDArray[np.int64]
    dests: Ints
    weight: Floats


def arranged(chip: Chip, graph: AxonGraph, core: Ints, rates: Floats, cores: Ints,
             rng: npt.NDArray[np.uint64],
             effort: float = 1.0) -> Ints:  # fmt: skip
    """(n_cores,) the place of each core's neurons after exchanges between `cores`, some of which
    may be empty.

    Simulated annealing on the price of links; rng: the (1,) state of the random numbers.
    """
    senders = _senders(chip, graph, core, rates)
    nets = _nets(senders, chip.n_cores)
    at_x, at_y = core_prices(chip)
    places = place_arrangement.Places(
        np.arange(chip.n_cores, dtype=np.int32), np.ascontiguousarray(chip.core_xy()[:, 0]),
        at_x, at_y,
    )  # fmt: skip
    multicast = chip.routing == "multicast"
    scratch = np.zeros(chip.width), np.zeros(chip.width)
    price = place_arrangement.net_prices(nets, places, multicast, *scratch)
    parts = np.unique(core)
    if len(price) == 0 or len(cores) < 2:
        return places.at
    best, cheapest = places.at.copy(), price.sum()
    visits = 2 * max(1.0, len(nets.member) / len(parts)) * max(1.0, len(nets.dests) / len(price))
    total = min(max(_FEWEST, _PER_PAIR * len(parts) * len(cores) / 2), _VISITS / visits) * effort
    given = nets, places, multicast, parts, cores, rng
    mean = place_arrangement.arrange(*given, 0.0, _SAMPLE, price, *scratch)
    for step in range(_STEPS + 1):
        cooled = mean * _HOTTEST * (_COLDEST / _HOTTEST) ** (step / (_STEPS - 1))
        temperature = 0.0 if step == _STEPS else cooled
        place_arrangement.arrange(*given, temperature, int(total / _STEPS) + 1, price, *scratch)
        if price.sum() < cheapest:
            best, cheapest = places.at.copy(), price.sum()
    return best


def least_links(chip: Chip, graph: AxonGraph, core: Ints, rates: Floats, cores: Ints) -> float:
    """Least price of links that any arrangement of the parts on `cores` can have under unicast.

    Gilmore and Lawler's bound; on few cores the higher one of a dual ascent.
    """
    indptr, dests = packet_destinations(chip, graph, core)
    owner = np.repeat(np.arange(graph.n_neurons), np.diff(indptr))
    number = np.full(chip.n_cores, -1)
    number[cores] = np.arange(len(cores))
    flows = np.zeros((len(cores), len(cores)))
    np.add.at(flows, (number[core[owner]], number[dests]), rates[owner])
    np.fill_diagonal(flows, 0.0)
    apart = links_between(chip, cores)
    bound = gilmore_lawler(flows, apart)
    if 1 < len(cores) <= _ASCENT_CORES:
        bound = max(bound, dual_ascent(flows, apart, _SWEEPS))
    return bound


def gilmore_lawler(flows: Floats, apart: Floats) -> float:
    """A lower bound of the least sum of flows times distances.

    Each part on each place costs at least its flows, the largest first, times the distances from
    there, the shortest first; the bound is the cheapest assignment by those costs (Gilmore 1962).
    """
    from scipy.optimize import linear_sum_assignment

    largest = -np.sort(-flows, axis=1)[:, :-1]
    shortest = np.sort(apart, axis=1)[:, 1:]
    least = largest @ shortest.T
    return float(least[linear_sum_assignment(least)].sum())


def _senders(chip: Chip, graph: AxonGraph, core: Ints, rates: Floats) -> _Weighted:
    """Neurons of one core with the same destinations merged; under unicast, all of them."""
    indptr, dests = packet_destinations(chip, graph, core)
    if chip.routing == "unicast":
        owner = np.repeat(core.astype(np.int64), np.diff(indptr))
        pairs, which = np.unique(owner * chip.n_cores + dests, return_inverse=True)
        rate_of = np.repeat(rates, np.diff(indptr))
        flows = np.asarray(np.bincount(which, rate_of, len(pairs)), np.float64)
        home, dest = (part.astype(np.int32) for part in np.divmod(pairs, chip.n_cores))
        return _Weighted(home, np.arange(len(pairs) + 1), dest, flows)
    seen: dict[bytes, int] = {}
    rows: list[Ints] = []
    merged = np.zeros(graph.n_neurons)
    for i in np.flatnonzero(np.diff(indptr) > 0):
        row = np.append(core[i], dests[indptr[i] : indptr[i + 1]])
        net = seen.setdefault(row.tobytes(), len(rows))
        if net == len(rows):
            rows.append(row)
        merged[net] += rates[i]
    sizes = np.array([len(row) - 1 for row in rows], np.int64)
    flat = np.concatenate([row[1:] for row in rows]) if rows else np.zeros(0, np.int32)
    home = np.array([row[0] for row in rows], np.int32)
    return _Weighted(home, np.append(0, np.cumsum(sizes)), flat, merged[: len(rows)])


def _nets(senders: _Weighted, n_cores: int) -> place_arrangement.Nets:
    sizes = np.diff(senders.indptr)
    nets = np.arange(len(sizes))
    away = senders.dests != np.repeat(senders.home, sizes)
    cores = np.concatenate([senders.home, senders.dests[away]])
    owner = np.concatenate([nets, np.repeat(nets, sizes)[away]])
    order = np.lexsort((owner, cores))
    member_indptr = np.append(0, np.cumsum(np.bincount(cores, minlength=n_cores)))
    return place_arrangement.Nets(
        senders.home, senders.indptr, senders.dests, senders.weight,
        member_indptr.astype(np.int64), owner[order],
    )  # fmt: skip

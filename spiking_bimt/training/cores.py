"""Training against a chip: a unit sits on a core, and a weight costs what its axon costs there.

The penalty is packet * sum over sources i and cores c of activity_i price(core_i, c) |W_ci|, with
W_ci the weights of source i onto the units of core c and |.| their 2-norm, so that whole groups
become zero and with them the packet that a spike of i to core c costs (group lasso, Yuan and Lin
2006, doi:10.1111/j.1467-9868.2005.00532.x); or the sum of |w|, which is plain L1 on what leaves the
core. Units change cores, and cores places, when that lowers the same cost.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.limits import allowed, usage
from spiking_bimt.chip.price import packet_price, prices_between
from spiking_bimt.data.chip import Chip
from spiking_bimt.kernels import train_axons
from spiking_bimt.training import bimt
from spiking_bimt.training.parameters import Parameters

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PROPOSALS = 20
"""Moves tried a unit, each time that units may change cores."""
_PARTITION = 4000
"""Moves tried a unit for a partition from nothing."""
_HOT = 0.3
"""Temperature at which such a partition starts, in units of the mean cost of a unit."""


def prices(chip: Chip, used: Ints, ends: float) -> Doubles:
    """(K + 1, K) price of an axon from one used core to another; 1 is the cheapest packet.

    From an input channel, the last row, to any core: `ends`. What stays within a core is free, even
    where the chip sends a packet for it: one packet serves all the synapses there, and hardly any
    unit can do without. Under multicast this bounds the price of the tree from above.
    """
    price = prices_between(chip, used)
    np.fill_diagonal(price, 0.0)
    remote = price[~np.eye(len(used), dtype=bool)]
    cheapest = float(remote[remote > 0].min(initial=np.inf))
    unit = cheapest if math.isfinite(cheapest) else max(packet_price(chip), 1.0)
    outside = np.full((1, len(used)), ends)
    return np.concatenate([price / unit, outside])


@dataclass(frozen=True)
class Cost:
    """The penalty's terms but for the weights."""

    price: Doubles
    """(K + 1, K), see `prices`; K is the number of cores in use."""
    grouped: bool
    """Groups by source and core, or single weights."""
    room: int
    """Units a core holds."""

    def strength(
        self, core: Ints, activity: Doubles, burden: Doubles, n_inputs: int
    ) -> tuple[Doubles, Doubles]:
        """(K, n) and (K, C) price of each group of recurrent and of input weights.

        burden: (K,) price, besides, of every axon into a core and out of it.
        """
        recurrent = self.price[core].T * activity[None] + burden[:, None] + burden[core][None]
        inputs = np.repeat((self.price[-1] + burden)[:, None], n_inputs, axis=1)
        return recurrent, inputs


def sizes(p: Parameters, grouped: bool) -> Doubles:
    """(n, n + C) what each weight adds to its group."""
    w = np.concatenate([p.w_rec, p.w_in], axis=1).astype(np.float64)
    found: Doubles = w**2 if grouped else np.abs(w)
    return found


def improve(
    p: Parameters, core: Ints, activity: Doubles, cost: Cost, seed: tuple[int, ...],
    proposals: int = PROPOSALS, hot: float = 0.0, alike: npt.NDArray[np.floating] | None = None,
    attract: float = 0.0,
) -> Ints:  # fmt: skip
    """The cores of the units after moves and exchanges that lower the cost.

    core, activity: (n,). The same seed gives the same moves. alike: (n, n) how alike units are in
    what they do, which counts as weights that together add `attract` times as much to groups as all
    of w_rec does.
    """
    size = sizes(p, cost.grouped)
    if alike is not None and attract:
        size[:, : len(core)] += bimt.attracted(alike, attract * size[:, : len(core)].sum())
    n_cores, n = cost.price.shape[1], len(core)
    home = np.concatenate([core, np.full(size.shape[1] - n, n_cores)])
    weight = np.concatenate([activity, np.ones(size.shape[1] - n)])
    total = train_axons.sums(size, core, n_cores)
    present = train_axons.cost(total, home, weight, cost.price, cost.grouped)
    rng = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    train_axons.improve(
        size, total, home, weight, cost.price, cost.grouped, cost.room, proposals * n,
        hot * present / n, 1e-9 * present, rng,
    )  # fmt: skip
    return _arranged(total[:, :n], home[:n], activity, cost)


def _arranged(total: Doubles, core: Ints, activity: Doubles, cost: Cost) -> Ints:
    """The same groups of units with whole cores at better places."""
    n_cores = len(total)
    size = np.sqrt(np.maximum(total, 0)) if cost.grouped else total
    flow = np.zeros((n_cores, n_cores))
    np.add.at(flow, core, (size * activity).T)
    between = cost.price[:-1] * ~np.eye(n_cores, dtype=bool)
    return bimt.swap_places(flow, np.arange(n_cores), between, max_swaps=n_cores)[core]


def partition(p: Parameters, activity: Doubles, cost: Cost, seed: int) -> Ints:
    """Cores for units that have none yet: spread evenly at random, then moved as in annealing."""
    n, n_cores = len(activity), cost.price.shape[1]
    start = np.random.default_rng((seed, 109)).permutation(np.arange(n) % n_cores)
    return improve(p, start, activity, cost, (seed, 113), _PARTITION, _HOT)


def reached(p: Parameters, core: Ints, n_cores: int) -> npt.NDArray[np.bool_]:
    """(K, n) whether a spike of each unit needs a packet to each core, its own apart."""
    connected = (p.w_rec != 0).astype(np.float64)
    found = train_axons.sums(connected, core, n_cores) > 0
    found[core, np.arange(len(core))] = False
    return found


def packets_per_spike(p: Parameters, core: Ints, activity: Doubles, n_cores: int) -> float:
    """Other cores that a spike reaches, on average over the spikes of all units."""
    return float(reached(p, core, n_cores).sum(0) @ activity / activity.sum())


def axon_graph(p: Parameters, delay: int) -> AxonGraph:
    """The axon graph of the spiking network that these weights become."""
    connected = np.concatenate([p.w_rec, p.w_in], axis=1) != 0
    source, target = np.nonzero(connected.T)
    post, pre = np.nonzero(connected)
    n, n_sources = connected.shape
    return AxonGraph(
        n_neurons=n,
        indptr=np.searchsorted(source, np.arange(n_sources + 1)),
        targets=target.astype(np.int32),
        pre_indptr=np.searchsorted(post, np.arange(n + 1)),
        pre=pre.astype(np.int32),
        weight_bits=None,
        split_signs=False,
        longest_delay=delay,
    )


def overfull(chip: Chip, p: Parameters, core: Ints, used: Ints, delay: int) -> Doubles:
    """(K,) by what share each core in use exceeds its most exceeded limit; 0 where it keeps all."""
    found = usage(chip, axon_graph(p, delay), used[core].astype(np.int32))
    share = np.stack(list(vars(found).values())) / allowed(chip)[:, None]
    excess: Doubles = np.maximum(share.max(0)[used] - 1, 0)
    return excess

"""How others place: the baselines of place.py. Each returns the core of every neuron.

What a baseline leaves illegal (METIS overfills parts) our moves and swaps repair, and no more.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import start
from spiking_bimt.chip.arrange import arranged
from spiking_bimt.chip.graph import packet_destinations
from spiking_bimt.chip.hypergraph import hypergraph_parts
from spiking_bimt.chip.price import links_between
from spiking_bimt.chip.refine import ROUNDS
from spiking_bimt.chip.search import Problem, search_from

Ints = npt.NDArray[np.int32]
Method = Callable[[Problem, Ints, int], Ints]


def legal(problem: Problem, core: Ints, used: Ints, seed: int) -> Ints:
    """The placement with broken limits repaired."""
    search = search_from(problem, core)
    if not search.repaired(used, np.array([seed], np.uint64)):
        raise RuntimeError("a baseline could not be made legal")
    return search.core.copy()


def sequential(problem: Problem, used: Ints, seed: int) -> Ints:
    """PACMAN's scheme: neurons in order, core after core."""
    order = start.sequential(len(problem.positions), problem.room)
    return legal(problem, used[order], used, seed)


def assigned(problem: Problem, parts: Ints, used: Ints, seed: int) -> Ints:
    """Parts on cores by annealed exchanges (QAP)."""
    core = legal(problem, used[parts], used, seed)
    places = start.surrounding_cores(problem.chip, used)
    rng = np.array([seed], np.uint64)
    return arranged(problem.chip, problem.graph, core, problem.rates, places, rng)[core]


def metis(problem: Problem, used: Ints, seed: int) -> Ints:
    """METIS's edge cut on the graph of synapses weighted by rates, then QAP."""
    import pymetis
    from scipy.sparse import coo_array

    graph, n = problem.graph, len(problem.positions)
    source = np.repeat(np.arange(n), np.diff(graph.indptr[: n + 1]))
    target = graph.targets[: len(source)]
    both = coo_array((problem.rates[source], (source, target)), (n, n)).tocsr()
    both = (both + both.T).tocsr()
    both.setdiag(0)
    both.eliminate_zeros()
    weights = np.maximum(1, np.rint(1000 * both.data / both.data.mean())).astype(int)
    _, parts = pymetis.part_graph(
        len(used), xadj=both.indptr, adjncy=both.indices, eweights=weights,
        options=pymetis.Options(seed=seed, ufactor=10),
    )  # fmt: skip
    return assigned(problem, np.array(parts, np.int32), used, seed)


def mtkahypar(problem: Problem, used: Ints, seed: int) -> Ints:
    """Mt-KaHyPar's connectivity on the hypergraph of senders weighted by rates, then QAP."""
    given = problem.graph, problem.rates, len(used), problem.room, seed
    parts = hypergraph_parts(*given, preset="DEFAULT")
    return assigned(problem, parts, used, seed)


def force_directed(problem: Problem, used: Ints, seed: int) -> Ints:
    """Hilbert curve, then exchanges of neighbouring cores while forces pull them (ASPLOS'23).

    The force between two parts is their flow of unicast packets; a pass goes over all neighbouring
    pairs in the order of what an exchange gains.
    """
    chip, n_cores = problem.chip, problem.chip.n_cores
    core = legal(problem, start.hilbert(problem.positions, used, chip.core_xy()), used, seed)
    indptr, dests = packet_destinations(chip, problem.graph, core)
    owner = np.repeat(np.arange(len(core)), np.diff(indptr))
    flows = np.zeros((n_cores, n_cores))
    np.add.at(flows, (core[owner], dests), problem.rates[owner])
    flows += flows.T
    apart = links_between(chip, np.arange(n_cores))
    xy, at = chip.core_xy()[used].astype(int), used.copy()  # part used[k] sits at at[k]
    near = abs(xy[:, None] - xy).sum(-1) <= 1
    pairs = np.argwhere(np.triu(near, 1))
    between = flows[np.ix_(used, used)]

    def gain(p: int, q: int) -> float:
        pull = between[p] - between[q]
        pull[[p, q]] = 0.0
        return float(pull @ (apart[at[p], at] - apart[at[q], at]))

    where = np.arange(len(used))  # the part at each place
    for _ in range(100):
        gains = np.array([gain(where[i], where[j]) for i, j in pairs])
        moved = False
        for k in np.argsort(-gains, kind="stable"):
            i, j = pairs[k]
            if gains[k] <= 0:
                break
            p, q = where[i], where[j]
            if gain(p, q) > 1e-12:
                at[p], at[q] = at[q], at[p]
                where[i], where[j] = q, p
                moved = True
        if not moved:
            break
    place_of = np.arange(n_cores, dtype=np.int32)
    place_of[used] = at
    return place_of[core]


def annealing(problem: Problem, used: Ints, seed: int) -> Ints:
    """Plain simulated annealing on the chip's own cost, from random cores.

    400 proposals per neuron; above 20,000 neurons 40, as many as ours makes there.
    """
    n, rng = len(problem.positions), np.array([seed], np.uint64)
    per_neuron = 400 if n <= 20_000 else 40
    begun = legal(problem, start.shuffled(n, used, seed), used, seed)
    search = search_from(problem, begun)
    scale, per_round = search.cost / n, per_neuron * n // ROUNDS
    for step in range(ROUNDS):
        search.anneal(used, rng, 0.3 * 1e-3 ** (step / (ROUNDS - 1)) * scale, per_round, False)
    return search.core.copy()


METHODS: dict[str, Method] = {
    "sequential": sequential, "hilbert + force": force_directed, "METIS + QAP": metis,
    "Mt-KaHyPar + QAP": mtkahypar, "annealing": annealing,
}  # fmt: skip

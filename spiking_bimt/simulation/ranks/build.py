"""Builds each rank's share of a network, which no process ever has as a whole."""

from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import xxhash

from spiking_bimt.data import store, validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import NeuronOptions
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import MOST_NEURONS, NetworkOptions, SheetRows, from_csr
from spiking_bimt.simulation.locality import select_neurons
from spiking_bimt.simulation.ranks.cut import checked_ranks, in_blocks, split_by_rank
from spiking_bimt.simulation.ranks.rows import Rows, gather_share
from spiking_bimt.simulation.ranks.share import Share
from spiking_bimt.simulation.ranks.world import size_of

Array = npt.NDArray[Any]


@checked
def share_of_rows(
    n: int,
    rows: Any,
    *,
    comm: Any = None,
    ranks: npt.ArrayLike | None = None,
    dt: float = 0.1,
    delay: int = 1,
    reset: str = "value",
    **neurons: Unpack[NeuronOptions],
) -> Share:
    """This rank's share of a network of n neurons whose synapses a function gives.

    rows(low, high): of the presynaptic neurons low..high - 1 the CSR arrays indptr
    (high - low + 1,), indices (postsynaptic neurons) and weights, and fourth the delays in steps
    where synapses have their own. It must give the same for equal arguments on every rank; each
    rank calls it for some of the neurons, in ascending order. comm: communicator of mpi4py, all
    ranks of which must call this. ranks (n,): rank of each neuron, by default blocks in order. dt:
    step, ms. delay, steps, reset and neurons: as in `from_csr`, each parameter one number or (n,).

    Raises InputError, with the argument's name, for what cannot be.
    """
    size = size_of(comm)
    if not 1 <= n <= MOST_NEURONS:
        raise InputError(f"share_of_rows: n is {n}: a network has 1 to {MOST_NEURONS:,} neurons")
    if not callable(rows):
        raise InputError("share_of_rows: rows is no function of the first neuron and the last")
    rank_of = in_blocks(np.ones(n), size) if ranks is None else checked_ranks(ranks, n, size)
    own = np.flatnonzero(rank_of == (0 if comm is None else comm.Get_rank()))
    parameters: dict[str, Any] = {**neurons}
    given: dict[str, Any] = {
        name: value if np.ndim(value) == 0 else validate.array(
            "share_of_rows", name, value, (n,), np.float64
        )[own]
        for name, value in parameters.items()
        if value is not None
    }  # fmt: skip
    none = np.empty(0, np.int32)
    network = from_csr(
        np.zeros(len(own) + 1, np.int64), none, none, dt=dt, delay=delay, reset=reset, **given
    )
    facts = {"n": n, "dt": dt, "the delay": delay, "the reset": reset}
    return gather_share(comm, network, n, rows, rank_of, facts)


@checked
def share_of_sheet(
    side: int,
    *,
    comm: Any = None,
    ranks: npt.ArrayLike | None = None,
    fan_out: int = 30,
    scale: float = 3.0,
    reach: int = 9,
    excitatory: float = 0.8,
    weights: tuple[float, float] = (0.02, -0.1),
    spread: float = 0.3,
    seed: int = 0,
    dt: float = 0.1,
    **options: Unpack[NetworkOptions],
) -> Share:
    """This rank's share of the network that `random_sheet` makes of the same arguments.

    side, fan_out, scale, reach, excitatory, weights, spread and seed: as there, and options, which
    cannot be `positions` or `delays`. dt: step, ms. comm, ranks (N,): as in `share_of_rows`.

    Raises InputError, with the argument's name, for what cannot be.
    """
    for name in ("positions", "delays"):
        if options.pop(name, None) is not None:  # type: ignore[misc]
            raise InputError(f"share_of_sheet: {name} cannot be given: use `share_of_rows`")
    rows = SheetRows(side, fan_out, scale, reach, excitatory, weights, spread, seed)
    given: dict[str, Any] = {**options}
    return share_of_rows(side * side, rows, comm=comm, ranks=ranks, dt=dt, **given)


@checked
def share_of_file(
    path: str | Path, *, comm: Any = None, ranks: npt.ArrayLike | None = None
) -> Share:
    """This rank's share of the network in a network.h5, of whose synapses it reads a part.

    Weights are the codes' where the network has codes. comm, ranks (N,): as in `share_of_rows`.

    Raises InputError where the file is none of a network, or not the same on all ranks.
    """
    size_of(comm)  # refuses what is none before the file is read
    network = store.load(Path(path), SpikingNetwork, mapped=True)
    facts = {f"the content of {path}": store.content_of(Path(path))}
    return share_of_network(comm, network, ranks, facts, codes=network.codes is not None)


def share_of_network(
    comm: Any, network: SpikingNetwork, ranks: npt.ArrayLike | None, facts: dict[str, Any],
    *, codes: bool = False,
) -> Share:  # fmt: skip
    """This rank's share of a network whose arrays each rank can read. codes: weights of these.

    facts: what all ranks must have in common.
    """
    size, me = size_of(comm), comm.Get_rank() if comm is not None else 0
    rank_of = (
        split_by_rank(network, size)
        if ranks is None
        else checked_ranks(ranks, network.n_neurons, size)
    )
    own = select_neurons(network, np.flatnonzero(rank_of == me))
    rows = rows_of(network, codes=codes)
    return gather_share(comm, own, network.n_neurons, rows, rank_of, facts)


def facts_of(network: SpikingNetwork) -> dict[str, Any]:
    """What must be equal on all ranks that run a network which each has in memory."""
    total = xxhash.xxh3_128()
    given = (network.delays, *network.parameters(slice(None)).values())
    for array in (network.indptr, network.indices, network.weights, *given):
        if array is not None:
            total.update(np.ascontiguousarray(array).data)
    return {
        "dt": network.dt, "the delay": network.delay, "the reset": network.reset,
        "the digest of the network": total.hexdigest(),
    }  # fmt: skip


def rows_of(network: SpikingNetwork, *, codes: bool = False) -> Rows:
    """The rows of a network, with the weights of its integer codes or as they are."""

    def rows(low: int, high: int) -> tuple[Array, ...]:
        bounds = network.indptr[low : high + 1]
        some = slice(int(bounds[0]), int(bounds[-1]))
        indptr, post = bounds - bounds[0], network.indices[some]
        delays = () if network.delays is None else (network.delays[some],)
        if not codes or network.codes is None or network.scale is None:
            return indptr, post, network.weights[some], *delays
        kept = network.codes[some] != 0  # as in `SpikingNetwork.quantised`
        post = post[kept]
        weights = network.codes[some][kept].astype(np.float32) * network.scale[post]
        indptr = np.append(0, np.cumsum(kept))[indptr]
        return indptr, post, weights, *(waits[kept] for waits in delays)

    return rows

"""Rows of synapses on their way to the ranks of their targets, and the shares that they give.

Each rank makes or reads the rows of some presynaptic neurons, piece by piece, and sends every
synapse to the rank of its target.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store, validate
from spiking_bimt.data.network import LONGEST_DELAY, SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.propagators import is_uniform
from spiking_bimt.simulation.ranks.share import Share
from spiking_bimt.simulation.ranks.world import agree, size_of, wait

Array = npt.NDArray[Any]
Rows = Callable[[int, int], tuple[Array, ...]]
"""Gives indptr, indices, weights and perhaps delays of the presynaptic neurons low..high - 1."""

_PIECE = 2**18
"""Synapses of a piece, about; their sending takes some 50 bytes for each."""
_FIRST = 256
"""Neurons of the first piece."""
_SYNAPSES = 3  # the tag of messages


class _Piece(NamedTuple):
    """Synapses by presynaptic neuron."""

    pre: Array
    post: Array
    weights: Array
    delays: Array | None


class _Rows(NamedTuple):
    """Synapses by presynaptic neuron, each of which is named once, with how many it has."""

    sources: Array
    counts: Array
    post: Array
    weights: Array
    delays: Array | None


def gather_share(
    comm: Any, network: SpikingNetwork, n: int, rows: Rows, rank_of: Array, facts: dict[str, Any]
) -> Share:
    """The share of this rank. network: its neurons, ascending; rank_of (n,): rank of each neuron.

    rows: of any presynaptic neurons; this rank asks for those of a block of them. facts: what all
    ranks must have in common.
    """
    size, me = size_of(comm), comm.Get_rank() if comm is not None else 0
    agree(comm, {"the version of spiking_bimt": store.version()} | facts)
    own = np.flatnonzero(rank_of == me)
    place = np.empty(n, np.int32)
    for rank in range(size):
        mine = np.flatnonzero(rank_of == rank)
        place[mine] = np.arange(len(mine), dtype=np.int32)
    pieces: list[list[_Rows]] = [[] for _ in range(size)]
    at, stop, many, done = n * me // size, n * (me + 1) // size, _FIRST, False
    while not done:
        high = min(at + many, stop)
        piece = _checked_rows(rows(at, high), at, high, n)
        many = max(int(_PIECE * (high - at) / max(len(piece.pre), 1)), 1)
        at = high
        received, done = _swap(comm, piece, rank_of, place, at == stop)
        for rank, found in enumerate(received):
            pieces[rank].append(_by_row(found))
    return _assembled(comm, network, own, n, rank_of, [one for each in pieces for one in each])


def _assembled(
    comm: Any, network: SpikingNetwork, own: Array, n: int, rank_of: Array, pieces: list[_Rows]
) -> Share:
    """The share that the pieces give, which are by source, with what all ranks know together."""
    size = size_of(comm)
    taus = tuple(
        float(row[0])
        for row in (network.tau_mem, network.tau_syn, network.tau_syn_negative)
        if row is not None
    )
    sources, counts, post, weights = (
        np.concatenate([piece[k] for piece in pieces]) for k in range(4)
    )
    waits = np.concatenate(
        [piece.delays for piece in pieces if piece.delays is not None] or [np.empty(0, np.int32)]
    )
    least, most = (int(waits.min()), int(waits.max())) if len(waits) else (LONGEST_DELAY, 0)
    mine = is_uniform(network), taus, len(post), least, most, pieces[0].delays is not None
    known = [mine] if comm is None else comm.allgather(mine)
    own_delays = any(rank[5] for rank in known)
    if own_delays and not all(rank[5] for rank in known):
        raise InputError("rows gives delays for some neurons and none for others")
    reach = min(rank[3] for rank in known), max(rank[4] for rank in known)
    if not own_delays or reach[1] < reach[0]:
        reach, own_delays = (network.delay, network.delay), False
    if size > 1 and reach[0] < 1:
        raise InputError("a network with delays of 0 steps runs in one process: ranks need 1")
    if size == 1:  # the history has all neurons, by number
        fan_out = np.zeros(n, np.int64)
        fan_out[sources] = counts
        sources, counts = np.arange(n), fan_out
    return Share(
        network=network, own=own, ranks=size, n_neurons=n,
        n_synapses=sum(rank[2] for rank in known),
        alike=all(rank[0] for rank in known) and len({rank[1] for rank in known}) == 1,
        sources=sources.astype(np.int64), rank_of=rank_of[sources],
        indptr=np.append(0, np.cumsum(counts, dtype=np.int64)), indices=post, weights=weights,
        delays=waits.astype(np.int32, copy=False) if own_delays else None, reach=reach,
    )  # fmt: skip


def _by_row(piece: _Piece) -> _Rows:
    """Synapses whose sources ascend, with each source once."""
    new = np.append(True, piece.pre[1:] != piece.pre[:-1]) if len(piece.pre) else np.empty(0, bool)
    starts = np.flatnonzero(new)
    counts = np.diff(starts, append=len(piece.pre))
    return _Rows(piece.pre[starts], counts, *piece[1:])


def _swap(
    comm: Any, piece: _Piece, rank_of: Array, place: Array, last: bool
) -> tuple[list[_Piece], bool]:
    """What every rank has for this one of its piece, targets as places; whether all sent the last.

    last: whether this rank did.
    """
    if comm is None:
        return [piece], last
    me, size = comm.Get_rank(), comm.Get_size()
    to = rank_of[piece.post]
    order = np.argsort(to, kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(to, minlength=size)))
    columns = [piece.pre, place[piece.post], piece.weights.view(np.int32)]
    columns += [] if piece.delays is None else [piece.delays]
    told = [
        np.concatenate([column[order[low:high]] for column in columns])
        for low, high in pairwise(starts.tolist())
    ]
    given = np.array([[len(message), last, len(columns)] for message in told], np.int64)
    known = np.empty_like(given)
    comm.Alltoall(given, known)
    heard = [np.empty(int(length), np.int32) for length in known[:, 0]]
    heard[me] = told[me]
    others = [rank for rank in range(size) if rank != me]
    wait([
        *(comm.Irecv(heard[rank], rank, _SYNAPSES) for rank in others if len(heard[rank])),
        *(comm.Isend(told[rank], rank, _SYNAPSES) for rank in others if len(told[rank])),
    ])  # fmt: skip
    found = []
    for message, many in zip(heard, known[:, 2].tolist(), strict=True):
        pre, post, weights, *delays = message.reshape(many, -1)
        found.append(_Piece(pre, post, weights.view(np.float32), delays[0] if delays else None))
    return found, bool(known[:, 1].all())


def _checked_rows(found: Any, low: int, high: int, n: int) -> _Piece:
    """What a function of rows gave, synapse by synapse; InputError where it cannot be."""
    owner = f"rows({low}, {high})"
    if not isinstance(found, tuple | list) or len(found) not in (3, 4):
        raise InputError(f"{owner} gives no (indptr, indices, weights) or these and delays")
    indptr = validate.array(owner, "indptr", found[0], (high - low + 1,), np.int64)
    post = validate.array(owner, "indices", found[1], (None,), np.int32)
    weights = validate.array(owner, "weights", found[2], post.shape, np.float32)
    validate.csr(owner, indptr, post, n)
    delays = None
    if len(found) == 4:
        delays = validate.array(owner, "delays", found[3], post.shape, np.int32)
        if len(delays) and not 0 <= delays.min() <= delays.max() <= LONGEST_DELAY:
            raise InputError(f"{owner}.delays lie outside 0..{LONGEST_DELAY} steps")
    pre = np.repeat(np.arange(low, high, dtype=np.int32), np.diff(indptr))
    return _Piece(pre, post, weights, delays)

"""Spikes from rank to rank: who has targets of whom, and one message to each of these a window."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.kernels.sim_ranks import read_messages, write_messages
from spiking_bimt.simulation.ranks.share import Share
from spiking_bimt.simulation.ranks.world import wait

Array = npt.NDArray[Any]

_SETUP, _SPIKES = 1, 2  # tags of messages


class Routes(NamedTuple):
    """Where the spikes of a rank's neurons go."""

    receivers: Array
    """(R,) ranks with targets of them: this one first, even where it has none, then ascending."""
    indptr: Array
    """(n + 1,) where the entries of each neuron begin in the next two."""
    receiver: Array
    """Which receiver."""
    row: Array
    """The neuron's row of synapses there."""
    senders: Array
    """(S,) ranks whose neurons have targets here: this one first, then ascending."""
    rows_from: Array
    """(S,) rows here of each sender's neurons."""
    rows_to: Array
    """(R,) neurons here with a row at each receiver."""


def find_routes(comm: Any, share: Share) -> Routes:
    """The routes of this rank. All ranks of `comm` must call it together."""
    me, size = comm.Get_rank(), comm.Get_size()
    asked = np.bincount(share.rank_of, minlength=size).astype(np.int64)
    wanted = np.empty_like(asked)
    comm.Alltoall(asked, wanted)
    by_rank = np.argsort(share.rank_of, kind="stable")
    starts = np.append(0, np.cumsum(asked))
    # What each sender is told: the numbers of its neurons that have rows here, and these rows.
    told = {
        int(rank): np.stack([share.sources[by_rank[low:high]], by_rank[low:high]])
        for rank, low, high in zip(range(size), starts[:-1], starts[1:], strict=True)
        if high > low
    }
    heard = {int(rank): np.empty((2, wanted[rank]), np.int64) for rank in np.flatnonzero(wanted)}
    if me in told:
        heard[me] = told[me]
    wait([
        *(comm.Irecv(table, rank, _SETUP) for rank, table in heard.items() if rank != me),
        *(comm.Isend(table, rank, _SETUP) for rank, table in told.items() if rank != me),
    ])  # fmt: skip
    receivers = np.array([me, *(rank for rank in sorted(heard) if rank != me)])
    senders = np.array([me, *(rank for rank in sorted(told) if rank != me)])
    tables = [heard.get(int(rank), np.empty((2, 0), np.int64)) for rank in receivers]
    own = np.concatenate([np.searchsorted(share.own, table[0]) for table in tables])
    order = np.argsort(own, kind="stable")
    rows_to = np.array([table.shape[1] for table in tables])
    return Routes(
        receivers=receivers,
        indptr=np.searchsorted(own[order], np.arange(len(share.own) + 1)),
        receiver=np.repeat(np.arange(len(receivers)), rows_to)[order].astype(np.int32),
        row=np.concatenate([table[1] for table in tables])[order].astype(np.int32),
        senders=senders,
        rows_from=asked[senders],
        rows_to=rows_to,
    )


class Exchange:
    """Tells the ranks that have targets of this rank's spikes, and hears of theirs."""

    def __init__(self, comm: Any, routes: Routes, most_steps: int, n_rows: int) -> None:
        """most_steps: of a window between two exchanges. n_rows: of synapses on this rank."""
        self._comm, self._routes = comm, routes
        # A message can hold a spike of each neuron in each step; memory that none fills is not
        # taken.
        self._to, self._from = (
            np.append(0, np.cumsum(most_steps * (1 + many)))
            for many in (routes.rows_to, routes.rows_from)
        )
        self._outbox = np.empty(self._to[-1], np.int32)
        self._inbox = np.empty(self._from[-1], np.int32)
        self._lengths = np.zeros(len(routes.receivers), np.int64)
        self._present = np.zeros(n_rows // 64 + 1, np.uint64)
        self.sent = 0
        """Spikes sent to other ranks so far, each counted for every rank that it went to."""

    def swap(
        self, spikes: Array, cursors: Array, first: Array, row: int, steps: int, indptr: Array
    ) -> tuple[Array, Array]:
        """Put the spikes of all ranks in the place of this rank's in rows `row`.. of the history.

        steps: rows, the steps of a window. Returns history and cursors.
        """
        routes, comm, inbox = self._routes, self._comm, self._inbox
        heard = [
            comm.Irecv(inbox[low:high], rank, _SPIKES)
            for rank, low, high in zip(
                routes.senders[1:].tolist(), self._from[1:-1].tolist(), self._from[2:].tolist(),
                strict=True,
            )
        ]  # fmt: skip
        write_messages(
            spikes, first, row, steps, routes.indptr, routes.receiver, routes.row, self._to[:-1],
            self._outbox, self._lengths,
        )  # fmt: skip
        lengths = self._lengths.tolist()
        told = [
            comm.Isend(self._outbox[low : low + length], rank, _SPIKES)
            for rank, low, length in zip(
                routes.receivers[1:].tolist(), self._to[1:-1].tolist(), lengths[1:], strict=True
            )
        ]
        inbox[: lengths[0]] = self._outbox[: lengths[0]]
        self.sent += sum(lengths[1:]) - steps * len(told)
        wait(heard + told)
        found: tuple[Array, Array] = read_messages(
            inbox, self._from[:-1], steps, spikes, cursors, first, row, indptr, self._present
        )
        return found


def gather(comm: Any, counts: Array, neurons: Array, n_neurons: int) -> tuple[Array, Array] | None:
    """Spikes of each step and their neurons, of all ranks, on rank 0; None on the others.

    counts (steps,): this rank's spikes of each step; neurons: theirs, by step and ascending.
    """
    me, size = comm.Get_rank(), comm.Get_size()
    message = np.concatenate([counts, neurons]).astype(np.int32)
    lengths = np.empty(size, np.int64)
    wait([comm.Igather(np.array([len(message)], np.int64), lengths)])
    starts = np.append(0, np.cumsum(lengths))
    box = np.empty(starts[-1] if me == 0 else 0, np.int32)
    if me:
        wait([comm.Isend(message, 0, _SETUP)])
        return None
    box[: len(message)] = message
    wait([
        comm.Irecv(box[starts[rank] : starts[rank + 1]], rank, _SETUP) for rank in range(1, size)
    ])  # fmt: skip
    steps = len(counts)
    first, none = np.zeros(steps + 1, np.int64), np.empty(0, np.int64)
    spikes = np.empty(len(box) - size * steps, np.int32)
    present = np.zeros(n_neurons // 64 + 1, np.uint64)
    spikes, _ = read_messages(box, starts[:-1], steps, spikes, none, first, 0, none, present)
    return np.diff(first), spikes

"""A stand-in for mpi4py's communicator whose ranks are threads of one process."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Queue
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Request:
    """A message that a rank has asked for; one that it has sent counts as gone."""

    def __init__(self, source: "Queue[Array] | None" = None, into: Array | None = None) -> None:
        self.source, self.into, self.done = source, into, source is None

    @staticmethod
    def Testall(requests: Sequence["Request"]) -> bool:
        for request in requests:
            if not request.done and request.source is not None and request.into is not None:
                try:
                    found = request.source.get_nowait()
                except Empty:
                    return False
                flat = request.into.reshape(-1)
                flat[: found.size] = found.reshape(-1)
                request.done = True
        return True


class Comm:
    """What the package uses of mpi4py's communicators."""

    def __init__(self, rank: int, size: int, shared: dict[Any, Any]) -> None:
        self.rank, self.size, self.shared, self.dups = rank, size, shared, 0

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return self.size

    def Dup(self) -> "Comm":
        return self

    def _queue(self, source: int, target: int, tag: int) -> "Queue[Array]":
        with self.shared["lock"]:
            queue: Queue[Array] = self.shared.setdefault((source, target, tag), Queue())
            return queue

    def Isend(self, array: Array, target: int, tag: int) -> Request:
        self._queue(self.rank, target, tag).put(np.array(array))
        return Request()

    def Irecv(self, into: Array, source: int, tag: int) -> Request:
        return Request(self._queue(source, self.rank, tag), into)

    def _all(self, value: Any) -> list[Any]:
        """What each rank gives."""
        self.shared["values"][self.rank] = value
        self.shared["barrier"].wait()
        found = list(self.shared["values"])
        self.shared["barrier"].wait()
        return found

    def bcast(self, value: Any, root: int = 0) -> Any:
        return self._all(value)[root]

    def allgather(self, value: Any) -> list[Any]:
        return self._all(value)

    def Alltoall(self, given: Array, into: Array) -> None:
        into[:] = [row[self.rank] for row in self._all(given.copy())]

    def Igather(self, given: Array, into: Array) -> Request:
        into[:] = np.concatenate(self._all(given.copy()))
        return Request()

    def Iallreduce(self, given: Array, into: Array) -> Request:
        into[:] = sum(self._all(given.copy()))
        return Request()


def run_ranks(size: int, work: Callable[[Comm], Any]) -> list[Any]:
    """What `work` returns on each of so many ranks."""
    shared: dict[Any, Any] = {
        "lock": threading.Lock(), "barrier": threading.Barrier(size), "values": [None] * size,
    }  # fmt: skip

    def one(rank: int) -> Any:
        try:
            return work(Comm(rank, size, shared))
        except BaseException:
            shared["barrier"].abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        ran = [pool.submit(one, rank) for rank in range(size)]
    errors = [error for future in ran if (error := future.exception()) is not None]
    for error in errors:  # of those that another rank's error ended last
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [future.result() for future in ran]

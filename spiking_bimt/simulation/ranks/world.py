"""The processes of an MPI run, through mpi4py: whether there are any, and how they wait."""

import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from spiking_bimt.errors import InputError

_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
"""Variables in which launchers of MPI say how many processes there are. Slurm's says it of any
step: it counts where PMIX_RANK is set, too."""
_PLACES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
"""Variables in which they number the processes."""
_LOOKS = 200
"""Looks at a message that has not come, some ten microseconds, before the core is given away."""
_NAP = 2e-5
"""Time for which it is then given away, s."""
_AFTER_RANK_0 = 2.0
"""Time that other ranks leave to rank 0 to tell an error that all of them see, s."""
_PASSED_ON = 0.3
"""Time that a launcher gets to pass on what was printed, s: MPICH's drops it when ranks end."""


def launched() -> tuple[int, int]:
    """Number and count of the processes that a launcher of MPI (mpiexec, srun) started; 0, 1 else.

    Without mpi4py, from the variables that it sets.
    """
    for place, size in zip(_PLACES, _SIZES, strict=True):
        if place in os.environ:
            return int(os.environ[place]), int(os.environ.get(size, "1"))
    return 0, 1


def world() -> Any:
    """mpi4py's communicator of all processes; InputError names the extra where it lacks."""
    try:
        from mpi4py import MPI
    except ModuleNotFoundError as error:
        raise InputError(
            "mpi4py is not installed: pip install 'spiking-bimt[mpi]', with the MPI of your "
            "cluster, or beside the package mpich, which brings one"
        ) from error
    return MPI.COMM_WORLD


def size_of(comm: Any) -> int:
    """Ranks of a communicator, 1 for None; InputError for anything else."""
    if comm is None:
        return 1
    try:
        return int(comm.Get_size())
    except (AttributeError, TypeError) as error:
        from spiking_bimt.data.arguments import shown  # numpy: not for every command's --help

        raise InputError(
            f"comm is {shown(comm)}, expected a communicator of mpi4py, such as MPI.COMM_WORLD"
        ) from error


def wait(requests: Sequence[Any]) -> None:
    """Wait for all requests of mpi4py, and leave the core to others after a while.

    MPI's own wait never does: where a machine has more processes than cores, ranks that wait hold
    up those that they wait for.
    """
    if not requests:
        return
    done, looks = type(requests[0]).Testall, 0
    while not done(requests):
        looks += 1
        if looks > _LOOKS:
            time.sleep(_NAP)


def end_together(comm: Any) -> None:
    """From now on an error that nothing catches in this process ends all ranks of `comm`.

    Else the others would wait for this one without end.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, InputError):
            stop_all(comm, str(error))
        before(kind, error, trace)
        stop_all(comm, "")

    if before.__name__ != "hook" or before.__module__ != __name__:
        sys.excepthook = hook


def stop_all(comm: Any, line: str, code: int = 1, program: str = "") -> None:
    """End all ranks, with one line by the first that has seen why, after the program's name."""
    rank = comm.Get_rank()
    if rank:  # where all of them see it, rank 0 tells it and ends the others in this time
        time.sleep(_AFTER_RANK_0)
    if line:
        print(f"{program}rank {rank}: {line}", file=sys.stderr, flush=True)
        time.sleep(_PASSED_ON)
    comm.Abort(code)
    os._exit(code)  # MPICH returns, and ends the process a little later


def agree(comm: Any, facts: dict[str, Any]) -> None:
    """InputError on a rank whose facts are not those of rank 0, with the first that differs."""
    if comm is None:
        return
    first = comm.bcast(facts, 0)
    for what, value in facts.items():
        if first.get(what) != value:
            raise InputError(
                f"{what} is {value} on rank {comm.Get_rank()} and {first.get(what)} on rank 0: "
                "all ranks need the same"
            )

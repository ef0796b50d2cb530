"""Where the trainings of a study run."""

import contextlib
from collections.abc import Iterator

from spiking_bimt.errors import InputError


@contextlib.contextmanager
def backend(scheduler: str | None, jobs: int) -> Iterator[None]:
    """joblib over the processes of this machine, or over the workers of a Dask scheduler."""
    import joblib

    if jobs < 1:
        raise InputError(f"{jobs} trainings at a time: at least 1 is needed")
    if scheduler is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "a Dask scheduler needs the cluster extra: pip install 'spiking-bimt[cluster]'"
        ) from error
    try:
        client = Client(scheduler, timeout=20)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {scheduler}: start one there") from error
    with client, joblib.parallel_config(backend="dask"):
        yield

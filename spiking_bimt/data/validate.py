"""Checks that the records run on themselves when they are made."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError


def array(
    owner: str,
    name: str,
    value: npt.ArrayLike,
    shape: tuple[int | None, ...],
    dtype: npt.DTypeLike,
    *,
    finite: bool = True,
) -> npt.NDArray[Any]:
    """`value` as a contiguous array of `dtype`; `None` in `shape` admits any length.

    Raises InputError that names `owner.name` when the shape differs or, with `finite`, when an
    entry is NaN or infinite.
    """
    given = np.asarray(value)
    fits = given.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, given.shape, strict=True)
    )
    if not fits:
        want = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        raise InputError(f"{owner}.{name} has shape {given.shape}, expected {want}")
    if given.dtype.kind not in "biuf":
        raise InputError(f"{owner}.{name} holds {given.dtype}, expected numbers")
    if finite and given.dtype.kind == "f" and not np.isfinite(given).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(given))[0])
        raise InputError(f"{owner}.{name}{list(first)} is {given[first]}: it must be finite")
    return np.ascontiguousarray(given, dtype=dtype)


def csr(
    owner: str,
    indptr: npt.NDArray[Any],
    indices: npt.NDArray[Any],
    n_targets: int,
    prefix: str = "",
) -> None:
    """Raise InputError unless `indptr` rises from 0 to len(indices) and indices < n_targets."""
    if indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise InputError(
            f"{owner}.{prefix}indptr must rise from 0 to {len(indices)}, the number of "
            f"{prefix}indices; it goes from {indptr[0]} to {indptr[-1]}"
        )
    if len(indices) and not (indices.min() >= 0 and indices.max() < n_targets):
        bad = int(indices.min()) if indices.min() < 0 else int(indices.max())
        raise InputError(f"{owner}.{prefix}indices holds {bad}, outside 0..{n_targets - 1}")


def positive(owner: str, name: str, value: float) -> None:
    """Raise InputError unless `value` is a finite number above zero."""
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{owner}.{name} is {value}: it must be a finite number above 0")

"""Data sets from files, names, and what a program holds in memory."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.raw_data import KEYS, DataOptions, make_dataset
from spiking_bimt.data import gate
from spiking_bimt.data.dataset import DataSet
from spiking_bimt.errors import InputError

DataLike = str | Path | Mapping[str, Any] | Iterable[Any]
"""A file or name of data; arrays under the names of `raw_data.KEYS`; or pairs of the inputs
(steps, channels) of a sequence and its class, classes (steps,), or targets (steps, K)."""


def read_data(source: DataLike, options: DataOptions) -> DataSet:
    """The data set of a source; InputError says what is wrong with it, and where."""
    if isinstance(source, str | Path):
        path = Path(source)
        with gate.parsing(path, "a file of data"):
            arrays, sha256 = _of_npz(path), _sha256(path)
            return make_dataset(arrays, options, path.stem, str(source), sha256)
    given = source if isinstance(source, Mapping) else join_pairs(source)
    return make_dataset(given, options, "data", "arrays")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_npz(path: Path) -> dict[str, Any]:
    """The arrays of an npz file by name; nothing is unpickled."""
    with (
        gate.opening_npz(path, "an npz file of arrays") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        return {name: _array(archive, name) for name in archive.files}


def _array(archive: Any, name: str) -> Any:
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        ragged = " of different lengths" if name in KEYS else ""
        raise InputError(
            f"{name} is an array of Python objects, which are never unpickled: write sequences"
            f"{ragged} end to end, with offsets"
        ) from error


def join_pairs(pairs: Iterable[Any]) -> dict[str, Any]:
    """The arrays of pairs of inputs and answers, sequences end to end."""
    sequences: list[npt.NDArray[Any]] = []
    answers: list[npt.NDArray[Any]] = []
    for number, pair in enumerate(pairs):
        if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
            raise InputError(f"item {number} of the data is no pair of inputs and labels")
        inputs = np.asarray(pair[0])
        if inputs.ndim != 2 or not inputs.size:
            raise InputError(
                f"the inputs of sequence {number} have shape {inputs.shape}: they must be (steps, "
                "channels)"
            )
        if sequences and inputs.shape[1] != sequences[0].shape[1]:
            raise InputError(
                f"sequence {number} has {inputs.shape[1]} channels, sequence 0 "
                f"{sequences[0].shape[1]}: they must agree"
            )
        sequences.append(inputs)
        answers.append(np.asarray(pair[1]))
    if not sequences:
        raise InputError("the data hold no sequence")
    offsets = np.append(0, np.cumsum([len(inputs) for inputs in sequences]))
    kinds = {(answer.ndim, answer.dtype.kind in "f") for answer in answers}
    if len(kinds) > 1:
        raise InputError("the sequences have answers of different kinds: give all alike")
    (ndim, numbers) = kinds.pop()
    joined = np.array(answers) if ndim == 0 else np.concatenate(answers)
    key = "targets" if numbers and ndim else "labels"
    return {"inputs": np.concatenate(sequences), "offsets": offsets, key: joined}

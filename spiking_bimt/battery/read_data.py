"""Data sets from files, names, and what a program holds in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery import array_files, encoders, event_file, shipped_data, ts_file
from spiking_bimt.battery.raw_data import KEYS, DataOptions, make_dataset
from spiking_bimt.data import gate, hashed
from spiking_bimt.data.dataset import DataSet
from spiking_bimt.errors import InputError, unknown_name

DataLike = str | Path | Mapping[str, Any] | Iterable[Any]
"""A file or name of data; arrays under the names of `raw_data.KEYS`; or pairs of the inputs
(steps, channels) of a sequence and its class, classes (steps,), or targets (steps, K)."""


def read_data(source: DataLike, options: DataOptions) -> DataSet:
    """The data set of a source; InputError says what is wrong with it, and where."""
    if options.encode is None:
        return _read(source, options)
    if options.encode not in encoders.ENCODERS:
        raise unknown_name("encode", options.encode, encoders.ENCODERS)
    if options.standardise is not None:
        raise InputError("`standardise` goes before no encoder: levels are what it takes")
    return encoders.encode(_read(source, options), options.encode)


def _read(source: DataLike, options: DataOptions) -> DataSet:
    if isinstance(source, str) and shipped_data.is_name(source):
        arrays = shipped_data.read_shipped(source)
        own = options if source.startswith("aeon:") else _all_alike(options)
        return make_dataset(arrays, _without_channels(own), str(arrays["name"]), source)
    if isinstance(source, str | Path):
        return _of_file(Path(source), options)
    options = _without_channels(options)
    given = source if isinstance(source, Mapping) else join_pairs(source)
    return make_dataset(given, options, "data", "arrays")


def _of_file(path: Path, options: DataOptions) -> DataSet:
    with gate.parsing(path, "a file of data"), hashed.noting() as read:
        arrays: Mapping[str, Any] | None
        if path.suffix in (".h5", ".hdf5"):
            arrays = array_files.read_hdf5(path, KEYS)
        elif path.suffix == ".ts":
            arrays = ts_file.read_ts(path)
        else:
            arrays = array_files.read_npz(path, KEYS)
        if arrays is None:
            arrays = event_file.read_events(path, options.dt, options.channels)
            options = _all_alike(replace(options, dt=None))
        else:
            options = _without_channels(options)
        sha256 = read.hashes(path)[path.name]
        return make_dataset(arrays, options, path.stem, str(path), sha256)


def _all_alike(options: DataOptions) -> DataOptions:
    """The options for channels of one kind, which one scale suits where none is asked for."""
    return replace(options, standardise=options.standardise or "all")


def _without_channels(options: DataOptions) -> DataOptions:
    if options.channels is not None:
        raise InputError("`channels` are those of event data: leave it out")
    return options


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

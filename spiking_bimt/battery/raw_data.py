"""Data as a file or a caller gives them, checked and made a data set: split, standardised."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.standards import Rows, standards, statistics
from spiking_bimt.data.blocks import (
    as_type,
    blocks,
    empty_like,
    first_not_finite,
    is_mapped,
    rows_of_part,
    sequence_of,
)
from spiking_bimt.data.dataset import SPLITS, DataSet
from spiking_bimt.data.validate import hand_over
from spiking_bimt.errors import InputError, unknown_name

Array = npt.NDArray[Any]

KEYS = ("inputs", "labels", "targets", "offsets", "split", "dt", "classes", "outputs", "channels",
        "name")  # fmt: skip
"""Names under which a file or a mapping gives data."""
STEP_MS = 20.0
"""Time that a step lasts where the data do not say, ms: that of the tasks' fine step."""
TEST_SHARE = 0.2
"""Share of the sequences that test, where the data have no split."""
VALIDATION_SHARE = 0.1
"""Share of the training sequences that are kept for validation, where the data name none."""
LEAST_SEQUENCES = 2
"""Fewest training and test sequences: statistics over sequences need two."""


@dataclass(frozen=True)
class DataOptions:
    """How data are shown to a network."""

    dt: float | None = None
    """Time that a step lasts, ms, in place of what the data say."""
    read: str = "mean"
    """Outputs that tell the class of a sequence: the "mean" over its steps, or the "last"."""
    standardise: str | None = None
    """What gets mean 0 and standard deviation 1 over the training sequences, one of STANDARDISE;
    None for what suits the source, which is each channel if it does not say."""
    channels: int | None = None
    """Channels that neighbouring units of event data share; one for each unit where None."""
    encode: str | None = None
    """Encoder of `battery.encoders` that makes spikes of the inputs."""


def make_dataset(
    given: Mapping[str, Any], options: DataOptions, name: str, source: str = "", sha256: str = ""
) -> DataSet:
    """The data set of arrays under the names of KEYS; InputError says what is wrong with them.

    inputs (n, T, C), or (S, C) with offsets (n + 1,); labels (n,), (S,) or (n, T), whole numbers
    from 0 or texts, or targets (S, K) or (n, T, K); split (n,), names or numbers of SPLITS.
    """
    for key in given:
        if key not in KEYS:
            raise unknown_name("array", key, KEYS)
    inputs, offsets = _inputs(given)
    n, lengths = len(offsets) - 1, np.diff(offsets)
    kind, answers, texts = _answers(given, lengths)
    names = _names(given, kind, answers, texts, inputs.shape[1])
    split = _split(given, n, answers if kind == "sequence" else None)
    _check_split(split, kind, answers, offsets, names["outputs"])
    training = Rows(inputs, offsets, split == 0)
    data: dict[str, Any] = standards(training, names["channels"], options.standardise or "channel")
    if kind == "regression":
        own = statistics(replace(training, values=answers), names["outputs"], "target")
        data |= {f"target_{key}": value for key, value in own.items()}
        data["targets"] = _given_away(as_type(answers, np.float32))
    elif kind == "sequence":
        data["labels"] = _given_away(_at_each_step(answers, offsets, inputs))
    else:
        data["labels"] = _given_away(as_type(answers, np.int32))
    return DataSet(
        name=str(given.get("name", name)), offsets=offsets,
        inputs=_given_away(as_type(inputs, np.float32)),
        split=split.astype(np.int32), kind=kind, dt=_step_ms(given, options),
        channels=names["channels"], outputs=names["outputs"], mean=data["mean"],
        scale=data["scale"], labels=data.get("labels"), targets=data.get("targets"),
        target_mean=data.get("target_mean"), target_scale=data.get("target_scale"),
        read=options.read, source=source, source_sha256=sha256,
    )  # fmt: skip


def _given_away(array: Array) -> Array:
    """An array that the record takes as it is, where it is in a file."""
    return hand_over(array) if is_mapped(array) else array


def _at_each_step(labels: Array, offsets: Array, like: Array) -> Array:
    """(S,) the class of each sequence at each of its steps, in a file where `like` is in one."""
    made = empty_like(like, (int(offsets[-1]),), np.int32)
    for part in blocks(made):
        made[part] = labels[sequence_of(offsets, part)]
    return made


def _step_ms(given: Mapping[str, Any], options: DataOptions) -> float:
    value = np.asarray(given.get("dt", STEP_MS) if options.dt is None else options.dt)
    if value.size != 1 or value.dtype.kind not in "iuf" or not 0 < value < np.inf:
        raise InputError(f"dt is {value}: it must be one number of ms above 0")
    return float(value.reshape(()))


def _inputs(given: Mapping[str, Any]) -> tuple[Array, Array]:
    """Inputs (S, C) and offsets (n + 1,)."""
    if "inputs" not in given:
        raise InputError(f"there are no inputs; it holds {', '.join(given) or 'nothing'}")
    inputs = _numbers("inputs", given["inputs"])
    if "offsets" in given:
        if inputs.ndim != 2:
            raise InputError(
                f"inputs has shape {inputs.shape}: with offsets it must be (steps, channels)"
            )
        offsets = _numbers("offsets", given["offsets"])
        right = offsets.ndim == 1 and len(offsets) > 1 and offsets[0] == 0
        if not (right and offsets[-1] == len(inputs) and (np.diff(offsets) > 0).all()):
            raise InputError(
                f"offsets must rise from 0 to {len(inputs)}, the number of steps, by one sequence "
                "of at least one step each"
            )
    elif inputs.ndim != 3:
        raise InputError(
            f"inputs has shape {inputs.shape}: it must be (sequences, steps, channels), or (steps, "
            "channels) with offsets"
        )
    else:
        offsets = inputs.shape[1] * np.arange(len(inputs) + 1)
        inputs = inputs.reshape(-1, inputs.shape[2])
    if not inputs.size:
        raise InputError("inputs is empty: there is no sequence with a channel")
    offsets = offsets.astype(np.int64)
    if len(offsets) - 1 < 2 * LEAST_SEQUENCES:
        raise InputError(
            f"there are {len(offsets) - 1} sequences: at least {2 * LEAST_SEQUENCES} are needed, "
            "to train and to test; cut a long recording into pieces"
        )
    if np.diff(offsets).max() == 1:
        raise InputError("every sequence has one step: there is no course in time to learn")
    wrong = first_not_finite(inputs)
    if wrong is not None:
        row, channel = wrong
        k = int(np.searchsorted(offsets, row, side="right")) - 1
        raise InputError(
            f"inputs is {inputs[row, channel]} in sequence {k}, step {row - offsets[k]}, channel "
            f"{channel}: fill or drop what is missing first"
        )
    return inputs, offsets


def _numbers(name: str, value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} holds {array.dtype}, expected numbers")
    return array


def _answers(given: Mapping[str, Any], lengths: Array) -> tuple[str, Array, tuple[str, ...]]:
    """Kind, labels (n,) or (S,) or targets (S, K), and the classes where labels are texts."""
    n, steps = len(lengths), int(lengths.sum())
    if ("labels" in given) == ("targets" in given):
        raise InputError("give labels (classes) or targets (numbers), one of the two")
    if "targets" in given:
        targets = _numbers("targets", given["targets"])
        if targets.ndim == 3:
            targets = targets.reshape(-1, targets.shape[2])
        targets = targets[:, None] if targets.ndim == 1 else targets
        if targets.shape[0] != steps or targets.size == 0:
            raise InputError(
                f"targets has shape {np.shape(given['targets'])}: it needs a row for each of the "
                f"{steps} steps"
            )
        wrong = first_not_finite(targets)
        if wrong is not None:
            row, column = wrong
            raise InputError(f"targets[{row}, {column}] is {targets[row, column]}")
        return "regression", targets, ()
    labels, texts = np.asarray(given["labels"]), ()
    shape = labels.shape
    if labels.dtype.kind in "US":
        found, labels = np.unique(labels.astype(str), return_inverse=True)
        texts = tuple(found.tolist())
    labels = labels.reshape(-1) if shape != (n,) else labels
    if len(labels) not in (n, steps) or labels.ndim != 1:
        raise InputError(
            f"labels has shape {shape}: it needs one for each of the {n} sequences, or of the "
            f"{steps} steps"
        )
    whole = labels.dtype.kind in "biu" or (
        labels.dtype.kind == "f"
        and all((labels[part] == np.floor(labels[part])).all() for part in blocks(labels))
    )
    if not whole:
        raise InputError(f"labels hold {labels.dtype}: classes are whole numbers from 0, or texts")
    if labels.min() != 0:
        raise InputError(
            f"labels run from {int(labels.min())} to {int(labels.max())}: number the classes from 0"
        )
    return ("sequence" if shape == (n,) else "steps"), labels, texts


def _names(
    given: Mapping[str, Any], kind: str, answers: Array, texts: tuple[str, ...], n_channels: int
) -> dict[str, tuple[str, ...]]:
    """Names of channels and outputs, those given or their numbers."""
    count = answers.shape[1] if kind == "regression" else int(answers.max()) + 1
    key, other = ("outputs", "classes") if kind == "regression" else ("classes", "outputs")
    if other in given or (texts and key in given):
        raise InputError(f"{other if other in given else key} does not go with these answers")
    found = {}
    for name, target, size in (("channels", "channels", n_channels), (key, "outputs", count)):
        values = tuple(str(v) for v in np.asarray(given.get(name, np.arange(size))).reshape(-1))
        if target == "outputs" and texts:
            values = texts
        if name == "classes" and len(values) > size:
            raise InputError(f"class {size} ({values[size]}) has no training sequence")
        if len(values) != size or len(set(values)) != size:
            raise InputError(f"{name} are {len(values)} names, expected {size}, each once")
        found[target] = values
    return found


def _split(given: Mapping[str, Any], n: int, labels: Array | None) -> Array:
    """(n,) part of each sequence; validation, and test where none is given, are drawn by class."""
    if "split" in given:
        split = np.asarray(given["split"])
        if split.shape != (n,):
            raise InputError(f"split has shape {split.shape}: it needs one part for each of {n}")
        if split.dtype.kind in "US":
            for text in np.unique(split.astype(str)):
                if text not in SPLITS:
                    raise unknown_name("split", str(text), SPLITS)
            split = np.array([SPLITS.index(text) for text in split.astype(str)])
        if split.dtype.kind not in "iu" or split.min() < 0 or split.max() >= len(SPLITS):
            raise InputError(f"split must hold {', '.join(SPLITS)}, or 0, 1, 2 for them")
        split = split.astype(np.int64)
    else:
        split = np.zeros(n, np.int64)
        split[_some(np.arange(n), labels, TEST_SHARE, 0)] = SPLITS.index("test")
    if not (split == SPLITS.index("validation")).any():
        training = np.flatnonzero(split == 0)
        if len(training) <= LEAST_SEQUENCES:
            raise InputError(
                f"the train split has {len(training)} sequences: at least {LEAST_SEQUENCES + 1} "
                "are needed, one of them for validation"
            )
        split[_some(training, labels, VALIDATION_SHARE, 1)] = SPLITS.index("validation")
    return split


def _some(members: Array, labels: Array | None, share: float, stream: int) -> Array:
    """A share of the members, at least one; of each class alike. The same for every training."""
    rng = np.random.default_rng((20, stream))
    groups = [members]
    if labels is not None:
        groups = [members[labels[members] == k] for k in np.unique(labels[members])]
    shuffled = [rng.permutation(group) for group in groups]
    # Each class gives its share, rounded so that the total is right, and keeps one at least.
    wanted = np.diff(np.round(share * np.cumsum([0, *map(len, groups)]))).astype(int)
    parts = [g[: min(k, len(g) - 1)] for g, k in zip(shuffled, wanted, strict=True)]
    chosen = np.concatenate(parts)
    return chosen if len(chosen) or len(members) < 2 else shuffled[0][:1]


def _check_split(
    split: Array, kind: str, answers: Array, offsets: Array, names: tuple[str, ...]
) -> None:
    for part in ("train", "test"):
        count = int((split == SPLITS.index(part)).sum())
        if count < LEAST_SEQUENCES:
            raise InputError(f"the {part} split has {count} sequences: it needs {LEAST_SEQUENCES}")
    if kind != "regression":
        each = offsets if kind == "steps" else np.arange(len(split) + 1)
        found = [np.unique(rows) for rows in rows_of_part(answers, each, split == 0)]
        missing = np.setdiff1d(np.arange(len(names)), np.concatenate(found))
        if len(missing):
            k = int(missing[0])
            said = f" ({names[k]})" if names[k] != str(k) else ""
            raise InputError(f"class {k}{said} has no training sequence")
        if len(names) < 2:
            raise InputError("all labels are 0: at least two classes are needed")

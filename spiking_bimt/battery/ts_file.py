"""The .ts files of the UCR/UEA archive, as aeon and sktime read them.

A header of lines that begin with @, the last of them @data; then a sequence a line: its channels,
each a list of numbers with commas, and its class, with colons between them. The files come in
pairs, NAME_TRAIN.ts and NAME_TEST.ts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import gate
from spiking_bimt.errors import InputError

_LEAVES = ("problemname", "univariate", "dimensions", "dimension", "equallength", "serieslength",
           "missing")  # fmt: skip
"""Tags that say nothing which the sequences do not say."""


@dataclass(frozen=True)
class TsFile:
    """The sequences of one file, their classes, and all classes in the order of the header."""

    sequences: list[npt.NDArray[np.float32]]
    """(steps, channels) each."""
    labels: list[int]
    classes: tuple[str, ...]


def read_ts(path: Path) -> dict[str, Any]:
    """The arrays (`raw_data.KEYS`) of a file, with those of the test file where it has one."""
    first = _read(path)
    parts = [("train", first)]
    partner = partner_of(path)
    if partner is not None:
        parts.append(("test", _read(partner)))
    for _, part in parts[1:]:
        widths = [one.sequences[0].shape[1] for one in (first, part)]
        if widths[0] != widths[1]:
            raise InputError(f"{path} has {widths[0]} channels, {partner} {widths[1]}")
        if part.classes != first.classes:
            raise InputError(f"{path} and {partner} list different classes in @classLabel")
    sequences = [sequence for _, part in parts for sequence in part.sequences]
    given: dict[str, Any] = {
        "inputs": np.concatenate(sequences),
        "offsets": np.append(0, np.cumsum([len(sequence) for sequence in sequences])),
        "labels": np.array([label for _, part in parts for label in part.labels]),
        "classes": first.classes,
        "name": path.stem.removesuffix("_TRAIN"),
    }
    if partner is not None:
        given["split"] = np.repeat([name for name, _ in parts], [len(p.labels) for _, p in parts])
    return given


def partner_of(path: Path) -> Path | None:
    """The test file beside a file of training data: NAME_TEST beside NAME_TRAIN, if it is there."""
    for train, test in (("_TRAIN", "_TEST"), ("_train", "_test")):
        if path.stem.endswith(test):
            raise InputError(f"{path} has test data alone: name the file of the training data")
        if path.stem.endswith(train):
            partner = path.with_stem(path.stem.removesuffix(train) + test)
            if not partner.is_file():
                raise InputError(f"{path} has training data alone: {partner} is missing")
            return partner
    return None


def _read(path: Path) -> TsFile:
    with gate.parsing(path, "a .ts file"):
        lines = gate.read_text(path, gate.MOST_LINES).splitlines()
        classes, begin = _header(lines)
        sequences, labels = [], []
        for number, line in enumerate(lines[begin:], begin + 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            *channels, label = text.split(":")
            if label.strip() not in classes:
                raise InputError(f"line {number}: {label.strip()[:40]!r} is not in @classLabel")
            sequences.append(_sequence(channels, number))
            if sequences[-1].shape[1] != sequences[0].shape[1]:
                raise InputError(
                    f"line {number} has {sequences[-1].shape[1]} channels, the first sequence "
                    f"{sequences[0].shape[1]}"
                )
            labels.append(classes.index(label.strip()))
        if not sequences:
            raise InputError("there is no sequence after @data")
        return TsFile(sequences, labels, classes)


def _header(lines: list[str]) -> tuple[tuple[str, ...], int]:
    """The classes, and the number of the first line after @data."""
    classes: tuple[str, ...] = ()
    for number, line in enumerate(lines):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        tag, values = words[0].lower().removeprefix("@"), words[1:]
        if not words[0].startswith("@"):
            raise InputError(f"line {number + 1} stands before @data and is no tag")
        if tag == "data":
            if not classes:
                raise InputError("it names no classes in @classLabel: classes are needed")
            return classes, number + 1
        if tag == "classlabel" and values[:1] == ["true"]:
            classes = tuple(values[1:])
        elif tag in ("timestamps", "targetlabel") and values[:1] != ["false"]:
            what = "time stamps" if tag == "timestamps" else "a number for each sequence"
            raise InputError(f"it has {what} ({words[0]}), which is not read: only classes are")
        elif tag not in (*_LEAVES, "timestamps", "targetlabel", "classlabel"):
            raise InputError(f"line {number + 1} has the unknown tag {words[0][:40]}")
    raise InputError("it has no @data")


def _sequence(channels: list[str], number: int) -> npt.NDArray[np.float32]:
    """(steps, channels) of one line."""
    if not channels:
        raise InputError(f"line {number} has a class and no channels")
    parts = []
    for k, text in enumerate(channels):
        words = text.split(",")
        missing = [i for i, word in enumerate(words) if word.strip() in ("?", "", "NaN", "nan")]
        if missing:
            raise InputError(
                f"line {number}: channel {k} misses its value at step {missing[0]}: fill or drop "
                "what is missing first"
            )
        parts.append(np.array(words, np.float32))
        if len(parts[-1]) != len(parts[0]):
            raise InputError(
                f"line {number}: channel {k} has {len(parts[-1])} steps, channel 0 {len(parts[0])}"
            )
    return np.stack(parts, axis=1)

"""A data set of a user: sequences with the answers that a network is to give."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import digest, validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.trials import Answer, Trials
from spiking_bimt.errors import InputError, unknown_name

Ints = npt.NDArray[np.int64]

SPLITS = ("train", "validation", "test")
"""Parts of a data set, by their number in `DataSet.split`."""
PREFIX = "data:"
"""What the battery of a network that was trained on a data set begins with."""
READS = ("mean", "last")


@dataclass(frozen=True, eq=False)
class DataSet(validate.Record):
    """Sequences end to end, sequence k at steps offsets[k]..offsets[k + 1], and their answers.

    What a network sees is (inputs - mean) / scale, by channel.
    """

    name: str
    inputs: npt.NDArray[np.float32]
    """(S, C) as in the user's data."""
    offsets: Ints
    """(n + 1,) first step of each sequence."""
    split: npt.NDArray[np.int32]
    """(n,) part of each sequence, an index of SPLITS."""
    kind: str
    """"sequence", "steps" or "regression": see `data.trials.KINDS`."""
    dt: float
    """Time that a step lasts, ms."""
    channels: tuple[str, ...]
    """Names of the C channels."""
    outputs: tuple[str, ...]
    """Names of the K classes or targets."""
    mean: npt.NDArray[np.float32]
    """(C,) of the training sequences, all steps alike; 0 where inputs are taken as they are."""
    scale: npt.NDArray[np.float32]
    """(C,) their standard deviation; 1 where inputs are taken as they are."""
    labels: npt.NDArray[np.int32] | None = None
    """(S,) class at each step, the same at all steps of a "sequence"; None for a regression."""
    targets: npt.NDArray[np.float32] | None = None
    """(S, K) as in the user's data; None for classes."""
    target_mean: npt.NDArray[np.float32] | None = None
    """(K,) of the training sequences; a regression is trained on targets of mean 0 and scale 1."""
    target_scale: npt.NDArray[np.float32] | None = None
    read: str = "mean"
    """Outputs that tell the class of a sequence: the "mean" over its steps, or the "last"."""
    noise: float = 0.0
    """Standard deviation of the noise that training adds to what the network sees, drawn anew at
    each use of a sequence."""
    substeps: int = 1
    """Steps of the network for each step of the user's data: more than 1 where an encoder made
    spikes of them."""
    source: str = ""
    """File or name that the data came from, as it was given."""
    source_sha256: str = ""
    """Of that file, if it was one."""

    def __post_init__(self) -> None:
        check_fields(self)
        name = "DataSet"
        n, steps = np.size(self.offsets) - 1, np.shape(self.inputs)[0]
        n_in, n_out = len(self.channels), len(self.outputs)
        if n < 1 or n_in < 1 or n_out < 1:
            raise InputError(f"{name} has {n} sequences, {n_in} channels and {n_out} outputs")
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "inputs": ((steps, n_in), np.float32),
            "offsets": ((n + 1,), np.int64),
            "split": ((n,), np.int32),
            "mean": ((n_in,), np.float32),
            "scale": ((n_in,), np.float32),
            "labels": ((steps,), np.int32),
            "targets": ((steps, n_out), np.float32),
            "target_mean": ((n_out,), np.float32),
            "target_scale": ((n_out,), np.float32),
        }
        for field, (shape, dtype) in shapes.items():
            if getattr(self, field) is not None:
                value = validate.array(name, field, getattr(self, field), shape, dtype)
                object.__setattr__(self, field, value)
        validate.csr(name, self.offsets, np.broadcast_to(0, steps), 1, ("offsets", "inputs"))
        validate.positive(name, "dt", self.dt)
        self._check_answers(name)

    def _check_answers(self, name: str) -> None:
        if self.kind not in ("sequence", "steps", "regression"):
            raise unknown_name("kind", self.kind, ("sequence", "steps", "regression"))
        if self.read not in READS:
            raise unknown_name("read", self.read, READS)
        numbers = [self.targets, self.target_mean, self.target_scale]
        regression = self.kind == "regression"
        wrong = any((value is not None) != regression for value in numbers)
        if wrong or (self.labels is None) != regression:
            raise InputError(
                f"{name} of kind {self.kind} has labels and targets that do not fit it"
            )
        if self.labels is not None and not (
            self.labels.min() >= 0 and self.labels.max() < len(self.outputs)
        ):
            raise InputError(f"{name}.labels must lie in 0..{len(self.outputs) - 1}")
        if self.split.min() < 0 or self.split.max() >= len(SPLITS):
            raise InputError(f"{name}.split must lie in 0..{len(SPLITS) - 1}")
        if not (self.scale > 0).all() or np.diff(self.offsets).min() < 1:
            raise InputError(f"{name} has an empty sequence, or a scale that is not above 0")
        if not (np.isfinite(self.noise) and self.noise >= 0):
            raise InputError(f"{name}.noise is {self.noise}: it must be finite, least 0")

    @property
    def n_trials(self) -> int:
        """Number of sequences, n."""
        return len(self.offsets) - 1

    @property
    def answer(self) -> Answer:
        """What outputs mean."""
        if self.target_mean is None or self.target_scale is None:
            return Answer(self.kind, self.outputs)
        numbers = (tuple(v.tolist()) for v in (self.target_mean, self.target_scale))
        return Answer(self.kind, self.outputs, *numbers)

    def members(self, part: str) -> Ints:
        """Numbers of the sequences of a part."""
        found: Ints = np.flatnonzero(self.split == SPLITS.index(part))
        return found

    def take(self, chosen: Ints) -> Trials:
        """These sequences as trials, standardised."""
        rows, offsets = rows_of(self.offsets, chosen)
        lengths = np.diff(offsets)
        inputs = (self.inputs[rows] - self.mean) / self.scale
        targets = None
        if self.targets is not None:
            assert self.target_mean is not None
            assert self.target_scale is not None
            targets = (self.targets[rows] - self.target_mean) / self.target_scale
        return Trials(
            inputs=inputs.astype(np.float32),
            labels=np.zeros(len(rows), np.int32) if self.labels is None else self.labels[rows],
            offsets=offsets,
            decision=lengths - 1 if self.read == "last" else np.zeros(len(chosen), np.int32),
            task=np.zeros(len(chosen), np.int32),
            tasks=(self.name,),
            dt=self.dt,
            answer=self.answer,
            targets=targets,
        )


def rows_of(offsets: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """Rows of the chosen sequences one after another, and the offsets of these sequences."""
    lengths = np.diff(offsets)[chosen]
    ends = np.append(0, np.cumsum(lengths))
    rows = np.arange(ends[-1]) + np.repeat(offsets[chosen] - ends[:-1], lengths)
    return rows, ends


def battery_of(data: DataSet) -> str:
    """The battery of a network that is trained on these data: PREFIX and a digest of them all.

    Fields at their defaults are left out, so that a later version may have more of them.
    """
    fields: dict[str, Any] = vars(data)
    arrays = {k: digest.array_digest(v).hex() for k, v in fields.items() if hasattr(v, "dtype")}
    defaults = {field.name: field.default for field in dataclasses.fields(data)}
    plain = {
        k: v
        for k, v in fields.items()
        if k not in arrays and not k.startswith("source") and v != defaults[k]
    }
    text = json.dumps([arrays, plain], sort_keys=True).encode()
    return PREFIX + digest.array_digest(np.frombuffer(text, np.uint8)).hex()[:16]

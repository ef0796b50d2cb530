"""A set of trials: what the network sees and what it should answer."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError, unknown_name

KINDS = ("task", "sequence", "steps", "regression")
"""What the outputs answer: a cognitive task with fixation; the class of a whole trial, by the mean
of the outputs from the decision step on; the class at every step; numbers at every step."""


@documented
@dataclass(frozen=True)
class Answer:
    """What the outputs of a battery mean, and so what trains and scores them."""

    kind: str = "task"
    """One of KINDS."""
    names: tuple[str, ...] = ()
    """Of the K classes or targets of a data set."""
    mean: tuple[float, ...] = ()
    """(K,) of regression: an output z stands for mean + scale * z, in the units of the data."""
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if self.kind not in KINDS:
            raise InputError(f"Answer: {unknown_name('kind', self.kind, KINDS)}")
        wanted = len(self.names) if self.kind == "regression" else 0
        if len(self.mean) != wanted or len(self.scale) != wanted:
            raise InputError(f"Answer needs {wanted} numbers in mean and scale, one per target")


TASK = Answer()
"""Of cognitive tasks."""


@documented
@dataclass(frozen=True, eq=False)
class Trials(validate.Record):
    """Whole trials of a battery, end to end; trial k owns steps offsets[k]..offsets[k + 1]."""

    inputs: npt.NDArray[np.float32]
    """(S, C) input channels at each step; of a task: fixation, stimulus, one-hot rule."""
    labels: npt.NDArray[np.int32]
    """(S,) right output at each step; of a task: 0 fixation, 1.. ring directions."""
    offsets: npt.NDArray[np.int64]
    """(n + 1,) first step of each trial."""
    decision: npt.NDArray[np.int32]
    """(n,) step within the trial at which the decision period starts (the go signal)."""
    task: npt.NDArray[np.int32]
    """(n,) index into `tasks`."""
    tasks: tuple[str, ...]
    """Names of the tasks that `task` counts."""
    dt: float
    """Task step, ms."""
    answer: Answer = TASK
    """What the outputs mean: a class a trial or step, or numbers."""
    targets: npt.NDArray[np.float32] | None = None
    """(S, K) right outputs of a regression, standardised as `answer` says."""

    def __post_init__(self) -> None:
        check_fields(self)
        name, n = "Trials", np.size(self.offsets) - 1
        steps = np.size(self.labels)
        if n < 1:
            raise InputError("Trials.offsets holds no trial: ask for at least 1 trial per task")
        shapes: dict[str, tuple[tuple[int | None, ...], type]] = {
            "inputs": ((steps, None), np.float32),
            "labels": ((steps,), np.int32),
            "offsets": ((n + 1,), np.int64),
            "decision": ((n,), np.int32),
            "task": ((n,), np.int32),
        }
        for field, (shape, dtype) in shapes.items():
            value = validate.array(name, field, getattr(self, field), shape, dtype)
            object.__setattr__(self, field, value)
        largest = np.iinfo(np.int32).max
        validate.csr(name, self.offsets, self.labels, largest, ("offsets", "labels"))
        if (self.targets is None) == (self.answer.kind == "regression"):
            raise InputError(f"{name}.targets belong to a regression, and to nothing else")
        if self.targets is not None:
            width = len(self.answer.names)
            value = validate.array(name, "targets", self.targets, (steps, width), np.float32)
            object.__setattr__(self, "targets", value)
        validate.positive(name, "dt", self.dt)
        for field, most in (("task", len(self.tasks) - 1), ("decision", self.lengths)):
            value = getattr(self, field)
            wrong = np.flatnonzero((value < 0) | (value > most))
            if wrong.size:
                k = int(wrong[0])
                raise InputError(
                    f"{name}.{field}[{k}] is {value[k]}, outside "
                    f"0..{np.broadcast_to(most, (n,))[k]}"
                )

    def by_class(self) -> "Trials":
        """The same trials with the classes of a data set, where each has one, in place of tasks."""
        if self.answer.kind != "sequence":
            return self
        return replace(self, task=self.labels[self.offsets[:-1]], tasks=self.answer.names)

    @property
    def n_trials(self) -> int:
        """Number of trials, n."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(n,) steps of each trial."""
        return np.diff(self.offsets)

    @property
    def n_inputs(self) -> int:
        """Number of input channels, C."""
        return self.inputs.shape[1]

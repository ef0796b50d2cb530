"""A set of task trials: what the network sees and what it should answer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.errors import InputError


@dataclass(frozen=True, eq=False)
class Trials(validate.Record):
    """Whole trials of a battery, end to end; trial k owns steps offsets[k]..offsets[k + 1]."""

    inputs: npt.NDArray[np.float32]
    """(S, C) input channels at each task step: fixation, stimulus, one-hot rule."""
    labels: npt.NDArray[np.int32]
    """(S,) right output at each step: 0 fixation, 1.. ring directions."""
    offsets: npt.NDArray[np.int64]
    """(n + 1,) first step of each trial."""
    decision: npt.NDArray[np.int32]
    """(n,) step within the trial at which the decision period starts (the go signal)."""
    task: npt.NDArray[np.int32]
    """(n,) index into `tasks`."""
    tasks: tuple[str, ...]
    dt: float
    """Task step, ms."""

    def __post_init__(self) -> None:
        check_fields(self)
        name, n = "Trials", np.size(self.offsets) - 1
        steps = np.size(self.labels)
        if n < 1:
            raise InputError("Trials holds no trial: ask for at least 1 trial a task")
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
        validate.csr(name, self.offsets, self.labels, np.iinfo(np.int32).max)
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

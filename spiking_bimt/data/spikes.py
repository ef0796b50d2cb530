"""What a simulation recorded."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.documented import documented
from spiking_bimt.data.validate import hand_over
from spiking_bimt.errors import InputError

if TYPE_CHECKING:
    import pandas

Times = npt.NDArray[np.float64]
_MOST_STEP = 2**31 - 1
"""Last step of a run: spikes keep theirs in 32 bits."""
_ARRAYS = ("outputs", "spike_counts", "offsets", "steps", "neurons", "lengths", "traces")


@documented
@dataclass(frozen=True, eq=False)
class Recording(validate.Record):
    """Spikes, outputs and traces of a network: of one run, or of n trials one after another.

    Step n of a trial is the time from n dt to (n + 1) dt after its start; its spikes are at the
    end of it. A run without trials (`simulate_network`) counts as one trial. Where only spike
    counts were kept, the spikes themselves are missing and what needs them raises InputError.
    """

    outputs: npt.NDArray[np.float32]
    """(S, K) readout at the end of every task step, rows aligned with those of Trials; S is 0
    where it was not computed (`simulate_network`)."""
    spike_counts: npt.NDArray[np.int32]
    """(n, N) spikes of each neuron in each trial."""
    offsets: npt.NDArray[np.int64]
    """(n + 1,) trial k owns spikes offsets[k]..offsets[k + 1]; all 0 where none were kept."""
    steps: npt.NDArray[np.int32]
    """(n_spikes,) simulation step within the trial, ascending there; ties by neuron."""
    neurons: npt.NDArray[np.int32]
    """(n_spikes,) neuron of each spike."""
    lengths: npt.NDArray[np.int64]
    """(n,) simulated steps of each trial."""
    dt: float
    """Simulation step, ms."""
    n_neurons: int
    """Neurons of the network."""
    first_step: int = 0
    """Step of the run at which the recording begins, where it is a later piece of one."""
    traces: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    """(steps, traced) potential of the traced neurons at the end of each step, after resets."""

    @classmethod
    def of_arrays(cls, **fields: Any) -> Self:
        """A recording of arrays that are right and given away: it checks and copies nothing.

        For the engines alone, whose arrays are right by construction: checking those of a small
        network takes a tenth of the time that simulating it does.
        """
        made = object.__new__(cls)
        for name, value in {
            "first_step": 0,
            "traces": np.empty((0, 0), np.float32),
            **fields,
        }.items():
            object.__setattr__(made, name, hand_over(value) if name in _ARRAYS else value)
        return made

    def __post_init__(self) -> None:
        check_fields(self)
        name, n, spikes = "Recording", np.size(self.offsets) - 1, np.size(self.neurons)
        if n < 0:
            raise InputError(f"{name}.offsets is empty: it begins with 0")
        shapes: dict[str, tuple[tuple[int | None, ...], type]] = {
            "outputs": ((None, None), np.float32),
            "spike_counts": ((n, self.n_neurons), np.int32),
            "offsets": ((n + 1,), np.int64),
            "steps": ((spikes,), np.int32),
            "neurons": ((spikes,), np.int32),
            "lengths": ((n,), np.int64),
            "traces": ((None, None), np.float32),
        }
        for key, (shape, dtype) in shapes.items():
            value = validate.array(name, key, getattr(self, key), shape, dtype)
            object.__setattr__(self, key, value)
        validate.csr(name, self.offsets, self.neurons, self.n_neurons, ("offsets", "neurons"))
        validate.positive(name, "dt", self.dt)
        if spikes and self.steps.min() < 0:
            raise InputError(f"{name}.steps must not be negative")
        if n and self.lengths.min() < 0:
            raise InputError(f"{name}.lengths must not be negative")
        if not 0 <= self.first_step <= _MOST_STEP:
            raise InputError(f"{name}.first_step is {self.first_step}, outside 0..{_MOST_STEP}")
        self._check_counts()
        self._check_steps()

    def _check_steps(self) -> None:
        """Refuse spikes outside the steps of their trial."""
        shortest = int(self.lengths.min(initial=0 if not self.n_trials else _MOST_STEP))
        if not len(self.steps) or (
            self.steps.min() >= self.first_step and self.steps.max() < self.first_step + shortest
        ):
            return
        name = "Recording"
        ends = self.first_step + np.repeat(self.lengths, np.diff(self.offsets))
        late = np.flatnonzero((self.steps < self.first_step) | (self.steps >= ends))
        if late.size:
            k = int(late[0])
            raise InputError(
                f"{name}.steps[{k}] is {self.steps[k]}, outside the steps "
                f"{self.first_step}..{ends[k] - 1} of its trial"
            )

    def _check_counts(self) -> None:
        """Refuse counts that are negative, or not those of the spikes where these were kept."""
        if self.spike_counts.min(initial=0) < 0:
            raise InputError("Recording.spike_counts must not be negative")
        if not len(self.neurons):
            return
        n = self.n_neurons
        for k, (start, stop) in enumerate(pairwise(self.offsets.tolist())):
            own = np.bincount(self.neurons[start:stop], minlength=n)
            wrong = np.flatnonzero(own != self.spike_counts[k])
            if wrong.size:
                at = int(wrong[0])
                raise InputError(
                    f"Recording.spike_counts[{k}, {at}] is {self.spike_counts[k, at]}, and the "
                    f"recording holds {own[at]} spikes of neuron {at} in trial {k}"
                )

    @property
    def n_trials(self) -> int:
        """Number of trials, n."""
        return len(self.offsets) - 1

    @property
    def n_steps(self) -> int:
        """Simulated steps of all trials together."""
        return int(self.lengths.sum())

    @property
    def duration_ms(self) -> float:
        """Simulated time of all trials together, ms."""
        return self.n_steps * self.dt

    @property
    def n_spikes(self) -> int:
        """Number of spikes of all neurons, kept or not."""
        return int(self.spike_counts.sum())

    @property
    def rates_hz(self) -> Times:
        """(N,) mean rate of each neuron over all trials, Hz; NaN where no step was simulated."""
        per_spike = 1000 / self.duration_ms if self.n_steps else np.nan
        rates: Times = self.spike_counts.sum(axis=0) * per_spike
        return rates

    @property
    def mean_rate_hz(self) -> float:
        """Mean rate of all neurons over all trials, Hz."""
        return float(self.rates_hz.mean())

    @property
    def times_ms(self) -> Times:
        """(n_spikes,) time of each spike since its trial's start, ms."""
        self._require_spikes()
        return (self.steps + np.float64(1)) * self.dt

    @property
    def trial_of_spike(self) -> npt.NDArray[np.int64]:
        """(n_spikes,) trial of each spike."""
        self._require_spikes()
        return np.repeat(np.arange(self.n_trials), np.diff(self.offsets))

    @property
    def steps_on_end(self) -> npt.NDArray[np.int64]:
        """(n_spikes,) step of each spike in 0..n_steps - 1, with the trials one after another."""
        begin = np.cumsum(self.lengths) - self.lengths - self.first_step
        steps: npt.NDArray[np.int64] = self.steps + begin[self.trial_of_spike]
        return steps

    def trial(self, k: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Steps and neurons of the spikes of trial k."""
        validate.index("trial: k", k, self.n_trials)
        own = slice(self.offsets[k], self.offsets[k + 1])
        return self.steps[own], self.neurons[own]

    def spike_trains(self, neuron: int) -> tuple[Times, ...]:
        """Times (ms since the trial's start) of one neuron's spikes, an array for each trial."""
        validate.index("spike_trains: neuron", neuron, self.n_neurons)
        own = np.flatnonzero(self.neurons == neuron)
        ends = np.searchsorted(own, self.offsets[1:-1])
        return tuple(np.split(self.times_ms[own], ends))

    def to_pandas(self) -> "pandas.DataFrame":
        """A row per spike: trial, time_ms (since the trial's start), neuron. Needs pandas."""
        try:
            import pandas
        except ImportError as error:
            raise InputError(
                "to_pandas needs pandas: pip install 'spiking-bimt[pandas]'"
            ) from error
        columns: dict[str, Any] = {
            "trial": self.trial_of_spike, "time_ms": self.times_ms, "neuron": self.neurons,
        }  # fmt: skip
        return pandas.DataFrame(columns)

    def _require_spikes(self) -> None:
        if not len(self.neurons) and self.n_spikes:
            raise InputError(
                "the recording kept spike counts alone: simulate with `record_spikes=True`"
            )

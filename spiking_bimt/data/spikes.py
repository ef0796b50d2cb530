"""What a simulation recorded."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.errors import InputError


@dataclass(frozen=True, eq=False)
class Recording:
    """Outputs and spikes of a network on a set of trials.

    Step n of a trial is the time from n dt to (n + 1) dt after its start; its spikes are at the
    end of it.
    """

    outputs: npt.NDArray[np.float32]
    """(S, K) readout at the end of every task step, rows aligned with those of Trials."""
    spike_counts: npt.NDArray[np.int32]
    """(n, N) spikes of each neuron in each trial."""
    offsets: npt.NDArray[np.int64]
    """(n + 1,) trial k owns spikes offsets[k]..offsets[k + 1]; all 0 where none were kept."""
    steps: npt.NDArray[np.int32]
    """(n_spikes,) simulation step within the trial, ascending there; ties by neuron."""
    neurons: npt.NDArray[np.int32]
    """(n_spikes,) neuron of each spike."""
    dt: float
    """Simulation step, ms."""
    n_neurons: int

    def __post_init__(self) -> None:
        name, n, spikes = "Recording", len(self.offsets) - 1, len(self.neurons)
        shapes: dict[str, tuple[tuple[int | None, ...], type]] = {
            "outputs": ((None, None), np.float32),
            "spike_counts": ((n, self.n_neurons), np.int32),
            "offsets": ((n + 1,), np.int64),
            "steps": ((spikes,), np.int32),
            "neurons": ((spikes,), np.int32),
        }
        for field, (shape, dtype) in shapes.items():
            value = validate.array(name, field, getattr(self, field), shape, dtype)
            object.__setattr__(self, field, value)
        validate.csr(name, self.offsets, self.neurons, self.n_neurons)
        validate.positive(name, "dt", self.dt)
        if spikes and self.steps.min() < 0:
            raise InputError(f"{name}.steps must not be negative")

    @property
    def n_trials(self) -> int:
        """Number of trials, n."""
        return len(self.offsets) - 1

    def trial(self, k: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Steps and neurons of the spikes of trial k."""
        own = slice(self.offsets[k], self.offsets[k + 1])
        return self.steps[own], self.neurons[own]

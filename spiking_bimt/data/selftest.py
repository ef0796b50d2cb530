"""What a chip should answer: trials with their spikes and outputs, kept in a tile file."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.errors import InputError

CHIP_TEST = (
    "event_offsets", "event_steps", "event_channels", "spike_offsets", "spike_steps",
    "spike_neurons",
)  # fmt: skip
"""Arrays of a `ChipTest`."""


@dataclass(frozen=True, eq=False)
class SelfTest(validate.Record):
    """Inputs, start and golden spikes of whole trials, each from its own start."""

    inputs: npt.NDArray[np.float32]
    """(S, C) level of each input channel at each task step."""
    offsets: npt.NDArray[np.int64]
    """(n + 1,) trial k owns task steps offsets[k]..offsets[k + 1]."""
    v_start: npt.NDArray[np.float32]
    """(n, N) membrane potentials at the start of each trial; currents start at 0."""
    spike_offsets: npt.NDArray[np.int64]
    """(n + 1,) trial k owns spikes spike_offsets[k]..spike_offsets[k + 1]."""
    steps: npt.NDArray[np.int32]
    """Simulation step of each spike within its trial."""
    neurons: npt.NDArray[np.int32]
    """Neuron of each spike."""
    outputs: npt.NDArray[np.float32]
    """(S, K) readout at the end of each task step."""

    def __post_init__(self) -> None:
        name, n, spikes = "SelfTest", len(self.offsets) - 1, len(self.neurons)
        rows = len(self.inputs)
        validate.shapes(self, {
            "inputs": ((rows, None), np.float32), "offsets": ((n + 1,), np.int64),
            "v_start": ((n, None), np.float32), "spike_offsets": ((n + 1,), np.int64),
            "steps": ((spikes,), np.int32), "neurons": ((spikes,), np.int32),
            "outputs": ((rows, None), np.float32),
        })  # fmt: skip
        validate.csr(name, self.offsets, np.zeros(rows), 1, ("offsets", "inputs"))
        n_neurons, names = self.v_start.shape[1], ("spike_offsets", "neurons")
        validate.csr(name, self.spike_offsets, self.neurons, n_neurons, names)
        if spikes and self.steps.min() < 0:
            raise InputError(f"{name}.steps must not be negative")


@dataclass(frozen=True, eq=False)
class ChipTest(validate.Record):
    """What a chip gets and should answer in its own integers, on the trials of a `SelfTest`."""

    event_offsets: npt.NDArray[np.int64]
    """(n + 1,) trial k owns events event_offsets[k]..event_offsets[k + 1]; all 0 where input is
    held."""
    event_steps: npt.NDArray[np.int32]
    """(E,) step within its trial in which an input spike reaches a state."""
    event_channels: npt.NDArray[np.int32]
    """(E,) channel of each."""
    spike_offsets: npt.NDArray[np.int64]
    """(n + 1,) trial k owns spikes spike_offsets[k]..spike_offsets[k + 1]."""
    spike_steps: npt.NDArray[np.int32]
    """Step of each spike within its trial."""
    spike_neurons: npt.NDArray[np.int32]
    """Neuron of the network of each spike."""

    def __post_init__(self) -> None:
        name = "ChipTest"
        n, events, spikes = (
            len(self.spike_offsets) - 1,
            len(self.event_steps),
            len(self.spike_steps),
        )
        validate.shapes(self, {
            "event_offsets": ((n + 1,), np.int64), "event_steps": ((events,), np.int32),
            "event_channels": ((events,), np.int32), "spike_offsets": ((n + 1,), np.int64),
            "spike_steps": ((spikes,), np.int32), "spike_neurons": ((spikes,), np.int32),
        })  # fmt: skip
        for field in ("event_steps", "event_channels", "spike_steps", "spike_neurons"):
            if getattr(self, field).min(initial=0) < 0:
                raise InputError(f"{name}.{field} must not be negative")
        for offsets, many in ((self.event_offsets, events), (self.spike_offsets, spikes)):
            validate.csr(name, offsets, np.zeros(many), 1, ("offsets", "spikes"))

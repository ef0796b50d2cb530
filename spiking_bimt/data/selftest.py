"""What a chip should answer: trials with their spikes and outputs, kept in a tile file."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.errors import InputError


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
        shapes: dict[str, tuple[tuple[int | None, ...], type]] = {
            "inputs": ((rows, None), np.float32),
            "offsets": ((n + 1,), np.int64),
            "v_start": ((n, None), np.float32),
            "spike_offsets": ((n + 1,), np.int64),
            "steps": ((spikes,), np.int32),
            "neurons": ((spikes,), np.int32),
            "outputs": ((rows, None), np.float32),
        }
        for field, (shape, dtype) in shapes.items():
            value = validate.array(name, field, getattr(self, field), shape, dtype)
            object.__setattr__(self, field, value)
        validate.csr(name, self.offsets, np.zeros(rows), 1, ("offsets", "inputs"))
        n_neurons, names = self.v_start.shape[1], ("spike_offsets", "neurons")
        validate.csr(name, self.spike_offsets, self.neurons, n_neurons, names)
        if spikes and self.steps.min() < 0:
            raise InputError(f"{name}.steps must not be negative")

"""A network in the integers of one chip."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.chip_neuron import ChipNeuron
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError

Ints = npt.NDArray[np.int32]

MOST_BITS = 30
"""Widest state that is simulated, its sign among them: the sum of three stays within 32 bits."""

CHIP_ARRAYS = (
    "neurons", "channels", "indptr", "indices", "weights", "in_indptr", "in_indices", "in_weights",
    "decay_syn", "decay_mem", "bias", "v_th", "v_min", "hold",
)  # fmt: skip
"""Arrays of integers that every `ChipNetwork` has."""


@documented
@dataclass(frozen=True, eq=False)
class ChipNetwork(validate.Record):
    """A network as a chip computes it: integers alone, in the chip's own units.

    A step is that of `ChipNeuron`. Spiking sources, which the host plays, are its input channels.
    """

    chip: str
    """Name of the chip."""
    neuron: ChipNeuron
    """What its silicon computes."""
    neurons: Ints
    """(n,) number of each neuron in the network that it was made of."""
    channels: Ints
    """(C,) the network's neuron that each channel brings the spikes of; the network's own channels
    where input is held."""
    indptr: npt.NDArray[np.int64]
    """(n + 1,) start of each presynaptic neuron's row in `indices`."""
    indices: Ints
    """(nnz,) postsynaptic neurons."""
    weights: Ints
    """(nnz,) what a spike adds to the current, or to the membrane where there is none."""
    in_indptr: npt.NDArray[np.int64]
    """(C + 1,) the same for the channels."""
    in_indices: Ints
    in_weights: Ints
    """(in_nnz,) what a channel's spike adds; 0 where input is held."""
    in_held: npt.NDArray[np.float64]
    """(in_nnz,) what a channel at level 1 adds to the membrane in each step; their sum is
    rounded once per task step. 0 where input comes as spikes."""
    delay: int
    """Steps from a spike to the state that it changes, 1 or more, where `delays` is None."""
    delays: Ints | None
    """(nnz,) steps of each synapse, or None."""
    shift: int
    """Places that the codes were shifted by to give the weights."""
    decay_syn: Ints
    """(n,) factor of the current in parts of 2^bits, or its shift."""
    decay_mem: Ints
    """(n,) factor of the membrane in parts of 2^bits, its shift, or its constant towards 0."""
    bias: Ints
    """(n,) added to the membrane in every step."""
    v_th: Ints
    """(n,) threshold, as the chip compares it."""
    v_min: Ints
    """(n,) floor."""
    hold: Ints
    """(n,) refractory steps."""
    reset: str
    """"subtract": v - v_th; "value": to 0."""
    w_out: npt.NDArray[np.float32]
    """(K, n) readout weights on the host."""
    b_out: npt.NDArray[np.float32]
    """(K,) readout biases."""
    tau_out: float
    """Time constant of the readout's filter, ms."""
    dt: float
    """Step, ms."""
    task_dt: float
    """Step of the input's levels and of the readout, ms."""
    lost: tuple[str, ...] = ()
    """What of the network the integers do not keep, in words."""

    def __post_init__(self) -> None:
        check_fields(self)
        n, c = np.size(self.v_th), np.size(self.in_indptr) - 1
        nnz, in_nnz = np.size(self.indices), np.size(self.in_indices)
        own = dict.fromkeys(
            ("neurons", "decay_syn", "decay_mem", "bias", "v_th", "v_min", "hold"),
            ((n,), np.int32),
        )
        validate.shapes(self, {
            **own, "channels": ((c,), np.int32),
            "indptr": ((n + 1,), np.int64), "indices": ((nnz,), np.int32),
            "weights": ((nnz,), np.int32), "delays": ((nnz,), np.int32),
            "in_indptr": ((c + 1,), np.int64), "in_indices": ((in_nnz,), np.int32),
            "in_weights": ((in_nnz,), np.int32), "in_held": ((in_nnz,), np.float64),
            "w_out": ((None, n), np.float32), "b_out": ((None,), np.float32),
        })  # fmt: skip
        validate.csr("ChipNetwork", self.indptr, self.indices, n)
        validate.csr("ChipNetwork", self.in_indptr, self.in_indices, n, ("in_indptr", "in_indices"))
        if (self.v_th < 1).any():
            k = int(np.argmax(self.v_th < 1))
            raise InputError(f"ChipNetwork.v_th[{k}] is {self.v_th[k]}: a threshold is 1 or more")
        least = self.delay if self.delays is None else int(self.delays.min(initial=1))
        if least < 1:
            raise InputError(f"ChipNetwork: a delay of {least} steps: the least is 1")

    @property
    def n_neurons(self) -> int:
        """Neurons on the chip, n."""
        return len(self.v_th)

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest value of a state."""
        return state_limits(self.neuron)


def state_limits(neuron: ChipNeuron) -> tuple[int, int]:
    """Least and greatest value of a chip's state, as it is simulated."""
    bits = (neuron.state_bits or MOST_BITS) - neuron.state_signed
    high = 2 ** min(bits, MOST_BITS - 1) - 1
    return (-high - 1 if neuron.state_signed else 0), high

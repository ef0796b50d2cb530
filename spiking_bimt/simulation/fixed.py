"""Trials with membranes and currents in fixed point, as digital cores hold them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.data.validate import Record, own
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import sim_fixed_point
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.run import check
from spiking_bimt.simulation.start import starts

Array = npt.NDArray[Any]


_NO_FLOOR = -(2**40)  # beyond any width


@dataclass(frozen=True)
class FixedPoint:
    """Widths of what a core holds, in bits, signs included."""

    membrane: int = 24
    current: int = 24
    decay: int = 12
    """Of the factors that membrane and current decay by."""
    headroom: int = 3
    """Bits above the threshold: a membrane saturates at 2^headroom thresholds."""

    def __post_init__(self) -> None:
        for name in ("membrane", "current", "decay"):
            if not 4 <= getattr(self, name) <= 32:
                raise InputError(f"{name} has {getattr(self, name)} bits: 4 to 32 can be")
        if not 0 <= self.headroom <= self.membrane - 3:
            raise InputError(f"headroom {self.headroom} leaves no bit below the threshold")

    @property
    def one(self) -> int:
        """The integer of a threshold of 1."""
        return 1 << (self.membrane - 1 - self.headroom)


@dataclass(frozen=True, eq=False)
class FixedRun(Record):
    """What a simulation in fixed point gave."""

    outputs: npt.NDArray[np.float32]
    """(S, K) readout at the end of every task step."""
    spike_counts: npt.NDArray[np.int32]
    """(n, N)"""
    membrane_overflows: int
    """How often a membrane saturated."""
    current_overflows: int

    def __post_init__(self) -> None:
        own(self)


def run_fixed(
    network: SpikingNetwork, trials: Trials, widths: FixedPoint, *, seed: int = 0
) -> FixedRun:
    """Simulate every trial as `simulate_trials` does, from the same starts, in fixed point.

    A spike adds round(w gain_syn one) to the current, which the membrane gets as it is; the input
    of a task step is rounded once. Both states saturate. Raises InputError where a synapse is left
    with no weight at all (the widths are too small), or has a delay of its own.
    """
    check(network, trials, seed, None)
    network.refuse_optional("fixed point")
    if network.delays is not None:
        raise InputError("synapses with delays of their own are not simulated in fixed point")
    n, one, unity = network.n_neurons, widths.one, 1 << widths.decay
    step = propagators.step_of(network, np.float64)
    weights = np.rint(network.weights * step.gain_syn[network.indices] * one).astype(np.int64)
    lost = int(((weights == 0) & (network.weights != 0)).sum())
    if lost == len(weights) and lost:
        raise InputError(
            f"all {lost} weights round to 0 with a membrane of {widths.membrane} bits: take more"
        )
    limits = np.array([2 ** (widths.membrane - 1) - 1, 2 ** (widths.current - 1) - 1], np.int64)
    floor = np.where(np.isinf(step.v_min), _NO_FLOOR, step.v_min * one)
    cells = [
        np.rint(step.decay_mem * unity), np.rint(step.decay_syn * unity), floor,
        np.rint(step.v_th * one), step.reset_gain, np.rint(step.reset_shift * one),
    ]  # fmt: skip
    start = starts(network, seed, slice(0, trials.n_trials), np.dtype(np.float64))
    outputs = np.empty((len(trials.labels), len(network.b_out)))
    counts = np.zeros((trials.n_trials, n), np.int32)
    overflows = sim_fixed_point.run(
        np.rint(start * one).astype(np.int64), trials.inputs.astype(np.float64), trials.offsets,
        float(one), limits, widths.decay, tuple(cell.astype(np.int64) for cell in cells),
        propagators.refractory_steps(network)[:n].astype(np.int64), network.delay,
        network.indptr, network.indices, weights,
        network.in_indptr, network.in_indices, network.in_weights.astype(np.float64),
        step.gain_in, step.constant, propagators.readout_fade(network, np.float64),
        np.ascontiguousarray(network.w_out.T, np.float64), network.b_out.astype(np.float64),
        outputs, counts,
    )  # fmt: skip
    return FixedRun(outputs.astype(np.float32), counts, int(overflows[0]), int(overflows[1]))

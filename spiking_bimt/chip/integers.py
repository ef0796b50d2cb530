"""A spiking network with integer weights in the integers of one chip.

Codes keep their values. They are shifted left until what is counted in them, thresholds above all,
loses as little as the widths allow. A neuron's unit is that of its own codes; 0 is its reset.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.computes import cannot_compute, spiking_sources
from spiking_bimt.chip.integer_cells import cells_of
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.chip_network import ChipNetwork, state_limits
from spiking_bimt.data.chip_neuron import DECAY_FIRST, ChipNeuron, ChipSynapse
from spiking_bimt.data.network import NO_CODES, SpikingNetwork
from spiking_bimt.errors import CodesError, InputError
from spiking_bimt.simulation import propagators

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HEADROOM = 8
"""Thresholds that a state should hold: currents and membranes go beyond one."""


def to_integers(
    network: SpikingNetwork, chip: Chip, placement: Placement | None = None
) -> ChipNetwork:
    """The network as the chip computes it, with the list of what its integers lose.

    Raises InputError where the chip cannot compute it (`cannot_compute`), where it has no integer
    weights, or where a width is too small.
    """
    if network.codes is None or network.scale is None:
        raise CodesError(NO_CODES)
    network.refuse_optional("the integer stepper", propagators.TRIALS_HAVE)
    neuron, synapse = require_digital(chip)
    reasons = cannot_compute(network, chip, placement)
    if reasons:
        raise InputError(
            f"{chip.name} cannot compute this network ({len(reasons)} reasons): "
            f"{'; '.join(reasons)}: docs/reference/chips.md says what it computes"
        )
    held = neuron.input == "held"
    outside = np.zeros(network.n_neurons, np.bool_) if held else spiking_sources(network)
    inner = np.flatnonzero(~outside)
    if not len(inner):
        raise InputError("all neurons are spiking sources: there is nothing for the chip to do")
    new = np.full(network.n_neurons, -1)
    new[inner] = np.arange(len(inner))
    units = _units(network, neuron)
    shift = _shift(network, inner, units, neuron, synapse, chip.name)
    units = units * 2.0**shift
    cells, lost = cells_of(network, neuron, inner, units)
    return ChipNetwork(
        chip=chip.name, neuron=neuron, neurons=inner.astype(np.int32), shift=shift,
        **_synapses(network, new, shift),
        **(_held_input(network, units) if held else _spikes_in(network, new, outside, shift)),
        **cells, reset=network.reset, w_out=network.w_out[:, inner], b_out=network.b_out,
        tau_out=network.tau_out, dt=network.dt, task_dt=network.task_dt, lost=tuple(lost),
    )  # fmt: skip


def require_digital(chip: Chip) -> tuple[ChipNeuron, ChipSynapse]:
    """The chip's neuron and synapse; InputError where no integer stepper says what they do."""
    why = None
    if chip.neuron is None:
        why = "declares no neuron"
    elif chip.neuron.is_analog:
        why = "is analog (neuron.current, neuron.leak)"
    elif chip.neuron.compared == "event":
        why = "compares after every event (neuron.compared), and the order of events is not ours"
    if why is not None:
        raise InputError(f"{chip.name} {why}: its integers are not simulated")
    assert chip.neuron is not None
    assert chip.synapse is not None
    return chip.neuron, chip.synapse


def largest_threshold(neuron: ChipNeuron) -> int:
    """The largest threshold that a chip's neuron holds, in its own steps."""
    high = state_limits(neuron)[1]
    if neuron.threshold_bits is None:
        return high
    mantissa = int(2**neuron.threshold_bits - 1)
    return min(high, mantissa << neuron.threshold_exponent)


def _units(network: SpikingNetwork, neuron: ChipNeuron) -> Floats:
    """(N,) codes in a unit of v: a code is what the membrane gets in the first step of a spike."""
    step = propagators.step_of(network, np.float64)
    assert network.scale is not None
    seen = np.where(step.decay_syn > 0, step.decay_syn, 1.0) if neuron.order == DECAY_FIRST else 1.0
    per_code = network.scale.astype(np.float64) * step.gain_syn / seen
    span = network.v_th.astype(np.float64) - network.v_reset
    # A neuron that nothing reaches may have any unit.
    return np.where(per_code > 0, 1 / np.where(per_code > 0, per_code, 1.0), 128 / span)


def _shift(
    network: SpikingNetwork, inner: Ints, units: Floats, neuron: ChipNeuron, synapse: ChipSynapse,
    name: str,
) -> int:  # fmt: skip
    """Places to shift the codes by: the most with which thresholds and states have room."""
    span = (network.v_th.astype(np.float64) - network.v_reset) * units
    span, (_, high), most = span[inner], state_limits(neuron), largest_threshold(neuron)
    k = int(span.argmax())
    if span[k] > most:
        raise InputError(
            f"the threshold of neuron {inner[k]} is {span[k]:.0f} steps of its weights, {name} "
            f"holds {most}: convert with fewer `bits`"
        )
    for shift in range(synapse.most_shift, 0, -1):
        if span[k] * 2**shift <= most and HEADROOM * span[k] * 2**shift <= high:
            return shift
    return 0


def _synapses(network: SpikingNetwork, new: Ints, shift: int) -> dict[str, Any]:
    """Synapses among the chip's own neurons."""
    assert network.codes is not None
    pre = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    kept = (new[pre] >= 0) & (network.codes != 0)
    rows = np.bincount(new[pre[kept]], minlength=int((new >= 0).sum()))
    return {
        "indptr": np.append(0, np.cumsum(rows)), "indices": new[network.indices[kept]],
        "weights": network.codes[kept].astype(np.int64) << shift, "delay": 1 + network.delay,
        "delays": None if network.delays is None else 1 + network.delays[kept],
    }  # fmt: skip


def _spikes_in(
    network: SpikingNetwork, new: Ints, outside: npt.NDArray[np.bool_], shift: int
) -> dict[str, Any]:
    """A channel for each spiking source, with the source's synapses."""
    assert network.codes is not None
    pre = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    kept = outside[pre] & (network.codes != 0)
    rows = np.bincount(pre[kept], minlength=network.n_neurons)[outside]
    codes = network.codes[kept].astype(np.int64)
    return {
        "channels": np.flatnonzero(outside), "in_indptr": np.append(0, np.cumsum(rows)),
        "in_indices": new[network.indices[kept]], "in_weights": codes << shift,
        "in_held": np.zeros(len(codes)),
    }  # fmt: skip


def _held_input(network: SpikingNetwork, units: Floats) -> dict[str, Any]:
    """The network's own channels, at level 1."""
    step = propagators.step_of(network, np.float64)
    gain = step.gain_in * units
    return {
        "channels": np.arange(network.n_inputs), "in_indptr": network.in_indptr,
        "in_indices": network.in_indices,
        "in_weights": np.zeros(len(network.in_indices), np.int64),
        "in_held": network.in_weights.astype(np.float64) * gain[network.in_indices],
    }  # fmt: skip

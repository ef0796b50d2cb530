"""What a chip's neurons hold as integers, and what that loses."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip_network import state_limits
from spiking_bimt.data.chip_neuron import ChipNeuron
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation import propagators

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def cells_of(
    network: SpikingNetwork, neuron: ChipNeuron, inner: Ints, units: Floats
) -> tuple[dict[str, Any], list[str]]:
    """Fields of `ChipNetwork` by neuron, and what they lose of the network, in words.

    inner: the chip's neurons; units: (N,) the chip's steps in a unit of v.
    """
    step, unit = propagators.step_of(network, np.float64), units[inner]
    low, high = state_limits(neuron)
    v_reset = network.v_reset.astype(np.float64)
    span = ((network.v_th.astype(np.float64) - v_reset)[inner]) * unit
    grain = 2**neuron.threshold_exponent
    v_th = np.maximum(np.rint(span / grain), 1).astype(np.int64) * grain
    constant = ((step.constant - (1 - step.decay_mem) * v_reset)[inner]) * unit
    bias = _bias(constant, neuron, inner)
    floor = (network.v_min.astype(np.float64) - v_reset)[inner] * unit
    lost = ["the random potentials at the start of a trial: a chip begins at 0"]
    lost += _times(network, neuron, inner)
    lost += _rounded("thresholds", v_th, span, "of the threshold", span)
    lost += _rounded("constant input", bias, constant, "of the threshold in a step", span)
    if neuron.input == "held" and network.n_inputs:
        lost.append(f"held input, rounded by up to {50 / span.min():.2g}% of the threshold")
    if neuron.threshold == "reached":
        lost.append("the strict comparison: a neuron spikes where v reaches its threshold")
    if high < np.inf and v_th.max() * 2 > high:
        lost.append(f"states beyond {high / v_th.max():.1f} thresholds, where they saturate")
    return {
        "decay_syn": _decays(step.decay_syn[inner], neuron.current, neuron.decay_bits[0]),
        "decay_mem": _decays(step.decay_mem[inner], neuron.leak, neuron.decay_bits[1]),
        "bias": bias, "v_th": v_th, "v_min": _floors(floor, neuron, low),
        "hold": propagators.refractory_steps(network)[: network.n_neurons][inner],
    }, lost  # fmt: skip


def _decays(factor: Floats, kind: str, bits: int) -> Ints:
    """Factors in parts of 2^bits, or shifts; 0 where there is neither."""
    if kind in ("exponential", "multiplicative"):
        return np.asarray(np.rint(factor * 2.0**bits), np.int64)
    if kind == "shift":
        return np.asarray(np.rint(-np.log2(1 - factor)), np.int64)
    return np.zeros(len(factor), np.int64)


def _bias(constant: Floats, neuron: ChipNeuron, inner: Ints) -> Ints:
    """Constant input on the chip's grid; InputError where it reaches beyond."""
    if neuron.bias_bits in (None, 0):  # none, or the additive leak
        return np.asarray(np.rint(constant), np.int64)
    most = 2 ** (neuron.bias_bits - 1) - 1
    over = np.maximum(np.abs(constant) / most, 1.0)
    exponent = np.ceil(np.log2(over)).astype(np.int64)
    if exponent.max(initial=0) > neuron.bias_exponent:
        k = int(exponent.argmax())
        raise InputError(
            f"the constant input of neuron {inner[k]} is {constant[k]:.0f} steps of its weights: "
            f"the chip holds {most << neuron.bias_exponent} (neuron.bias_bits): convert with fewer "
            "`bits`"
        )
    return np.asarray(np.rint(constant / 2.0**exponent).astype(np.int64) << exponent)


def _floors(floor: Floats, neuron: ChipNeuron, low: int) -> Ints:
    """Floors on the chip's grid; the least state where there is none."""
    none = ~np.isfinite(floor)
    wanted = np.where(none, 0.0, floor)
    if neuron.floor == "power-of-two":
        wanted = np.where(wanted < 0, 1 - 2.0 ** np.rint(np.log2(1 + np.abs(wanted))), 0.0)
    return np.where(none, low, np.maximum(np.rint(wanted), low)).astype(np.int64)


def _times(network: SpikingNetwork, neuron: ChipNeuron, inner: Ints) -> list[str]:
    """Time constants that a factor of so many bits rounds, and the least decay of a shift."""
    lost = []
    for name, kind, bits in (
        ("tau_syn", neuron.current, neuron.decay_bits[0]),
        ("tau_mem", neuron.leak, neuron.decay_bits[1]),
    ):
        tau = getattr(network, name)[inner].astype(np.float64)
        tau = tau[np.isfinite(tau) & (tau > 0)]
        if kind == "shift":
            lost.append(f"the exponential end of {name}: a shift takes 1 at least")
        if kind in ("exponential", "multiplicative") and len(tau):
            parts = 2.0**bits
            held = -network.dt / np.log(np.rint(parts * np.exp(-network.dt / tau)) / parts)
            k = int(np.abs(held / tau - 1).argmax())
            if abs(held[k] / tau[k] - 1) > 1e-4:
                lost.append(f"{name}: {held[k]:.4g} ms for {tau[k]:.4g} ms")
    return lost


def _rounded(what: str, made: Ints, wanted: Floats, of: str, span: Floats) -> list[str]:
    """By how much integers differ from what they stand for."""
    worst = float((np.abs(made - wanted) / span).max(initial=0))
    return [f"{what}, rounded by up to {100 * worst:.2g}% {of}"] if worst > 1e-6 else []

"""What a chip's neuron cannot compute: current, leak, reset, floor, constant input, rest."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.chip_neuron import ChipNeuron, ChipSynapse
from spiking_bimt.data.network import SpikingNetwork

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SHIFT_TOLERANCE = 1e-5
"""Relative difference of a time constant from that of a shift: float32 holds no more."""


class Asked(NamedTuple):
    """A network, the neurons that a chip is to compute, and the chip's own."""

    network: SpikingNetwork
    inner: Mask
    """(N,) neurons but for spiking sources, which the host plays."""
    neuron: ChipNeuron
    synapse: ChipSynapse
    core: npt.NDArray[np.int32] | None
    """(N,) of a placement."""
    most_a_core: int


def describe(mask: Mask, what: str, values: Floats | npt.NDArray[np.float32], unit: str) -> str:
    """A property of the masked neurons, with the first of them."""
    first, many = int(np.argmax(mask)), int(mask.sum())
    value = f"{values[first]:.4g}{unit}"
    return f"{what} of {many} neurons (neuron {first}: {value})"


def shift_times(bits: int | None, dt: float) -> Floats:
    """Time constants that shifts by 1, 2, .. give at a step of dt ms: a factor of 1 - 2^-k, ms."""
    k = np.arange(1, 2 ** (4 if bits is None else bits))
    return np.asarray(-dt / np.log1p(-(2.0**-k)))


def _times(
    asked: Asked, tau: npt.NDArray[np.float32], kind: str, bits: int | None, what: str, key: str
) -> list[str]:
    """Time constants that a shift or a factor of so many bits does not give."""
    dt, used = asked.network.dt, asked.inner & np.isfinite(tau) & (tau > 0)
    if kind == "shift":
        known = shift_times(bits, dt)
        nearest = known[np.abs(known - tau.astype(np.float64)[:, None]).argmin(axis=1)]
        other = used & (np.abs(nearest - tau) > SHIFT_TOLERANCE * nearest)
        if other.any():
            near = nearest[int(np.argmax(other))]
            return [
                f"{describe(other, what, tau, ' ms')}, of which a shift gives {near:.4g} ms ({key})"
            ]
    if kind in ("exponential", "multiplicative") and bits is not None:
        factor = np.rint(2.0**bits * np.exp(-dt / np.where(used, tau, 1.0)))
        slow = used & (factor >= 2**bits)
        if slow.any():
            return [f"{describe(slow, what, tau, ' ms')}, whose decay a factor of {bits} bits loses"
                    f" ({key})"]  # fmt: skip
    return []


def _current(asked: Asked) -> list[str]:
    network, neuron = asked.network, asked.neuron
    what, key = "synaptic currents", f"neuron.current is {neuron.current}"
    used = asked.inner & (network.tau_syn > 0)
    at_once = asked.inner & (network.tau_syn == 0)
    found = []
    if neuron.current == "none" and used.any():
        return [f"{describe(used, what, network.tau_syn, ' ms')} ({key})"]
    if neuron.current in ("shift", "analog") and at_once.any():
        found.append(
            f"{describe(at_once, 'arrivals without a current', network.tau_syn, ' ms')} ({key})"
        )
    if neuron.currents < 2 and network.in_use("tau_syn_negative").any():
        many = int(network.in_use("tau_syn_negative").sum())
        found.append(f"another time constant of negative synapses of {many} neurons "
                     f"(neuron.currents is {neuron.currents})")  # fmt: skip
    bits = neuron.current_decay_bits
    return found + _times(asked, network.tau_syn, neuron.current, bits, what, key)


def _leak(asked: Asked) -> list[str]:
    network, neuron = asked.network, asked.neuron
    finite = asked.inner & np.isfinite(network.tau_mem)
    without = asked.inner & ~np.isfinite(network.tau_mem)
    key = f"neuron.leak is {neuron.leak}"
    found = []
    if neuron.leak in ("none", "additive", "towards-zero") and finite.any():
        found.append(f"{describe(finite, 'leaky membranes', network.tau_mem, ' ms')} ({key})")
    if not neuron.no_leak and without.any():
        what = describe(without, "membranes without leak", network.tau_mem, " ms")
        found.append(f"{what} (neuron.no_leak is false)")
    return found + _times(asked, network.tau_mem, neuron.leak, neuron.leak_bits,
                          "leaky membranes", key)  # fmt: skip


def _reset(asked: Asked) -> list[str]:
    network, neuron = asked.network, asked.neuron
    if network.reset in neuron.reset or not asked.inner.any():
        return []
    how = {"subtract": "reset by subtraction", "value": "reset to a value"}[network.reset]
    return [f"{how} of {int(asked.inner.sum())} neurons "
            f"(neuron.reset is {' or '.join(neuron.reset)})"]  # fmt: skip


def _floor(asked: Asked) -> list[str]:
    network, neuron = asked.network, asked.neuron
    floor = network.v_min.astype(np.float64) - network.v_reset
    wrong = {
        "none": np.isfinite(floor), "reset": np.isfinite(floor), "zero": floor != 0,
        "power-of-two": np.zeros(len(floor), np.bool_), "any": np.zeros(len(floor), np.bool_),
    }[neuron.floor] & asked.inner  # fmt: skip
    if not wrong.any():
        return []
    what = "membrane floors" if neuron.floor != "zero" else "membranes below the reset"
    return [f"{describe(wrong, what, network.v_min, ' v')} (neuron.floor is {neuron.floor})"]


def _bias(asked: Asked) -> list[str]:
    network, neuron = asked.network, asked.neuron
    with np.errstate(divide="ignore"):
        pull = (network.v_leak.astype(np.float64) - network.v_reset) / network.tau_mem
    constant = network.bias + np.where(np.isfinite(network.tau_mem), pull, 0.0)
    used = asked.inner & (constant != 0)
    if neuron.bias_bits != 0 or neuron.leak == "additive" or not used.any():
        return []
    return [f"{describe(used, 'constant input', constant, ' v/ms')} (neuron.bias_bits is 0)"]


def _refractory(asked: Asked) -> list[str]:
    network, (least, most) = asked.network, asked.neuron.refractory
    steps = np.rint(network.t_ref / network.dt)
    wrong = asked.inner & ((steps < least) | (steps > most))
    if not wrong.any():
        return []
    what = describe(wrong, "refractory times", steps, " steps")
    return [f"{what} (neuron.refractory is {least} to {most})"]


NEURON_RULES: tuple[Callable[[Asked], list[str]], ...] = (
    _current, _leak, _reset, _floor, _bias, _refractory,
)  # fmt: skip

"""NIR's neurons in terms of ours: exactly, or as a reader's Euler step computes them.

    CubaLIF  tau_syn di/dt = -i + w_in I,  tau_mem dv/dt = (v_leak - v) + r i
    LIF      tau dv/dt = (v_leak - v) + r I        the same with a synapse without filter
    IF       v <- v + r I in every step            no leak; every reader counts in steps

A reader with step h takes, for LIF, v <- (1 - h / tau) v + (h / tau) (v_leak + r I). That is our
exact step of a membrane with exp(-h / tau') = 1 - h / tau; in the same way for the current.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import NO_LEAK, STEP
from spiking_bimt.simulation.closed_forms import rates, response

Array = npt.NDArray[Any]
Integration = Literal["exponential", "euler"]

NEURONS = ("CubaLIF", "LIF", "IF")
"""Nodes that are populations of neurons."""
FEW_STEPS = 10
"""Steps of a time constant below which Euler's step and the exact one part visibly."""
_NO_MEMORY = 100.0
"""Steps in which a decay leaves nothing that float32 could hold."""


class Neurons(NamedTuple):
    """A population; every array is (n,)."""

    tau_mem: Array
    """ms"""
    tau_syn: Array
    """ms"""
    per_spike: Array
    """Weight w of a synapse here per weight there."""
    per_current: Array
    """v per ms by an input held at 1."""
    v_leak: Array
    v_th: Array
    v_reset: Array


def size_of(node: Any) -> int:
    """Neurons of a population's node."""
    return int(np.size(node.v_threshold))


def neurons_of(where: str, node: Any, kind: str, dt: float, integration: Integration) -> Neurons:
    """The neurons of a node, with a step of dt ms. where: names file and node in errors."""
    one = np.ones(size_of(node))

    def value(name: str) -> Array:
        values: Array = np.ravel(getattr(node, name)).astype(float) * one
        return values

    cuba = kind == "CubaLIF"
    v_leak = 0 * one if kind == "IF" else value("v_leak")
    rest = v_leak, value("v_threshold"), value("v_reset")
    if kind == "IF":
        infinite = np.full(len(one), np.inf)
        return Neurons(infinite, 0 * one, value("r"), value("r") / dt, *rest)
    tau_mem, tau_syn = value("tau_mem" if cuba else "tau"), value("tau_syn") if cuba else 0 * one
    for name, tau in (("membrane", tau_mem), *((("synaptic", tau_syn),) if cuba else ())):
        if not (tau > 0).all():
            raise InputError(
                f"{where}: a {name} time constant is {tau.min()} s: it must be above 0"
            )
    leaky = tau_mem < NO_LEAK * STEP
    gain = value("r") * (value("w_in") if cuba else 1.0) / tau_mem
    if integration == "exponential":
        mem = np.where(leaky, 1000 * tau_mem, np.inf)
        return Neurons(mem, 1000 * tau_syn, gain * STEP, gain / 1000, *rest)
    step = dt / 1000
    mem = np.where(leaky, _of_euler(where, "membrane", tau_mem, step), np.inf)
    syn = _of_euler(where, "synaptic", tau_syn, step) if cuba else tau_syn
    syn = np.where(syn < dt / _NO_MEMORY, 0.0, syn)  # all that arrives goes on in one step
    # A spike moves v by so much in the next step, and the current by so much.
    moved = gain * step * (step / tau_syn if cuba else 1.0)
    a = rates(dt, mem.astype(np.float32))
    delivered = response(a, rates(dt, syn.astype(np.float32)), 1)
    if (delivered < 1e-30).any():
        raise InputError(
            f"{where}: its time constant is one step of {dt} ms, so that Euler's membrane "
            "remembers nothing, which no neuron here has: give the reader's step as `dt`"
        )
    per_step = dt * np.where(a > 0, -np.expm1(-a) / np.where(a > 0, a, 1.0), 1.0)
    return Neurons(mem, syn, moved / delivered, gain * step / per_step, *rest)


def _of_euler(where: str, what: str, tau: Array, step: float) -> Array:
    """ms: the time constant whose exact decay in a step is Euler's, 1 - step / tau."""
    left = 1 - step / tau
    if (left < -1e-6).any():
        raise InputError(
            f"{where}: a {what} time constant is {1000 * tau.min():g} ms, shorter than the step of "
            f"{1000 * step:g} ms, so that Euler's step swings: give the reader's step as `dt`"
        )
    out: Array = -1000 * step / np.log(np.maximum(left, np.exp(-2 * _NO_MEMORY)))
    return out


def short_constants(neurons: Neurons, dt: float) -> float | None:
    """The shortest time constant in steps of dt ms where it is below `FEW_STEPS`, else None."""
    taus = np.concatenate([neurons.tau_mem, neurons.tau_syn[neurons.tau_syn > 0]])
    least = float(taus.min(initial=np.inf)) / dt
    return least if least < FEW_STEPS * (1 - 1e-6) else None

"""A spiking network that snnTorch trained, spike for spike at its own Euler step.

snnTorch steps a layer of weights W and recurrent weights V by

    syn <- alpha syn + W in + V s + b          alpha = 0 for Leaky and RLeaky
    mem <- beta mem + syn - reset              s = mem > threshold

where `reset` is that of the spike in the step before. That is our exact step of neurons with
exp(-dt / tau_mem) = beta and exp(-dt / tau_syn) = alpha:

* "subtract": threshold is taken off after the leak, so threshold / beta before it;
* "zero": the membrane is 0 after a spike. All but Leaky also lose the step after a spike: they hold
  0 for a refractory step, in which the current goes on;
* layers follow one another within a step of snnTorch, and in the next step here. So spikes of the
  k-th layer (from 0) come k steps later, and all else is in the same order;
* a bias would therefore act k steps too early in a later layer, and at once where snnTorch filters
  it. There it is the spikes of one more neuron, which fires in every step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.converting.snntorch_layers import Layer, Stack, read_stack
from spiking_bimt.data import validate
from spiking_bimt.data.arguments import checked, shown
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.simulation.build import from_coo
from spiking_bimt.simulation.closed_forms import mean_decay, rates, response

Array = npt.NDArray[Any]

INPUTS = ("levels", "spikes")
"""How the inputs of the network come in; see `from_snntorch`."""
BIAS = "bias"
"""Population of the neuron that fires in every step."""
_AT_ONCE = 50.0
"""Time constants of the readout in a step: what it reads are the spikes of that step alone."""
_FIRES = 0.2
"""Threshold of that neuron, of which a step's drive is 1."""

Synapses = tuple[Array, Array, Array, Array]  # pre, post, weight, delay


@checked
def from_snntorch(
    source: Any,
    *,
    dt: float = 1.0,
    inputs: str | None = None,
    bias_neuron: bool = True,
    order: Sequence[str] | None = None,
) -> SpikingNetwork:
    """The network of an snnTorch module or its state dict, with its spikes step for step.

    source: linear layers (torch.nn.Linear) and neurons (Leaky, RLeaky, Synaptic, RSynaptic) in
    turns; a last linear layer is the readout of the last spikes, which without one are the outputs.
    dt: time that a step lasts, ms. order: the names of layers and neurons in the order in which
    they act; by default that in which they are registered.

    inputs: "levels" are numbers, each held on its channel for a step; "spikes" are spikes on the
    channels (`SpikeTrains`), which pass the synapses and act a step later. By default spikes where
    the first neurons have synapses, which levels would not pass, and levels where they have none.
    Start from potentials of 0 (`v_start`) to get snnTorch's spikes: those of the k-th layer, from
    0, come k steps later, and k + 1 with "spikes". bias_neuron: biases that must wait for their
    layer, or pass a synapse, are spikes of one more neuron, in every step; False makes them
    constant currents, and the first steps of a run other than snnTorch's. How snnTorch's step is
    taken over: docs/how-to/snntorch-networks.md.

    Raises InputError, with the part's name, for other parts, resets "none", and whatever else no
    network here computes.
    """
    if not (isinstance(source, Mapping) or hasattr(source, "named_modules")):
        raise InputError(
            f"from_snntorch: source is {shown(source)}, expected a torch.nn.Module or state dict"
        )
    validate.positive("from_snntorch", "dt", dt)
    stack = read_stack(source, order)
    first = stack.layers[0]
    filtered = bool((first.alpha > 0).any())
    chosen = ("spikes" if filtered else "levels") if inputs is None else inputs
    if chosen not in INPUTS:
        raise unknown_name("inputs", chosen, INPUTS)
    if filtered and chosen == "levels":
        raise InputError(
            f"{first.name} filters its inputs, which levels of channels would not pass: make "
            "spikes of them, `inputs=spikes`"
        )
    if len({layer.reset for layer in stack.layers}) > 1:
        named = ", ".join(f"{layer.name} {layer.reset!r}" for layer in stack.layers)
        raise InputError(f"layers have different resets ({named}): a network here has one")
    return _network(stack, dt, chosen == "spikes", bias_neuron)


def read_snntorch(path: Path, dt: float = 1.0) -> SpikingNetwork:
    """The network of a state dict that `torch.save` wrote; see `from_snntorch`."""
    from spiking_bimt.training.rate_module import read_state_dict  # needs torch

    state: Mapping[str, Array] = read_state_dict(path)
    try:
        return from_snntorch(state, dt=dt)
    except InputError as error:
        hint = "; a network of rate units needs `kind=rate`" if "no neurons" in str(error) else ""
        raise InputError(f"{path}: {error}{hint}") from error


def _network(stack: Stack, dt: float, spikes: bool, bias_neuron: bool) -> SpikingNetwork:
    layers = stack.layers
    first = np.cumsum([0, *(len(layer.beta) for layer in layers)])
    n, subtract = int(first[-1]), layers[0].reset == "subtract"
    beta, alpha, threshold = (
        np.concatenate([getattr(layer, name) for layer in layers])
        for name in ("beta", "alpha", "threshold")
    )
    tau_mem, tau_syn = _time_constants(beta, alpha, dt)
    a, b = rates(dt, tau_mem), rates(dt, tau_syn)
    # What a spike and a held current of 1 add to v in the step after.
    per_spike, per_current = response(a, b, 1), dt * mean_decay(a)
    bias, late = _biases(layers, spikes, bias_neuron)
    synapses: list[Synapses] = [_synapses(np.zeros((1, 1)), 0, 0)]
    for k, layer in enumerate(layers):
        own = slice(first[k], first[k + 1])
        if k:
            matrix = layer.weight * layers[k - 1].factor / per_spike[own, None]
            synapses.append(_synapses(matrix, int(first[k - 1]), int(first[k])))
        if layer.recurrent is not None:
            matrix = layer.recurrent * layer.factor / per_spike[own, None]
            synapses.append(_synapses(matrix, int(first[k]), int(first[k])))
    parameters = {
        "tau_mem": tau_mem,
        "tau_syn": tau_syn,
        "v_th": threshold,
        "v_reset": np.concatenate([_v_reset(layer) for layer in layers]),
        "t_ref": np.concatenate([np.full(len(la.beta), dt * la.rests) for la in layers]),
        "bias": bias / (1 - alpha) / per_current,
    }
    names = [(la.name, int(first[k]), int(first[k + 1]) - 1) for k, la in enumerate(layers)]
    waiting = np.flatnonzero(late[0])
    if len(waiting):
        weight = late[0][waiting] / per_spike[waiting]
        synapses.append((np.full(len(waiting), n), waiting, weight, late[1][waiting]))
        ticker = (np.inf, 0.0, _FIRES, _FIRES - 1.0 if subtract else 0.0, 0.0, 1.0 / dt)
        parameters = {
            key: np.append(value, one)
            for (key, value), one in zip(parameters.items(), ticker, strict=True)
        }
        names.append((BIAS, n, n))
        n += 1
    pre, post, weight, delays = (np.concatenate(part) for part in zip(*synapses, strict=True))
    network = from_coo(
        pre, post, weight, n, dt=dt, reset="subtract" if subtract else "value", delay=0,
        delays=delays if delays.any() else None, **parameters,
    )  # fmt: skip
    into = layers[0].weight / (dt * per_spike if spikes else per_current)[: first[1], None]
    return replace(network, populations=tuple(names), **_ends(stack, into, n, dt))


def _time_constants(beta: Array, alpha: Array, dt: float) -> tuple[Array, Array]:
    """(n,) tau_mem and tau_syn in ms, as float32 holds them."""
    with np.errstate(divide="ignore"):
        tau_mem, tau_syn = -dt / np.log(beta), -dt / np.log(alpha)
    tau_mem[beta == 1] = np.inf  # and not -inf
    tau_syn[alpha == 0] = 0.0
    return tau_mem.astype(np.float32), tau_syn.astype(np.float32)


def _v_reset(layer: Layer) -> Array:
    """(n,) potential after a spike at the threshold."""
    if layer.reset == "zero" or not layer.reset_delay:
        return np.zeros(len(layer.beta))
    reset: Array = layer.threshold * (1 - 1 / layer.beta)
    return reset


def _biases(
    layers: Sequence[Layer], spikes: bool, neuron: bool
) -> tuple[Array, tuple[Array, Array]]:
    """(n,) biases a step that are constant currents; those that are spikes, and their delays."""
    constant, late, delays = [], [], []
    for k, layer in enumerate(layers):
        lag = k + spikes
        waits = neuron & ((layer.alpha > 0) | (lag > 0))
        constant.append(np.where(waits, 0.0, layer.bias))
        late.append(np.where(waits, layer.bias, 0.0))
        # The neuron's first spike, of step 0, is seen in step 1 with a delay of 0.
        delays.append(np.full(len(layer.beta), max(lag - 1, 0)))
    return np.concatenate(constant), (np.concatenate(late), np.concatenate(delays))


def _synapses(matrix: Array, pre: int, post: int) -> Synapses:
    """Those of a matrix [post, pre] between populations that begin at these neurons."""
    to, source = np.nonzero(matrix)
    return pre + source, post + to, matrix[to, source], np.zeros(len(to), int)


def _ends(stack: Stack, into: Array, n: int, dt: float) -> dict[str, Any]:
    """The fields of input channels and of the readout; into: (n_first, C) input weights."""
    last = stack.layers[-1]
    size = len(last.beta)
    own = (np.eye(size), np.zeros(size)) if stack.readout is None else stack.readout
    at = sum(len(layer.beta) for layer in stack.layers[:-1])
    w_out = np.zeros((len(own[0]), n))
    w_out[:, at : at + size] = own[0] * last.factor
    channel, neuron = np.nonzero(into.T)
    counts = np.bincount(channel, minlength=into.shape[1])
    return {
        "in_indptr": np.append(0, np.cumsum(counts)),
        "in_indices": neuron,
        "in_weights": into[neuron, channel],
        "w_out": w_out,
        "b_out": own[1],
        "tau_out": dt / _AT_ONCE,
    }

"""The layers of a network that snnTorch trained, from its module or its state dict.

A layer is a linear map and the neurons that it drives. Which neurons they are is told by the names
of what they hold: `alpha` by the two with a synapse, `recurrent` by the two with recurrent weights.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import rate_files
from spiking_bimt.errors import InputError, ReadWarning, unknown_name

Array = npt.NDArray[Any]

NEURONS = ("Leaky", "RLeaky", "Synaptic", "RSynaptic")
"""Classes of snnTorch that are read."""
_PASSED = ("Dropout", "Flatten", "Identity")
"""Classes of torch.nn that change nothing when a trained network runs on one row of numbers."""
_RESETS = ("subtract", "zero", "none")
"""snnTorch's resets by their number in a state dict."""
_LINEAR = frozenset({"weight", "bias"})
_OF_NEURONS = frozenset({
    "beta", "alpha", "threshold", "graded_spikes_factor", "reset_mechanism_val", "V",
    "recurrent.weight", "recurrent.bias", "recurrent.V",
})  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """Neurons and the linear map that drives them; every array of neurons is (n,)."""

    name: str
    """Of the neurons."""
    weight: Array
    """(n, m) from the m numbers, or spikes, of the layer before."""
    bias: Array
    """With that of the recurrent weights."""
    recurrent: Array | None
    """(n, n) [post, pre]"""
    beta: Array
    """Share of the membrane that is left after a step."""
    alpha: Array
    """Share of the synaptic current that is left; 0 without a synapse."""
    threshold: Array
    factor: Array
    """What a spike counts for, for all that receives it."""
    reset: str
    """"subtract" or "zero"."""
    reset_delay: bool
    """Whether the reset comes with the next step, as snnTorch does it by default."""
    rests: bool
    """Whether the membrane stays at 0 in the step after a spike."""


@dataclass(frozen=True)
class Stack:
    """A network of layers, each driven by the one before."""

    layers: tuple[Layer, ...]
    readout: tuple[Array, Array] | None
    """Weight (k, n) and bias (k,) of a linear map of the last spikes, where there is one."""


def read_stack(source: Any, order: Sequence[str] | None = None) -> Stack:
    """The layers of a torch.nn.Module or a state dict.

    order: names of its linear maps and neurons in the order in which they act; by default that in
    which they are registered. A state dict does not say what a module does: when neurons are reset,
    and whether they inhibit each other or are rounded. It is read as snnTorch's defaults.

    Raises InputError, with the part's name, for what no network here computes.
    """
    late: dict[str, bool] = {}
    if hasattr(source, "named_modules"):
        late = _check_modules(source)
        source = source.state_dict()
    parts = _parts(rate_files.arrays_of(source))
    if order is not None:
        for name in order:
            if name not in parts:
                raise unknown_name("part of the network", name, parts)
        left = [name for name in parts if name not in order]
        if left or len(set(order)) < len(order):
            raise InputError(
                f"order must name every part once: {', '.join(parts)}; without {left or 'repeats'}"
            )
        parts = {name: parts[name] for name in order}
    return _stacked(parts, late)


def _check_modules(module: Any) -> dict[str, bool]:
    """`reset_delay` of the neurons by name; InputError for a part that is not read."""
    late: dict[str, bool] = {}
    inside: tuple[str, ...] = ()
    for name, part in module.named_modules():
        kind = type(part)
        if name.startswith(inside):  # the recurrent part of neurons
            continue
        where = f"{name or 'the network'} ({kind.__name__})"
        if kind.__module__.startswith("snntorch"):
            if kind.__name__ not in NEURONS:
                raise InputError(f"{where}: neurons that are read are {', '.join(NEURONS)}")
            _check_neurons(where, part)
            late[name] = bool(part.reset_delay)
            inside = (*inside, f"{name}.")
        elif not any(True for _ in part.children()) and kind.__name__ not in ("Linear", *_PASSED):
            known = ", ".join(("Linear", *_PASSED, *NEURONS))
            raise InputError(f"{where}: a network that is read consists of {known}")
    return late


def _check_neurons(where: str, part: Any) -> None:
    """Refuse what a state dict does not tell, and no network here computes."""
    if part.state_quant:
        raise InputError(f"{where} rounds its state (state_quant): train it without")
    if part.inhibition:
        raise InputError(f"{where} lets one neuron of a layer spike (inhibition): train it without")
    recurrent = getattr(part, "recurrent", None)
    if recurrent is not None and type(recurrent).__name__ not in ("Linear", "RecurrentOneToOne"):
        raise InputError(
            f"{where}: its recurrent part is a {type(recurrent).__name__}; read is Linear"
        )
    if not part.reset_delay and type(part).__name__ == "RSynaptic":
        raise InputError(
            f"{where} has reset_delay=False, for which snnTorch's own step fails: leave it out"
        )


def _parts(state: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """The arrays of each linear map and of each population of neurons, by its name."""
    owners = [key.removesuffix(".threshold") for key in state if key.endswith(".threshold")]
    if not owners:
        raise InputError(
            f"it holds no neurons of snnTorch, of which every one has a threshold; its keys: "
            f"{', '.join(list(state)[:12]) or 'none'}"
        )
    parts: dict[str, dict[str, Array]] = {}
    for key, value in state.items():
        owner = next((name for name in owners if key.startswith(f"{name}.")), None)
        name, own = (owner, key[len(owner) + 1 :]) if owner else _split(key)
        known = _OF_NEURONS if owner else _LINEAR
        if own not in known:
            raise InputError(f"{key} is no part of a linear map or of {', '.join(NEURONS)}")
        parts.setdefault(name, {})[own] = value
    return parts


def _split(key: str) -> tuple[str, str]:
    name, _, own = key.rpartition(".")
    return name, own


def _stacked(parts: Mapping[str, Mapping[str, Array]], late: Mapping[str, bool]) -> Stack:
    layers: list[Layer] = []
    linear: tuple[str, Mapping[str, Array]] | None = None
    for name, arrays in parts.items():
        neurons = "threshold" in arrays
        if neurons == (linear is None):
            wanted = "a linear map" if linear is None else f"the neurons that {linear[0]} drives"
            raise InputError(
                f"{name} comes where {wanted} should: linear maps and neurons must take turns; "
                "their order is that of registration, or give it as `order`"
            )
        before = layers[-1] if layers else None
        if linear is None:
            _check_map(name, arrays, before)
            linear = name, arrays
        else:
            layers.append(_layer(name, arrays, linear[1], late.get(name, True)))
            linear = None
    readout = None if linear is None else (linear[1]["weight"], _bias(linear[1]))
    return Stack(tuple(layers), readout)


def _check_map(name: str, arrays: Mapping[str, Array], before: Layer | None) -> None:
    weight = arrays.get("weight")
    if weight is None or weight.ndim != 2:
        shape = "no weight" if weight is None else f"a weight of shape {weight.shape}"
        raise InputError(f"{name} has {shape}: a linear map has a matrix")
    if before is not None and weight.shape[1] != len(before.beta):
        raise InputError(
            f"{name} takes {weight.shape[1]} numbers, and {before.name} has {len(before.beta)} "
            "neurons: give the parts in the order in which they act, as `order`"
        )


def _bias(linear: Mapping[str, Array]) -> Array:
    weight = linear["weight"]
    bias: Array = np.asarray(linear.get("bias", np.zeros(len(weight))), float)
    return bias


def _layer(
    name: str, arrays: Mapping[str, Array], linear: Mapping[str, Array], reset_delay: bool
) -> Layer:
    n = len(linear["weight"])

    def each(key: str, default: float) -> Array:
        value = np.asarray(arrays.get(key, default), float)
        if value.shape not in ((), (1,), (n,)):
            raise InputError(f"{name}.{key} has shape {value.shape}, expected () or ({n},)")
        if not np.isfinite(value).all():
            raise InputError(f"{name}.{key} is not finite")
        return np.broadcast_to(value, n)

    reset = _RESETS[int(arrays.get("reset_mechanism_val", np.array(0)))]
    beta, alpha = np.clip(each("beta", 0), 0, 1), np.clip(each("alpha", 0), 0, 1)
    threshold = each("threshold", 1)
    if reset == "none":
        raise InputError(
            f"{name} has reset_mechanism 'none': a neuron here is reset by its spike; train it "
            "with 'subtract' or 'zero'"
        )
    for what, wrong, why in (
        ("threshold", threshold <= 0, "it must be above 0"),
        ("beta", beta == 0, "a membrane that remembers nothing is no neuron here"),
        ("alpha", alpha == 1, "a synapse that forgets nothing is none here"),
    ):
        if wrong.any():
            raise InputError(
                f"{name}.{what} of neuron {int(wrong.argmax())} is "
                f"{each(what, 0)[wrong.argmax()]:g}: {why}"
            )
    if reset == "subtract" and not reset_delay:
        warnings.warn(
            f"{name} has reset_delay=False: snnTorch takes another threshold off a membrane that "
            "its reset leaves above, before the next test; here such a one spikes again",
            ReadWarning,
            stacklevel=5,
        )
    recurrent, bias = _recurrent(name, arrays, n)
    # Leaky takes the new input on top of its 0, the others set the sum of both to 0.
    rests = reset == "zero" and reset_delay and (recurrent is not None or "alpha" in arrays)
    return Layer(
        name, np.asarray(linear["weight"], float), _bias(linear) + bias, recurrent, beta, alpha,
        threshold, each("graded_spikes_factor", 1), reset, reset_delay, rests,
    )  # fmt: skip


def _recurrent(name: str, arrays: Mapping[str, Array], n: int) -> tuple[Array | None, Array]:
    """Recurrent weights (n, n), None for none, and their bias (n,)."""
    weight, none = arrays.get("recurrent.weight"), np.zeros(n)
    if weight is not None:
        if weight.shape != (n, n):
            raise InputError(f"{name}.recurrent.weight has shape {weight.shape}, expected {n, n}")
        return np.asarray(weight, float), np.asarray(arrays.get("recurrent.bias", none), float)
    own = arrays.get("recurrent.V", arrays.get("V"))
    if own is None:
        return None, none
    if np.shape(own) not in ((), (1,), (n,)):
        raise InputError(f"{name}.V has shape {np.shape(own)}, expected () or ({n},)")
    return np.diag(np.broadcast_to(np.asarray(own, float), n)), none

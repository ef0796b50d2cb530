"""Which array of another tool is which part of a leaky ReLU network, and its time constant."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError, unknown_name

Array = npt.NDArray[Any]

STEPS = ("euler", "exponential")
NO_LEAK = 20.0
"""dt / tau of units without leak: what is left of a step, exp(-20), is nothing in float32."""

MEANINGS = {
    "w_rec": "recurrent weights, (units, units)",
    "w_in": "input weights, (units, channels)",
    "w_out": "readout weights, (outputs, units)",
    "b": "biases, (units,)",
    "b_out": "readout biases, (outputs,)",
}
"""Parts of a network by name; those of the first three must be there."""
_WEIGHTS = ("w_rec", "w_in", "w_out")

KNOWN = {
    "w_rec": ("w_rec", "wrec", "w_hh", "weight_hh_l0", "weight_hh", "h2h.weight", "hh.weight",
              "rec.weight", "recurrent.weight"),
    "w_in": ("w_in", "win", "w_ih", "weight_ih_l0", "weight_ih", "input2h.weight", "i2h.weight",
             "in2h.weight", "x2h.weight", "inp.weight", "input.weight"),
    "w_out": ("w_out", "wout", "fc.weight", "linear.weight", "readout.weight", "h2o.weight",
              "out.weight", "output.weight", "decoder.weight"),
    "b": ("b", "b_rec"),
    "b_out": ("b_out", "bout"),
}  # fmt: skip
"""Names of each part: whole keys, or ends of keys after a dot; case does not matter."""

EXTRAS = {"alpha": "()", "tau": "()", "dt": "()", "positions": "(units, 2)", "sheet": "(2,)"}
"""What files may hold beside the parts, and its shape."""

_MOST_LISTED = 12
"""Most keys that a message lists."""


@dataclass(frozen=True)
class Parts:
    """The arrays of a network and the keys that they came from."""

    arrays: dict[str, Array]
    """By name of MEANINGS; biases that lack are 0."""
    keys: dict[str, str]
    """By the same names: the keys of the arrays, those of two summed biases joined by " + "."""
    extras: dict[str, Array]
    """By name of EXTRAS."""

    @property
    def is_torch_rnn(self) -> bool:
        """Whether the keys are those of `torch.nn.RNN` or `RNNCell`, which have no leak."""
        return _leaf(self.keys["w_rec"]).startswith("weight_hh")

    def time(
        self, dt: float | None, alpha: float | None, tau: float | None, step: str | None
    ) -> tuple[float, float]:
        """dt and the time constant of `time_constant`, ms; what is None is taken from the extras.

        InputError where neither says it, or both do and differ.
        """
        dt = self._said("dt", dt)
        if dt is None:
            raise InputError("the file does not say the step of its network: give `dt`, in ms")
        alpha = self._said("alpha", alpha)
        if alpha is None and tau is None and self.is_torch_rnn:
            alpha = 1.0
        return dt, time_constant(alpha, self._said("tau", tau), dt, step)

    def _said(self, name: str, given: float | None) -> float | None:
        if name not in self.extras:
            return given
        value = np.asarray(self.extras[name])
        if value.size != 1:
            raise InputError(f"{name} has shape {value.shape}, expected one number")
        own = float(value.reshape(()))
        if given is not None and given != own:
            raise InputError(f"the file says {name} {own:g}, and you {given:g}: leave yours out")
        return own


def time_constant(
    alpha: float | None, tau: float | None, dt: float, step: str | None = None
) -> float:
    """The time constant, ms, whose exponential step of dt is the step asked for.

    alpha: share of the new rate in a step, r <- (1 - alpha) r + alpha f(...), 1 for no leak; or
    tau, ms, with alpha = dt / tau for step "euler" and 1 - exp(-dt / tau) for "exponential".
    InputError for less or more than that, or for what no unit can have.
    """
    if not (math.isfinite(dt) and dt > 0):
        raise InputError(f"dt is {dt}: the step of the network must be a time above 0 ms")
    if step is not None and step not in STEPS:
        raise unknown_name("step", step, STEPS)
    if (alpha is None) == (tau is None):
        raise InputError(
            "give the leak of the units as `alpha`, the share of the new rate in a step, or as "
            "`tau` in ms: one of the two"
        )
    if alpha is None:
        assert tau is not None
        if step is None:
            raise InputError(
                f"`tau` {tau} ms leaves open how the network steps: say with `step` whether alpha "
                f"is dt / tau ({STEPS[0]}) or 1 - exp(-dt / tau) ({STEPS[1]})"
            )
        if not (math.isfinite(tau) and tau > 0):
            raise InputError(f"tau is {tau}: it must be a finite time above 0 ms")
        alpha = dt / tau if step == "euler" else -math.expm1(-dt / tau)
        if alpha > 1:
            raise InputError(f"tau {tau} ms is below the step of {dt} ms, which Euler cannot take")
    elif step is not None:
        raise InputError("`alpha` says the step itself: leave `step` out")
    if not 0 < alpha <= 1:
        raise InputError(f"alpha is {alpha}: it must lie in (0, 1], 1 for units without leak")
    longest = 1 - math.exp(-NO_LEAK)
    return dt / NO_LEAK if alpha >= longest else -dt / math.log1p(-alpha)


def find_parts(arrays: Mapping[str, Array], names: Mapping[str, str] | None = None) -> Parts:
    """The parts of a network among named arrays.

    names: the key of a part by its name of MEANINGS, where that is not one of KNOWN; KEY.T is the
    transposed array. The bias beside a weight (`h2h.bias`, `bias_hh_l0`) goes with it. InputError
    lists what is not found, not known, or ambiguous, and refuses other kinds of network.
    """
    _refuse_other_kinds(arrays)
    extras = {key: arrays[key] for key in EXTRAS if key in arrays}
    left = {key: value for key, value in arrays.items() if key not in EXTRAS}
    found: dict[str, Array] = {}
    keys: dict[str, str] = {}
    for part, key in (names or {}).items():
        if part not in MEANINGS:
            raise unknown_name("part", part, MEANINGS)
        found[part], keys[part] = _named(arrays, part, key), key
        left.pop(key if key in arrays else key.removesuffix(".T"), None)
    for part in MEANINGS:
        own = None if part in found else _only(part, [k for k in left if _is(k, part)])
        if own is not None:
            found[part], keys[part] = left.pop(own), own
    if "w_out" not in found and np.ndim(found.get("w_rec", 0)) == 2:
        units = found["w_rec"].shape[1]
        read = [k for k, v in left.items() if np.ndim(v) == 2 and v.shape[1] == units]
        if len(read) == 1:
            found["w_out"], keys["w_out"] = left.pop(read[0]), read[0]
    _take_biases(found, keys, left)
    lacking = [part for part in _WEIGHTS if part not in found]
    if lacking:
        raise InputError(_lacking(lacking, left))
    _check_shapes(found, keys)
    if left:
        raise InputError(
            f"a leaky ReLU network has no {_listed(left)}{_nearest(left)}: name what it is, with "
            "`names`, or save the network without it if its outputs do not depend on it"
        )
    for part, size in (("b", len(found["w_rec"])), ("b_out", len(found["w_out"]))):
        found.setdefault(part, np.zeros(size, np.float32))
    return Parts(found, keys, extras)


def _is(key: str, part: str) -> bool:
    lowered = key.lower()
    return any(lowered == name or lowered.endswith(f".{name}") for name in KNOWN[part])


def _only(part: str, keys: list[str]) -> str | None:
    if len(keys) > 1:
        raise InputError(
            f"{_listed(keys)} could each be {part} ({MEANINGS[part]}): say which, with `names`"
        )
    return keys[0] if keys else None


def _named(arrays: Mapping[str, Array], part: str, key: str) -> Array:
    if key in arrays:
        return arrays[key]
    if key.endswith(".T") and key.removesuffix(".T") in arrays:
        return np.asarray(arrays[key.removesuffix(".T")]).T
    raise InputError(f"{part}: {unknown_name('key', key, arrays)}")


def _take_biases(found: dict[str, Array], keys: dict[str, str], left: dict[str, Array]) -> None:
    """Move the biases beside the weights from what is left: those of the units are summed."""
    for weight, bias in (("w_rec", "b"), ("w_in", "b"), ("w_out", "b_out")):
        if weight not in keys:
            continue
        head, dot, leaf = keys[weight].removesuffix(".T").rpartition(".")
        key = head + dot + leaf.replace("weight", "bias")
        if key not in left:
            continue
        value = np.asarray(left.pop(key))
        if bias in found and np.shape(found[bias]) != value.shape:
            raise InputError(
                f"{key} has shape {value.shape}, and {keys[bias]} {np.shape(found[bias])}: one "
                "bias a unit is expected of both"
            )
        found[bias] = found[bias] + value if bias in found else value
        keys[bias] = f"{keys[bias]} + {key}" if bias in keys else key


def _refuse_other_kinds(arrays: Mapping[str, Array]) -> None:
    for key, value in arrays.items():
        leaf = _leaf(key)
        if leaf.startswith(("weight_hh", "weight_ih")) and leaf.endswith("_reverse"):
            raise InputError(f"{key} runs backwards in time, which no spiking network can do")
        if leaf.startswith("weight_hh_l") and leaf != "weight_hh_l0":
            raise InputError(f"{key} is a second recurrent layer: one layer can be converted")
        if leaf.startswith("weight_hr_l"):
            raise InputError(f"{key} is the projection of an LSTM: {WHAT_TO_DO['LSTM']}")
        if leaf.startswith("weight_hh") and np.ndim(value) == 2:
            kind = {4: "LSTM", 3: "GRU"}.get(value.shape[0] // max(value.shape[1], 1))
            if kind and value.shape[0] % value.shape[1] == 0:
                raise InputError(f"{key} has the shape of a {kind}: {WHAT_TO_DO[kind]}")


_GATES = (
    "its gates multiply signals, which integrate-and-fire neurons cannot: train a network of leaky "
    "ReLU units in its place"
)
WHAT_TO_DO = {
    "LSTM": _GATES,
    "GRU": _GATES,
    "tanh": "its rates can be negative, which spike rates cannot: train it with ReLU in its place "
            "(nonlinearity='relu' in torch.nn.RNN)",
}  # fmt: skip
"""Why other kinds of network cannot be converted, and what to do."""


def _check_shapes(found: Mapping[str, Array], keys: Mapping[str, str]) -> None:
    """Refuse weights of wrong shape in the words of the file."""
    w_rec = found["w_rec"]
    if np.ndim(w_rec) != 2 or w_rec.shape[0] != w_rec.shape[1] or not len(w_rec):
        raise InputError(
            f"{keys['w_rec']} has shape {np.shape(w_rec)}: recurrent weights are square, "
            "(units, units)"
        )
    n = len(w_rec)
    for part, axis in (("w_in", 0), ("w_out", 1)):
        shape, want = (
            np.shape(found[part]),
            "(units, channels)" if axis == 0 else "(outputs, units)",
        )
        if len(shape) == 2 and shape[axis] == n:
            continue
        what = f"{keys[part]} has shape {shape}, and the network {n} units: expected {want}"
        if len(shape) == 2 and shape[1 - axis] == n:
            what += (
                f"; it is transposed: say {part}={keys[part]}.T in `names`, and w_rec="
                f"{keys['w_rec']}.T where that is stored the same way, which its shape cannot say"
            )
        raise InputError(what)
    for part, size in (("b", n), ("b_out", len(found["w_out"]))):
        if part in found and np.shape(found[part]) != (size,):
            raise InputError(f"{keys[part]} has shape {np.shape(found[part])}, expected ({size},)")


def _lacking(parts: list[str], left: Mapping[str, Array]) -> str:
    what = " and ".join(f"{part} ({MEANINGS[part]})" for part in parts)
    unknown = (
        f"of unknown keys it has {_listed(left)}{_nearest(left)}" if left else "it has no more"
    )
    return f"there is no {what}: {unknown}; say which it is, with `names`"


def _nearest(keys: Iterable[str]) -> str:
    known = [name for names in KNOWN.values() for name in names]
    near = []
    for key in keys:
        two = ".".join(key.lower().split(".")[-2:])
        for form in (two, _leaf(key).lower()):
            if close := difflib.get_close_matches(form, known, 1, 0.75):
                near.append(f"{key!r} is near {close[0]!r}")
                break
    return f" ({', '.join(near[:3])})" if near else ""


def _listed(keys: Iterable[str]) -> str:
    every = [repr(key) for key in keys]
    more = f" and {len(every) - _MOST_LISTED} more" if len(every) > _MOST_LISTED else ""
    return ", ".join(every[:_MOST_LISTED]) + more


def _leaf(key: str) -> str:
    return key.rpartition(".")[2]

"""The parameters of a neuron: the one table that every other part iterates over.

A parameter is declared once, as a field of `NeuronParameters`. Its annotation says what it is, and
`PARAMETERS` collects the annotations. Shape checks, defaults, renumbering, tiles, verification and
the lists of what a file format loses all follow from that table.
"""

import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import shown
from spiking_bimt.errors import InputError, unknown_name

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


class Check(NamedTuple):
    """What every value of a parameter must satisfy."""

    rule: str
    """In words, after "must"."""
    holds: Callable[[Array], Array]
    """Elementwise; False for a value that is refused."""
    finite: bool = True
    """Whether infinite values and NaN are refused before."""

    def __repr__(self) -> str:
        return f"must {self.rule}"


POSITIVE_OR_INFINITE = Check("be above 0 everywhere", lambda x: x > 0, finite=False)
NOT_NEGATIVE = Check("not be negative", lambda x: x >= 0)
ANY = Check("be a number", lambda x: x == x)
ANY_OR_MINUS_INFINITE = Check("not lie above v_reset", lambda x: x < np.inf, finite=False)


class Parameter(NamedTuple):
    """A row of the table."""

    unit: str
    """Of `SpikingNetwork`; empty for a flag. "v" is the unit of the potential itself."""
    default: float
    """Of a neuron for which nothing is said: without effect, apart from time constants and v_th."""
    check: Check = ANY
    dtype: type = np.float32
    nir: str | None = None
    """Name in NIR's CubaLIF; None where NIR has no such parameter."""
    meaning: str = ""
    """What a format without the parameter loses, in words."""

    def __repr__(self) -> str:
        return f"Parameter({self.unit!r}, default {self.default}, {self.check})"


@dataclass(frozen=True, eq=False, kw_only=True)
class NeuronParameters(validate.Record):
    """(N,) arrays, one value per neuron. A parameter whose default is None may be absent."""

    tau_mem: Annotated[Floats, Parameter("ms", 20.0, POSITIVE_OR_INFINITE, nir="tau_mem")]
    """Membrane time constant; inf for a non-leaky membrane."""
    tau_syn: Annotated[Floats, Parameter("ms", 5.0, NOT_NEGATIVE, nir="tau_syn")]
    """Synaptic time constant of the postsynaptic neuron; 0 where a spike moves v at once."""
    v_th: Annotated[Floats, Parameter("v", 1.0, nir="v_threshold")]
    """Threshold."""
    v_reset: Annotated[Floats, Parameter("v", 0.0, nir="v_reset")]
    """Potential after a spike (see `SpikingNetwork.reset`)."""
    v_leak: Annotated[Floats, Parameter("v", 0.0, nir="v_leak")]
    """Potential to which the membrane leaks."""
    v_min: Annotated[
        Floats,
        Parameter("v", -np.inf, ANY_OR_MINUS_INFINITE, meaning="the membrane floor v_min"),
    ]
    """Membrane floor; -inf for none."""
    t_ref: Annotated[Floats, Parameter("ms", 0.0, NOT_NEGATIVE, meaning="the refractory time")]
    """Refractory time, a multiple of dt."""
    bias: Annotated[Floats, Parameter("v/ms", 0.0, nir="bias")]
    """Constant input. In a NIR file it is the bias of the weights."""
    tau_syn_negative: Annotated[
        Floats | None,
        Parameter("ms", np.nan, NOT_NEGATIVE, meaning="the time constant of negative synapses"),
    ] = None
    """Time constant of synapses with a negative weight, or None where it is tau_syn."""
    poisson: Annotated[
        npt.NDArray[np.bool_] | None,
        Parameter("", False, ANY, np.bool_, meaning="Poisson sources"),
    ] = None
    """Poisson sources, or None where there are none. One adds up its drive and fires above a
    level, v_reset + (v_th - v_reset) times an exponential random number of mean 1, that it loses
    then, whatever `reset` is: its rate is its drive over v_th - v_reset. None leaks or rests."""

    def parameters(self, chosen: Any = slice(None)) -> dict[str, Array | None]:
        """The parameters of some neurons by name; None for one that is absent.

        chosen: a slice, a mask, or numbers of neurons. Raises InputError for anything else.
        """
        try:
            self.v_th[chosen]
        except (IndexError, TypeError, ValueError) as error:
            n = len(self.v_th)
            raise InputError(
                f"parameters: chosen is {shown(chosen)}, expected a slice, a mask or numbers of "
                f"the {n} neurons"
            ) from error
        values = ((name, getattr(self, name)) for name in PARAMETERS)
        return {name: None if value is None else value[chosen] for name, value in values}

    def in_use(self, name: str) -> npt.NDArray[np.bool_]:
        """(N,) the neurons for which a parameter is not at its default.

        Raises InputError for a name that no parameter has.
        """
        if name not in PARAMETERS:
            raise unknown_name("parameter", name, PARAMETERS)
        value = getattr(self, name)
        if value is None:
            return np.zeros(len(self.v_th), np.bool_)
        used: npt.NDArray[np.bool_] = value != np.asarray(PARAMETERS[name].default, value.dtype)
        return used

    def defaults(self, known: Iterable[str]) -> dict[str, Array | None]:
        """The parameters that are not among `known`, as a neuron without them has them."""
        n, held = len(self.v_th), set(known)
        return {
            name: None if name in OPTIONAL else np.full(n, row.default, row.dtype)
            for name, row in PARAMETERS.items()
            if name not in held
        }

    def refuse_optional(self, where: str, known: Iterable[str] = ()) -> None:
        """Raise InputError where an optional parameter is in use that `where` does not have."""
        for name in PARAMETERS:
            if name in OPTIONAL and name not in known and self.in_use(name).any():
                hint = _HINTS.get(name, "simulate the network on trials or in the engine")
                raise InputError(f"{where} has no {_meaning(name).removeprefix('the ')}: {hint}")

    def losses(self, known: Iterable[str]) -> list[str]:
        """Which parameters in use are not among `known`, in words: what a file of these loses."""
        held = set(known)
        counts = {name: int(self.in_use(name).sum()) for name in PARAMETERS if name not in held}
        return [f"{_meaning(name)} of {count} neurons" for name, count in counts.items() if count]

    def _check_parameters(self, owner: str, n: int) -> None:
        """Store every parameter as a checked (n,) array of its dtype."""
        for name, parameter in PARAMETERS.items():
            given = getattr(self, name)
            if given is None and name in OPTIONAL:
                continue
            finite = parameter.check.finite
            value = validate.array(owner, name, given, (n,), parameter.dtype, finite=finite)
            object.__setattr__(self, name, value)
            if not parameter.check.holds(value).all():
                raise InputError(f"{owner}.{name} must {parameter.check.rule}")
        if not (self.v_min <= self.v_reset).all():
            raise InputError(f"{owner}.v_min must not lie above v_reset")
        if not (self.v_reset < self.v_th).all():
            neuron = int(np.argmax(self.v_reset >= self.v_th))
            raise InputError(f"{owner}.v_reset of neuron {neuron} is not below its v_th")
        if self.poisson is not None:
            bad = self.poisson & (np.isfinite(self.tau_mem) | (self.t_ref > 0))
            if bad.any():
                k = int(np.argmax(bad))
                raise InputError(
                    f"{owner}: Poisson source {k} has tau_mem {self.tau_mem[k]} ms and t_ref "
                    f"{self.t_ref[k]} ms: sources neither leak nor rest (tau_mem inf, t_ref 0)"
                )


class NeuronOptions(TypedDict, total=False):
    """The parameters as a builder's keywords, for type checkers: one number for all, or (N,)."""

    tau_mem: npt.ArrayLike
    tau_syn: npt.ArrayLike
    v_th: npt.ArrayLike
    v_reset: npt.ArrayLike
    v_leak: npt.ArrayLike
    v_min: npt.ArrayLike
    t_ref: npt.ArrayLike
    bias: npt.ArrayLike
    tau_syn_negative: npt.ArrayLike | None
    poisson: npt.ArrayLike | None


def _collect() -> tuple[dict[str, Parameter], frozenset[str]]:
    """The table, and the names of those that may be absent."""
    hints = typing.get_type_hints(NeuronParameters, include_extras=True)
    table = {name: typing.get_args(hint)[1] for name, hint in hints.items()}
    types = typing.get_type_hints(NeuronParameters)
    absent = {name for name in table if type(None) in typing.get_args(types[name])}
    return table, frozenset(absent)


PARAMETERS, OPTIONAL = _collect()
"""The table, by name in the order of declaration, and which of them may be absent (None)."""

_HINTS = {
    "tau_syn_negative": "simulate and place the network, or export it as sonata",
    "poisson": "convert with `sources=regular`, or simulate the network on trials",
}


def _meaning(name: str) -> str:
    return PARAMETERS[name].meaning or name

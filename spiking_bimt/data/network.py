"""The spiking network that every later stage works on."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.documented import documented
from spiking_bimt.data.frozen import freeze
from spiking_bimt.data.neurons import NeuronParameters
from spiking_bimt.errors import CodesError, InputError, unknown_name

Floats = npt.NDArray[np.float32]

RESETS = ("subtract", "value")
LONGEST_DELAY = 10_000
"""Most steps of a delay: a simulation keeps as many rows of arrivals."""
LEAST_DT = 1e-4
"""Shortest simulation step, ms."""
CODES = ("bits", "codes", "scale", "in_codes", "in_scale", "out_codes", "out_scale")
"""Fields of integer weights: all of them are there, or none."""
NO_CODES = "the network has no integer codes"


@documented
@dataclass(frozen=True, eq=False)
class SpikingNetwork(NeuronParameters):
    """Leaky integrate-and-fire neurons with exponential synapses: NIR's CubaLIF.

        di/dt = -i / tau_syn + sum_j (w_ij / tau_syn) sum_k delta(t - t_j^k - delay_ij)
        dv/dt = (v_leak - v) / tau_mem + i + x + bias,    v >= v_min
        spike when v > v_th (strict, as NIR and Loihi); then v <- v - (v_th - v_reset)
        (reset "subtract") or v <- v_reset (reset "value")

    The current is in units of v per ms, so one presynaptic spike moves v by w in total and
    tau_mem = inf is the non-leaky case of the same equation. In NIR's terms R = tau_mem and the
    bias of its v_leak is tau_mem * bias. x is the analogue input W_in u, held over a task step.

    Within a time step: the membrane is integrated exactly with the current at its start, the
    current decays, the threshold is tested, v is reset, spikes whose delay has passed arrive.
    A refractory neuron keeps v fixed while its current goes on. The neurons' own parameters, (N,)
    arrays all, are listed among the fields. Source: docs/background/model.md.
    """

    indptr: npt.NDArray[np.int64]
    """(N + 1,) start of each presynaptic neuron's row in `indices`."""
    indices: npt.NDArray[np.int32]
    """(nnz,) postsynaptic neurons, ascending within a row."""
    weights: Floats
    """(nnz,) w: total change of the postsynaptic v by one spike, in units of v."""
    in_indptr: npt.NDArray[np.int64]
    """(C + 1,) the same for the input channels."""
    in_indices: npt.NDArray[np.int32]
    """(nnz_in,) postsynaptic neuron of each input synapse."""
    in_weights: Floats
    """(in_nnz,) current into the neuron by a channel held at 1, in v per ms."""
    w_out: Floats
    """(K, N) readout weights on the filtered spikes (tau_out), per spike."""
    b_out: Floats
    """(K,) readout biases."""
    tau_out: float
    """Time constant of the readout's filter, ms."""
    delay: int
    """Steps from a spike to its arrival at the end of a step, where `delays` is None; with 0 it is
    seen in v in the next step."""
    reset: str
    """"subtract" or "value"."""
    dt: float
    """Simulation step, ms."""
    task_dt: float
    """Step of the task's input and of the readout, ms, a multiple of dt."""
    positions: npt.NDArray[np.int32]
    """(N, 2) places on the sheet."""
    sheet: tuple[int, int]
    """Rows and columns of the sheet, or None."""
    battery: str
    """Name of the task battery, empty for a network without tasks."""
    tasks: tuple[str, ...]
    """Tasks in the order of their rule channels."""
    delays: npt.NDArray[np.int32] | None = None
    """(nnz,) steps of each synapse, or None where all share `delay`."""
    bits: int | None = None
    """Width of the signed integer codes, or None where the network is not quantised."""
    split_signs: bool = False
    """Excitatory and inhibitory synapses are held apart, so that the chip needs a bit less than
    `bits`: Loihi's lists of one sign, or the halves of differential pairs."""
    codes: npt.NDArray[np.int16] | None = None
    """(nnz,) integer weights; weights ~ codes * scale[post]."""
    scale: Floats | None = None
    """(N,) value of one code step, by postsynaptic neuron."""
    in_codes: npt.NDArray[np.int16] | None = None
    """(nnz_in,) integer codes of the input weights."""
    in_scale: Floats | None = None
    """(N,) value of one input code step, by postsynaptic neuron."""
    out_codes: npt.NDArray[np.int16] | None = None
    """(K, N) integer readout weights."""
    out_scale: Floats | None = None
    """(K,) value of one readout code step, by output."""
    chip: str = ""
    """Chip that the network was trained against, or none."""
    core: npt.NDArray[np.int32] | None = None
    """(N,) core of that chip on which each neuron was trained: where a placement starts."""
    populations: tuple[tuple[str, int, int], ...] = ()
    """Name, first and last neuron of each population that a file of another tool named; ascending,
    and not necessarily all neurons."""
    measured: dict[str, Any] | None = None
    """What conversion measured of this network (JSON values)."""

    def __post_init__(self) -> None:
        check_fields(self)
        name = "SpikingNetwork"
        n, n_in = np.size(self.indptr) - 1, np.size(self.in_indptr) - 1
        n_out, nnz, in_nnz = (np.size(v) for v in (self.b_out, self.indices, self.in_indices))
        if n < 1 or n_out < 1 or n_in < 0:
            raise InputError(f"{name} has {n} neurons and {n_out} outputs: none may be 0")
        for field in ("dt", "task_dt", "tau_out"):
            validate.positive(name, field, getattr(self, field))
        shapes: dict[str, tuple[tuple[int, ...], Any]] = {
            "indptr": ((n + 1,), np.int64),
            "indices": ((nnz,), np.int32),
            "weights": ((nnz,), np.float32),
            "in_indptr": ((n_in + 1,), np.int64),
            "in_indices": ((in_nnz,), np.int32),
            "in_weights": ((in_nnz,), np.float32),
            "w_out": ((n_out, n), np.float32),
            "b_out": ((n_out,), np.float32),
            "positions": ((n, 2), np.int32),
            "delays": ((nnz,), np.int32),
            "codes": ((nnz,), np.int16),
            "scale": ((n,), np.float32),
            "in_codes": ((in_nnz,), np.int16),
            "in_scale": ((n,), np.float32),
            "out_codes": ((n_out, n), np.int16),
            "out_scale": ((n_out,), np.float32),
            "core": ((n,), np.int32),
        }
        for field, (shape, dtype) in shapes.items():
            if getattr(self, field) is not None:
                value = validate.array(name, field, getattr(self, field), shape, dtype)
                object.__setattr__(self, field, value)
        object.__setattr__(self, "measured", freeze(self.measured))
        below = (self.positions >= 0) & (self.positions < np.array(self.sheet))
        if not below.all():
            k = int(np.argmin(below.all(axis=1)))
            raise InputError(
                f"{name}.positions[{k}] is {self.positions[k].tolist()}, outside a sheet of "
                f"{self.sheet[0]} x {self.sheet[1]}"
            )
        validate.csr(name, self.indptr, self.indices, n)
        validate.csr(name, self.in_indptr, self.in_indices, n, ("in_indptr", "in_indices"))
        self._check_parameters(name, n)
        self._check_times(name)
        self._check_populations(name)
        absent = [field for field in CODES if getattr(self, field) is None]
        if absent and len(absent) < len(CODES):
            raise InputError(
                f"{name}: {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} None: give all "
                f"of {', '.join(CODES)}, or none"
            )
        self._check_codes(name)

    def _check_codes(self, name: str) -> None:
        """Refuse a width that codes cannot have, and a code that needs more."""
        if self.bits is None:
            return
        if not 2 <= self.bits <= 16:
            raise InputError(f"{name}.bits is {self.bits}: signed codes have 2 to 16 bits")
        limit = 2 ** (self.bits - 1) - 1
        for field in ("codes", "in_codes", "out_codes"):
            codes = getattr(self, field)
            least, most = int(codes.min(initial=0)), int(codes.max(initial=0))
            if least < -limit or most > limit:
                raise InputError(
                    f"{name}.{field} holds {least if least < -limit else most}, outside the "
                    f"{self.bits}-bit range -{limit}..{limit}"
                )

    def _check_times(self, name: str) -> None:
        """Refuse resets, delays and steps that no simulator could run."""
        if self.reset not in RESETS:
            raise InputError(f"{name}: {unknown_name('reset', self.reset, RESETS)}")
        given = "delay" if self.delays is None else "delays"
        shortest = self.delay if self.delays is None else int(self.delays.min(initial=0))
        if shortest < 0:
            raise InputError(f"{name}: {given} holds {shortest} steps: the least is 0")
        longest = self.delay if self.delays is None else int(self.delays.max(initial=1))
        if longest > LONGEST_DELAY:
            raise InputError(f"{name}: {given} holds {longest} steps: the most is {LONGEST_DELAY}")
        if self.dt < LEAST_DT:
            raise InputError(f"{name}.dt is {self.dt} ms: the least is {LEAST_DT}")
        ratio = self.task_dt / self.dt
        if not math.isfinite(ratio) or abs(ratio - round(ratio)) > 1e-6 or round(ratio) < 1:
            raise InputError(
                f"{name}.task_dt {self.task_dt} ms is not a multiple of dt {self.dt} ms"
            )

    def _check_populations(self, owner: str) -> None:
        """Refuse populations without a name of their own, or whose neurons overlap."""
        end, names = -1, set[str]()
        for name, first, last in self.populations:
            if not name or name in names:
                raise InputError(f"{owner}.populations has {name!r} twice, or without a name")
            if not end < first <= last < self.n_neurons:
                raise InputError(
                    f"{owner}.populations: {name} has the neurons {first}..{last}; they must "
                    f"ascend within 0..{self.n_neurons - 1}, a neuron in one population"
                )
            names.add(name)
            end = last

    @property
    def n_neurons(self) -> int:
        """Number of neurons, N."""
        return len(self.indptr) - 1

    @property
    def n_inputs(self) -> int:
        """Number of input channels, C."""
        return len(self.in_indptr) - 1

    @property
    def weight_bits(self) -> int | None:
        """Width that a chip's weights need, or None where the network is not quantised."""
        return None if self.bits is None else self.bits - self.split_signs

    @property
    def steps_per_task_step(self) -> int:
        """Simulation steps in one task step."""
        return round(self.task_dt / self.dt)

    def without_codes(self, **changes: Any) -> "SpikingNetwork":
        """This network with its weights as they are, without integer codes; other fields changed.

        changes: fields and their new values, as for `dataclasses.replace`.
        """
        none: dict[str, Any] = dict.fromkeys(CODES)
        return replace(self, **none, **changes)

    def quantised(self) -> "SpikingNetwork":
        """This network with its weights replaced by codes * scale (float32 products).

        A synapse whose code is 0 is no synapse on a chip, so it is dropped. Raises InputError
        where the network has no codes.
        """
        if (
            self.codes is None or self.scale is None or self.in_codes is None
            or self.in_scale is None or self.out_codes is None or self.out_scale is None
        ):  # fmt: skip
            raise CodesError(NO_CODES)
        kept, in_kept = self.codes != 0, self.in_codes != 0
        mine = validate.hand_over
        indices, in_indices = mine(self.indices[kept]), mine(self.in_indices[in_kept])
        codes, in_codes = mine(self.codes[kept]), mine(self.in_codes[in_kept])
        return replace(
            self,
            indptr=_kept_indptr(self.indptr, kept),
            indices=indices,
            codes=codes,
            weights=mine(codes.astype(np.float32) * self.scale[indices]),
            delays=None if self.delays is None else mine(self.delays[kept]),
            in_indptr=_kept_indptr(self.in_indptr, in_kept),
            in_indices=in_indices,
            in_codes=in_codes,
            in_weights=mine(in_codes.astype(np.float32) * self.in_scale[in_indices]),
            w_out=self.out_codes.astype(np.float32) * self.out_scale[:, None],
        )


def core_ranks(core: npt.NDArray[np.int32] | None) -> npt.NDArray[np.int64]:
    """(N,) rank of each neuron's core among those that are used; InputError where none is known."""
    if core is None:
        raise InputError(
            "the network's neurons have no cores yet: place it, and convert it again with `cores`, "
            "the placement.h5"
        )
    ranks: npt.NDArray[np.int64] = np.unique(core, return_inverse=True)[1].astype(np.int64)
    return ranks


def _kept_indptr(
    indptr: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(kept)])[indptr].astype(np.int64)

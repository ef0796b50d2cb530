"""The trained rate network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.frozen import freeze
from spiking_bimt.errors import InputError, unknown_name

Floats = npt.NDArray[np.float32]

ACTIVATIONS = ("relu", "lif")
CURVE_FIELDS = ("tau_mem", "t_ref", "full_rate", "softness")


@dataclass(frozen=True, eq=False)
class RateNetwork(validate.Record):
    """A leaky rate RNN on a 2D sheet (Yang et al. 2019, eq. 4 without the noise term):

        tau dr/dt = -r + f(W_rec r + W_in u + b),    z = W_out r + b_out

    integrated by exponential Euler: r <- (1 - a) r + a f(...), a = 1 - exp(-dt / tau).
    """

    w_rec: Floats
    """(N, N) recurrent weights, [post, pre]."""
    w_in: Floats
    """(N, C) input weights, [post, channel]."""
    b: Floats
    """(N,) biases."""
    w_out: Floats
    """(K, N) readout weights; output 0 is fixation, 1.. are ring directions."""
    b_out: Floats
    """(K,) readout biases."""
    positions: npt.NDArray[np.int32]
    """(N, 2) row and column of each unit on the sheet, distinct."""
    sheet: tuple[int, int]
    """Rows and columns of the sheet; one grid spacing is the unit of distance."""
    tau: float
    """Time constant of the units, ms."""
    dt: float
    """Time step that the network was trained at, ms."""
    battery: str
    """Name of the task battery."""
    tasks: tuple[str, ...]
    """Tasks in the order of their rule channels."""
    activation: str = "relu"
    """Name of f: "relu", or "lif" for the rate of a leaky integrate-and-fire neuron, softened."""
    curve: Floats | None = None
    """(4,) for "lif": membrane time constant (ms), refractory time (ms), the spike rate that counts
    as 1 (spikes per ms), softness of the threshold; see `spiking_bimt.simulation.rate.lif_rate`."""
    chip: str = ""
    """Chip that the network was trained against, or none: preset or the user's file."""
    core: npt.NDArray[np.int32] | None = None
    """(N,) core of that chip on which each unit was trained."""
    poisson: npt.NDArray[np.bool_] | None = None
    """(N,) units that become Poisson sources, or None."""
    measured: dict[str, Any] | None = None
    """What training measured of this network (JSON values)."""

    def __post_init__(self) -> None:
        check_fields(self)
        name = "RateNetwork"
        n = np.shape(self.w_rec)[0] if np.ndim(self.w_rec) else 0
        n_in = np.shape(self.w_in)[-1] if np.ndim(self.w_in) else 0
        n_out = np.shape(self.w_out)[0] if np.ndim(self.w_out) else 0
        if not (n and n_in and n_out):
            raise InputError(
                f"{name} has {n} units, {n_in} inputs and {n_out} outputs: none may be 0"
            )
        fields: dict[str, tuple[tuple[int, ...], type]] = {
            "w_rec": ((n, n), np.float32),
            "w_in": ((n, n_in), np.float32),
            "b": ((n,), np.float32),
            "w_out": ((n_out, n), np.float32),
            "b_out": ((n_out,), np.float32),
            "positions": ((n, 2), np.int32),
        }
        for field, (shape, dtype) in fields.items():
            value = validate.array(name, field, getattr(self, field), shape, dtype)
            object.__setattr__(self, field, value)
        object.__setattr__(self, "measured", freeze(self.measured))
        validate.positive(name, "tau", self.tau)
        validate.positive(name, "dt", self.dt)
        rows, cols = self.sheet
        inside = (self.positions >= 0).all() and (self.positions < [rows, cols]).all()
        places = self.positions[:, 0].astype(np.int64) * cols + self.positions[:, 1]
        if not inside or len(np.unique(places)) != n:
            raise InputError(
                f"{name}.positions must be distinct places on the {rows} x {cols} sheet"
            )
        if self.activation not in ACTIVATIONS:
            raise InputError(f"{name}: {unknown_name('activation', self.activation, ACTIVATIONS)}")
        self._check_curve(name)
        if self.core is not None:
            core = validate.array(name, "core", self.core, (n,), np.int32)
            if core.min() < 0 or not self.chip:
                raise InputError(f"{name}.core must not be negative, and belongs to a chip")
            object.__setattr__(self, "core", core)
        if self.poisson is not None:
            poisson = validate.array(name, "poisson", self.poisson, (n,), np.bool_)
            object.__setattr__(self, "poisson", poisson)

    def _check_curve(self, name: str) -> None:
        if (self.curve is None) != (self.activation == "relu"):
            raise InputError(f"{name}.curve belongs to the activation 'lif', and to no other")
        if self.curve is None:
            return
        curve = validate.array(name, "curve", self.curve, (len(CURVE_FIELDS),), np.float32)
        for field, value in zip(CURVE_FIELDS, curve, strict=True):
            if value < 0 or (value == 0 and field != "t_ref"):
                raise InputError(f"{name}.curve: {field} is {value}: it must be above 0")
        object.__setattr__(self, "curve", curve)

    @property
    def n_units(self) -> int:
        """Number of hidden units, N."""
        return self.w_rec.shape[0]

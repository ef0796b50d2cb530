"""The trained rate network."""

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import rate_files, validate
from spiking_bimt.data.arguments import check_fields, checked
from spiking_bimt.data.documented import documented
from spiking_bimt.data.frozen import freeze
from spiking_bimt.data.rate_parts import MEANINGS, Parts, find_parts
from spiking_bimt.errors import InputError, unknown_name

Floats = npt.NDArray[np.float32]

ACTIVATIONS = ("relu", "lif")
CURVE_FIELDS = ("tau_mem", "t_ref", "full_rate", "softness")


@documented
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
    """Name of the task battery, empty for a network without tasks."""
    tasks: tuple[str, ...]
    """Tasks in the order of their rule channels."""
    activation: str = "relu"
    """Name of f: "relu", or "lif" for the rate of a leaky integrate-and-fire neuron, softened."""
    lif_curve: Floats | None = None
    """(4,) for "lif": membrane time constant (ms), refractory time (ms), the spike rate that counts
    as 1 (Hz), softness of the threshold; see docs/background/model.md."""
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
                f"{name}: w_rec, w_in and w_out are of {n} units, {n_in} inputs and {n_out} "
                "outputs: none may be 0"
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
        self._check_lif_curve(name)
        if self.core is not None:
            core = validate.array(name, "core", self.core, (n,), np.int32)
            if core.min() < 0 or not self.chip:
                raise InputError(f"{name}.core must not be negative, and belongs to a chip")
            object.__setattr__(self, "core", core)
        if self.poisson is not None:
            poisson = validate.array(name, "poisson", self.poisson, (n,), np.bool_)
            object.__setattr__(self, "poisson", poisson)

    def _check_lif_curve(self, name: str) -> None:
        if self.activation == "lif" and self.lif_curve is None:
            raise InputError(f"{name}.lif_curve is missing: the activation 'lif' needs it")
        if self.activation != "lif" and self.lif_curve is not None:
            raise InputError(f"{name}.lif_curve belongs to the activation 'lif', and to no other")
        if self.lif_curve is None:
            return
        curve = validate.array(name, "lif_curve", self.lif_curve, (len(CURVE_FIELDS),), np.float32)
        for field, value in zip(CURVE_FIELDS, curve, strict=True):
            if value < 0 or (value == 0 and field != "t_ref"):
                raise InputError(f"{name}.lif_curve: {field} is {value}: it must be above 0")
        object.__setattr__(self, "lif_curve", curve)

    @classmethod
    @checked
    def from_arrays(
        cls, w_rec: npt.ArrayLike, w_in: npt.ArrayLike, w_out: npt.ArrayLike,
        b: npt.ArrayLike | None = None, b_out: npt.ArrayLike | None = None, *,
        dt: float, alpha: float | None = None, tau: float | None = None, step: str | None = None,
        positions: npt.ArrayLike | None = None, battery: str = "", tasks: Sequence[str] = (),
    ) -> "RateNetwork":  # fmt: skip
        """A leaky ReLU network r <- (1 - alpha) r + alpha relu(W_rec r + W_in u + b).

        w_rec (N, N) and w_in (N, C) are [post, pre], w_out is (K, N); biases are 0 where none are
        given. dt: step, ms. alpha: share of the new rate in a step, 1 for units without leak; or
        tau, ms, with `step` "euler" (alpha = dt / tau) or "exponential" (1 - exp(-dt / tau)).
        positions: (N, 2) rows and columns on a sheet; by default the units fill a square sheet row
        by row (`sb.arrange` puts connected units side by side). InputError names what is wrong.
        """
        given = {"w_rec": w_rec, "w_in": w_in, "w_out": w_out, "b": b, "b_out": b_out,
                 "positions": positions}  # fmt: skip
        arrays = {key: np.asarray(value) for key, value in given.items() if value is not None}
        made = cls.from_parts(find_parts(arrays), dt, alpha, tau, step)
        return replace(made, battery=battery, tasks=tuple(tasks))

    @classmethod
    @checked
    def from_torch(
        cls, source: Any, *, dt: float, alpha: float | None = None, tau: float | None = None,
        step: str | None = None, names: Mapping[str, str] | None = None,
        battery: str = "", tasks: Sequence[str] = (),
    ) -> "RateNetwork":  # fmt: skip
        """The network of a `torch.nn.Module` of leaky ReLU units, or of its state dict.

        Its arrays are found by the usual names (`data.rate_parts.KNOWN`), or by `names`, such as
        {"w_rec": "hidden.weight"}. A `torch.nn.RNN` needs no alpha: its units do not leak. A state
        dict does not say its activation, which is taken for ReLU. The rest as in `from_arrays`.
        """
        parts = find_parts(rate_files.arrays_of(source), names)
        made = cls.from_parts(parts, dt, alpha, tau, step)
        return replace(made, battery=battery, tasks=tuple(tasks))

    @classmethod
    def from_parts(
        cls, parts: Parts, dt: float | None, alpha: float | None, tau: float | None,
        step: str | None,
    ) -> "RateNetwork":  # fmt: skip
        """The network of found parts; what of dt, alpha and tau is None, the parts may say."""
        dt, tau = parts.time(dt, alpha, tau, step)
        n = len(parts.arrays["w_rec"])
        cols = math.ceil(math.sqrt(n))
        sheet = (-(-n // cols), cols)
        places = np.stack(np.divmod(np.arange(n), cols), axis=1)
        if "positions" in parts.extras:
            places = validate.array(
                "RateNetwork", "positions", parts.extras["positions"], (n, 2), np.int32
            )
            size = parts.extras.get("sheet", places.max(axis=0) + 1)
            most = validate.array("RateNetwork", "sheet", size, (2,), np.int32)
            sheet = (int(most[0]), int(most[1]))  # fmt: skip
        arrays: dict[str, Any] = {name: parts.arrays[name] for name in MEANINGS}
        return cls(**arrays, positions=places, sheet=sheet, tau=tau, dt=dt, battery="", tasks=())

    @checked
    def to_torch(self) -> Any:
        """The network as a `torch.nn.Module` that can be trained and run on any input.

        It is a `training.rate_module.RateModule`: `module(u)` takes (steps, batch, channels).
        """
        # torch is loaded where it is asked for; this room knows arrays only.
        module = importlib.import_module("spiking_bimt.training.rate_module")
        return module.RateModule(self)

    def save(self, path: str | Path) -> None:
        """Write the weights, places and time constants to a .npz or .safetensors file.

        `import_network` reads it back. Tasks and what was measured stay out. InputError for a
        network whose function these arrays do not hold (leaky rates, Poisson sources).
        """
        if self.activation != "relu" or self.poisson is not None:
            what = "Poisson sources" if self.activation == "relu" else "leaky rates"
            raise InputError(f"a network with {what} has no {Path(path).suffix} file: keep rate.h5")
        arrays = {name: getattr(self, name) for name in (*MEANINGS, "positions")}
        alpha = -math.expm1(-self.dt / self.tau)
        numbers = {"sheet": self.sheet, "alpha": alpha, "dt": self.dt}
        arrays |= {name: np.array(value) for name, value in numbers.items()}
        rate_files.write_arrays(Path(path), arrays)

    @property
    def n_units(self) -> int:
        """Number of hidden units, N."""
        return self.w_rec.shape[0]

    @property
    def alpha(self) -> float:
        """Share of the new rate in a step, in float32: 1 for units without leak."""
        return float(np.float32(-math.expm1(-self.dt / self.tau)))

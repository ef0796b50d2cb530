"""Every setting of a training, as records read from TOML; an unknown key is an error."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tomli_w

from spiking_bimt.errors import InputError
from spiking_bimt.tasks.battery import select_tasks

ACTIVATIONS = ("relu", "lif")
REGULARISERS = ("bimt", "bimt-noswap", "l1", "none")

T = TypeVar("T")


@dataclass(frozen=True)
class Phase:
    """One stretch of training with settings of its own; Adam starts afresh in each."""

    name: str
    steps: int
    """Optimiser steps."""
    dt: float = 100.0
    """Time step of the network and its tasks, ms."""
    batch: int = 64
    """Trials a step."""
    lr: float = 1e-3
    """Adam's learning rate."""
    lr_decay: float = 0.0
    """Last share of the phase over which the learning rate falls linearly to lr * lr_final."""
    lr_final: float = 0.02
    l1: float = 0.0
    """lambda: strength of the L1 penalty on all weights but the biases."""
    l1_ramp: float = 0.0
    """First share of the phase over which lambda goes linearly from that of the phase before
    (0 before the first) to l1; 0 for a jump."""
    l1_ends: float = 1.0
    """Strength on input and readout weights, relative to l1."""
    distance: float = 0.0
    """A: wiring penalty per grid spacing, relative to l1; recurrent weights only."""
    swap_every: int = 100
    """Steps between swaps of places; 0 for none."""
    max_swaps: int = 20
    """Most exchanges at a time."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise on the drive, per step of 20 ms; scales as dt^-1/2."""
    margin: float = 0.0
    """Margin of the fixation output before the go signal (logits)."""
    activity: float = 0.0
    """Weight of the mean squared rate in the loss: keeps rates from growing without need."""
    prune: float = 0.0
    """Weights below this are set to zero at the start of the phase, and stay zero if above 0."""
    stop_error: float = 0.0
    """The phase ends at the first measurement whose validation error is at most this; 0: never."""

    def __post_init__(self) -> None:
        for field in ("steps", "batch"):
            if getattr(self, field) < 1:
                raise InputError(f"phase {self.name!r}: {field} is {getattr(self, field)}, least 1")
        for field in ("dt", "lr"):
            if not (np.isfinite(getattr(self, field)) and getattr(self, field) > 0):
                raise InputError(f"phase {self.name!r}: {field} must be a finite number above 0")
        if self.l1_ramp > 1 or self.lr_decay > 1:
            raise InputError(f"phase {self.name!r}: l1_ramp and lr_decay are shares, at most 1")
        for field in ("lr_decay", "lr_final", "l1_ramp", "l1", "l1_ends", "distance", "swap_every",
                      "max_swaps", "noise", "margin", "activity", "prune",
                      "stop_error"):  # fmt: skip
            if not (np.isfinite(getattr(self, field)) and getattr(self, field) >= 0):
                raise InputError(f"phase {self.name!r}: {field} must be a finite number, least 0")

    def l1_at(self, step: int, before: float) -> float:
        """lambda of a step of this phase, after one that ended at `before`."""
        rising = self.l1_ramp * self.steps
        return before + (self.l1 - before) * min(1.0, step / rising) if rising else self.l1

    def lr_at(self, step: int) -> float:
        """Learning rate of a step of this phase."""
        falling = max(1.0, self.lr_decay * self.steps)
        done = max(0.0, (step - (self.steps - falling)) / falling)
        return self.lr * (1 - (1 - self.lr_final) * done) if self.lr_decay else self.lr


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a whole training."""

    phases: tuple[Phase, ...]
    battery: str = "yang19"
    tasks: tuple[str, ...] | None = None
    """Tasks of the battery; None for all."""
    sheet: tuple[int, int] = (20, 20)
    """Rows and columns of the sheet; one hidden unit a place."""
    tau: float = 100.0
    """Time constant of the units, ms."""
    reg: str = "bimt"
    """"bimt": the phases as they are; "bimt-noswap": units keep their places; "l1": no distance
    cost and no swaps; "none": no penalty at all."""
    l1_scale: float = 1.0
    """Factor on every phase's l1: one number for the strength of the whole penalty."""
    metric: str = "euclidean"
    """Distance on the sheet: "euclidean" or "manhattan"."""
    activation: str = "relu"
    """"relu", or "lif": the softened rate of the leaky integrate-and-fire neuron of the next four
    settings, for a chip whose neurons leak; conversion then gives it those neurons."""
    lif_tau_mem: float = 20.0
    """Membrane time constant, ms."""
    lif_t_ref: float = 2.0
    """Refractory time, ms."""
    lif_full_rate: float = 200.0
    """Spike rate that counts as a rate of 1, Hz."""
    lif_softness: float = 0.1
    """Softness of the threshold, relative to the input that reaches it."""
    seed: int = 0
    decision_weight: float = 5.0
    """Weight of a decision step in the loss, against 1 before the go signal."""
    clip: float = 1.0
    """Largest norm of the loss's gradient."""
    focus: float = 0.0
    """Share of a batch that is drawn from the tasks in proportion to their present loss; the rest
    comes from all tasks alike."""
    pool: int = 100
    """Trials a task in the pool that batches are drawn from."""
    reuse: int = 40
    """Batches as large as the whole pool that are drawn from it before the next is made."""
    checkpoint_every: int = 500
    """Steps between checkpoints and measurements."""
    validation_trials: int = 20
    """Trials a task of a measurement during training."""

    def __post_init__(self) -> None:
        select_tasks(self.battery, self.tasks)
        if not self.phases:
            raise InputError("the configuration has no [[phases]]: give at least one")
        for field in ("pool", "reuse", "checkpoint_every", "validation_trials"):
            if getattr(self, field) < 1:
                raise InputError(f"{field} is {getattr(self, field)}, least 1")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}: it must not be negative")
        if self.reg not in REGULARISERS:
            raise InputError(f"reg is {self.reg!r}; known: {', '.join(REGULARISERS)}")
        if self.metric not in ("euclidean", "manhattan"):
            raise InputError(f"metric is {self.metric!r}; known: euclidean, manhattan")
        if min(self.sheet) < 1:
            raise InputError(f"sheet is {self.sheet[0]} x {self.sheet[1]}: both must be at least 1")
        if not 0 <= self.focus < 1:
            raise InputError(f"focus is {self.focus}: it must lie in [0, 1)")
        if self.activation not in ACTIVATIONS:
            raise InputError(f"activation is {self.activation!r}; known: {', '.join(ACTIVATIONS)}")
        if not (np.isfinite(self.lif_t_ref) and self.lif_t_ref >= 0):
            raise InputError(f"lif_t_ref is {self.lif_t_ref}: it must be a finite time, least 0 ms")
        for field in ("tau", "decision_weight", "clip", "l1_scale", "lif_tau_mem",
                      "lif_full_rate", "lif_softness"):  # fmt: skip
            if not (np.isfinite(getattr(self, field)) and getattr(self, field) > 0):
                raise InputError(f"{field} must be a finite number above 0")

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks in the order of their rule channels."""
        return select_tasks(self.battery, self.tasks)

    @property
    def curve(self) -> tuple[float, ...]:
        """The parameters of the activation's curve, in ms (`RateNetwork.curve`); none for relu."""
        if self.activation == "relu":
            return ()
        return self.lif_tau_mem, self.lif_t_ref, self.lif_full_rate / 1000, self.lif_softness

    def effective_phases(self) -> tuple[Phase, ...]:
        """The phases under `reg` and `l1_scale`."""
        changes: dict[str, dict[str, Any]] = {
            "bimt": {},
            "bimt-noswap": {"swap_every": 0},
            "l1": {"distance": 0.0, "swap_every": 0},
            "none": {"distance": 0.0, "swap_every": 0, "l1": 0.0},
        }
        off = changes[self.reg]
        return tuple(
            dataclasses.replace(phase, **{"l1": self.l1_scale * phase.l1, **off})
            for phase in self.phases
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain TOML and JSON values, without what is None."""
        values = dataclasses.asdict(self)
        values = {key: value for key, value in values.items() if value is not None}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def to_toml(self) -> str:
        """The configuration as a TOML file."""
        return tomli_w.dumps(self.to_dict())


def presets() -> list[str]:
    """Names of the training presets that come with the package."""
    files = resources.files("spiking_bimt.training").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def read_config(source: str | Path, **overrides: Any) -> TrainConfig:
    """A configuration from a preset's name or a TOML file; overrides that are None are ignored.

    Raises InputError for a missing file, bad TOML (with its line), and unknown or ill-typed keys.
    """
    path = Path(source)
    if str(source) in presets():
        text = (resources.files("spiking_bimt.training") / f"{source}.toml").read_text("utf-8")
    elif path.is_file():
        text = _text_of(path)
    else:
        raise InputError(
            f"no configuration {source}: give a TOML file or one of {', '.join(presets())}"
        )
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}: {error}") from error
    return from_dict(values | {k: v for k, v in overrides.items() if v is not None}, str(source))


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8: give a TOML file") from error


def from_dict(values: Mapping[str, Any], source: str) -> TrainConfig:
    """A configuration from plain values (see `read_config`)."""
    values = dict(values)
    phases = values.pop("phases", [])
    if not isinstance(phases, list | tuple) or not all(isinstance(p, Mapping) for p in phases):
        raise InputError(f"{source}: phases must be an array of tables, [[phases]]")
    made = tuple(
        _record(Phase, phase, f"{source}, phase {i + 1}") for i, phase in enumerate(phases)
    )
    return _record(TrainConfig, {**values, "phases": made}, source)


def _record(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(fields)}"
            raise InputError(f"{where}: unknown key {key!r}; {hint}")
        _check_type(fields[key].type, key, value, where)
    missing = [n for n, f in fields.items() if f.default is dataclasses.MISSING and n not in values]
    if missing:
        raise InputError(f"{where}: {missing[0]!r} is missing")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _check_type(hint: Any, key: str, value: Any, where: str) -> None:
    expected: tuple[type, ...]
    if hint is float:
        expected = (int, float)
    elif hint in (int, str):
        expected = (hint,)
    else:
        expected = (list, tuple)
        item = int if key == "sheet" else str if key == "tasks" else Phase
        wrong = isinstance(value, expected) and any(type(part) is not item for part in value)
        if wrong or (key == "sheet" and isinstance(value, expected) and len(value) != 2):
            what = "two whole numbers" if key == "sheet" else "a list of names"
            raise InputError(f"{where}: {key} is {value!r}, expected {what}")
    if not isinstance(value, expected) or isinstance(value, bool):
        raise InputError(
            f"{where}: {key} is {value!r}, expected {' or '.join(t.__name__ for t in expected)}"
        )

"""Every setting of a training, as records read from TOML; an unknown key is an error."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w

from spiking_bimt.battery.draw import select_tasks
from spiking_bimt.chip.presets import chip_from_profile, chip_names, load_chip, profile_of
from spiking_bimt.chip.start import fewest_cores
from spiking_bimt.data import gate, validate
from spiking_bimt.data.arguments import check_fields
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.documented import documented
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.training.phase import PENALTIES, Phase, check_function
from spiking_bimt.training.plain_values import record_of, refuse_idle

ACTIVATIONS = ("relu", "lif")
REGULARISERS = ("bimt", "bimt-noswap", "l1", "none")
_METRICS = ("euclidean", "manhattan")

RUNGS = tuple(2.0 ** (k / 2) for k in range(-4, 9))
"""Factors on a phase's `packet`, from 1/4 to 16, that a search for its strength goes through."""


@documented
@dataclass(frozen=True)
class TrainConfig:
    """The settings of a whole training; the loss that they make: docs/background/model.md."""

    phases: tuple[Phase, ...]
    """The phases of training, one after another."""
    battery: str = "yang19"
    """Battery of tasks; of a data set "data:" and its digest, which `train` fills in."""
    tasks: tuple[str, ...] | None = None
    """Tasks of the battery; None for all. Of a data set, its name."""
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
    start: str = ""
    """Run that training goes on from, at its first phase with `packet`, `unlike` or `attract`."""
    chip: str = ""
    """Chip whose packets the phases with `packet` train against: preset or TOML file."""
    chip_profile: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    """The whole chip, where it is no preset: taken from the file `chip` when the training begins,
    so that the training goes on with the chip that it began with."""
    packet_scale: float = 1.0
    """Factor on every phase's packet."""
    packet_groups: bool = True
    """Whether that penalty is on groups, one per source and core, or on single weights."""
    packet_ends: float = 0.0
    """Price of an input channel's axon to a core, relative to a packet's."""
    max_packets: float = 0.0
    """Packets to other cores per spike that the phases with `rung` must get down to; 0 for none."""
    max_error: float = 0.0
    """Error on validation trials up to which those phases save packets; 0 for none."""
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
    """Seed of weights, trials and noise."""
    decision_weight: float = 5.0
    """Weight of a decision step of a task in the loss, against 1 before the go signal."""
    input_noise: float = 0.0
    """Standard deviation of the noise on each standardised channel of a data set, which is drawn
    anew for each use of a sequence; tasks have a noise of their own."""
    clip: float = 1.0
    """Largest norm of the loss's gradient."""
    focus: float = 0.0
    """Share of a batch drawn in proportion to the tasks' present loss; the rest from all alike."""
    pool: int = 100
    """Trials per task in the pool that batches are drawn from; of a data set, at most this."""
    reuse: int = 40
    """Batches as large as the whole pool that are drawn from it before the next is made."""
    checkpoint_every: int = 500
    """Steps between checkpoints and measurements."""
    validation_trials: int = 20
    """Trials per task of a measurement during training."""

    def __post_init__(self) -> None:
        check_fields(self)
        select_tasks(self.battery, self.tasks)
        if not self.phases:
            raise InputError("the configuration has no [[phases]]: give at least one")
        for field in ("pool", "reuse", "checkpoint_every", "validation_trials"):
            if getattr(self, field) < 1:
                raise InputError(f"{field} is {getattr(self, field)}, least 1")
        validate.seed(self.seed)
        if self.reg not in REGULARISERS:
            raise unknown_name("reg", self.reg, REGULARISERS)
        if self.metric not in _METRICS:
            raise unknown_name("metric", self.metric, _METRICS)
        if min(self.sheet) < 1:
            raise InputError(f"sheet is {self.sheet[0]} x {self.sheet[1]}: both must be at least 1")
        if not 0 <= self.focus < 1:
            raise InputError(f"focus is {self.focus}: it must lie in [0, 1)")
        if self.activation not in ACTIVATIONS:
            raise unknown_name("activation", self.activation, ACTIVATIONS)
        if not (math.isfinite(self.lif_t_ref) and self.lif_t_ref >= 0):
            raise InputError(f"lif_t_ref is {self.lif_t_ref}: it must be a finite time, least 0 ms")
        self._check_chip()
        refuse_idle(self)
        check_function(self.phases, len(self.task_names))
        for field in ("tau", "decision_weight", "clip", "l1_scale", "packet_scale", "lif_tau_mem",
                      "lif_full_rate", "lif_softness"):  # fmt: skip
            if not (math.isfinite(getattr(self, field)) and getattr(self, field) > 0):
                raise InputError(f"{field} must be a finite number above 0")

    def _check_chip(self) -> None:
        for field in ("packet_ends", "max_packets", "max_error", "input_noise"):
            if not (math.isfinite(getattr(self, field)) and getattr(self, field) >= 0):
                raise InputError(f"{field} must be a finite number, least 0")
        priced = [phase.name for phase in self.phases if phase.packet]
        if bool(priced) != bool(self.chip):
            raise InputError(
                f"phase {priced[0]!r} prices packets, but no chip is given: give one as `chip`"
                if priced
                else f"no phase trains against the chip {self.chip}: give `packet` in one"
            )
        rungs = [index for index, phase in enumerate(self.phases) if phase.rung]
        if self.is_ladder and not any(p.rung and p.packet for p in self.phases):
            raise InputError("max_packets and max_error need a phase with `rung` and `packet`")
        if rungs and rungs[-1] - rungs[0] >= len(rungs):
            raise InputError("the phases with `rung` must follow one another")
        if self.chip_profile and (not self.chip or self.chip in chip_names()):
            raise InputError(
                f"chip_profile describes a chip of your own, and `chip` is {self.chip!r}: leave "
                "one of the two out"
            )
        if self.chip and self.chip not in chip_names():
            object.__setattr__(self, "chip_profile", profile_of(self.chip_record))
        if self.chip:
            fewest_cores(self.chip_record, self.sheet[0] * self.sheet[1])

    @property
    def chip_record(self) -> Chip:
        """The chip that is trained against."""
        if self.chip_profile:
            return chip_from_profile(self.chip, self.chip_profile)
        return load_chip(self.chip)

    @property
    def is_ladder(self) -> bool:
        """Whether the strength on packets is searched for."""
        return self.max_packets > 0 or self.max_error > 0

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks in the order of their rule channels."""
        return select_tasks(self.battery, self.tasks)

    @property
    def lif_curve(self) -> tuple[float, ...]:
        """The parameters of the activation's curve (`RateNetwork.lif_curve`); none for relu."""
        if self.activation == "relu":
            return ()
        return self.lif_tau_mem, self.lif_t_ref, self.lif_full_rate, self.lif_softness

    def effective_phases(self) -> tuple[Phase, ...]:
        """The phases under `reg` and `l1_scale`."""
        changes: dict[str, dict[str, Any]] = {
            "bimt": {},
            "bimt-noswap": {"swap_every": 0, "attract": 0.0},
            "l1": {"distance": 0.0, "unlike": 0.0, "swap_every": 0, "attract": 0.0},
            "none": {**dict.fromkeys(PENALTIES, 0.0), "swap_every": 0, "attract": 0.0},
        }
        off = changes[self.reg]
        phases = [
            dataclasses.replace(
                phase,
                **{
                    "l1": self.l1_scale * phase.l1,
                    "packet": self.packet_scale * phase.packet,
                    **off,
                },
            )
            for phase in self.phases
        ]
        later = [i for i, phase in enumerate(self.phases) if phase.packet or phase.needs_function]
        if self.start and later:
            phases = phases[later[0] :]
        if not self.is_ladder:
            return tuple(phases)
        rung = [phase for phase in phases if phase.rung]
        first = phases.index(rung[0])
        ladder = [
            dataclasses.replace(phase, packet=phase.packet * factor, name=f"{phase.name} {number}")
            for number, factor in enumerate(RUNGS)
            for phase in rung
        ]
        return (*phases[:first], *ladder, *phases[first + len(rung) :])

    def to_dict(self) -> dict[str, Any]:
        """Plain TOML and JSON values, without what is None and an empty profile."""
        values = dataclasses.asdict(self)
        values = {key: value for key, value in values.items() if value not in (None, {})}
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
        text = gate.read_text(path, gate.MOST_TOML)
    elif path.suffix == ".toml" or len(path.parts) > 1:
        raise InputError(f"there is no file {source}: give a TOML file, or a preset's name")
    else:
        raise unknown_name("preset", str(source), presets(), "or the path of your own .toml file")
    values = gate.parse_toml(text, path)
    if overrides.get("chip") is not None:
        values.pop("chip_profile", None)  # which is of the chip that is replaced
    given = {k: v for k, v in overrides.items() if v is not None}
    return from_dict(values | given, str(source), given)


def from_dict(
    values: Mapping[str, Any], source: str, overridden: Collection[str] = ()
) -> TrainConfig:
    """A configuration from plain values (see `read_config`); overridden: those not of `source`."""
    values = dict(values)
    phases = values.pop("phases", [])
    if not isinstance(phases, list | tuple) or not all(isinstance(p, Mapping) for p in phases):
        raise InputError(f"{source}: phases must be an array of tables, [[phases]]")
    made = tuple(
        record_of(Phase, phase, f"{source}, phase {i + 1}") for i, phase in enumerate(phases)
    )
    return record_of(TrainConfig, {**values, "phases": made}, source, overridden)

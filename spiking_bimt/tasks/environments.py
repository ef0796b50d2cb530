"""One trial at a time from neurogym: the 20 tasks of Yang et al. 2019 and their Mod-Cog variants.

Mod-Cog (Khona, Chandra et al. 2022, arXiv:2207.03523) makes two kinds of harder task of them, each
in two directions around the ring:

- `int`: the delay varies from trial to trial, and the answer is moved by one ring place for every
  100 ms of it, so the network has to measure the interval.
- `seq`: the answer goes around the ring during the decision period, one place every 100 ms.

The published code moves the answer modulo 16 through label 0, which is also the fixation label:
ring place 16 is never asked for and 0 means two things. Here the answer moves modulo 16 over the
ring's labels 1..16, and a trial whose answer is to keep fixating has no shift.
"""

import functools
import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

YANG19 = (
    "go", "rtgo", "dlygo", "anti", "rtanti", "dlyanti",
    "dm1", "dm2", "ctxdm1", "ctxdm2", "multidm",
    "dlydm1", "dlydm2", "ctxdlydm1", "ctxdlydm2", "multidlydm",
    "dms", "dnms", "dmc", "dnmc",
)  # fmt: skip
_WITH_DELAY = (
    "dlygo", "dlyanti", "dlydm1", "dlydm2", "ctxdlydm1", "ctxdlydm2", "multidlydm",
    "dms", "dnms", "dmc", "dnmc",
)  # fmt: skip
MODCOG = (
    *YANG19,
    *(f"{base}int{way}" for base in _WITH_DELAY for way in "rl"),
    *(f"{base}seq{way}" for base in YANG19 for way in "rl"),
)
"""The usual 82 tasks: 20, 22 with interval integration, 40 with a sequence of answers."""

_MS_PER_PLACE = 100.0
_DELAYS = list(range(0, 1200, 100))


@dataclass(frozen=True)
class Trial:
    """One trial as the network meets it."""

    ob: npt.NDArray[np.float32]
    """(steps, channels) fixation and stimulus."""
    labels: npt.NDArray[np.int32]
    """(steps,) right output at each step."""
    go: int
    """First step of the decision period."""


class Environment:
    """A neurogym task that draws trials; `name` is one of MODCOG."""

    def __init__(self, name: str, dt: float) -> None:
        base, kind, way = _parts(name)
        self._shift = {"": 0, "r": 1, "l": -1}[way]
        self._kind, self._dt = kind, dt
        module = importlib.import_module("neurogym.envs.collections.yang19")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._env = getattr(module, base)(dt=int(dt) if float(dt).is_integer() else dt)
        # Tasks shown in either ring alternate between two environments, one a ring.
        self._rings = getattr(self._env, "envs", [self._env])
        if kind == "int":
            for env in self._rings:
                env.unwrapped.timing["delay"] = _DELAYS

    @property
    def n_channels(self) -> int:
        """Channels of the observation."""
        return int(self._env.observation_space.shape[0])

    @property
    def n_outputs(self) -> int:
        """Fixation and ring directions."""
        return int(self._env.action_space.n)

    def restart(self, seed: int) -> None:
        """Start the stream of trials that belongs to `seed`."""
        with warnings.catch_warnings():
            # gymnasium's wrappers warn of attributes that neurogym reads through them.
            warnings.simplefilter("ignore")
            self._env.seed(seed)
            # neurogym gives both rings one seed, which makes every other trial a copy.
            for env, child in zip(self._rings, np.random.SeedSequence(seed).spawn(2), strict=False):
                env.seed(int(child.generate_state(1)[0]))
            self._env.reset()

    def draw(self) -> Trial:
        """The next trial."""
        self._env.new_trial()
        own = self._env.unwrapped
        go = int(own.start_ind["decision"])
        labels = np.array(own.gt, np.int32)
        if self._shift:
            delay = own.end_t["delay"] - own.start_t["delay"] if self._kind == "int" else 0.0
            labels = self._moved(labels, go, delay)
        return Trial(hold_fixation(own.ob, go), labels, go)

    def _moved(self, labels: npt.NDArray[np.int32], go: int, delay: float) -> npt.NDArray[np.int32]:
        since_go = np.maximum(np.arange(len(labels)) - go, 0) * self._dt
        elapsed = delay if self._kind == "int" else since_go
        places = np.floor(elapsed / _MS_PER_PLACE + 1e-9).astype(np.int32)
        ring = self.n_outputs - 1
        return np.where(labels > 0, 1 + (labels - 1 + self._shift * places) % ring, 0)


def hold_fixation(ob: npt.NDArray[Any], go: int) -> npt.NDArray[np.float32]:
    """A copy of `ob` (steps, channels) whose fixation input lasts until the go signal.

    Yang et al. 2019 show the fixation cue until the response is due; neurogym 2 drops it when the
    stimulus begins in 14 of the 20 tasks, which leaves the network no go signal.
    """
    repaired = np.array(ob, np.float32)
    repaired[:go, 0] = 1.0
    return repaired


@functools.lru_cache(maxsize=256)
def environment(name: str, dt: float) -> Environment:
    """The environment of a task; it is made once, since that costs more than a trial."""
    return Environment(name, dt)


def _parts(name: str) -> tuple[str, str, str]:
    for kind in ("int", "seq"):
        base, found, way = name.rpartition(kind)
        if found and base in YANG19 and way in ("r", "l"):
            return base, kind, way
    return name, "", ""

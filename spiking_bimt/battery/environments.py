"""One trial at a time from neurogym: the 20 tasks of Yang et al. 2019 and their Mod-Cog variants.

Mod-Cog (Khona, Chandra et al. 2022, arXiv:2207.03523) makes two kinds of harder task of them, each
in two directions around the ring:

- `int`: the delay varies from trial to trial, and the answer is moved by one ring place for every
  100 ms of it, so the network has to measure the interval.
- `seq`: the answer goes around the ring during the decision period, one place every 100 ms.

The published code takes the answer modulo 16, and so ring place 16 becomes label 0, which is also
the label of fixation. Here the answer moves over the ring's labels 1..16, and a trial whose answer
is to keep fixation is not moved.
"""

import contextlib
import functools
import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery import own_tasks
from spiking_bimt.data.arguments import check
from spiking_bimt.errors import InputError

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

RING = 16
"""Places of a ring of Yang et al. 2019; answers are 1-16."""
N_RINGS = 2
"""Rings of the stimulus: channels 1-16 and 17-32."""

ROTATING = tuple(
    task for task in MODCOG if not task.startswith(("dmc", "dnmc"))
)  # fmt: skip
"""Tasks without a preferred direction: a trial whose rings and answers are turned by some places is
another trial of the task, equally likely. The others (dmc, dnmc) have categories, which are fixed
halves of the ring."""

_MS_PER_PLACE = 100.0
"""Time in which the answer of an `int` or `seq` task moves by one place, ms."""
_DELAYS = list(range(0, 1200, 100))
"""Delays of the `int` tasks, ms."""


@dataclass(frozen=True)
class Trial:
    """One trial."""

    ob: npt.NDArray[np.float32]
    """(steps, channels) fixation and stimulus."""
    labels: npt.NDArray[np.int32]
    """(steps,) right output at each step."""
    go: int
    """First step of the decision period."""
    sigma: npt.NDArray[np.float32] | None = None
    """(steps, channels) standard deviation of the noise that `ob` lacks; None: `ob` has noise."""


class Environment:
    """A task that draws trials.

    `name` is one of MODCOG, the id of a neurogym environment ("GoNogo-v0"), or the Python path of
    a function or class that makes one ("package.module:make", called with dt), of an installed
    module or one in the working folder. An environment of the user's own has discrete actions,
    action 0 for fixation, a ground truth at every step, and a period named "decision"; InputError
    says what it lacks, or what its code raised, and where.
    """

    def __init__(self, name: str, dt: float) -> None:
        base, kind, way = _parts(name)
        self._name, self._kind, self._dt = name, kind, dt
        self._shift = {"": 0, "r": 1, "l": -1}[way]
        self._repaired = base in YANG19
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._env = _make(base, int(dt) if float(dt).is_integer() else dt)
        # A task that uses one ring or the other has two environments, one for each ring.
        self._rings = vars(self._env).get("envs", [self._env])
        if kind == "int":
            for env in self._rings:
                env.unwrapped.timing["delay"] = _DELAYS
        if not self._repaired:
            own_tasks.check_spaces(name, self._env)
            # Before the first step, whose code may take the ground truth for granted.
            with own_tasks.running(name):
                self._env.new_trial()
            own_tasks.check_trial(name, self._env.unwrapped, self.n_outputs)
            self.restart(0)
            own_tasks.check(name, self._env, dt)

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
        with warnings.catch_warnings(), self._guarded():
            # gymnasium's wrappers warn of attributes that neurogym reads through them.
            warnings.simplefilter("ignore")
            self._env.seed(seed)
            # neurogym gives both rings the same seed, so that every second trial would be a copy.
            children = np.random.SeedSequence(seed).spawn(len(self._rings))
            for env, child in zip(self._rings, children, strict=True):
                env.seed(int(child.generate_state(1)[0]))
            self._env.reset()

    def draw(self, noise: bool = True) -> Trial:
        """The next trial; noise: with the noise that the task adds by `add_randn`.

        A trial without noise can be used many times, each time with new noise.
        """
        if noise:
            with self._guarded():
                self._env.new_trial()
            return self._trial(None)
        recorders = [_NoiseRecorder(env.unwrapped) for env in self._rings]
        with contextlib.ExitStack() as stack:
            for recorder in recorders:
                stack.enter_context(recorder)
            stack.enter_context(self._guarded())
            self._env.new_trial()
        own = next(r for r in recorders if r.env is self._env.unwrapped)
        return self._trial(own.sigma())

    def _guarded(self) -> contextlib.AbstractContextManager[None]:
        """A context for the code of a task of the user's own."""
        return contextlib.nullcontext() if self._repaired else own_tasks.running(self._name)

    def _trial(self, sigma: npt.NDArray[np.float32] | None) -> Trial:
        own = self._env.unwrapped
        if not self._repaired:
            own_tasks.check_trial(self._name, own, self.n_outputs)
        go = int(own.start_ind["decision"])
        labels = np.array(own.gt, np.int32)
        if self._shift:
            delay = own.end_t["delay"] - own.start_t["delay"] if self._kind == "int" else 0.0
            labels = self._moved(labels, go, delay)
        ob = hold_fixation(own.ob, go) if self._repaired else np.array(own.ob, np.float32)
        return Trial(ob, labels, go, sigma)

    def _moved(self, labels: npt.NDArray[np.int32], go: int, delay: float) -> npt.NDArray[np.int32]:
        since_go = np.maximum(np.arange(len(labels)) - go, 0) * self._dt
        elapsed = delay if self._kind == "int" else since_go
        places = np.floor(elapsed / _MS_PER_PLACE + 1e-9).astype(np.int32)
        ring = self.n_outputs - 1
        return np.where(labels > 0, 1 + (labels - 1 + self._shift * places) % ring, 0)


class _NoiseRecorder:
    """A context in which `add_randn` of an environment adds the mean and only records the noise."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self._added: list[tuple[slice, Any, float]] = []

    def __enter__(self) -> None:
        self.env.add_randn = self._record

    def __exit__(self, *_: object) -> None:
        del self.env.add_randn

    def _record(
        self, mu: float = 0, sigma: float = 1, period: Any = None, where: Any = None
    ) -> None:
        for name in [period] if period is None or isinstance(period, str) else period:
            if mu:
                self.env.add_ob(mu, name, where)
            steps = slice(None)
            if name is not None:
                steps = slice(self.env.start_ind[name], self.env.end_ind[name])
            channels = self.env.observation_space.name[where] if isinstance(where, str) else where
            self._added.append((steps, slice(None) if channels is None else channels, sigma))

    def sigma(self) -> npt.NDArray[np.float32]:
        """(steps, channels) standard deviation of the noise that was left out of the last trial."""
        variance = np.zeros(self.env.ob.shape, np.float32)
        for steps, channels, sigma in self._added:
            variance[steps, channels] += sigma**2
        return np.sqrt(variance)


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
    """The environment of a task; it is kept, since making it takes longer than a trial."""
    return Environment(name, dt)


def _make(name: str, dt: float) -> Any:
    if name in YANG19:
        return getattr(importlib.import_module("neurogym.envs.collections.yang19"), name)(dt=dt)
    if ":" in name:
        _refuse_untrusted(name)
        with own_tasks.running(name):
            return own_tasks.load(name, dt)
    with own_tasks.running(name):
        env = importlib.import_module("neurogym").make(name, dt=dt)
        # gymnasium's wrappers check the order of calls of step(); here whole trials are drawn.
        while type(env).__module__.startswith("gymnasium."):
            env = env.env
        return env


_TRUSTED: ContextVar[frozenset[str] | None] = ContextVar("trusted", default=frozenset())


def trusted() -> frozenset[str] | None:
    """Own tasks whose code may run; None for all."""
    return _TRUSTED.get()


@contextlib.contextmanager
def trusting(names: Sequence[str] | None = None) -> Iterator[None]:
    """In the block, the code of these own tasks ("module:function") may run; None for all.

    A file names its tasks, and whoever wrote it chose the code: only the user can say that it is to
    be run. Raises InputError where names are no names.
    """
    check("trusting: names", names, Sequence[str] | None)
    known = _TRUSTED.get()
    token = _TRUSTED.set(None if names is None or known is None else known | frozenset(names))
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def _refuse_untrusted(name: str) -> None:
    allowed = _TRUSTED.get()
    if allowed is not None and name not in allowed:
        raise InputError(
            f"the task {name!r} is Python code that a file names: to run it, if you know what "
            "it does, give `trusting`"
        )


def _parts(name: str) -> tuple[str, str, str]:
    for kind in ("int", "seq"):
        base, found, way = name.rpartition(kind)
        if found and base in YANG19 and way in ("r", "l"):
            return base, kind, way
    return name, "", ""

"""Trials of neurogym's batteries, with the fixation cue that the published tasks have."""

import difflib
import functools
import importlib
import warnings
from typing import Any

import numpy as np

from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError

BATTERIES: dict[str, tuple[str, ...]] = {
    "yang19": (
        "go", "rtgo", "dlygo", "anti", "rtanti", "dlyanti",
        "dm1", "dm2", "ctxdm1", "ctxdm2", "multidm",
        "dlydm1", "dlydm2", "ctxdlydm1", "ctxdlydm2", "multidlydm",
        "dms", "dnms", "dmc", "dnmc",
    ),
}  # fmt: skip
"""Tasks of each battery, in the order of their rule channels."""

# Streams of trials that never share a seed: what one is used for, no other ever sees.
STREAMS = {"train": 0, "validate": 1, "calibrate": 2, "test": 3}


def select_tasks(battery: str, tasks: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The tasks asked for, or all of the battery; InputError names what is unknown."""
    if battery not in BATTERIES:
        raise InputError(f"unknown battery {battery!r}; known: {', '.join(BATTERIES)}")
    known = BATTERIES[battery]
    for task in tasks or ():
        if task not in known:
            near = difflib.get_close_matches(task, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise InputError(f"unknown task {task!r} in battery {battery}; {hint}")
    if tasks is not None and (len(tasks) == 0 or len(set(tasks)) < len(tasks)):
        raise InputError("tasks must name at least one task, each once")
    return known if tasks is None else tasks


def dimensions(battery: str, tasks: tuple[str, ...]) -> tuple[int, int]:
    """Number of input channels (observation and rule) and of outputs."""
    environment = _environment(battery, select_tasks(battery, tasks)[0], 100.0)
    return environment.observation_space.shape[0] + len(tasks), int(environment.action_space.n)


def draw_trials(
    battery: str,
    tasks: tuple[str, ...],
    per_task: int,
    dt: float,
    *,
    stream: str,
    seed: int = 0,
    pool: int = 0,
) -> Trials:
    """`per_task` whole trials of each task, the same for the same arguments.

    Inputs are the environment's observation (fixation, two rings) and the one-hot rule. `stream`
    is a key of STREAMS: trials of different streams, seeds or pools are independent draws.
    """
    select_tasks(battery, tasks)
    if per_task < 1:
        raise InputError(f"{per_task} trials a task: ask for at least 1")
    observations, labels, decision = [], [], []
    for index, task in enumerate(tasks):
        environment = _environment(battery, task, dt)
        entropy = (seed, STREAMS[stream], pool, BATTERIES[battery].index(task))
        environment.seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
        environment.reset()
        rule = np.zeros(len(tasks), np.float32)
        rule[index] = 1.0
        for _ in range(per_task):
            environment.new_trial()
            task_env = environment.unwrapped
            go = task_env.start_ind["decision"]
            ob = hold_fixation(task_env.ob, go)
            observations.append(np.hstack([ob, np.broadcast_to(rule, (len(ob), len(rule)))]))
            labels.append(np.array(task_env.gt, np.int32))
            decision.append(go)
    lengths = [len(label) for label in labels]
    return Trials(
        inputs=np.concatenate(observations),
        labels=np.concatenate(labels),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        decision=np.array(decision, np.int32),
        task=np.repeat(np.arange(len(tasks), dtype=np.int32), per_task),
        tasks=tasks,
        dt=dt,
    )


def hold_fixation(ob: np.ndarray[Any, Any], go: int) -> np.ndarray[Any, Any]:
    """A copy of `ob` (steps, channels) whose fixation input lasts until the go signal.

    Yang et al. 2019 show the fixation cue until the response is due; neurogym 2 drops it when the
    stimulus begins in 14 of the 20 tasks, which leaves the network no go signal.
    """
    repaired = np.array(ob, np.float32)
    repaired[:go, 0] = 1.0
    return repaired


@functools.lru_cache(maxsize=256)
def _environment(battery: str, task: str, dt: float) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module(f"neurogym.envs.collections.{battery}")
        whole = float(dt).is_integer()
        return _Quiet(getattr(module, task)(dt=int(dt) if whole else dt))


class _Quiet:
    """An environment whose calls do not repeat gymnasium's deprecation warnings."""

    def __init__(self, environment: Any) -> None:
        self.unwrapped = environment.unwrapped
        self.observation_space = environment.observation_space
        self.action_space = environment.action_space
        self._environment = environment

    def seed(self, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._environment.seed(seed)

    def reset(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._environment.reset()

    def new_trial(self) -> None:
        self._environment.new_trial()
        self.unwrapped = self._environment.unwrapped

"""Environments of the user's own: loaded, checked by name, and their errors told in one line."""

import contextlib
import importlib
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.errors import InputError, TaskWarning

GO = "decision"
"""Name of the period in which the answer is due."""
_CHECKED = 20
"""Trials that a new environment is looked at."""
_GAP_MS = 100.0
"""Time from the end of the fixation cue to the decision that is told, ms."""
_GUIDE = "docs/how-to/own-tasks.md"
_told: set[str] = set()
"""Tasks whose fixation cue was told of: once a process, not once a step of trials."""


def load(path: str, dt: float) -> Any:
    """The environment that "module:function" makes; a module may stand in the working folder."""
    module, _, attribute = path.partition(":")
    if not (module and attribute):
        raise InputError(f"task {path!r} is no path of a function: write module:function")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise
        # Last, so that a file there takes the place of no installed module.
        sys.path.append(str(Path.cwd()))
        importlib.invalidate_caches()
        found = _imported(module)
    try:
        make = getattr(found, attribute)
    except AttributeError as error:
        raise InputError(f"task {path!r}: module {module} has no {attribute!r}") from error
    return make(dt=dt)


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise
        raise InputError(
            f"there is no module {module}: {module.replace('.', '/')}.py is looked for among the "
            f"installed ones and in {Path.cwd()}"
        ) from error


@contextlib.contextmanager
def running(name: str) -> Iterator[None]:
    """Whatever the task's own code raises becomes one line with the task, its file and line."""
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name in ("neurogym", "gymnasium"):
            raise  # its extra is named further up
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        what = " ".join(said.split()) or "no message"
        raise InputError(f"task {name}: {type(error).__name__}: {what}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """File and line of the innermost code that is neither ours nor a library's, in words."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}, line {error.lineno})"
    libraries = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), "<")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(libraries)]
    last = own or [frame for frame in frames if "/neurogym/" in frame.filename]
    return f" ({last[-1].filename}, line {last[-1].lineno})" if last else ""


def check_spaces(name: str, env: Any) -> None:
    """InputError unless the observation is a vector and the actions are numbered from 0."""
    space, actions = env.observation_space, env.action_space
    if getattr(actions, "n", None) is None or len(space.shape or ()) != 1:
        raise InputError(
            f"task {name}: it needs a vector observation and discrete actions, not {space} and "
            f"{actions}"
        )
    if int(getattr(actions, "start", 0)) != 0:
        raise InputError(f"task {name}: its actions begin at {actions.start}; 0 is for fixation")


def check(name: str, env: Any, dt: float) -> None:
    """Draw some trials of a new environment; InputError says what it lacks.

    Warns (TaskWarning) where the fixation cue ends long before the answer is due.
    """
    answers, gaps = [], []
    for _ in range(_CHECKED):
        with running(name):
            env.new_trial()
        own = env.unwrapped
        check_trial(name, own, int(env.action_space.n))
        go = int(own.start_ind[GO])
        answers.append(int(np.max(own.gt[go:])))
        gaps.append(go - _cue_end(own, env.observation_space, go))
    if not any(answers):
        raise InputError(
            f"task {name}: the right answer is 0 (fixation) in all of {_CHECKED} trials: set "
            f"others with set_groundtruth(label, {GO!r})"
        )
    gap = int(np.median(gaps))
    if gap > 1 and gap * dt >= _GAP_MS and name not in _told:
        _told.add(name)
        warnings.warn(
            f"task {name}: its fixation cue ends {gap} steps ({gap * dt:g} ms) before its period "
            f"{GO!r}, at step {go - gaps[-1]} of {len(own.gt)} in the last of {_CHECKED} trials: "
            f"it does not say when to answer, and before that only fixation is right ({_GUIDE})",
            TaskWarning,
            stacklevel=2,
        )


def check_trial(name: str, own: Any, n_actions: int) -> None:
    """InputError where the environment's present trial has no answer, or one that cannot be."""
    periods = ", ".join(repr(period) for period in own.start_ind) or "none"
    if GO not in own.start_ind:
        raise InputError(
            f"task {name}: it has no period {GO!r}, in which the answer is due; it has {periods}"
        )
    if getattr(own, "gt", None) is None or not getattr(own, "_has_gt", True):
        raise InputError(
            f"task {name}: it sets no ground truth, so that no answer is right: call "
            f"set_groundtruth(label, {GO!r}) in _new_trial"
        )
    labels = np.asarray(own.gt)
    if labels.dtype.kind not in "biuf":
        raise InputError(f"task {name}: its ground truth holds {labels.dtype}, expected labels")
    go, steps = int(own.start_ind[GO]), len(own.ob)
    if labels.shape != (steps,):
        raise InputError(
            f"task {name}: its ground truth has shape {labels.shape}, and the trial {steps} steps"
        )
    if go >= steps:
        raise InputError(
            f"task {name}: its period {GO!r} has no step: it begins at step {go} of {steps}; make "
            "it longer than dt"
        )
    wrong = (labels != np.floor(labels)) | (labels < 0) | (labels >= n_actions)
    if wrong.any():
        at = int(np.argmax(wrong))
        where = [p for p, start in own.start_ind.items() if start <= at < own.end_ind[p]]
        period = f" (period {where[-1]!r})" if where else ""
        raise InputError(
            f"task {name}: the ground truth at step {at}{period} is {labels[at]}, and its actions "
            f"are 0 to {n_actions - 1}"
        )


def _cue_end(own: Any, space: Any, go: int) -> int:
    """First step after the fixation cue, `go` where it lasts until then or there is none."""
    named = getattr(space, "name", None)
    channel = named.get("fixation") if isinstance(named, dict) else None
    if not isinstance(channel, int) or go == 0:
        return go
    cue = np.asarray(own.ob)[:go, channel]
    shown = np.flatnonzero(cue > cue.max() / 2) if cue.max() > 0 else np.empty(0, int)
    return int(shown[-1]) + 1 if len(shown) else go

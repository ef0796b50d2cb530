"""Batteries of tasks, and whole trials drawn from them."""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery import sources
from spiking_bimt.battery.environments import MODCOG, YANG19, Environment, Trial, environment
from spiking_bimt.data import validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError, unknown_name

BATTERIES: dict[str, tuple[str, ...]] = {"yang19": YANG19, "modcog": MODCOG}
"""Tasks of each battery, in the order of their rule channels."""

OWN = "own"
"""The battery whose tasks the user names: ids of neurogym environments, or Python paths."""

MOST_TRIALS = 10_000
"""Trials of each task that are drawn at a time: they are held in memory."""

TEST_TRIALS = 200
"""Test trials of each task where none are asked for; of a data set, all that it has."""

STREAMS = {"train": 0, "validate": 1, "calibrate": 2, "test": 3}
"""Number of each stream of trials, a part of their seed: no two streams share a trial."""


def select_tasks(battery: str, tasks: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The tasks asked for, or all of the battery; InputError names what is unknown.

    A data set is a battery with one task, which has the name of the data.
    """
    if sources.is_data(battery):
        name = tasks[0] if tasks else sources.find(battery).name
        if tasks is not None and len(tasks) != 1:
            raise InputError(f"battery {battery} is one data set: it has no tasks to choose")
        return (name,)
    if battery not in (*BATTERIES, OWN):
        raise unknown_name("battery", battery, (*BATTERIES, OWN))
    if battery == OWN and not tasks:
        raise InputError("the battery 'own' needs its tasks: neurogym ids or module:function paths")
    known = BATTERIES.get(battery, tasks or ())
    for task in tasks or ():
        if task not in known:
            raise InputError(f"battery {battery}: {unknown_name('task', task, known)}")
    if tasks is not None and (len(tasks) == 0 or len(set(tasks)) < len(tasks)):
        raise InputError("tasks must name at least one task, each once")
    return known if tasks is None else tasks


def dimensions(battery: str, tasks: tuple[str, ...]) -> tuple[int, int]:
    """Number of input channels (observation and rule, or those of the data) and of outputs."""
    if sources.is_data(battery):
        data = sources.find(battery)
        return len(data.channels), len(data.outputs)
    every = [environment(task, 100.0) for task in select_tasks(battery, tasks)]
    for task, other in zip(tasks, every, strict=True):
        if (other.n_channels, other.n_outputs) != (every[0].n_channels, every[0].n_outputs):
            raise InputError(
                f"task {task} has {other.n_channels} channels and {other.n_outputs} outputs, "
                f"{tasks[0]} has {every[0].n_channels} and {every[0].n_outputs}: they must agree"
            )
    return every[0].n_channels + len(tasks), every[0].n_outputs


@checked
def draw_trials(
    battery: str,
    tasks: Sequence[str],
    per_task: int,
    dt: float,
    *,
    stream: str,
    seed: int = 0,
    pool: int = 0,
) -> Trials:
    """`per_task` whole trials of each task, the same for the same arguments.

    A data set gives at most so many, and all that it has where these are fewer. Of a task, inputs
    are the environment's observation (fixation, two rings) and the one-hot rule. dt: task step, ms.
    tasks: names, in the order of their rule channels. stream: "train", "validate", "calibrate" or
    "test"; trials of different streams, values of seed or values of pool are independent draws.

    Raises InputError, with the argument's name, for an unknown battery, task or stream, and for a
    number that is out of range.
    """
    if sources.is_data(battery):
        _check_numbers(per_task, seed, pool)
        return sources.draw(battery, per_task, dt, stream, (seed, _stream(stream), pool))
    trials = _draw(battery, tuple(tasks), per_task, dt, (seed, _stream(stream), pool), noise=True)
    return _joined(trials, tuple(tasks), dt)


def draw_noise_free(
    battery: str,
    tasks: tuple[str, ...],
    per_task: int,
    dt: float,
    *,
    stream: str,
    seed: int = 0,
    pool: int = 0,
) -> tuple[Trials, npt.NDArray[np.float32]]:
    """As `draw_trials`, but without the noise that the tasks add, and its standard deviation.

    The second is (S, channels of the observation). Other random parts of a task, which do not come
    from neurogym's add_randn, stay in the trials. A data set has the noise that its record gives.
    """
    if sources.is_data(battery):
        drawn = draw_trials(battery, tasks, per_task, dt, stream=stream, seed=seed, pool=pool)
        sigma = np.full(drawn.inputs.shape, sources.find(battery).noise, np.float32)
        return drawn, sigma
    trials = _draw(battery, tasks, per_task, dt, (seed, _stream(stream), pool), noise=False)
    return _joined(trials, tasks, dt), np.concatenate([trial.sigma for trial in trials])


def _stream(name: str) -> int:
    if name not in STREAMS:
        raise unknown_name("stream", name, STREAMS)
    return STREAMS[name]


def _draw(
    battery: str,
    tasks: tuple[str, ...],
    per_task: int,
    dt: float,
    entropy: tuple[int, int, int],
    noise: bool,
) -> list[Trial]:
    """The trials of each task, one task after another."""
    select_tasks(battery, tasks)
    _check_numbers(per_task, entropy[0], entropy[2])
    validate.positive("trials", "dt", dt)
    trials = []
    for task in tasks:
        own = np.random.SeedSequence((*entropy, _number(battery, task)))
        seed = int(own.generate_state(1)[0])
        try:
            trials += _drawn(environment(task, dt), seed, per_task, noise)
        except (IndexError, OverflowError, ValueError) as error:
            if battery == OWN or isinstance(error, InputError):
                raise
            raise InputError(
                f"task {task} has no trials at dt {dt} ms: a period is shorter, or has too many "
                "steps"
            ) from error
    return trials


def _check_numbers(per_task: int, seed: int, pool: int) -> None:
    if per_task < 1:
        raise InputError(f"{per_task} trials per task: ask for at least 1 (per_task)")
    if per_task > MOST_TRIALS:
        raise InputError(
            f"{per_task} trials per task: at most {MOST_TRIALS:,} are held in memory (per_task)"
        )
    for name, value in (("seed", seed), ("pool", pool)):
        validate.seed(value, name)


def default_trials(battery: str) -> int:
    """Test trials of each task where none are asked for."""
    return MOST_TRIALS if sources.is_data(battery) else TEST_TRIALS


def _drawn(source: Environment, seed: int, many: int, noise: bool) -> list[Trial]:
    source.restart(seed)
    return [source.draw(noise) for _ in range(many)]


def _joined(trials: list[Trial], tasks: tuple[str, ...], dt: float) -> Trials:
    """The trials end to end, each with its one-hot rule; as many of one task as of another."""
    lengths = [len(trial.labels) for trial in trials]
    task_of = np.repeat(np.arange(len(tasks), dtype=np.int32), len(trials) // len(tasks))
    rules = np.eye(len(tasks), dtype=np.float32)[np.repeat(task_of, lengths)]
    return Trials(
        inputs=np.hstack([np.concatenate([trial.ob for trial in trials]), rules]),
        labels=np.concatenate([trial.labels for trial in trials]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        decision=np.array([trial.go for trial in trials], np.int32),
        task=task_of,
        tasks=tasks,
        dt=dt,
    )


def _number(battery: str, task: str) -> int:
    """Number of a task for its seed; it does not depend on the other tasks that are drawn."""
    return zlib.crc32(task.encode()) if battery == OWN else BATTERIES[battery].index(task)

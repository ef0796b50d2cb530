"""What changes while training, as checkpoints keep it and as later stages read it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.optimiser import Adam
from spiking_bimt.training.parameters import Parameters
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.rnn import initial_parameters


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on, as arrays: surviving units only."""

    phase: int
    step: int
    """Steps done in this phase."""
    units: npt.NDArray[np.int64]
    """(n,) surviving units, by their number at the start."""
    place: npt.NDArray[np.int64]
    """(N,) place of every unit on the sheet, a permutation."""
    values: npt.NDArray[np.float32]
    """Parameters, first and second moments and masks, flattened one after another."""
    peak: npt.NDArray[np.float32]
    """(n,) peak rate of each unit since the last check for silent units."""
    task_loss: npt.NDArray[np.float64]
    """(tasks,) running mean of each task's loss."""
    activity: npt.NDArray[np.float64]
    """(n,) running mean of each unit's rate, relative to its peak."""
    core: npt.NDArray[np.int64]
    """(n,) core of each unit, as an index of `used`."""
    used: npt.NDArray[np.int64]
    """(K,) cores of the chip that the units share; none where no chip is trained against."""
    burden: npt.NDArray[np.float64]
    """(K,) price of every axon of a core that has exceeded a limit."""
    rungs: npt.NDArray[np.float64]
    """(R, 2) error and packets per spike of every strength tried so far."""
    config: dict[str, Any]
    function: npt.NDArray[np.float32] | None = None
    """(n, tasks) what each unit does, as last measured; 0 before."""


@dataclass
class State:
    """What changes while training."""

    phase: int
    step: int
    units: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    p: Parameters
    adam: Adam
    peak: npt.NDArray[np.float32]
    task_loss: npt.NDArray[np.float64]
    activity: npt.NDArray[np.float64]
    core: npt.NDArray[np.int64]
    used: npt.NDArray[np.int64]
    burden: npt.NDArray[np.float64]
    rungs: npt.NDArray[np.float64]
    function: npt.NDArray[np.float32]


def initial_state(config: TrainConfig, n_inputs: int, n_outputs: int) -> State:
    """Random weights; unit i at place i."""
    n = config.sheet[0] * config.sheet[1]
    p = initial_parameters(n, n_inputs, n_outputs, config.seed)
    return State(
        phase=0,
        step=0,
        units=np.arange(n),
        place=np.arange(n),
        p=p,
        adam=Adam.of(p.arrays()),
        peak=np.zeros(n, np.float32),
        task_loss=np.ones(len(config.task_names)),
        activity=np.ones(n),
        core=np.zeros(n, np.int64),
        used=np.empty(0, np.int64),
        burden=np.empty(0),
        rungs=np.empty((0, 2)),
        function=np.zeros((n, len(config.task_names)), np.float32),
    )


def state_from(config: TrainConfig, network: RateNetwork) -> State:
    """The state that training on from a network begins with.

    Raises InputError where the network is not of the configuration's tasks and sheet.
    """
    for name, wanted, found in (
        ("battery", config.battery, network.battery),
        ("tasks", config.task_names, network.tasks),
        ("sheet", config.sheet, network.sheet),
        ("activation", config.activation, network.activation),
        ("tau", config.tau, network.tau),
    ):
        if wanted != found:
            raise InputError(
                f"the network to go on from has {name} {found}, the configuration {wanted}: "
                "give a configuration that agrees"
            )
    state = initial_state(config, network.w_in.shape[1], network.w_out.shape[0])
    n, n_places = network.n_units, len(state.place)
    own = network.positions[:, 0].astype(np.int64) * config.sheet[1] + network.positions[:, 1]
    state.p = Parameters.copy_of(network)
    state.adam = Adam.of(state.p.arrays())
    state.place = np.concatenate([own, np.setdiff1d(np.arange(n_places), own)])
    state.units = np.arange(n)
    state.peak = np.zeros(n, np.float32)
    state.activity, state.core = np.ones(n), np.zeros(n, np.int64)
    state.function = np.zeros((n, len(config.task_names)), np.float32)
    return state


def drop_dead(state: State, phase: Phase, causes: Sequence[str]) -> bool:
    """Remove units that were silent since the last check or that no output reads; True if any.

    causes: settings of the phase that can have done that, named in the error where no unit is left.
    """
    active = state.peak > 0
    reads = state.p.w_rec != 0
    keep = (state.p.w_out != 0).any(0) & active
    while True:
        # A unit counts when an output reads it, directly or through units that count.
        wider = keep | (reads[keep].any(0) & active)
        if (wider == keep).all():
            break
        keep = wider
    if not keep.any():
        what = "that an output reads" if active.any() else "active"
        given = [f"{name} ({getattr(phase, name):g})" for name in causes if getattr(phase, name)]
        raise InputError(
            f"no unit is left {what} at step {state.step} of phase {phase.name!r}: lower "
            f"{' or '.join(given or ['lr'])} and train in another folder"
        )
    dropped = not bool(keep.all())
    if dropped:
        units = np.flatnonzero(keep)
        state.p = state.p.select(units)
        for moments in (state.adam.m, state.adam.v, state.adam.mask):
            moments.update(Parameters(**moments).select(units).arrays())
        for name in ("units", "activity", "core", "function"):
            setattr(state, name, getattr(state, name)[units])
    state.peak = np.zeros(len(state.units), np.float32)
    return dropped


def to_network(
    config: TrainConfig, dt: float, state: State, measured: dict[str, Any] | None = None
) -> RateNetwork:
    """The surviving network as the record that later stages read."""
    places = state.place[state.units]
    return RateNetwork(
        w_rec=state.p.w_rec.copy(),
        w_in=state.p.w_in.copy(),
        b=state.p.b.copy(),
        w_out=state.p.w_out.copy(),
        b_out=state.p.b_out.copy(),
        positions=np.stack(np.divmod(places, config.sheet[1]), axis=1).astype(np.int32),
        sheet=config.sheet,
        tau=config.tau,
        dt=dt,
        battery=config.battery,
        tasks=config.task_names,
        chip=config.chip,
        core=state.used[state.core].astype(np.int32) if len(state.used) else None,
        activation=config.activation,
        lif_curve=np.array(config.lif_curve, np.float32) if config.lif_curve else None,
        measured=measured,
    )


def save_checkpoint(
    path: Path, config: TrainConfig, state: State, inputs: store.Inputs | None = None
) -> None:
    """Write the state atomically; see `load_checkpoint`.

    inputs: SHA-256 of what belongs to it, by file name.
    """
    adam = state.adam
    parts = [a for s in (state.p.arrays(), adam.m, adam.v, adam.mask) for a in s.values()]
    record = Checkpoint(
        phase=state.phase,
        step=state.step,
        units=state.units,
        place=state.place,
        values=np.concatenate([part.ravel() for part in parts]),
        peak=state.peak,
        task_loss=state.task_loss,
        activity=state.activity,
        core=state.core,
        used=state.used,
        burden=state.burden,
        rungs=state.rungs,
        function=state.function,
        config=config.to_dict(),
    )
    store.save(record, path, settings=config.to_dict(), inputs=inputs)


def load_checkpoint(path: Path, config: TrainConfig, n_inputs: int, n_outputs: int) -> State:
    """The state that `save_checkpoint` wrote, exactly.

    Raises InputError when the checkpoint was made with other settings.
    """
    record = store.load(path, Checkpoint)
    wanted, found = config.to_dict(), record.config
    # Earlier versions kept an own chip by its path alone: with nothing to compare, it is taken.
    found = {"chip_profile": wanted.get("chip_profile"), "input_noise": 0.0} | found
    for key in sorted(set(wanted) | set(found)):
        if wanted.get(key) != found.get(key):
            raise InputError(
                f"{path} was made with another configuration ({key} differs): give the same one, "
                "or train in another folder"
            )
    n = len(record.units)
    shapes = [(n, n), (n, n_inputs), (n,), (n_outputs, n), (n_outputs,)]
    sizes = [math.prod(shape) for shape in shapes]
    if len(record.values) != 4 * sum(sizes):
        raise InputError(f"{path} does not match its configuration: remove it and train again")
    ends = np.cumsum(np.tile(sizes, 4))[:-1]
    pieces = np.split(record.values, ends)
    arrays = [piece.reshape(shape).copy() for piece, shape in zip(pieces, shapes * 4, strict=True)]
    p, m, v, mask = (Parameters(*arrays[i : i + 5]) for i in range(0, 20, 5))
    return State(
        phase=record.phase,
        step=record.step,
        units=record.units.copy(),
        place=record.place.copy(),
        p=p,
        adam=Adam(m.arrays(), v.arrays(), mask.arrays()),
        peak=record.peak.copy(),
        task_loss=record.task_loss.copy(),
        activity=record.activity.copy(),
        core=record.core.copy(),
        used=record.used.copy(),
        burden=record.burden.copy(),
        rungs=record.rungs.copy(),
        function=(
            np.zeros((n, len(config.task_names)), np.float32)
            if record.function is None
            else record.function.copy()
        ),
    )

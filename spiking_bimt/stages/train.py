"""`train`: tasks to rate.h5."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spiking_bimt import run_folder
from spiking_bimt.analysis.active import active_units
from spiking_bimt.analysis.importance import importance
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.battery import sources
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import OWN, default_trials, dimensions, draw_trials
from spiking_bimt.battery.environments import trusting
from spiking_bimt.battery.raw_data import DataOptions
from spiking_bimt.battery.read_data import DataLike, read_data
from spiking_bimt.bundle.networks import start_file
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.dataset import DataSet
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.plot import growth_figures
from spiking_bimt.progress import progress
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training import cores, ladder, loop
from spiking_bimt.training.config import TrainConfig, read_config
from spiking_bimt.training.recorder import Draw, Recorder
from spiking_bimt.training.settings import (
    choose_settings,
    fit_to_data,
    kept_settings,
    refuse_beside_data,
    refuse_without_data,
)
from spiking_bimt.training.state import (
    State,
    initial_state,
    load_checkpoint,
    state_from,
    to_network,
)


@checked
def train(
    run: str | Path,
    *,
    data: DataLike | None = None,
    dt: float | None = None,
    read: str = "mean",
    standardise: str | None = None,
    channels: int | None = None,
    encode: str | None = None,
    config: str | Path | TrainConfig | None = None,
    start: str | Path | None = None,
    resume: bool = False,
    battery: str | None = None,
    tasks: Sequence[str] | None = None,
    reg: str | None = None,
    l1_scale: float | None = None,
    input_noise: float | None = None,
    chip: str | Path | None = None,
    packet_scale: float | None = None,
    max_packets: float | None = None,
    max_error: float | None = None,
    seed: int | None = None,
    test_trials: int | None = None,
    pictures: bool = False,
    announce: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train a rate network with BIMT and write rate.h5; returns what was measured of it.

    data: train on a data set in place of tasks (docs/how-to/own-data.md): a file, a name, arrays by
    name, or pairs of (inputs, labels). The run keeps it in data.h5. dt: time that a step of it
    lasts, ms, in place of what the data say. read: outputs that tell the class of a sequence, their
    "mean" or the "last". standardise: what gets mean 0 and standard deviation 1: each "channel",
    "all" alike, or "none"; by default each channel, and all of events and images. channels: those
    that the units of event data share. encode: make spikes of the inputs, by "rate", "latency" or
    "delta".

    config: a preset's name, a TOML file or a `TrainConfig`; by default "cores" where a chip is
    given and "chip" where none is, "data-cores" and "data" for data, and with `resume` the run's
    own config.toml. battery to seed: fields of `TrainConfig` that replace those of the
    configuration; None leaves one as it is. start: a run whose network is trained on, or the name
    of a bundled network, with its tasks or data; from the first phase that prices packets or needs
    what units do, where there is one. `resume` continues from the run's checkpoint to the same
    result as an uninterrupted training (on one thread, which this uses, bit for bit). A run that is
    trained already is refused without `resume`. test_trials: test trials per task at the end; None
    for 200, and all of a data set. pictures: draw the sheet at every measurement, and an animation
    of them at the end.
    announce: called with the whole configuration, as TOML, when the training begins.

    Raises CheckError where no strength of the penalty reaches max_packets or max_error; the nearest
    network is kept. Raises InputError for settings that do not go together, and for a run that is
    trained already. Source of BIMT: Liu et al. 2023; the loss: docs/background/model.md.
    """
    folder = Path(run)
    if config is None and resume and (folder / "config.toml").is_file():
        config = folder / "config.toml"
    options = DataOptions(dt, read, standardise, channels, encode)
    if data is None:
        refuse_without_data(options)
    else:
        refuse_beside_data(battery=battery, tasks=tasks, start=start)
    chosen = None if data is None else read_data(data, options)
    source = None if start is None else start_file(Path(start))
    network = None if source is None else store.load(source, RateNetwork)
    fields: dict[str, Any] = {
        "battery": battery, "tasks": None if tasks is None else tuple(tasks), "reg": reg,
        "l1_scale": l1_scale,
        "input_noise": input_noise, "chip": None if chip is None else str(chip),
        "packet_scale": packet_scale, "max_packets": max_packets, "max_error": max_error,
        "seed": seed,
    }  # fmt: skip
    if network is not None:
        fields |= kept_settings(network, str(start), fields)
    sources.use(folder)
    # Tasks that are named here, and not by a file, are the user's own choice.
    with trusting(tasks or ()):
        given = {name: v for name, v in fields.items() if v is not None}
        on_data = chosen is not None or sources.is_data(given.get("battery", ""))
        settings = choose_settings(config, given, on_data)
        settings, chosen = fit_to_data(settings, chosen, network)
        start_from = Start(network, source, chosen)
        return _trained(folder, settings, start_from, resume, test_trials, pictures, announce)


@dataclasses.dataclass(frozen=True)
class Start:
    """What a training begins with."""

    network: RateNetwork | None
    file: Path | None
    """File of that network."""
    data: DataSet | None
    """Data to be written into the run; none for tasks, and where the run has them."""


def _trained(
    folder: Path,
    settings: TrainConfig,
    start: Start,
    resume: bool,
    test_trials: int | None,
    pictures: bool,
    announce: Callable[[str], None] | None,
) -> dict[str, Any]:
    if test_trials is None:
        test_trials = default_trials(settings.battery)
    if test_trials < 1:
        raise InputError(f"{test_trials} test trials per task: ask for at least 1")
    if settings.battery == OWN:  # a task that does not work leaves no folder
        dimensions(settings.battery, settings.task_names)
    with run_folder.writing(folder, "rate.h5", "checkpoint.h5", sources.FILE):
        checkpoint = folder / "checkpoint.h5"
        _refuse_other_training(checkpoint, resume)
        if start.data is not None and not resume:
            sources.write(start.data, folder / sources.FILE)
        state = _start(settings, start.network, checkpoint, resume)
        if state.phase == 0 and state.step == 0:
            _keep_config(folder / "config.toml", settings)
        made_from = _made_from(folder, start.file)
        if announce:
            announce(settings.to_toml())
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            phases = settings.effective_phases()
            draw = _drawing_into(folder / "figures") if pictures else None
            with progress("train", sum(phase.steps for phase in phases)) as advance:
                loop.run(settings, state, Recorder(folder, settings, state, advance, draw))
            if pictures and (frames := sorted((folder / "figures").glob("grid-*.png"))):
                store.write_bytes(folder / "figures" / "grid.gif", growth_figures.animate(frames))
            return _finish(settings, state, folder, test_trials, made_from)
        finally:
            torch.set_num_threads(threads)


def _made_from(folder: Path, start: Path | None) -> dict[str, Path | str]:
    """SHA-256 of the configuration as the training begins, since a user may edit it; the data, and
    the network that it begins with, are hashed as they were read."""
    config, data = folder / "config.toml", folder / sources.FILE
    found: dict[str, Path | str] = {}
    if config.is_file():
        found[config.name] = store.sha256(config)
    if data.is_file():
        found[data.name] = data
    if start is not None:
        found["start"] = start
    return found


def _keep_config(path: Path, settings: TrainConfig) -> None:
    """Write the configuration; one that is there already must say the same, and stays."""
    if path.exists() and read_config(path) == settings:
        return
    if os.path.lexists(path):
        raise InputError(
            f"{path} is there already and says something else: move it away, or give it as `config`"
        )
    store.write_bytes(path, settings.to_toml().encode())


def _drawing_into(folder: Path) -> Draw:
    """A function that draws the sheet at a measurement into the folder."""

    def draw(network: RateNetwork, done: int, title: str) -> None:
        path = store.own_folder(folder) / f"grid-{done:06d}.png"
        store.write_bytes(path, growth_figures.frame(network, title))

    return draw


def _refuse_other_training(checkpoint: Path, resume: bool) -> None:
    """InputError where the folder holds another training, or none to go on with."""
    if checkpoint.exists() and not resume:
        raise InputError(
            f"{checkpoint.parent} holds a training already: `spiking_bimt train "
            f"{checkpoint.parent}` with `resume=True` goes on with it; or give another folder"
        )
    made = [checkpoint.parent / name for name in ("rate.h5", "network.h5")]
    if not checkpoint.exists() and any(path.exists() for path in made):
        raise InputError(
            f"{checkpoint.parent} holds a network that was not trained there: use another folder"
        )
    if resume and not checkpoint.exists():
        raise InputError(
            f"{checkpoint.parent} has no checkpoint.h5: `spiking_bimt train {checkpoint.parent}` "
            "begins a training"
        )


def _start(
    settings: TrainConfig, network: RateNetwork | None, checkpoint: Path, resume: bool
) -> State:
    n_inputs, n_outputs = dimensions(settings.battery, settings.task_names)
    if resume:
        return load_checkpoint(checkpoint, settings, n_inputs, n_outputs)
    if network is not None:
        return state_from(settings, network)
    return initial_state(settings, n_inputs, n_outputs)


def _finish(
    settings: TrainConfig, state: State, folder: Path, test_trials: int, made_from: store.Inputs
) -> dict[str, Any]:
    dt = settings.phases[-1].dt
    trials = draw_trials(settings.battery, settings.task_names, test_trials, dt, stream="test")
    network = to_network(settings, dt, state)
    active = active_units(importance(network))
    measured: dict[str, Any] = {
        **score(rate_outputs(network, trials), trials).summary(),
        "trained_units": settings.sheet[0] * settings.sheet[1],
        **wiring(network),
        "active_units": len(active.units),
        "importance_threshold": active.threshold,
        **_on_chip(settings, state),
    }
    metrics = folder / "metrics.jsonl"
    store.save(
        to_network(settings, dt, state, measured),
        folder / "rate.h5",
        settings={"command": "train", **settings.to_dict()},
        inputs={**made_from, **({metrics.name: metrics} if metrics.is_file() else {})},
    )
    if settings.is_ladder:
        ladder.require_reached(state.rungs, settings.max_packets, settings.max_error, measured)
    return measured


def _on_chip(settings: TrainConfig, state: State) -> dict[str, Any]:
    """What the network takes of the chip that it was trained against."""
    if not len(state.used):
        return {}
    excess = cores.overfull(
        settings.chip_record, state.p, state.core, state.used, round(settings.phases[-1].dt / 2)
    )
    if excess.any():
        raise InputError(
            f"the network exceeds a limit of {settings.chip} on {int((excess > 0).sum())} cores, "
            f"at most by {excess.max():.0%}: end with a phase that prunes, which makes it fit"
        )
    return {
        "chip": settings.chip,
        "cores": len(np.unique(state.core)),
        "packets_per_spike": cores.packets_per_spike(
            state.p, state.core, state.activity, len(state.used)
        ),
        "rungs": state.rungs.tolist(),
    }

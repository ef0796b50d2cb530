"""The configuration of a training from what a user gives: fields, a network to start from, data."""

import dataclasses
from pathlib import Path
from typing import Any

from spiking_bimt.battery import sources
from spiking_bimt.battery.raw_data import DataOptions
from spiking_bimt.data.dataset import DataSet, battery_of
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.training.config import TrainConfig, read_config


def choose_settings(
    config: str | Path | TrainConfig | None, fields: dict[str, Any], on_data: bool
) -> TrainConfig:
    """The configuration with these fields in place of its own; on_data: whether it is for data."""
    if isinstance(config, TrainConfig):
        if "chip" in fields:
            config = dataclasses.replace(config, chip_profile={}, chip=fields["chip"])
        settings = dataclasses.replace(config, **fields)
    else:
        default = ("data-cores", "data") if on_data else ("cores", "chip")
        named = config or default[0 if fields.get("chip") else 1]
        if named == default[1] and not fields.get("chip"):
            _refuse_without_chip(fields)
        settings = read_config(named, **fields)
    if not settings.chip:
        _refuse_without_chip(fields)
    return settings


def _refuse_without_chip(fields: dict[str, Any]) -> None:
    """InputError for settings that are about a chip's packets."""
    for name in ("max_packets", "max_error", "packet_scale"):
        if name in fields:
            raise InputError(f"`{name}` is about a chip's packets: name the chip as `chip`")


def kept_settings(network: RateNetwork, start: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What a training that goes on from a network takes from it."""
    for name in ("battery", "tasks"):
        if asked.get(name) is not None:
            raise InputError(
                f"the network of {start} keeps its tasks: leave `battery` and `tasks` out"
            )
    if not network.tasks:
        raise InputError(
            f"the network of {start} has no tasks to train on: import it with `battery` and `tasks`"
        )
    if network.activation != "relu":
        raise InputError(
            f"{start} has activation {network.activation}: only relu can be trained on"
        )
    return {
        "start": start,
        "battery": network.battery,
        "tasks": network.tasks,
        "sheet": network.sheet,
        "tau": network.tau,
    }


def refuse_beside_data(**given: Any) -> None:
    """InputError for arguments that say what is trained, where data say so already."""
    for name, value in given.items():
        if value is not None:
            raise InputError(f"`{name}` and `data` both say what is trained: give one of the two")


def refuse_without_data(options: DataOptions) -> None:
    """InputError for settings of data where none are given."""
    for field in dataclasses.fields(options):
        if getattr(options, field.name) != field.default:
            name = field.name
            raise InputError(f"`{name}` is about data: give them as `data`, or leave it out")


def fit_to_data(
    settings: TrainConfig, data: DataSet | None, start: RateNetwork | None
) -> tuple[TrainConfig, DataSet | None]:
    """The configuration with the data as its battery, and the data with its noise.

    A step of every phase is one of the data. tau keeps its ratio to the step of the last phase,
    which is one of the user's data. A
    network to start from brings its data as they are, and its tau. Without either of them that is a
    data set, nothing changes.
    """
    if start is not None and sources.is_data(start.battery):
        data = sources.find(start.battery)
        tau = start.tau
    elif data is not None:
        data = dataclasses.replace(data, noise=settings.input_noise)
        tau = settings.tau * data.substeps * data.dt / settings.phases[-1].dt
    else:
        return settings, None
    if data.kind == "regression" and any(phase.margin for phase in settings.phases):
        raise InputError("a regression has no right output to give a margin: leave margin out")
    phases = tuple(dataclasses.replace(phase, dt=data.dt) for phase in settings.phases)
    settings = dataclasses.replace(
        settings, battery=battery_of(data), tasks=(data.name,), phases=phases, tau=tau,
        input_noise=data.noise,
    )  # fmt: skip
    return settings, data

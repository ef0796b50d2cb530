"""A trained rate network of another tool, from its file to one that can be converted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.draw import dimensions
from spiking_bimt.data import rate_files
from spiking_bimt.data.dataset import DataSet, battery_of
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.rate_parts import WHAT_TO_DO, find_parts
from spiking_bimt.errors import InputError, unknown_name
from spiking_bimt.training.bimt import arrange

TORCH = (".pt", ".pth", ".ckpt")
"""Suffixes of files that `torch.save` wrote."""
KNOWN_FILES = (
    "PyTorch state dict (.pt, .pth, .ckpt)",
    "safetensors (.safetensors)",
    "NumPy (.npz)",
)
"""What can be read, in words."""


@dataclass(frozen=True)
class Step:
    """How the network steps, as far as its file does not say it; see `RateNetwork.from_arrays`."""

    dt: float | None = None
    alpha: float | None = None
    tau: float | None = None
    step: str | None = None


def read_rate_network(
    path: Path, step: Step, names: Mapping[str, str] | None = None, activation: str | None = None
) -> tuple[RateNetwork, dict[str, str]]:
    """The network of a file, its units placed so that wires are short, and the key of each part.

    names: as in `RateNetwork.from_torch`. activation: what the units are, "relu" by default, which
    no file says. Places that the file holds stay. Raises InputError for anything but a whole file
    of a leaky ReLU network.
    """
    if activation not in (None, "relu"):
        if activation in WHAT_TO_DO:
            raise InputError(f"a network of {activation} units: {WHAT_TO_DO[activation]}")
        raise unknown_name("activation", activation, ("relu",))
    try:
        parts = find_parts(_read(path), names)
        network = RateNetwork.from_parts(parts, step.dt, step.alpha, step.tau, step.step)
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path}: {error}") from error
    return network if "positions" in parts.extras else arrange(network), parts.keys


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    if path.suffix.lower() in TORCH:
        from spiking_bimt.training.rate_module import read_state_dict  # needs torch

        return read_state_dict(path)
    if path.suffix.lower() in rate_files.SUFFIXES:
        return rate_files.read_arrays(path)
    what = "does not exist" if not path.exists() else "is of an unknown format"
    more = ""
    if path.suffix.lower() in (".pkl", ".pickle", ".npy", ".joblib"):
        more = "; pickles are never loaded, and one array is no network"
    raise InputError(f"{path} {what}; known: {', '.join(KNOWN_FILES)}{more}")


def with_data(network: RateNetwork, data: DataSet) -> RateNetwork:
    """The network as one of a data set, its outputs in the scale of the data's targets.

    Raises InputError where channels or outputs are not those of the data.
    """
    n_out, n_in = len(network.w_out), network.w_in.shape[1]
    if (n_in, n_out) != (len(data.channels), len(data.outputs)):
        raise InputError(
            f"the data have {len(data.channels)} channels and {len(data.outputs)} outputs, and the "
            f"network {n_in} inputs and {n_out} outputs"
        )
    if data.target_scale is not None and data.target_mean is not None:
        network = replace(
            network,
            w_out=network.w_out / data.target_scale[:, None],
            b_out=(network.b_out - data.target_mean) / data.target_scale,
        )
    return replace(network, battery=battery_of(data), tasks=(data.name,))


def with_tasks(network: RateNetwork, battery: str, tasks: tuple[str, ...]) -> RateNetwork:
    """The network as one of these tasks, which gets a channel for each that it has no input for.

    The tasks' trials have the channels of the observation and then one for each task, which says
    which it is. A network of the observation's channels alone gets those with weights of 0. Raises
    InputError where channels or outputs are not those of the tasks.
    """
    channels, outputs = dimensions(battery, tasks)
    own = channels - len(tasks)
    n, n_in = network.w_in.shape
    if len(network.w_out) != outputs:
        raise InputError(
            f"the tasks have {outputs} actions, and the network {len(network.w_out)} outputs: one "
            "output an action is expected, the first for fixation"
        )
    if n_in not in (own, channels):
        raise InputError(
            f"the tasks have {own} channels, or {channels} with one that names each task, and the "
            f"network {n_in} inputs"
        )
    silent = np.zeros((n, channels - n_in), np.float32)
    w_in = np.hstack([network.w_in, silent])
    return replace(network, w_in=w_in, battery=battery, tasks=tasks)

"""The formats that `export` writes beside the tiles: where each lies, what it needs and loses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt import run_folder
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.flat import write_flat
from spiking_bimt.formats.netx import netx_losses, write_netx
from spiking_bimt.formats.nir import WARN_BYTES, dense_bytes, nir_losses, write_nir
from spiking_bimt.formats.sanafe import Replay, sanafe_losses, write_sanafe
from spiking_bimt.formats.sonata import read_spikes
from spiking_bimt.formats.sonata_network import write_network
from spiking_bimt.simulation.run import starts
from spiking_bimt.stages.simulate import with_weights

REPLAYED_STEPS = 5000
"""Most steps of recorded spikes that a SANA-FE file repeats: whole trials, at least one."""


@dataclass(frozen=True)
class Format:
    """How one format is written."""

    path: str
    """Its file or folder in the run."""
    needs: tuple[str, ...]
    """Files of the run that it is made from."""
    losses: Callable[[SpikingNetwork], list[str]]
    """What of a network it cannot hold, in words."""
    keeps_codes: bool
    """Whether it holds the integer codes themselves; the others have their weights as floats, or
    round anew, which needs no --lossy."""
    write: Callable[[Path, Path, SpikingNetwork], dict[str, Any]]
    """From the run folder and the network, with integer weights where it has them, to the path;
    returns more to report."""


def write_format(name: str, folder: Path, *, lossy: bool) -> dict[str, Any]:
    """Write one format of a run; returns what was written and what it lost.

    Raises InputError where something would be lost and `lossy` does not allow it.
    """
    chosen = FORMATS[name]
    network = with_weights(store.load(folder / "network.h5", SpikingNetwork), "auto")
    losses = chosen.losses(network)
    if network.poisson is not None and name != "sanafe":
        losses = [*losses, "the random levels of Poisson sources, which fire regularly there"]
    if losses and not lossy:
        raise InputError(
            f"{name} cannot hold {'; '.join(losses)}: give --lossy to write the rest "
            "(docs/formats.md)"
        )
    path = folder / chosen.path
    more = chosen.write(folder, path, network)
    files = [path] if path.is_file() else [p for p in path.iterdir() if p.is_file()]
    size = sum(file.stat().st_size for file in files)
    if network.codes is not None and not chosen.keeps_codes:
        losses = [*losses, "the integer codes"]
    return {"path": str(path), "bytes": size, "lost": "; ".join(losses) or "nothing", **more}


def require(name: str, folder: Path) -> None:
    """Raise InputError, naming the command, where the run lacks what a format is made from."""
    for needed in FORMATS[name].needs:
        run_folder.require(folder, needed)


def replayed(folder: Path, n_neurons: int) -> Replay:
    """The spikes of spikes.h5 that a SANA-FE file repeats, trials end to end."""
    spikes = read_spikes(folder / "spikes.h5")
    if spikes.n_neurons != n_neurons:
        raise InputError(
            f"{folder / 'spikes.h5'} is of {spikes.n_neurons} neurons, the network has "
            f"{n_neurons}: simulate again"
        )
    lengths = np.rint(spikes.duration_ms / spikes.dt).astype(np.int64)
    ends = np.cumsum(lengths)
    trials = max(int(np.searchsorted(ends, REPLAYED_STEPS, side="right")), 1)
    kept = slice(0, int(spikes.offsets[trials]))
    begin = np.repeat((ends - lengths)[:trials], np.diff(spikes.offsets[: trials + 1]))
    return Replay(spikes.steps[kept] + begin, spikes.neurons[kept], int(ends[trials - 1]))


def placed(folder: Path, n_neurons: int) -> Placement:
    """The run's placement; InputError where it is of another number of neurons."""
    placement = store.load(folder / "placement.h5", Placement)
    if len(placement.core) != n_neurons:
        raise InputError(
            f"{folder / 'placement.h5'} is of {len(placement.core)} neurons, the network has "
            f"{n_neurons}: place again"
        )
    return placement


def potentials(network: SpikingNetwork) -> npt.NDArray[np.float64]:
    """(N,) where a SANA-FE file starts: as the first trial of a simulation of seed 0 does."""
    start: npt.NDArray[np.float64] = starts(network, 0, slice(0, 1), np.dtype(np.float64))[0]
    return start


def _nir(_folder: Path, path: Path, network: SpikingNetwork) -> dict[str, Any]:
    size = dense_bytes(network)
    write_nir(path, network)
    if size < WARN_BYTES:
        return {}
    return {"warning": f"NIR is dense: {size / 2**20:,.0f} MiB in memory; SONATA is sparse"}


def _sanafe(folder: Path, path: Path, network: SpikingNetwork) -> dict[str, Any]:
    placement = placed(folder, network.n_neurons)
    chip = load_chip(placement.chip)
    reasons = sanafe_losses(network)
    if not reasons:
        write_sanafe(path, network, placement, chip, start=potentials(network))
        return {"neurons": "with their dynamics"}
    run_folder.require(folder, "spikes.h5")
    if run_folder.outdated(folder, "spikes.h5", "network.h5"):
        raise InputError(f"{folder / 'spikes.h5'} is of an earlier network.h5: simulate again")
    spikes = replayed(folder, network.n_neurons)
    write_sanafe(path, network, placement, chip, replay=spikes)
    return {
        "neurons": f"replay {len(spikes.steps):,} spikes of {spikes.n_steps:,} steps",
        "because of": "; ".join(reasons),
    }


def _netx(_folder: Path, path: Path, network: SpikingNetwork) -> dict[str, Any]:
    layer = write_netx(path, network)
    return {"threshold": layer.threshold, "weights": "rounded to one step for the layer"}


def _sonata(_folder: Path, path: Path, network: SpikingNetwork) -> dict[str, Any]:
    write_network(path, network)
    return {}


def _flat(_folder: Path, path: Path, network: SpikingNetwork) -> dict[str, Any]:
    write_flat(path, network)
    return {}


def _nothing(_network: SpikingNetwork) -> list[str]:
    return []


_NETWORK = ("network.h5",)
FORMATS: dict[str, Format] = {
    "nir": Format("network.nir", _NETWORK, nir_losses, False, _nir),
    "sanafe": Format("sanafe", (*_NETWORK, "placement.h5"), _nothing, False, _sanafe),
    "netx": Format("netx.h5", _NETWORK, netx_losses, False, _netx),
    "sonata": Format("sonata", _NETWORK, _nothing, False, _sonata),
    "c": Format("c", _NETWORK, _nothing, True, _flat),
}

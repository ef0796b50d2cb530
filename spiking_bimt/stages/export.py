"""`export`: the run's network to the formats that other tools read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spiking_bimt import run_folder
from spiking_bimt.chip.computes import refuse
from spiking_bimt.chip.presets import chip_of
from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.device import Device
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats import registry
from spiking_bimt.formats.format import Export, Format
from spiking_bimt.stages.simulate import with_weights

PLACEMENT = "placement.h5"


@checked
def export(
    run: str | Path,
    formats: Sequence[str] = ("tiles",),
    *,
    lossy: bool = False,
    traffic_only: bool = False,
    device: str | Path | Device | None = None,
    selftest: int = 0,
    currents: str | Path | None = None,
    integers: bool = False,
) -> dict[str, Any]:
    """Write the run's network in each format; returns what was written, and what was lost.

    lossy: whether to write a format that cannot hold all of the network
    (docs/reference/formats.md). For tiles: device, a preset, TOML file or record, also writes the
    codes as conductance pairs; selftest, the trials per task, also writes trials with the spikes
    that a chip should give; currents, a file of levels of the input channels that drive them
    (docs/how-to/stimuli.md); integers, also holds the network in the integers of the chip that it
    is placed on, with the spikes that these give on the trials. Raises InputError where a format
    cannot hold the network, with all that it would lose, and where a file that it needs is missing.
    """
    folder = Path(run)
    chosen = {name: registry.load(name) for name in formats}
    options = {
        "device": device, "selftest": selftest, "currents": currents, "integers": integers,
    }  # fmt: skip
    if currents is not None and selftest < 1:
        raise InputError("currents go into a self-test: give its number of trials as `selftest=1`")
    _refuse_idle(options, chosen)
    source = run_folder.require(folder, "network.h5")
    with run_folder.writing(folder):
        network = with_weights(store.load(source, SpikingNetwork), "auto")
        for form in chosen.values():
            _require(folder, form.needs(network))
        cannot = _cannot_compute(folder, network, chosen, traffic_only)
        return {
            name: cannot.get(name, {})
            | _write(name, form, Export(folder, folder / form.path, network, options), lossy)
            for name, form in chosen.items()
        }


def _cannot_compute(
    folder: Path, network: SpikingNetwork, chosen: dict[str, Format], traffic_only: bool
) -> dict[str, dict[str, Any]]:
    """What the chip of the placement cannot compute, by the formats that hold a placement."""
    held = [name for name, form in chosen.items() if PLACEMENT in form.needs(network)]
    if not held:
        return {}
    placement = store.load(folder / PLACEMENT, Placement)
    of_it = placement if len(placement.core) == network.n_neurons else None  # refused later
    cannot = refuse(network, chip_of(placement), of_it, allow=traffic_only)
    return {name: {"cannot_compute": cannot} for name in held}


def _refuse_idle(options: dict[str, Any], chosen: dict[str, Format]) -> None:
    """InputError for an option that none of the formats takes."""
    for option, value in options.items():
        if value and not any(option in form.options for form in chosen.values()):
            takers = [n for n in registry.written() if option in registry.load(n).options]
            raise InputError(
                f"{option} goes into {' or '.join(takers)}: add {takers[0]} to the formats, or "
                "leave it out"
            )


def _require(folder: Path, needed: tuple[str, ...]) -> None:
    """InputError, naming the command, where a file lacks or was made from another network.h5."""
    for name in needed:
        run_folder.require(folder, name)


def _write(name: str, form: Format, job: Export, lossy: bool) -> dict[str, Any]:
    """What was written and what it lost; InputError where `lossy` does not allow the loss."""
    assert form.write is not None
    losses = form.losses(job.network)
    if job.network.poisson is not None and not form.keeps_poisson:
        losses = [*losses, "the random levels of Poisson sources, which fire regularly there"]
    if losses and not lossy:
        raise InputError(
            f"{name} cannot hold {'; '.join(losses)}: give `lossy=True` to write the rest "
            "(docs/reference/formats.md)"
        )
    more = form.write(job)
    path = job.path
    files = [path] if path.is_file() else [p for p in path.iterdir() if p.is_file()]
    size = sum(file.stat().st_size for file in files)
    if job.network.codes is not None and not form.keeps_codes:
        losses = [*losses, "the integer codes"]
    return {"path": str(path), "bytes": size, "lost": "; ".join(losses) or "nothing", **more}

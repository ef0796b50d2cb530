"""Crossbar tiles as a format of a run: cut and written, rebuilt and compared."""

import dataclasses
from typing import Any

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.drive import trials_of
from spiking_bimt.battery.probe import ROW_MS, ROWS, level_trials
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.limits import check as check_limits
from spiking_bimt.chip.packing import count_natural_tiles
from spiking_bimt.chip.presets import chip_of, load_device
from spiking_bimt.chip.tiling import cut, occupancy, rebuild, synapses
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import TileFile
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.compare import (
    check_sizes,
    first_difference,
    least_spikes,
    same_spikes,
)
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.stimuli import read_levels
from spiking_bimt.formats.tile_integers import play_back
from spiking_bimt.formats.tiles import read_integers, read_selftest, read_tiles, write_tiles
from spiking_bimt.simulation.golden import replay
from spiking_bimt.simulation.propagators import TRIALS_HAVE
from spiking_bimt.simulation.run import simulate_trials

_NOT_HELD = ("chip", "core", "measured")
"""Fields of a network that a tile file has no place for."""
_NOT_COMPUTED = ("positions", "sheet", "scale", "in_scale")
"""Fields without effect on a spike, or that act through `weights` alone; neurons without synapses
have no scale in a tile."""


def _write(export: Export) -> dict[str, Any]:
    """Options: device, a preset or file, for conductance pairs; selftest, golden trials per task;
    currents, a file of the levels of the channels in them; integers, the network in its chip's."""
    network = export.network.quantised()
    network.refuse_optional("a crossbar", TRIALS_HAVE)
    placement = store.load(export.run / "placement.h5", Placement)
    chip = chip_of(placement)
    check_limits(chip, axon_graph(network), placement)
    tiles = cut(network, placement, chip)
    device, selftest = export.options["device"], export.options["selftest"]
    memory = None if device is None else load_device(device)
    kept = None if memory is None else dataclasses.asdict(memory)
    write_tiles(
        export.path,
        TileFile(tiles, network, placement, chip),
        settings={
            "command": "export",
            "format": "tiles",
            "device": kept,
            "selftest": selftest,
            "integers": export.options["integers"],
        },
        inputs={name: export.run / name for name in ("network.h5", "placement.h5")},
        device=memory,
        selftest=_selftest_trials(network, selftest, export.options) if selftest else None,
        integers=export.options["integers"],
    )
    natural = count_natural_tiles(
        *synapses(network), network.n_neurons, placement, (tiles.rows, tiles.cols)
    )
    return {"natural_order_tiles": natural, **occupancy(tiles)}


def _selftest_trials(network: SpikingNetwork, many: int, options: dict[str, Any]) -> Trials:
    """Trials of its tasks, under the currents of a file or, without either, random levels.

    Random levels, 0 to 1, are those of the input channels; a network without channels is left to
    itself. Raises InputError where so few spikes come of it that they say nothing of the chip.
    """
    if options["currents"] is None and network.tasks:
        return trials_of(network, many, "test")[1]
    if options["currents"] is not None:
        rows = np.tile(read_levels(options["currents"], network), (many, 1))
    else:
        hold = max(round(ROW_MS / network.task_dt), 1)
        levels = np.random.default_rng(0).uniform(0, 1, (many * ROWS, network.n_inputs))
        rows = np.repeat(levels, hold, axis=0)
    trials = level_trials(rows, many, network.task_dt, "levels")
    spikes = simulate_trials(network, trials, record_spikes=False).n_spikes
    if spikes < least_spikes(network):
        how = (
            "give levels of its channels as `currents`"
            if network.n_inputs
            else "a self-test drives input channels, of which it has none: leave `selftest` out"
        )
        raise InputError(
            f"the self-test has {spikes} spikes of {network.n_neurons} neurons, which says "
            f"nothing of the network: {how}"
        )
    return trials


def _verify(check: Check) -> dict[str, Any]:
    rebuilt, golden = rebuild(read_tiles(check.path)), read_selftest(check.path)
    if golden is not None:
        difference = first_difference(*replay(rebuilt, golden))
        if difference:
            raise CheckError(f"it does not give the spikes of its self-test: {difference}")
    held = read_integers(check.path)
    chip_spikes = 0 if held is None else play_back(*held, golden)
    network = check.network.quantised()
    check_sizes(rebuilt, network)
    try:
        compared = same_spikes(rebuilt, network, check)
    except CheckError as error:
        raise CheckError(f"it does not give the spikes of {check.reference}: {error}") from error
    difference = _first_unequal(rebuilt, network)
    if difference:
        raise CheckError(f"it is not the network of {check.reference}: {difference}")
    tasks = rebuilt.tasks and compared.trials.tasks != ("probe",)
    accuracy = score(compared.recording.outputs, compared.trials).accuracy if tasks else None
    return compared.result(
        f", {chip_spikes:,} of its chip's integers equal" * (chip_spikes > 0)
        + ("" if accuracy is None else f", accuracy {accuracy:.4f}"),
        integers=len(rebuilt.indices) + len(rebuilt.in_indices),
        selftest_trials=0 if golden is None else len(golden.offsets) - 1,
        chip_spikes=chip_spikes,
        accuracy=accuracy,
    )


def _first_unequal(mine: SpikingNetwork, theirs: SpikingNetwork) -> str:
    """The first field of a network that differs; empty where all are equal."""
    skipped = (*_NOT_HELD, *_NOT_COMPUTED, *(() if theirs.delays is None else ("delay",)))
    for field in dataclasses.fields(theirs):
        a, b = getattr(mine, field.name), getattr(theirs, field.name)
        if field.name not in skipped and not np.array_equal(a, b):
            return f"{field.name} is not the same"
    return ""


FORMAT = Format(
    path="tiles.h5",
    suffixes=(".h5",),
    needs=lambda _network: ("placement.h5",),
    keeps_codes=True,
    keeps_poisson=True,
    options=("device", "selftest", "currents", "integers"),
    write=_write,
    verify=_verify,
)

"""Placement, traffic and tiles of a network in memory, as the front door gives them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip import place, tiling
from spiking_bimt.chip.computes import refuse
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.limits import check
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.timeline import Timeline
from spiking_bimt.chip.timeline import timeline as timeline_of
from spiking_bimt.chip.traffic import traffic as traffic_of
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.chip import Chip, Traffic
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.placed import PlacedNetwork, TileFile
from spiking_bimt.data.spikes import Recording
from spiking_bimt.errors import InputError


@checked
def place_network(
    network: SpikingNetwork,
    chip: str | Path | Chip,
    rates_hz: npt.ArrayLike,
    *,
    seed: int = 0,
    cores: int | None = None,
    effort: float = 1.0,
    time_limit: float | None = None,
    starts: Sequence[str] | None = None,
    traffic_only: bool = False,
    progress: Callable[[int, str], None] | None = None,
) -> PlacedNetwork:
    """Put a network on a chip's cores, at a low cost of packets and hops, within every limit.

    chip: a preset's name, a TOML file or the record. rates_hz: (N,) mean rate of each neuron, Hz,
    as `Recording.rates_hz` has it. Where the network has integer codes (`quantise`), the chip gets
    those: a synapse whose code is 0 is dropped. The fewest cores that fit are filled; `cores`
    spreads the neurons over that many instead, evenly. effort: factor on the number of proposals,
    above 0. time_limit: seconds after which the search ends; without it the same seed gives the
    same placement. starts: arrangements to begin with, None for all that suit the network's size.
    traffic_only: place a network that the chip cannot compute all the same, to count its packets.
    progress: called with the rounds done and a word on the present one. How it searches, and from
    which methods it is made: docs/background/placement.md.

    Raises InputError where the chip cannot compute the network, with all reasons, or where it
    cannot fit, with the limit, the core and the excess.
    """
    on_chip = load_chip(chip)
    coded = network if network.codes is None else network.quantised()
    refuse(coded, on_chip, allow=traffic_only)
    placement = place.place(
        coded, on_chip, rates_hz, seed=seed, cores=cores, effort=effort, time_limit=time_limit,
        starts=starts, progress=progress,
    )  # fmt: skip
    refuse(coded, on_chip, placement, allow=traffic_only)
    return PlacedNetwork(coded, placement, on_chip)


@checked
def traffic(placed: PlacedNetwork, recording: Recording) -> Traffic:
    """Packets, hops and energy of the spikes of a recording, all trials together.

    The input is analogue and sends no packets. Energy is counted as by SANA-FE (Boyle et al.
    2025). Raises InputError for a recording of another number of neurons or another dt.
    """
    _agree(placed, recording)
    counts = recording.spike_counts.sum(axis=0)
    network, placement, chip = placed.network, placed.placement, placed.chip
    return traffic_of(network, placement, chip, counts, recording.n_steps)


@checked
def timeline(placed: PlacedNetwork, recording: Recording) -> Timeline:
    """Packets, hops, energy and time of each simulated step, the trials one after another.

    Sums over the steps equal those of `traffic`. Raises InputError as `traffic` does, and for a
    recording without its spikes.
    """
    _agree(placed, recording)
    network, placement, chip = placed.network, placed.placement, placed.chip
    steps = recording.steps_on_end
    return timeline_of(network, placement, chip, steps, recording.neurons, recording.n_steps)


@checked
def cut_tiles(placed: PlacedNetwork) -> TileFile:
    """The crossbar tiles of a placed network with integer codes, as `write_tiles` takes them.

    How crossbars are filled: docs/background/tiles.md.
    Raises InputError where the network has no codes, or the placement breaks a limit of the chip.
    """
    network, placement, chip = placed.network, placed.placement, placed.chip
    check(chip, axon_graph(network), placement)
    return TileFile(tiling.cut(network, placement, chip), network, placement, chip)


def _agree(placed: PlacedNetwork, recording: Recording) -> None:
    """Refuse a recording that is not of this network."""
    n = placed.network.n_neurons
    if recording.n_neurons != n:
        raise InputError(
            f"the recording is of {recording.n_neurons} neurons, the network has {n}: simulate it"
        )
    if not np.isclose(recording.dt, placed.network.dt):
        raise InputError(
            f"the recording has steps of {recording.dt} ms, the network of {placed.network.dt} ms: "
            "simulate it again"
        )

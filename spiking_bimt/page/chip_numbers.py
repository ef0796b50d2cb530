"""The numbers of the chip: cores, traffic, energy, tiles."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from spiking_bimt.chip.energy import PARTS, nj_each
from spiking_bimt.data.chip import Chip, Traffic
from spiking_bimt.data.tiles import TileSet
from spiking_bimt.page.material import Material, OnChip
from spiking_bimt.page.page import Number
from spiking_bimt.plot.tile_figures import shares


def chip_numbers(on_chip: OnChip, material: Material) -> Iterator[Number]:
    """The numbers of the placed network: cores, packets, hops, energy."""
    chip = on_chip.placed.chip
    per_core = np.bincount(on_chip.placed.placement.core)
    cores = int((per_core > 0).sum())
    yield Number(
        "cores_used", "cores used", cores, f"{cores} of {chip.n_cores}",
        f"Cores of {chip.name} that hold at least one neuron.",
        "cores used", f"of {chip.n_cores} on {chip.name}",
    )  # fmt: skip
    yield Number(
        "largest_core", "fullest core", int(per_core.max()),
        f"{per_core.max()} of {chip.neurons_per_core} neurons",
        "Neurons on the fullest core, and how many a core can hold.",
    )  # fmt: skip
    measured: Mapping[str, Any] = on_chip.placed.placement.measured or {}
    cannot = measured.get("cannot_compute", ())
    if cannot:
        yield Number(
            "cannot_compute", "traffic only", len(cannot), f"{len(cannot)} reasons",
            f"{chip.name} cannot run this network, of which the page shows the traffic: "
            f"{'; '.join(cannot)}.",
            "traffic only", f"{chip.name} cannot run this network",
        )  # fmt: skip
    yield from _traffic(chip, on_chip.traffic, material.unit, material.units)


def _traffic(chip: Chip, flow: Traffic, unit: str, many: float) -> Iterator[Number]:
    spikes = max(flow.spikes, 1)
    multicast = chip.routing == "multicast"
    what = "spike that leaves its core" if multicast else "spike and destination core"
    yield Number(
        "packets_per_spike", "packets per spike", flow.packets / spikes,
        f"{flow.packets / spikes:.3f}",
        f"Packets that a spike puts on the chip's network ({chip.routing} routing: one for each "
        f"{what}).",
        "packets / spike", f"{chip.routing} routing",
    )  # fmt: skip
    yield Number(
        "hops_per_packet", "hops per packet", flow.hops / max(flow.packets, 1),
        f"{flow.hops / max(flow.packets, 1):.3f}",
        "Links between neighbouring tiles that a packet and its copies cross.",
        "hops / packet", f"{flow.packets / many:,.0f} packets per {unit}",
    )  # fmt: skip
    yield Number(
        f"packets_per_{unit}", f"packets per {unit}", flow.packets / many,
        f"{flow.packets / many:,.1f}",
        f"Packets on the chip's network in one {unit}, on average.",
    )  # fmt: skip
    busiest = int(flow.link_load.max(initial=0)) / many
    yield Number(
        "busiest_link", "busiest link", busiest, f"{busiest:,.1f} packets per {unit}",
        f"Packets in one {unit} over the link that carries the most.",
    )  # fmt: skip
    yield Number(
        f"events_per_{unit}", f"synaptic events per {unit}", flow.synaptic_events / many,
        f"{flow.synaptic_events / many:,.0f}",
        f"Synapses that the spikes of one {unit} reach; a core adds one weight for each.",
    )  # fmt: skip
    if flow.energy_pj is not None:
        yield from _energy(chip, flow.energy_pj, unit, many, spikes)


def _energy(
    chip: Chip, energy_pj: Mapping[str, float], unit: str, many: float, spikes: int
) -> Iterator[Number]:
    parts = nj_each(energy_pj, many)
    total = sum(parts.values())
    yield Number(
        f"energy_nj_per_{unit}", f"energy per {unit}", total, energy_text(total),
        f"Energy of one {unit} on average, from the published figures of the chip. {chip.caveat}",
        f"energy per {unit}", f"{sum(energy_pj.values()) / spikes:,.0f} pJ per spike",
    )  # fmt: skip
    for part, value in parts.items():
        share = value / max(total, 1e-300)
        yield Number(
            f"energy_{part}_nj_per_{unit}", f"energy per {unit}, {part}", value,
            f"{energy_text(value)} ({100 * share:.0f} %)",
            f"Part of this energy that goes into {PARTS[part].text}.",
        )  # fmt: skip


def energy_text(nanojoules: float) -> str:
    """An energy with its unit."""
    large = nanojoules >= 1000
    return f"{nanojoules / 1000:,.2f} µJ" if large else f"{nanojoules:,.1f} nJ"


def tile_numbers(tiles: TileSet) -> Iterator[Number]:
    """The numbers of the crossbar tiles."""
    t, r, c = tiles.n_tiles, tiles.rows, tiles.cols
    mean = float(shares(tiles).mean()) if t else 0.0
    synapses = len(tiles.codes)
    yield Number(
        "tiles", "crossbar tiles", t, f"{t} ({r} x {c})",
        f"Crossbars of {r} rows and {c} columns that hold at least one synapse.",
        "crossbar tiles", f"{r} x {c}, {tiles.bits}-bit codes",
    )  # fmt: skip
    yield Number(
        "utilisation", "tile utilisation", mean, f"{100 * mean:.1f} %",
        "Share of the crosspoints of those tiles that hold a synapse.",
        "tile utilisation", f"{synapses:,} synapses",
    )  # fmt: skip
    yield Number(
        "tile_synapses", "synapses in tiles", synapses, f"{synapses:,}",
        "Synapses in all tiles: recurrent ones and those of the input channels.",
    )  # fmt: skip

"""What activity takes of a chip's energy: the one place where counts become picojoules, by part."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.graph import AxonGraph
from spiking_bimt.chip.price import Routes, packet_price
from spiking_bimt.data.chip import Chip

Floats = npt.NDArray[np.float64]


class Part(NamedTuple):
    """A part of the energy."""

    text: str
    """What it is spent on."""
    on_network: bool
    """Whether the chip's network takes it, rather than its cores."""


PARTS = {
    "soma": Part("updating every neuron at every step", False),
    "spike": Part("emitting spikes", False),
    "synapse": Part("adding synaptic events", False),
    "packet": Part("sending packets", True),
    "hop": Part("moving packets from tile to tile", True),
}


class Energies(NamedTuple):
    """What a placed network takes, by part, pJ."""

    step: dict[str, float]
    """In every step, spikes or not."""
    spike: dict[str, Floats]
    """(N,) by one spike of each neuron."""

    def spent(self, counts: Floats, n_steps: int) -> dict[str, float]:
        """By part, pJ, in n_steps steps with counts (N,) spikes of each neuron."""
        idle = {part: value * n_steps for part, value in self.step.items()}
        active = {part: float(counts @ value) for part, value in self.spike.items()}
        return {part: idle.get(part, 0.0) + active.get(part, 0.0) for part in {**idle, **active}}


def event_energies(chip: Chip) -> dict[str, float] | None:
    """Energy of one event of each part but hops, pJ; None where unpublished."""
    if chip.energy is None:
        return None
    return {**chip.energy, "packet": packet_price(chip)}


def energies(chip: Chip, graph: AxonGraph, routes: Routes) -> Energies | None:
    """What a network on the cores of `routes` takes; None where the chip's figures are unpublished.

    The input is analogue and takes nothing.
    """
    events = event_energies(chip)
    if events is None:
        return None
    n = graph.n_neurons
    return Energies(
        {"soma": events["soma"] * n},
        {
            "spike": np.full(n, events["spike"]),
            "synapse": events["synapse"] * np.diff(graph.indptr[: n + 1]),
            "packet": events["packet"] * routes.packets,
            "hop": routes.link_price,
        },
    )


def nj_each(energy_pj: Mapping[str, float], many: float) -> dict[str, float]:
    """Mean energy by part, nJ, of each of so many trials or seconds, from that of all, pJ."""
    return {part: value / many / 1000 for part, value in energy_pj.items()}


def of_network(energy: Mapping[str, float]) -> float:
    """The parts that the chip's network takes, in the unit given."""
    return sum(value for part, value in energy.items() if PARTS[part].on_network)

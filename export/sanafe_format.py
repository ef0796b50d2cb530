"""SANA-FE as a format of a run: the network's dynamics, or the spikes of spikes.h5."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.sanafe_export import Replay, sanafe_losses, write_sanafe
from spiking_bimt.formats.sanafe_run import Counted, run_sanafe
from spiking_bimt.formats.sonata import read_spikes
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.run import starts

STEPS = 1000
"""Steps that a file whose neurons compute is run for."""
REPLAYED_STEPS = 5000
"""Most steps of recorded spikes that a file repeats: whole trials, at least one."""


def _needs(network: SpikingNetwork) -> tuple[str, ...]:
    return ("placement.h5", "spikes.h5") if sanafe_losses(network) else ("placement.h5",)


def _write(export: Export) -> dict[str, Any]:
    network = export.network
    placement = _placed(export.run, network.n_neurons)
    chip = load_chip(placement.chip)
    reasons = sanafe_losses(network)
    if not reasons:
        write_sanafe(export.path, network, placement, chip, start=_potentials(network))
        return {"neurons": "with their dynamics"}
    spikes = _replayed(export.run, network.n_neurons)
    write_sanafe(export.path, network, placement, chip, replay=spikes)
    return {
        "neurons": f"replay {len(spikes.steps):,} spikes of {spikes.n_steps:,} steps",
        "because of": "; ".join(reasons),
    }


def _replayed(run: Path, n_neurons: int) -> Replay:
    """The spikes of spikes.h5 that a file repeats, trials end to end."""
    spikes = read_spikes(run / "spikes.h5")
    if spikes.n_neurons != n_neurons:
        raise InputError(
            f"{run / 'spikes.h5'} is of {spikes.n_neurons} neurons, the network has "
            f"{n_neurons}: simulate again"
        )
    lengths = np.rint(spikes.duration_ms / spikes.dt).astype(np.int64)
    ends = np.cumsum(lengths)
    trials = max(int(np.searchsorted(ends, REPLAYED_STEPS, side="right")), 1)
    kept = slice(0, int(spikes.offsets[trials]))
    begin = np.repeat((ends - lengths)[:trials], np.diff(spikes.offsets[: trials + 1]))
    return Replay(spikes.steps[kept] + begin, spikes.neurons[kept], int(ends[trials - 1]))


def _placed(run: Path, n_neurons: int) -> Placement:
    """The run's placement; InputError where it is of another number of neurons."""
    placement = store.load(run / "placement.h5", Placement)
    if len(placement.core) != n_neurons:
        raise InputError(
            f"{run / 'placement.h5'} is of {len(placement.core)} neurons, the network has "
            f"{n_neurons}: place again"
        )
    return placement


def _potentials(network: SpikingNetwork) -> npt.NDArray[np.float64]:
    """(N,) where a file starts: as the first trial of a simulation of seed 0 does."""
    start: npt.NDArray[np.float64] = starts(network, 0, slice(0, 1), np.dtype(np.float64))[0]
    return start


def _verify(check: Check) -> dict[str, Any]:
    network = check.network
    placement = _placed(check.run, network.n_neurons)
    chip = load_chip(placement.chip)
    if sanafe_losses(network):
        given = _replayed(check.run, network.n_neurons)
    else:
        own = simulate_network(
            network, STEPS * network.dt, v_start=_potentials(network), mode="clock",
            dtype=np.float64,
        )  # fmt: skip
        given = Replay(own.steps, own.neurons, STEPS)
    found = run_sanafe(check.path, given.n_steps)
    if found.spikes.shape[1] != network.n_neurons:
        raise CheckError(
            f"{found.spikes.shape[1]} neurons in the file, {network.n_neurons} in the network: "
            "export again"
        )
    spikes = np.zeros((given.n_steps, network.n_neurons), bool)
    spikes[given.steps, given.neurons] = True
    if not np.array_equal(spikes, found.spikes):
        raise CheckError(
            f"{found.spikes.sum()} spikes by SANA-FE against {spikes.sum()}, from step "
            f"{int(np.argmax((spikes != found.spikes).any(1)))} on: export again if spikes.h5 is "
            "newer"
        )
    return _same_counts(found, network, placement, chip, spikes)


def _same_counts(
    found: Counted,
    network: SpikingNetwork,
    placement: Placement,
    chip: Chip,
    spikes: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    ours = traffic(network, placement, chip, spikes.sum(0), len(spikes))
    counts = (
        ("packets", found.packets, ours.packets),
        ("hops", found.hops, ours.unicast_hops),
        ("synaptic events", found.synaptic_events, ours.synaptic_events),
    )
    for what, theirs, expected in counts:
        if theirs != expected:
            raise CheckError(f"{theirs:,} {what} by SANA-FE against {expected:,}")
    energy = sum(ours.energy_pj.values()) if ours.energy_pj else 0.0
    if abs(found.energy_pj - energy) > 1e-3 * energy:
        raise CheckError(f"{found.energy_pj:,.0f} pJ by SANA-FE against {energy:,.0f}")
    said = (
        f"{int(spikes.sum()):,} spikes, {found.packets:,} packets, {found.hops:,} hops equal; "
        f"energy {found.energy_pj / 1000:,.1f} nJ, ours {energy / 1000:,.1f}"
    )
    return {"found": said, "spikes": int(spikes.sum())}


FORMAT = Format(
    path="sanafe",
    mark="arch.yaml",
    needs=_needs,
    keeps_poisson=True,
    write=_write,
    verify=_verify,
)

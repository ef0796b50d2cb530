"""SANA-FE as a format of a run: the network's dynamics, or the spikes of spikes.h5."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.probe import probe_currents
from spiking_bimt.chip.presets import chip_of
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data import store
from spiking_bimt.data.chip import Chip, Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.compare import least_spikes, require_spikes
from spiking_bimt.formats.elements import fresh_export, require_equal
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.formats.sanafe_export import Replay, sanafe_losses, write_sanafe
from spiking_bimt.formats.sanafe_run import Counted, run_sanafe
from spiking_bimt.formats.sonata import read_spikes
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.start import starts

Raster = npt.NDArray[np.bool_]

STEPS = 1000
"""Steps that a file whose neurons compute is run for."""
INTERVAL_STEPS = 50
"""Steps between the spikes of a neuron that a check drives, were it alone."""
DRIFT = 2.0**-23
"""Most that SANA-FE's rounding moves v in a step, of the threshold: 2^-24 at its leak and again
when the current is added."""
REPLAYED_STEPS = 5000
"""Most steps of recorded spikes that a file repeats: whole trials, at least one."""


def _needs(network: SpikingNetwork) -> tuple[str, ...]:
    return ("placement.h5", "spikes.h5") if sanafe_losses(network) else ("placement.h5",)


def _write(export: Export) -> dict[str, Any]:
    network = export.network
    placement = _placed(export.run, network.n_neurons)
    chip = chip_of(placement)
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
    chip = chip_of(placement)
    with fresh_export(check, _write) as fresh:
        # Whatever else a file held, such as a path to load, never reaches SANA-FE.
        require_equal(check.path, fresh)
        if sanafe_losses(network):
            given = _replayed(check.run, network.n_neurons)
            own, how = _raster(given, network.n_neurons), "repeated "
            path = fresh
        else:
            path, driven = _driven(fresh, network, placement, chip)
            own, how = _simulated(driven, network), ""
        require_spikes(int(own.sum()), network)
        found = run_sanafe(path, len(own))
        if not how and not np.array_equal(own, found.spikes):
            how = _explained(own, found.spikes, driven, network)
            steps, neurons = np.nonzero(own)
            replay = Replay(steps, neurons, len(own))
            write_sanafe(path, network, placement, chip, replay=replay)
            found = run_sanafe(path, len(own))
    if not np.array_equal(own, found.spikes):
        raise CheckError(_parted(own, found.spikes))
    return _same_counts(found, network, placement, chip, own, how)


def _driven(
    fresh: Path, network: SpikingNetwork, placement: Placement, chip: Chip
) -> tuple[Path, SpikingNetwork]:
    """A folder with dynamics and its network: with a constant current where it is else silent.

    SANA-FE has no other input than spikes.
    """
    if _simulated(network, network).sum() >= least_spikes(network):
        return fresh, network
    currents = probe_currents(network, INTERVAL_STEPS * network.dt)
    driven = replace(network, bias=(network.bias + currents).astype(np.float32))
    path = fresh.parent / "driven"
    write_sanafe(path, driven, placement, chip, start=_potentials(network))
    return path, driven


def _simulated(driven: SpikingNetwork, network: SpikingNetwork) -> Raster:
    """Spikes of a network that starts where the file of `network` does."""
    own = simulate_network(
        driven, STEPS * network.dt, v_start=_potentials(network), mode="clock", dtype=np.float64
    )
    return _raster(Replay(own.steps, own.neurons, STEPS), network.n_neurons)


def _raster(spikes: Replay, n_neurons: int) -> Raster:
    """(steps, N) whether a neuron spikes."""
    out = np.zeros((spikes.n_steps, n_neurons), bool)
    out[spikes.steps, spikes.neurons] = True
    return out


def _explained(own: Raster, theirs: Raster, driven: SpikingNetwork, network: SpikingNetwork) -> str:
    """Words for spikes that part by SANA-FE's rounding of v; CheckError where that cannot be why.

    It can be where the network parts from itself as early when its thresholds move by as much as
    the rounding can have added up to by then.
    """
    step = _first(own, theirs)
    drift = np.float32((step + 1) * DRIFT) * (driven.v_th - driven.v_reset)
    moved = (replace(driven, v_th=driven.v_th + sign * drift) for sign in (1, -1))
    if step >= min(_first(own, _simulated(each, network)) for each in moved):
        return (
            f"SANA-FE's rounding of v parts the dynamics at step {step} "
            f"({int(own[:step].sum()):,} spikes equal before), so compared are repeated spikes: "
        )
    raise CheckError(f"{_parted(own, theirs)}, which SANA-FE's rounding of v does not explain")


def _first(own: Raster, theirs: Raster) -> int:
    """The first step whose spikes differ; the number of steps where all are equal."""
    unequal = (own != theirs).any(1)
    return int(np.argmax(unequal)) if unequal.any() else len(own)


def _parted(own: Raster, theirs: Raster) -> str:
    return (
        f"{theirs.sum()} spikes by SANA-FE against {own.sum()}, from step {_first(own, theirs)} on"
    )


def _same_counts(
    found: Counted,
    network: SpikingNetwork,
    placement: Placement,
    chip: Chip,
    spikes: Raster,
    how: str,
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
    n_spikes = int(spikes.sum())
    said = (
        f"{how}{n_spikes:,} spikes, {found.packets:,} packets, {found.hops:,} hops equal; "
        f"energy {found.energy_pj / 1000:,.1f} nJ, ours {energy / 1000:,.1f}"
    )
    return {
        "found": f"{said}; every element is that of a fresh export",
        "spikes": int(spikes.sum()),
    }


FORMAT = Format(
    path="sanafe",
    mark="arch.yaml",
    needs=_needs,
    keeps_poisson=True,
    write=_write,
    verify=_verify,
)

"""How `verify` checks each format: rebuilt from the file alone, simulated again, compared."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spiking_bimt.battery.drive import trials_of
from spiking_bimt.battery.probe import probe_trials
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.traffic import traffic
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.formats.flat_run import run_flat
from spiking_bimt.formats.netx import from_layer, read_netx, to_layer
from spiking_bimt.formats.nir import nir_form
from spiking_bimt.formats.nir_import import read_nir
from spiking_bimt.formats.sanafe import Replay, sanafe_losses
from spiking_bimt.formats.sanafe_run import Counted, run_sanafe
from spiking_bimt.formats.sonata_import import read_sonata
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.run import run_trials, starts
from spiking_bimt.stages.formats import FORMATS, placed, potentials, replayed
from spiking_bimt.stages.simulate import with_weights
from spiking_bimt.stages.verify import check_sizes, first_difference, verify

STEPS = 1000
"""Steps of a SANA-FE file whose neurons compute."""


class Runs(NamedTuple):
    """How much is simulated, and on how many threads."""

    trials: int
    threads: int | None


def verify_formats(
    path: Path, against: Path | None, trials: int, threads: int | None
) -> dict[str, Any]:
    """Check a run's formats, or the one whose file or folder `path` is; one row for each.

    Raises CheckError, which bears the rows, where one fails.
    """
    run = path if (path / "network.h5").is_file() else path.parent
    reference = run / "network.h5" if against is None else against
    if run == path:
        chosen = {name: path / f.path for name, f in FORMATS.items() if (path / f.path).exists()}
        tiles = path / "tiles.h5"
    else:
        name = format_of(path)
        if name is None:
            known = ", ".join(("tiles", *FORMATS))
            raise InputError(f"{path} holds no exported network; known formats: {known}")
        chosen, tiles = {name: path}, None
    rows = (
        [_tiles(tiles, reference, trials, threads)] if tiles is not None and tiles.is_file() else []
    )
    rows += [
        check_format(name, file, reference, Runs(trials, threads)) for name, file in chosen.items()
    ]
    if not rows:
        raise InputError(f"{path} holds no exported file: `spiking_bimt export {path}` makes them")
    result = {"file": str(path), "checks": rows, "equal": all(row["passed"] for row in rows)}
    failed = [row for row in rows if not row["passed"]]
    if failed:
        raise CheckError(
            f"{len(failed)} of {len(rows)} checks failed; {failed[0]['format']}: "
            f"{failed[0]['found']}", result,
        )  # fmt: skip
    return result


def _tiles(path: Path, reference: Path, trials: int, threads: int | None) -> dict[str, Any]:
    try:
        result = verify(path, against=reference, trials=trials, threads=threads)
        found, passed = f"{result['spikes']:,} spikes of {result['trials']} trials equal", True
    except (CheckError, InputError) as error:
        found, passed = str(error), False
    return {"format": "tiles", "file": str(path), "passed": passed, "found": found}


def check_format(name: str, path: Path, reference: Path, how: Runs) -> dict[str, Any]:
    """A row of the table of `verify`: format, file, passed, and what was found."""
    try:
        if not reference.is_file():
            raise InputError(f"{reference} does not exist: name the network with --against")
        network = with_weights(store.load(reference, SpikingNetwork), "auto")
        if name != "sanafe":  # which repeats recorded spikes
            network = replace(network, poisson=None)
        found, passed = _CHECKS[name](path, path.parent, network, how), True
    except (CheckError, InputError) as error:
        found, passed = str(error), False
    return {"format": name, "file": str(path), "passed": passed, "found": found}


def format_of(path: Path) -> str | None:
    """The format whose files `path` holds, by its name or its content; None for another one."""
    if path.is_dir():
        marks = {"sanafe": "arch.yaml", "sonata": "circuit_config.json", "c": "network.json"}
        return next((name for name, mark in marks.items() if (path / mark).exists()), None)
    if path.suffix == ".nir":
        return "nir"
    return "netx" if path.name == FORMATS["netx"].path or path.suffix == ".net" else None


def _same_spikes(
    rebuilt: SpikingNetwork, network: SpikingNetwork, how: Runs, *, probe: bool
) -> str:
    """Run both on the same trials; what was compared, or CheckError."""
    check_sizes(rebuilt, network)
    pairs = [
        probe_trials(each, how.trials) if probe else trials_of(each, how.trials, "test")
        for each in (rebuilt, network)
    ]
    mine, theirs = (run_trials(*pair, threads=how.threads) for pair in pairs)
    difference = first_difference(mine, theirs, pairs[1][1])
    if difference:
        raise CheckError(difference)
    if not np.array_equal(mine.outputs, theirs.outputs):
        raise CheckError("the readout differs, though every spike is equal")
    return f"{len(theirs.neurons):,} spikes of {theirs.n_trials} trials equal"


def _nir(path: Path, _folder: Path, network: SpikingNetwork, how: Runs) -> str:
    form = nir_form(network)
    return _same_spikes(read_nir(path), form, how, probe=True) + ", of what NIR holds"


def _netx(path: Path, _folder: Path, network: SpikingNetwork, how: Runs) -> str:
    layer, dt = read_netx(path)
    form = from_layer(to_layer(network), network.dt)
    found = _same_spikes(from_layer(layer, dt), form, how, probe=True)
    return f"{found}, of the weights as rounded"


def _sonata(path: Path, _folder: Path, network: SpikingNetwork, how: Runs) -> str:
    return _same_spikes(read_sonata(path), network, how, probe=False)


def _flat(path: Path, _folder: Path, network: SpikingNetwork, how: Runs) -> str:
    tasks = network.tasks
    test = trials_of(network, how.trials, "test")[1] if tasks else _noise(network, how.trials)
    levels = [test.inputs[low:high] for low, high in itertools.pairwise(test.offsets)]
    begin = starts(network, 0, slice(0, test.n_trials), np.dtype(np.float32))
    ours = run_trials(network, test, threads=how.threads)
    for k, (steps, neurons) in enumerate(run_flat(path, levels, begin)):
        if not all(map(np.array_equal, (steps, neurons), ours.trial(k))):
            raise CheckError(f"trial {k}: {len(steps)} spikes against {len(ours.trial(k)[0])}")
    return f"{len(ours.neurons):,} spikes of {test.n_trials} trials equal, by the compiled program"


def _noise(network: SpikingNetwork, trials: int) -> Trials:
    """Random levels of the network's own channels, for a file that can have no others."""
    rows = max(round(500 / network.task_dt), 1)
    levels = np.random.default_rng(0).random((trials * rows, network.n_inputs), np.float32)
    zeros = np.zeros(trials, np.int32)
    return Trials(
        levels, np.zeros(len(levels), np.int32), rows * np.arange(trials + 1), zeros, zeros,
        ("noise",), network.task_dt,
    )  # fmt: skip


def _sanafe(path: Path, folder: Path, network: SpikingNetwork, _how: Runs) -> str:
    placement = placed(folder, network.n_neurons)
    chip = load_chip(placement.chip)
    if sanafe_losses(network):
        given = replayed(folder, network.n_neurons)
    else:
        own = simulate_network(
            network, STEPS * network.dt, v_start=potentials(network), mode="clock", dtype=np.float64
        )
        given = Replay(own.steps, own.neurons, STEPS)
    found = run_sanafe(path, given.n_steps)
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
    chip: Any,
    spikes: npt.NDArray[np.bool_],
) -> str:
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
    return (
        f"{int(spikes.sum()):,} spikes, {found.packets:,} packets, {found.hops:,} hops equal; "
        f"energy {found.energy_pj / 1000:,.1f} nJ, ours {energy / 1000:,.1f}"
    )


_CHECKS: dict[str, Callable[[Path, Path, SpikingNetwork, Runs], str]] = {
    "nir": _nir, "sanafe": _sanafe, "netx": _netx, "sonata": _sonata, "c": _flat,
}  # fmt: skip

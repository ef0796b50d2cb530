"""The C program and its binary as a format of a run."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import CheckError
from spiking_bimt.formats.compare import (
    Compared,
    drives,
    least_spikes,
    require_sizes,
    require_spikes,
)
from spiking_bimt.formats.elements import compare_arrays, fresh_export, require_equal
from spiking_bimt.formats.flat import HEADER, VERSION, read_flat, write_flat
from spiking_bimt.formats.flat_run import run_sections
from spiking_bimt.formats.format import Check, Export, Format
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.simulation.start import starts

Array = npt.NDArray[Any]
LARGEST_CODE = 100
"""Largest integer weight of the channels that a check adds: it fits into a byte."""


def _write(export: Export) -> dict[str, Any]:
    write_flat(export.path, export.network)
    return {}


def _verify(check: Check) -> dict[str, Any]:
    sections, network = read_flat(check.path), check.network
    _check_sizes(sections, network)
    with fresh_export(check, _write) as fresh:
        _compare(sections, read_flat(fresh))
        if sections["header"][HEADER.index("version")] == VERSION:
            for name in ("network.json", "simulate.c"):
                require_equal(check.path / name, fresh / name)
    for drive in drives(network, check):
        driven, trials = drive(network)
        fed = sections
        if driven is not network:
            fed, driven, trials = _feed(sections, driven, trials, network.n_inputs)
        compared = _same_spikes(fed, driven, trials, check)
        if compared.spikes >= least_spikes(network):
            break
    require_spikes(compared.spikes, network)
    return compared.result(", by the compiled program; every element is that of a fresh export")


def _same_spikes(
    sections: dict[str, Array], network: SpikingNetwork, trials: Trials, check: Check
) -> Compared:
    """The program on the sections against the simulator on the network."""
    levels = [trials.inputs[low:high] for low, high in itertools.pairwise(trials.offsets)]
    begin = starts(network, 0, slice(0, trials.n_trials), np.dtype(np.float32))
    ours = simulate_trials(network, trials, threads=check.threads)
    for k, (steps, neurons) in enumerate(run_sections(sections, levels, begin)):
        if not all(map(np.array_equal, (steps, neurons), ours.trial(k))):
            raise CheckError(
                f"trial {k}: {len(steps)} spikes by the program, not all of them among our "
                f"{len(ours.trial(k)[0])}"
            )
    return Compared(ours, trials)


def _feed(
    sections: dict[str, Array], driven: SpikingNetwork, trials: Trials, first: int
) -> tuple[dict[str, Array], SpikingNetwork, Trials]:
    """Sections with the channels from `first` on, and a network and trials that are the same.

    The file's synapses stay the integers that they are, so the channels' weights are rounded to
    integers too: in the file's own steps for neurons that other channels reach, in steps of their
    own for the rest; what that takes from the weights goes into the levels.
    """
    own = int(driven.in_indptr[first])
    targets, wanted = driven.in_indices[own:], driven.in_weights[own:]
    kind, scale = sections["in_codes"].dtype, sections["in_scale"].copy()
    codes, values, factor = wanted.astype("<f4"), wanted, np.float32(1)
    if kind.kind != "f":
        bound = np.isin(targets, sections["in_indices"])
        steps = np.abs(wanted[bound] / scale[targets[bound]])
        factor = np.float32(steps.max(initial=LARGEST_CODE) / LARGEST_CODE)
        scale[targets[~bound]] = wanted[~bound] / (factor * LARGEST_CODE)
        codes = np.rint(wanted / (factor * scale[targets])).astype(kind)
        values = codes.astype(np.float32) * scale[targets]
    header = sections["header"].copy()
    header[HEADER.index("channels")] = driven.n_inputs
    header[HEADER.index("input_synapses")] += len(targets)
    header[HEADER.index("steps_per_input")] = driven.steps_per_task_step
    fed = sections | {
        "header": header,
        "in_scale": scale,
        "in_indptr": driven.in_indptr.astype("<i4"),
        "in_indices": np.append(sections["in_indices"], targets).astype("<i4"),
        "in_codes": np.append(sections["in_codes"], codes).astype(kind),
    }
    levels = trials.inputs.copy()
    levels[:, first:] *= factor
    weights = np.append(driven.in_weights[:own], values).astype(np.float32)
    return fed, replace(driven, in_weights=weights), replace(trials, inputs=levels)


def _check_sizes(sections: dict[str, Array], network: SpikingNetwork) -> None:
    neurons, channels = (
        int(sections["header"][HEADER.index(name)]) for name in ("neurons", "channels")
    )
    require_sizes((neurons, channels), network)


def _compare(sections: dict[str, Array], fresh: dict[str, Array]) -> None:
    """Raise CheckError where a section differs; a file of version 1 has fewer, and a header of
    its own."""
    earlier = sections["header"][HEADER.index("version")] != VERSION
    for name in sections.keys() | ({} if earlier else fresh).keys():
        if name not in sections or name not in fresh:
            raise CheckError(f"network.bin: {name} is in one of the file and a fresh export alone")
        if not (earlier and name == "header"):
            compare_arrays(f"network.bin: {name}", sections[name], fresh[name])


FORMAT = Format(path="c", mark="network.json", keeps_codes=True, write=_write, verify=_verify)

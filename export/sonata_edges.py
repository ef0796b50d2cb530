"""The edges of SONATA files: static synapses between populations, by the ids of their ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.errors import InputError
from spiking_bimt.formats.sonata_files import (
    Files,
    Members,
    Types,
    array,
    column,
    model_of,
    opened,
    read_types,
    refuse_model,
    text_attribute,
    unknown_value,
)
from spiking_bimt.formats.sonata_network import weight_unit

Array = npt.NDArray[Any]


class Nodes(NamedTuple):
    """A population."""

    name: str
    first: int
    """Its first neuron."""
    ids: Array
    """(n,) ascending ids; a neuron is numbered by its place among them."""
    virtual: bool
    """Whether its neurons relay spikes from outside."""


class Network(NamedTuple):
    """The nodes of all populations."""

    populations: dict[str, Nodes]
    channels: int
    """Nodes of the population of held inputs, which this package writes."""
    parameters: dict[str, Any]
    capacity: Array
    """(N,) C_m, pF."""


class Edges(NamedTuple):
    """Synapses, and the currents of held inputs (source, target, weight)."""

    pre: Array
    post: Array
    weights: Array
    delays: Array
    """ms"""
    held: tuple[Array, Array, Array]


def read_edges(files: Files, network: Network, dt: float) -> Edges:
    """All edges. dt: simulation step, ms. InputError for what a synapse here has not."""
    empty = np.empty(0, int)
    parts: list[tuple[Array, Array, Array, Array]] = []
    held: tuple[Array, Array, Array] = (empty, empty, np.empty(0))
    for entry in files.config["networks"]["edges"]:
        types = read_types(files, entry["edge_types_file"], "edge_type_id")
        path = files.path(entry["edges_file"])
        with opened(path, "edges") as file:
            for name, group in file["edges"].items():
                found = _population(files, path, name, group, types, network, dt)
                if len(found) == 3:
                    held = found
                else:
                    parts.append(found)
    start = (empty, empty, np.empty(0), np.empty(0))
    pre, post, weights, delays = (np.concatenate(c) for c in zip(start, *parts, strict=True))
    return Edges(pre, post, weights, delays, held)


def _population(
    files: Files, path: Path, name: str, group: h5py.Group, types: Types, network: Network,
    dt: float,
) -> tuple[Array, Array, Array] | tuple[Array, Array, Array, Array]:  # fmt: skip
    """Source, target and weight of a population of edges; delays too, where it is of synapses."""
    ends = {
        end: text_attribute(group[f"{end}_node_id"], "node_population")
        if f"{end}_node_id" in group
        else ""
        for end in ("source", "target")
    }
    of_channels = "spiking_bimt" in files.config and ends["source"] == "channels"
    target_of = _end(path, name, "target", ends["target"], network)
    source_of = (
        Nodes("channels", 0, np.arange(network.channels), virtual=True)
        if of_channels
        else _end(path, name, "source", ends["source"], network)
    )
    source = _ids(path, group, "source_node_id", source_of.ids) + source_of.first
    target = _ids(path, group, "target_node_id", target_of.ids) + target_of.first
    members = Members(path, group, "edge")
    if not len(source) == len(target) == len(members):
        raise InputError(
            f"{path}: edges {name} have {len(source)} sources, {len(target)} targets and "
            f"{len(members)} types"
        )
    value = _synapses(files, members, types, of_channels)
    tau_syn = network.parameters["tau_syn"]
    # A weight is a current, in pA; onto iaf_psc_delta it is a step of v.
    charged = np.where((tau_syn > 0) | of_channels, network.capacity, 1.0)
    weight = value("syn_weight", None) * value("nsyns", 1.0) / charged[target]
    if of_channels:
        return source, target, weight
    # NEST delivers to iaf_psc_delta before it tests the threshold, we after it; and a neuron that
    # relays fires a step after it is reached.
    early = dt * ((tau_syn[target] == 0).astype(int) + source_of.virtual)
    delay = value("delay", None) - early
    if (delay < -1e-6).any():
        least = 1000 * float(early[np.argmin(delay)])
        raise InputError(
            f"{path}: edges {name} have a delay of {float((delay + early).min()):g} ms; the least "
            f"that is read here is {least / 1000:g} ms: choose a smaller `dt`"
        )
    unit = weight_unit(network.parameters, target, weight, dt)
    return source, target, weight * unit, np.abs(delay)


def _end(path: Path, name: str, end: str, population: str, network: Network) -> Nodes:
    """The population of one end of edges, which may be left open where there is but one."""
    known = network.populations
    if population == "" and len(known) == 1:
        return next(iter(known.values()))
    if population not in known:
        raise InputError(
            f"{path}: the {end}s of edges {name} are of population {population or 'none'}, "
            f"which is not read; read are {', '.join(known)}"
        )
    if end == "target" and known[population].virtual:
        raise InputError(f"{path}: edges {name} lead to {population}, which is virtual")
    return known[population]


def _ids(path: Path, group: h5py.Group, name: str, known: Array) -> Array:
    """Places of an edge's ends among the known ids."""
    ids = array(path, group, name)
    if ids.dtype.kind not in "iu":
        raise InputError(f"{path}: {name} must be whole numbers")
    place = np.minimum(np.searchsorted(known, ids), max(len(known) - 1, 0)).astype(np.int64)
    wrong = np.ones(len(ids), bool) if not len(known) else known[place] != ids
    if wrong.any():
        raise InputError(
            f"{path}: {name} must be whole numbers in {known.min(initial=0)}.."
            f"{known.max(initial=0)} that are nodes: {ids[np.argmax(wrong)]} is none"
        )
    return place


def _synapses(
    files: Files, members: Members, types: Types, of_channels: bool
) -> Callable[[str, float | None], Array]:
    """What gives a property of every edge; InputError for what a synapse here has not."""
    path = members.path
    for number in np.unique(members.type_ids).tolist():
        row = types[number]
        known = ("static_synapse", "NULL") if of_channels else ("static_synapse",)
        refuse_model(path, f"the edges of type {number}", row, known)
        source, model = model_of(files, row, "synaptic_models_dir")
        for name, given in model.items():
            raise unknown_value(source or path, name, given)
        for name in ("receptor_type", "weight_function"):
            if column(row, name) is not None:
                raise unknown_value(path, f"{name} of edge type {number}", row[name])
    inner = {f"dynamics_params/{name}" for name in members.names("dynamics_params")}
    for name in sorted(inner | (members.names() & {"receptor_type", "weight_function"})):
        stored = members.values(*reversed(name.split("/")))[0]
        raise InputError(
            f"{path}: edges have {name} {stored[0] if len(stored) else ''}, which no synapse of "
            "this package has"
        )

    def value(name: str, default: float | None) -> Array:
        stored, there = members.values(name)
        if there.all():
            return stored
        last = "" if default is None else default
        try:
            by_type = {
                i: float(types[i].get(name) or last)
                for i in np.unique(members.type_ids[~there]).tolist()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: {name} of the edges is given nowhere") from error
        given = [by_type.get(i, 0.0) for i in members.type_ids.tolist()]
        return np.where(there, stored, given)

    return value

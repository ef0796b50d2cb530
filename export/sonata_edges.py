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
    """The population of neurons."""

    name: str
    ids: Array
    """(N,) ascending ids; a neuron is numbered by its place among them."""
    parameters: dict[str, Any]
    capacity: Array
    """(N,) C_m, pF."""


def read_edges(
    files: Files, nodes: Nodes, channels: int, dt: float
) -> tuple[Array, Array, Array, Array, tuple[Array, Array, Array]]:
    """Source, target, weight, delay (ms) of every synapse; source, target, weight of channels'.

    dt: simulation step, ms. InputError for what a synapse here has not.
    """
    tau_syn, ours = nodes.parameters["tau_syn"], "spiking_bimt" in files.config
    unit = weight_unit(nodes.parameters["tau_mem"], tau_syn, dt)
    parts: list[tuple[Array, Array, Array, Array]] = []
    held: tuple[Array, Array, Array] = (np.empty(0, int), np.empty(0, int), np.empty(0))
    for entry in files.config["networks"]["edges"]:
        types = read_types(files, entry["edge_types_file"], "edge_type_id")
        path = files.path(entry["edges_file"])
        with opened(path, "edges") as file:
            for name, group in file["edges"].items():
                ends = [
                    text_attribute(group[f"{end}_node_id"], "node_population")
                    if f"{end}_node_id" in group
                    else ""
                    for end in ("source", "target")
                ]
                of_channels = ours and ends[0] == "channels"
                for end, population in zip(("source", "target"), ends, strict=True):
                    if population not in ("", nodes.name) and not (of_channels and end == "source"):
                        raise InputError(
                            f"{path}: the {end}s of edges {name} are of population {population}, "
                            f"which is not read; read is {nodes.name}"
                        )
                source = _ids(
                    path, group, "source_node_id", np.arange(channels) if of_channels else nodes.ids
                )
                target = _ids(path, group, "target_node_id", nodes.ids)
                members = Members(path, group, "edge")
                if not len(source) == len(target) == len(members):
                    raise InputError(
                        f"{path}: edges {name} have {len(source)} sources, {len(target)} targets "
                        f"and {len(members)} types"
                    )
                value = _synapses(files, members, types, of_channels)
                weight = value("syn_weight", None) * value("nsyns", 1.0) / nodes.capacity[target]
                if of_channels:
                    held = source, target, weight
                    continue
                # NEST delivers to iaf_psc_delta before it tests the threshold, we after it.
                delay = value("delay", None) - dt * (tau_syn[target] == 0)
                parts.append((source, target, weight * unit[target], delay))
    empty = (np.empty(0, int), np.empty(0, int), np.empty(0), np.empty(0))
    pre, post, weights, delays = (np.concatenate(c) for c in zip(empty, *parts, strict=True))
    return pre, post, weights, delays, held


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
        raise InputError(f"{path}: edges have {name}, which no synapse of this package has")

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

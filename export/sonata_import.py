"""A spiking network from SONATA files of point neurons: NEST's iaf_psc_exp and iaf_psc_delta.

Several populations are one network. The nodes of virtual ones are neurons that relay: each fires
once, a step later, for a spike of weight 1 that it gets from outside, and the delays of its edges
are that step shorter. Parameters and weights are taken from the HDF5 properties, from a type's
column, or from the JSON file that the type's `dynamics_params` names. Files that this package wrote
come back whole.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spiking_bimt.data import validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import OPTIONAL, PARAMETERS
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import NO_LEAK
from spiking_bimt.formats.sonata_edges import Network, Nodes, read_edges
from spiking_bimt.formats.sonata_files import (
    Files,
    Members,
    Types,
    array,
    column,
    model_of,
    opened,
    read_circuit,
    read_types,
    refuse_model,
    unknown_value,
)
from spiking_bimt.formats.sonata_network import DYNAMICS, OWN

Array = npt.NDArray[Any]

_DEFAULTS = {"t_ref": 0.0, "I_e": 0.0, "C_m": 1.0}
_DELTA = "iaf_psc_delta"
"""NEST's neuron whose synapses have no filter, and no time constants."""
_SPELLINGS = {"point_process": "point_neuron"}
"""Earlier names of a `model_type`, and today's."""
_FILTERS = ("tau_syn_ex", "tau_syn_in")


@checked
def read_sonata(path: str | Path, *, dt: float | None = None) -> SpikingNetwork:
    """The network of a circuit_config.json, or of a folder that holds one or bmtk's files.

    dt: simulation step, ms; None takes this package's own entry, else 0.1. Raises InputError for
    files that are missing, damaged or foreign, or hold what a `SpikingNetwork` has not.
    """
    path = Path(path)
    files = read_circuit(path)
    try:
        return _network(files, dt)
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, IndexError, AttributeError,
            RuntimeError) as error:  # fmt: skip
        detail = str(error).strip("\"'").splitlines() or [""]
        raise InputError(
            f"{files.folder} is damaged or no SONATA network ({type(error).__name__}: {detail[0]})"
        ) from error


def _network(files: Files, dt: float | None) -> SpikingNetwork:
    own = files.config.get("spiking_bimt", {})
    step = float(own.get("dt", 0.1) if dt is None else dt)
    validate.positive("import", "dt", step)
    found = _nodes(files, step)
    nodes, n = found.parameters, len(found.capacity)
    edges = read_edges(files, found, step)
    order = np.lexsort((edges.post, edges.pre))
    held, uniform = edges.held, own.get("delay")
    in_order = np.lexsort((held[1], held[0]))
    delays = None if uniform is not None or not len(edges.pre) else edges.delays[order]
    named = [
        (p.name, p.first, p.first + len(p.ids) - 1)
        for p in found.populations.values()
        if len(p.ids)
    ]
    names = own.get("populations") if "spiking_bimt" in files.config else named
    values: dict[str, Any] = {
        "indptr": _indptr(edges.pre, n), "indices": edges.post[order],
        "weights": edges.weights[order],
        "delays": None if delays is None else _steps(delays, step),
        "delay": int(1 if uniform is None else uniform), "reset": own.get("reset", "value"),
        "dt": step,
        "in_indptr": _indptr(held[0], found.channels), "in_indices": held[1][in_order],
        "in_weights": held[2][in_order], "tau_out": own.get("tau_out", 20.0),
        "task_dt": own.get("task_dt", step), "battery": own.get("battery", ""),
        "tasks": tuple(own.get("tasks", ())), "b_out": own.get("b_out", [0.0]),
        "sheet": tuple(own.get("sheet", (1, n))),
        "populations": tuple(tuple(row) for row in names or ()),
    }  # fmt: skip
    if (nodes["tau_syn_negative"] == nodes["tau_syn"]).all():
        nodes["tau_syn_negative"] = None
    return SpikingNetwork(**values, **nodes)


def _nodes(files: Files, dt: float) -> Network:
    """All populations of point neurons and virtual nodes, in the order of the files."""
    parts: list[tuple[dict[str, Any], Array]] = []
    populations: dict[str, Nodes] = {}
    channels, first, ours = 0, 0, "spiking_bimt" in files.config
    for entry in files.config["networks"]["nodes"]:
        types = read_types(files, entry["node_types_file"], "node_type_id")
        path = files.path(entry["nodes_file"])
        with opened(path, "nodes") as file:
            for name, group in file["nodes"].items():
                members = Members(path, group, "node")
                kinds = {
                    _SPELLINGS.get(kind, kind)
                    for i in np.unique(members.type_ids)
                    for kind in (types.get(int(i), {}).get("model_type", "?"),)
                }
                if ours and name == "channels":
                    channels = len(members)
                    continue
                if kinds not in ({"point_neuron"}, {"virtual"}) or name in populations:
                    raise InputError(
                        f"{path}: population {name} is {', '.join(sorted(kinds)) or 'empty'}; "
                        "imported are populations of point_neuron and of virtual nodes, each once: "
                        "take it and its edges out"
                    )
                ids, order = _ordered_ids(name, members)
                relays = kinds == {"virtual"}
                made = _relays(len(ids)) if relays else _neurons(files, members, types, dt)
                places = _places(name, members, order, first)
                parts.append(({k: v[..., order] for k, v in made[0].items()} | places,
                              made[1][order]))  # fmt: skip
                populations[name] = Nodes(name, first, ids, relays)
                first += len(ids)
    if all(population.virtual for population in populations.values()):
        raise InputError(f"{files.folder} holds no population of point neurons")
    return Network(populations, channels, _joined([p for p, _ in parts]),
                   np.concatenate([capacity for _, capacity in parts]))  # fmt: skip


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The parameters of all populations; a readout is of a network of one."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in parts[0] if all(name in part for part in parts) and name != "w_out"]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return joined | {"w_out": np.zeros((1, len(joined["tau_mem"])))}


def _relays(n: int) -> tuple[dict[str, Any], Array]:
    """Neurons that fire once for each spike of weight 1 that they get, in the next step."""
    of = {"tau_mem": np.inf, "tau_syn": 0.0, "tau_syn_negative": 0.0, "v_th": 0.5}
    rows = {
        name: np.full(n, of.get(name, row.default))
        for name, row in PARAMETERS.items()
        if name in of or name not in OPTIONAL
    }
    return rows | {"w_out": np.zeros((1, n))}, np.ones(n)


def _ordered_ids(name: str, members: Members) -> tuple[Array, Array]:
    """The ids of a population's nodes, ascending, and the order that makes them so."""
    path, n = members.path, len(members)
    ids = array(path, members.group, "node_id") if "node_id" in members.group else np.arange(n)
    order = np.argsort(ids, kind="stable")
    if ids.shape != (n,) or (np.diff(ids[order].astype(np.int64)) < 1).any():
        raise InputError(f"{path}: node_id of {name} must be {n} different whole numbers")
    return ids[order].astype(np.int64), order


def _places(name: str, members: Members, order: Array, first: int) -> dict[str, Array]:
    """Where the nodes are; in a row where nothing is said."""
    n, properties = len(members), members.names()
    row = {"x": np.zeros(n), "y": first + np.argsort(order)}
    places = [members.values(a)[0] if a in properties else row[a] for a in ("x", "y")]
    whole = np.rint(np.stack(places, axis=1).astype(float))
    cast = validate.cast(f"{members.path}: {name}", "positions", whole, np.dtype(np.int32))
    return {"positions": cast[order]}


def _neurons(
    files: Files, members: Members, types: Types, dt: float
) -> tuple[dict[str, Any], Array]:
    """Parameters and capacities of a population of point neurons, in the order of the file."""
    n = len(members)
    value = _dynamics(files, members, types)
    out: dict[str, Any] = {ours: value(theirs) for theirs, ours in DYNAMICS.items()}
    capacity, out["tau_syn_negative"] = value("C_m"), value("tau_syn_in")
    out["bias"] = out["bias"] / capacity
    out["tau_mem"] = np.where(out["tau_mem"] >= NO_LEAK * dt, np.inf, out["tau_mem"])
    properties = members.names()
    for field in OWN:
        if field in properties:
            out[field] = members.values(field)[0]
        elif field not in OPTIONAL:
            out[field] = np.full(n, PARAMETERS[field].default)
    readout = [f"readout_{k}" for k in range(n) if f"readout_{k}" in properties]
    rows = [members.values(field)[0] for field in readout] or [np.zeros(n)]
    return out | {"w_out": np.stack(rows)}, capacity


def _dynamics(files: Files, members: Members, types: Types) -> Callable[[str], Array]:
    """What gives a parameter of every neuron; InputError for what changes its equation."""
    every, path = {*DYNAMICS, "C_m", "tau_syn_in"}, members.path
    by_type, type_ids = {}, members.type_ids.tolist()
    for number in np.unique(members.type_ids).tolist():
        row = types[number]
        refuse_model(path, f"the neurons of type {number}", row, ("iaf_psc_exp", _DELTA))
        delta = row.get("model_template", "").removeprefix("nest:") == _DELTA
        known = every - set(_FILTERS) if delta else every
        source, model = model_of(files, row, "point_neuron_models_dir")
        for name in sorted(model.keys() - known):
            # Escape noise of width 0 is none, whatever its rate.
            if not (model.get("delta", 0) == 0 and name in ("delta", "rho")):
                raise unknown_value(source or path, name, model[name])
        columns = {name: column(row, name) for name in known}
        by_type[number] = {k: v for k, v in columns.items() if v is not None} | model
        by_type[number] |= dict.fromkeys(_FILTERS, 0.0) if delta else {}
    for name in sorted(members.names("dynamics_params") - every):
        raise unknown_value(
            path, f"dynamics_params/{name}", members.values(name, "dynamics_params")[0]
        )
    for name in _FILTERS:
        stored, there = members.values(name, "dynamics_params")
        wrong = there & ((stored <= 0) != [by_type[i].get(name) == 0 for i in type_ids])
        if wrong.any():
            raise InputError(
                f"{path}: {name} is {stored[wrong][0]} ms: iaf_psc_exp has one above 0, "
                f"{_DELTA} none"
            )

    def value(name: str) -> Array:
        stored, there = members.values(name, "dynamics_params")
        if there.all():
            return stored
        given = [by_type[i].get(name, _DEFAULTS.get(name)) for i in type_ids]
        if any(v is None and not s for v, s in zip(given, there, strict=True)):
            raise InputError(f"{path}: {name} of the neurons is given nowhere (dynamics_params)")
        return np.where(there, stored, np.array([0.0 if v is None else v for v in given], float))

    return value


def _indptr(source: Array, n: int) -> Array:
    counts = np.bincount(source.astype(np.int64), minlength=n)
    return np.append(0, np.cumsum(counts)).astype(np.int64)


def _steps(delays_ms: Array, dt: float) -> Array:
    steps = delays_ms / dt
    uneven = np.abs(steps - np.rint(steps)) > 1e-6
    if uneven.any():
        raise InputError(
            f"a delay of {delays_ms[np.argmax(uneven)]} ms is not a multiple of dt {dt} ms: "
            "choose another `dt`"
        )
    return np.rint(steps).astype(np.int32)

"""A spiking network from SONATA files of point neurons: NEST's iaf_psc_exp and iaf_psc_delta.

Parameters and weights are taken from the HDF5 properties, from a type's column, or from the JSON
file that the type's `dynamics_params` names. Files that this package wrote come back whole.
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
from spiking_bimt.formats.sonata_edges import Nodes, read_edges
from spiking_bimt.formats.sonata_files import (
    Files,
    Members,
    Types,
    array,
    column,
    model_of,
    opened,
    read_config,
    read_types,
    refuse_model,
    unknown_value,
)
from spiking_bimt.formats.sonata_network import DYNAMICS, OWN

Array = npt.NDArray[Any]

_INT32 = np.dtype(np.int32)
_DEFAULTS = {"t_ref": 0.0, "I_e": 0.0, "C_m": 1.0}
_DELTA = "iaf_psc_delta"
"""NEST's neuron whose synapses have no filter, and no time constants."""
_FILTERS = ("tau_syn_ex", "tau_syn_in")


@checked
def read_sonata(path: str | Path, *, dt: float | None = None) -> SpikingNetwork:
    """The network of a circuit_config.json, or of a folder that holds one.

    dt: simulation step, ms; None takes this package's own entry, else 0.1. Raises InputError for
    files that are missing, damaged or foreign, or hold what a `SpikingNetwork` has not.
    """
    path = Path(path)
    files = read_config(path / "circuit_config.json" if path.is_dir() else path)
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
    found, channels = _nodes(files, step)
    nodes = found.parameters
    pre, post, weights, delays, held = read_edges(files, found, channels, step)
    order = np.lexsort((post, pre))
    in_order = np.lexsort((held[1], held[0]))
    n, uniform = len(nodes["tau_mem"]), own.get("delay")
    values: dict[str, Any] = {
        "indptr": _indptr(pre, n), "indices": post[order], "weights": weights[order],
        "delays": None if uniform is not None or not len(pre) else _steps(delays[order], step),
        "delay": int(1 if uniform is None else uniform), "reset": own.get("reset", "value"),
        "dt": step,
        "in_indptr": _indptr(held[0], channels), "in_indices": held[1][in_order],
        "in_weights": held[2][in_order], "tau_out": own.get("tau_out", 20.0),
        "task_dt": own.get("task_dt", step), "battery": own.get("battery", ""),
        "tasks": tuple(own.get("tasks", ())), "b_out": own.get("b_out", [0.0]),
        "sheet": tuple(own.get("sheet", (1, n))),
        "populations": tuple(tuple(row) for row in own.get("populations", ())),
    }  # fmt: skip
    return SpikingNetwork(**values, **nodes)


def _nodes(files: Files, dt: float) -> tuple[Nodes, int]:
    """The only population of point neurons; number of channels."""
    found: Nodes | None = None
    channels, ours = 0, "spiking_bimt" in files.config
    for entry in files.config["networks"]["nodes"]:
        types = read_types(files, entry["node_types_file"], "node_type_id")
        path = files.path(entry["nodes_file"])
        with opened(path, "nodes") as file:
            for name, group in file["nodes"].items():
                members = Members(path, group, "node")
                kinds = {
                    types.get(int(i), {}).get("model_type", "?")
                    for i in np.unique(members.type_ids)
                }
                if ours and name == "channels":
                    channels = len(members)
                elif kinds == {"point_neuron"} and found is None:
                    found = _neurons(name, files, members, types, dt)
                else:
                    raise InputError(
                        f"{path}: population {name} is {', '.join(sorted(kinds))}; imported is "
                        "one population of point_neuron: take the others and their edges out"
                    )
    if found is None:
        raise InputError(f"{files.folder} holds no population of point neurons")
    return found, channels


def _neurons(name: str, files: Files, members: Members, types: Types, dt: float) -> Nodes:
    path, n = members.path, len(members)
    ids = array(path, members.group, "node_id") if "node_id" in members.group else np.arange(n)
    order = np.argsort(ids, kind="stable")
    if ids.shape != (n,) or (np.diff(ids[order].astype(np.int64)) < 1).any():
        raise InputError(f"{path}: node_id of {name} must be {n} different whole numbers")
    value = _dynamics(files, members, types)
    out: dict[str, Any] = {ours: value(theirs) for theirs, ours in DYNAMICS.items()}
    capacity = value("C_m")
    if not np.array_equal(out["tau_syn"], value("tau_syn_in")):
        raise InputError(f"{path}: tau_syn_ex and tau_syn_in differ; a neuron has one tau_syn")
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
    places = [
        members.values(axis)[0] if axis in properties else np.argsort(order) * (axis == "y")
        for axis in ("x", "y")
    ]
    sorted_out = {field: values[order] for field, values in out.items()}
    sorted_out["w_out"] = np.stack(rows)[:, order]
    whole = np.rint(np.stack(places, axis=1))
    sorted_out["positions"] = validate.cast(f"{path}: {name}", "positions", whole, _INT32)[order]
    return Nodes(name, ids[order].astype(np.int64), sorted_out, capacity[order])


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

"""A spiking network from SONATA files of point neurons, as NEST's iaf_psc_exp takes them.

Parameters and weights are taken from the HDF5 properties, from a type's column, or from the JSON
file that the type's `dynamics_params` names. Files that this package wrote come back whole.
"""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store, validate
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import OPTIONAL, PARAMETERS
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import NO_LEAK
from spiking_bimt.formats.sonata_network import DYNAMICS, OWN

Array = npt.NDArray[Any]
Types = dict[int, dict[str, str]]

_DEFAULTS = {"t_ref": 0.0, "I_e": 0.0, "C_m": 1.0}


class _Files(NamedTuple):
    folder: Path
    config: dict[str, Any]

    def path(self, text: str) -> Path:
        """A path of the configuration with its manifest's variables replaced."""
        for name, value in sorted(self.config.get("manifest", {}).items(), reverse=True):
            text = text.replace(name, str(value))
        return self.folder / text


def read_sonata(path: Path, *, dt: float | None = None) -> SpikingNetwork:
    """The network of a circuit_config.json, or of a folder that holds one.

    dt: simulation step, ms; None takes this package's own entry, else 0.1. Raises InputError for
    files that are missing, damaged or foreign, or hold what a `SpikingNetwork` has not.
    """
    files = _config(path / "circuit_config.json" if path.is_dir() else path)
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


def _network(files: _Files, dt: float | None) -> SpikingNetwork:
    own = files.config.get("spiking_bimt", {})
    step = float(own.get("dt", 0.1) if dt is None else dt)
    validate.positive("import", "dt", step)
    name, nodes, channels = _nodes(files, step)
    pre, post, weights, delays, held = _edges(files, name, channels, nodes)
    order = np.lexsort((post, pre))
    in_order = np.lexsort((held[1], held[0]))
    n, uniform = len(nodes["tau_mem"]), own.get("delay")
    values: dict[str, Any] = {
        "indptr": _indptr(pre, n), "indices": post[order], "weights": weights[order],
        "delays": None if uniform or not len(pre) else _steps(delays[order], step),
        "delay": int(uniform or 1), "reset": own.get("reset", "value"), "dt": step,
        "in_indptr": _indptr(held[0], channels), "in_indices": held[1][in_order],
        "in_weights": held[2][in_order], "tau_out": own.get("tau_out", 20.0),
        "task_dt": own.get("task_dt", step), "battery": own.get("battery", ""),
        "tasks": tuple(own.get("tasks", ())), "b_out": own.get("b_out", [0.0]),
        "sheet": tuple(own.get("sheet", (1, n))),
    }  # fmt: skip
    return SpikingNetwork(**values, **nodes)


def _config(path: Path) -> _Files:
    try:
        config = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    networks = config.get("networks") if isinstance(config, dict) else None
    if not isinstance(networks, dict) or not all(networks.get(k) for k in ("nodes", "edges")):
        raise InputError(f"{path} names no networks with nodes and edges: not a SONATA circuit")
    return _Files(path.parent, config)


def _opened(path: Path, root: str) -> h5py.File:
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path} is not a readable HDF5 file (truncated or foreign)") from error
    if not isinstance(file.get(root), h5py.Group):
        raise InputError(f"{path} has no group /{root}: not a SONATA file")
    return file


def _types(files: _Files, text: str, key: str) -> Types:
    path = files.path(text)
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter=" "))
        return {int(row[key]): row for row in rows}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} has no column {key} of whole numbers") from error


def _nodes(files: _Files, dt: float) -> tuple[str, dict[str, Any], int]:
    """Name and parameters of the only population of point neurons; number of channels."""
    found: tuple[str, dict[str, Any]] | None = None
    channels, ours = 0, "spiking_bimt" in files.config
    for entry in files.config["networks"]["nodes"]:
        types = _types(files, entry["node_types_file"], "node_type_id")
        path = files.path(entry["nodes_file"])
        with _opened(path, "nodes") as file:
            for name, group in file["nodes"].items():
                ids = _array(path, group, "node_type_id").astype(int)
                kinds = {types.get(int(i), {}).get("model_type", "?") for i in np.unique(ids)}
                if ours and name == "channels":
                    channels = len(ids)
                elif kinds == {"point_neuron"} and found is None:
                    found = name, _parameters(path, files, group, ids, types, dt)
                else:
                    raise InputError(
                        f"{path}: population {name} is {', '.join(sorted(kinds))}; imported is "
                        "one population of point_neuron: take the others and their edges out"
                    )
    if found is None:
        raise InputError(f"{files.folder} holds no population of point neurons")
    return *found, channels


def _parameters(
    path: Path, files: _Files, group: h5py.Group, ids: Array, types: Types, dt: float
) -> dict[str, Any]:
    properties = group.get("0", {})
    stored = properties.get("dynamics_params", {})
    by_type = {i: _model(files, types[int(i)]) for i in np.unique(ids)}

    def value(name: str) -> Array:
        if name in stored:
            return _array(path, stored, name).astype(float)
        given = [by_type[i].get(name, _DEFAULTS.get(name)) for i in ids]
        if any(v is None for v in given):
            raise InputError(f"{path}: {name} of the neurons is given nowhere (dynamics_params)")
        return np.asarray(given, float)

    out: dict[str, Any] = {ours: value(theirs) for theirs, ours in DYNAMICS.items()}
    capacity, n = value("C_m"), len(ids)
    if not np.array_equal(out["tau_syn"], value("tau_syn_in")):
        raise InputError(f"{path}: tau_syn_ex and tau_syn_in differ; a neuron has one tau_syn")
    out["bias"] = out["bias"] / capacity
    out["tau_mem"] = np.where(out["tau_mem"] >= NO_LEAK * dt, np.inf, out["tau_mem"])
    for name in OWN:
        if name in properties:
            out[name] = _array(path, properties, name)
        elif name not in OPTIONAL:
            out[name] = np.full(n, PARAMETERS[name].default)
    readout = [f"readout_{k}" for k in range(n) if f"readout_{k}" in properties]
    rows = [_array(path, properties, name) for name in readout] or [np.zeros(n)]
    out["w_out"] = np.stack(rows)
    places = [
        _array(path, properties, axis) if axis in properties else np.arange(n) * (axis == "y")
        for axis in ("x", "y")
    ]
    out["positions"] = np.rint(np.stack(places, axis=1)).astype(np.int32)
    out["capacity"] = capacity
    return out


def _model(files: _Files, row: dict[str, str]) -> dict[str, Any]:
    """Parameters of a node type, from the JSON file that its `dynamics_params` names."""
    name = row.get("dynamics_params", "NULL")
    if name in ("NULL", "", None):
        return {}
    components = files.config.get("components", {})
    path = files.path(components.get("point_neuron_models_dir", ".")) / name
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the parameters of a node type in {path}") from error


def _edges(
    files: _Files, neurons: str, channels: int, nodes: dict[str, Any]
) -> tuple[Array, Array, Array, Array, tuple[Array, Array, Array]]:
    capacity = nodes.pop("capacity")
    n, tau_syn = len(capacity), nodes["tau_syn"]
    parts: list[tuple[Array, Array, Array, Array]] = []
    held: tuple[Array, Array, Array] = (np.empty(0, int), np.empty(0, int), np.empty(0))
    for entry in files.config["networks"]["edges"]:
        types = _types(files, entry["edge_types_file"], "edge_type_id")
        path = files.path(entry["edges_file"])
        with _opened(path, "edges") as file:
            for name, group in file["edges"].items():
                sender = _population(path, group, "source_node_id")
                limit = n if sender == neurons else channels
                source = _ids(path, group, "source_node_id", limit)
                target = _ids(path, group, "target_node_id", n)
                weight = _edge_value(path, group, types, "syn_weight", len(source))
                weight = weight / capacity[target]
                if sender != neurons:
                    held = source, target, weight
                    continue
                delay = _edge_value(path, group, types, "delay", len(source))
                if len(source) != len(target):
                    raise InputError(f"{path}: edges {name} have sources without targets")
                parts.append((source, target, weight * tau_syn[target], delay))
    empty = (np.empty(0, int), np.empty(0, int), np.empty(0), np.empty(0))
    pre, post, weights, delays = (np.concatenate(c) for c in zip(empty, *parts, strict=True))
    return pre, post, weights, delays, held


def _population(path: Path, group: h5py.Group, name: str) -> str:
    value = group[name].attrs.get("node_population", b"") if name in group else b""
    return value.decode() if isinstance(value, bytes) else str(value)


def _ids(path: Path, group: h5py.Group, name: str, n: int) -> Array:
    ids = _array(path, group, name)
    if ids.dtype.kind not in "iu" or (len(ids) and not (ids.min() >= 0 and ids.max() < n)):
        raise InputError(f"{path}: {name} must be whole numbers in 0..{n - 1}")
    return ids.astype(np.int64)


def _edge_value(path: Path, group: h5py.Group, types: Types, name: str, size: int) -> Array:
    """A property of the edges: in their group, else in their type's row."""
    if "1" in group:
        raise InputError(f"{path}: edges with more than one group of properties are not read")
    if "0" in group and name in group["0"]:
        values = _array(path, group["0"], name).astype(float)
    else:
        ids = _array(path, group, "edge_type_id").astype(int)
        try:
            by_type = {i: float(types[int(i)][name]) for i in np.unique(ids)}
        except (KeyError, ValueError) as error:
            raise InputError(f"{path}: {name} of the edges is given nowhere") from error
        values = np.array([by_type[i] for i in ids])
    if values.shape != (size,):
        raise InputError(f"{path}: {name} has shape {values.shape}, there are {size} edges")
    return values


def _array(path: Path, group: Any, name: str) -> Array:
    try:
        values: Array = store.read_array(group, name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path} is damaged at {name}: make it again") from error
    if values.ndim != 1:
        raise InputError(f"{path}: {name} has shape {values.shape}, expected one dimension")
    return values


def _indptr(source: Array, n: int) -> Array:
    counts = np.bincount(source.astype(np.int64), minlength=n)
    return np.append(0, np.cumsum(counts)).astype(np.int64)


def _steps(delays_ms: Array, dt: float) -> Array:
    steps = delays_ms / dt
    uneven = np.abs(steps - np.rint(steps)) > 1e-6
    if uneven.any():
        raise InputError(
            f"a delay of {delays_ms[np.argmax(uneven)]} ms is not a multiple of dt {dt} ms: "
            "choose another --dt"
        )
    return np.rint(steps).astype(np.int32)

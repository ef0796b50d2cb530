"""What SONATA files say, as the SONATA guide defines it: configuration, types, ids, groups.

A node or edge has its properties in a row of the group that `node_group_id` and `node_group_index`
(or edge_..) name; what the group lacks is in its type's row of a CSV file, or in the JSON that the
row's `dynamics_params` names.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import gate, store
from spiking_bimt.errors import InputError

Array = npt.NDArray[Any]
Types = dict[int, dict[str, str]]
_NOTHING = ("NULL", "", None)
_LONGEST_PATH = 4096
"""Characters of a path; variables that name one another would make it ever longer."""
_MOST_VARIABLES = 100
"""Variables that are replaced in a path: those that name one another would never end."""


_CONFIGS = ("circuit_config.json", "config.circuit.json", "config.json", "simulation_config.json",
            "config.simulation.json")  # fmt: skip
"""Names of a configuration in a folder, the first that is there."""
BUILT = "*nodes.h5"
"""Files of nodes in a folder without a configuration, as bmtk's NetworkBuilder saves one."""


class Files(NamedTuple):
    """A circuit's configuration and the folder from which its paths count."""

    folder: Path
    config: dict[str, Any]

    def path(self, text: str) -> Path:
        """A path of the configuration, its variables ($NAME or ${NAME}) replaced."""
        manifest = {
            name.strip("${}"): str(value) for name, value in self.config.get("manifest", {}).items()
        }
        given, replaced = text, 0
        while found := re.search(r"\$\{(\w+)\}|\$(\w+)", text):
            name = found[1] or found[2]
            if name not in manifest:
                raise InputError(f"{self.folder}: ${name} of {given!r} is not in the manifest")
            text = text[: found.start()] + manifest[name] + text[found.end() :]
            replaced += 1
            if replaced > _MOST_VARIABLES or len(text) > _LONGEST_PATH:
                raise InputError(f"{self.folder}: ${name} of {given!r} names itself")
        return self.inside(self.folder / text)

    def inside(self, path: Path) -> Path:
        """The path; InputError where it leads out of the circuit's folder, also by a link."""
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(
                f"{path} lies outside {self.folder}, in which a circuit's files must be: copy it "
                "there and name it so"
            )
        return path


def read_circuit(path: Path) -> Files:
    """The circuit of a configuration, or of a folder, which may hold files without one."""
    if not path.is_dir():
        return read_config(path)
    for name in _CONFIGS:
        if (path / name).exists():
            return read_config(path / name)
    found: dict[str, list[dict[str, str]]] = {}
    for kind in ("node", "edge"):
        names = sorted(file.name for file in path.glob(f"*{kind}s.h5"))
        found[f"{kind}s"] = [
            {f"{kind}s_file": name, f"{kind}_types_file": name.replace("s.h5", "_types.csv")}
            for name in names
        ]
        if not names:
            raise InputError(
                f"{path} holds neither {_CONFIGS[0]} nor files *{kind}s.h5: no SONATA circuit"
            )
    return Files(path, {"networks": found})


def read_config(path: Path) -> Files:
    """The circuit of a configuration, or the one that a simulation's configuration names."""
    config = gate.read_json(path)
    if isinstance(config, dict) and "networks" not in config and "network" in config:
        path = Files(path.parent, config).path(str(config["network"]))
        config = gate.read_json(path)
    networks = config.get("networks") if isinstance(config, dict) else None
    if not isinstance(networks, dict) or not all(networks.get(k) for k in ("nodes", "edges")):
        raise InputError(f"{path} names no networks with nodes and edges: not a SONATA circuit")
    return Files(path.parent, config)


def read_types(files: Files, text: str, key: str) -> Types:
    """The rows of a CSV file of types, by their id."""
    path = files.path(text)
    rows = gate.read_csv(path, " ")
    try:
        return {int(row[key]): row for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} has no column {key} of whole numbers") from error


def model_of(files: Files, row: dict[str, str], folder: str) -> tuple[Path | None, dict[str, Any]]:
    """The JSON file that a type's `dynamics_params` names, and what it holds.

    folder: the component of the configuration that says where it lies.
    """
    name = row.get("dynamics_params")
    if name in _NOTHING:
        return None, {}
    component = files.path(files.config.get("components", {}).get(folder, "."))
    path = files.inside(component / str(name))
    found = gate.read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no parameters: it must be a JSON object")
    return path, found


def column(row: dict[str, str], name: str) -> str | None:
    """A type's entry in a column; None where it has none."""
    value = row.get(name)
    return None if value in _NOTHING else value


def refuse_model(path: Path, what: str, row: dict[str, str], known: tuple[str, ...]) -> None:
    """Raise InputError for a type whose `model_template` is another than the known ones."""
    if "model_template" not in row:
        return
    template = str(row["model_template"])
    if template.removeprefix("nest:") not in known:
        raise InputError(
            f"{path}: model_template of {what} is {template}; read are {', '.join(known)}: "
            "simulate it with a tool that has that model, or choose one of these"
        )


def unknown_value(path: Path, name: str, value: Any) -> InputError:
    """The error for a parameter that would change an equation."""
    return InputError(
        f"{path}: {name} is {np.ravel(value)[0] if np.size(value) else value}, which no neuron or "
        "synapse of this package has: take it out if it is without effect"
    )


class Members:
    """The nodes or edges of a population: ids of their types, and properties by group."""

    def __init__(self, path: Path, group: h5py.Group, kind: str) -> None:
        self.path, self.group, self.kind = path, group, kind
        self.type_ids = array(path, group, f"{kind}_type_id").astype(np.int64)
        n = len(self.type_ids)
        self.group_id = self._whole(f"{kind}_group_id", np.zeros(n, np.int64))
        self.index = self._whole(f"{kind}_group_index", np.arange(n))

    def _whole(self, name: str, default: Array) -> Array:
        if name not in self.group:
            return default
        values = array(self.path, self.group, name)
        if values.dtype.kind not in "iu" or values.shape != default.shape:
            raise InputError(
                f"{self.path}: {name} must be {len(default)} whole numbers, one a {self.kind}"
            )
        return values.astype(np.int64)

    def __len__(self) -> int:
        return len(self.type_ids)

    def names(self, inner: str = "") -> set[str]:
        """Properties that any group holds; inner: of a group within the groups."""
        return {name for place in self._places(inner).values() for name in place}

    def _places(self, inner: str) -> dict[int, h5py.Group]:
        places = {int(k): self.group.get(f"{k}/{inner}".rstrip("/")) for k in set(self.group_id)}
        return {k: place for k, place in places.items() if isinstance(place, h5py.Group)}

    def values(self, name: str, inner: str = "") -> tuple[Array, Array]:
        """A property of every member, and whether its group has it."""
        out, there = np.zeros(len(self)), np.zeros(len(self), bool)
        for number, place in self._places(inner).items():
            if name not in place:
                continue
            stored = array(self.path, place, name)
            mine = self.group_id == number
            at = self.index[mine]
            if len(at) and not 0 <= at.min() <= at.max() < len(stored):
                raise InputError(
                    f"{self.path}: {name} of group {number} has {len(stored)} values, and "
                    f"{self.kind}_group_index reaches from {at.min()} to {at.max()}"
                )
            out[mine], there[mine] = stored[at], True
        return out, there


def text_attribute(item: Any, name: str) -> str:
    """An attribute of text, also where it is an array of one."""
    value = np.asarray(item.attrs.get(name, ""))
    first = value.ravel()[0] if value.size else ""
    return first.decode() if isinstance(first, bytes) else str(first)


def opened(path: Path, root: str) -> h5py.File:
    """A SONATA file with the group `root`, open for reading."""
    file = gate.open_hdf5(path)
    if not isinstance(file.get(root), h5py.Group):
        file.close()
        raise InputError(f"{path} has no group /{root}: not a SONATA file")
    return file


def array(path: Path, group: Any, name: str) -> Array:
    """A dataset of one dimension."""
    try:
        values: Array = store.read_array(group, name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path} is damaged at {name}: make it again") from error
    if values.ndim != 1:
        raise InputError(f"{path}: {name} has shape {values.shape}, expected one dimension")
    return values

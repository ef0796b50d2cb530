"""The graph of a NIR file: read with our own checks, nested graphs flattened."""

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from spiking_bimt.data import gate
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import MOST_BYTES, nir_package

Edges = list[tuple[str, str]]

_UNITS = ("s", "sec", "second", "seconds")
"""Values of metadata about units that are read."""
_PATIENCE_S = 20
"""Reading a graph's texts takes well under a second."""


class Graph(NamedTuple):
    """A flat graph: the Input and Output of nested graphs are plain joints of it."""

    path: Path
    nodes: dict[str, Any]
    edges: Edges
    metadata: dict[str, Any]

    def kind(self, name: str) -> str:
        """The class of a node."""
        return type(self.nodes[name]).__name__

    def where(self, name: str) -> str:
        """File and node, for errors."""
        return f"{self.path}: node {name} ({self.kind(name)})"

    def is_channel(self, name: str) -> bool:
        """Whether a node is an Input of the whole graph."""
        return self.kind(name) == "Input" and "/" not in name

    def sources(self, name: str) -> list[str]:
        """Names of what feeds a node, seen through the joints of nested graphs."""
        found: list[str] = []
        for a, b in self.edges:
            if b != name:
                continue
            joint = self.kind(a) in ("Input", "Output") and not self.is_channel(a)
            found += self.sources(a) if joint else [a]
        return found

    def n_channels(self, name: str) -> int:
        """How many values an Input gives."""
        return math.prod(int(size) for size in self.nodes[name].input_type["input"])


def read_graph(path: Path) -> Graph:
    """The graph of a file. Raises InputError for one that is missing, damaged or foreign."""
    graph = _load(path)
    try:
        nodes, edges = _flat(graph.nodes, [(str(a), str(b)) for a, b in graph.edges])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: a nested graph lacks its Input or Output, or an edge its ends"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}: graphs are nested too deeply") from error
    for name in sorted({name for edge in edges for name in edge} - nodes.keys()):
        raise InputError(f"{path}: an edge names {name}, which is no node")
    metadata = graph.metadata or {}
    _refuse_units(path, graph)
    ordered = dict(sorted(nodes.items(), key=lambda item: natural(item[0])))
    return Graph(path, ordered, edges, metadata)


def natural(name: str) -> list[tuple[int, str]]:
    """Order of names in which lif2 comes before lif10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _refuse_units(path: Path, node: Any, name: str = "") -> None:
    """NIR has no unit of time of its own; its readers take seconds. Metadata may say another."""

    def look(value: Any, key: str, of_units: bool) -> None:
        of_units = of_units or "unit" in key.lower()
        if isinstance(value, dict):
            for inner, each in value.items():
                look(each, f"{key}/{inner}" if key else str(inner), of_units)
            return
        text = value.decode() if isinstance(value, bytes) else str(value)
        if of_units and text not in _UNITS:
            raise InputError(
                f"{path}: {key} in {f'the metadata of {name}' if name else 'its metadata'} is "
                f"{text!r}; read are seconds: write the file again with its time constants in s"
            )

    look(getattr(node, "metadata", None) or {}, "", of_units=False)
    for inner, each in getattr(node, "nodes", {}).items():
        _refuse_units(path, each, f"{name}/{inner}" if name else str(inner))


def _load(path: Path) -> Any:
    nir = nir_package()
    gate.regular(path)
    _survive(path)
    try:
        with gate.open_hdf5(path, MOST_BYTES) as file:
            if "node" not in file or "version" not in file:
                raise InputError(f"{path} is no NIR file: it has no datasets `version` and `node`")
            file["node"].visititems(_check_size)
        # Its check of types refuses shapes with a batch axis, as Rockpool writes them.
        graph = nir.read(path, type_check=False)
    except InputError as error:
        raise InputError(f"{path}: {error}".replace(f"{path}: {path}", str(path))) from error
    except Exception as error:  # nir raises whatever the damage leads to
        raise InputError(
            f"{path} is not a readable NIR file (truncated or foreign; {type(error).__name__}: "
            f"{' '.join(str(error).split()):.100}): make it again"
        ) from error
    if type(graph).__name__ != "NIRGraph":
        raise InputError(f"{path} holds a single {type(graph).__name__}, not a graph")
    return graph


def _survive(path: Path) -> None:
    """Read the file's texts in another process first: HDF5 can crash or hang on damaged ones.

    NIR's texts are of variable length; a file of fixed ones would not need this.
    """
    script = (
        "import h5py, sys\n"
        "read = lambda name, item: item[()] if hasattr(item, 'dtype') and item.dtype.hasobject "
        "else None\n"
        "h5py.File(sys.argv[1], 'r').visititems(read)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=_PATIENCE_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise InputError(
            f"{path} is not a readable NIR file (truncated or foreign): make it again"
        ) from None


def _check_size(_name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and item.shape:
        gate.check_size(item)


def _flat(nodes: dict[str, Any], edges: Edges, prefix: str = "") -> tuple[dict[str, Any], Edges]:
    """Nodes and edges without nested graphs; a graph's Input and Output become plain joints."""
    out: dict[str, Any] = {}
    joined: Edges = [(prefix + a, prefix + b) for a, b in edges]
    for name, node in nodes.items():
        full = prefix + name
        if type(node).__name__ != "NIRGraph":
            out[full] = node
            continue
        inner = [(str(a), str(b)) for a, b in node.edges]
        sub, sub_edges = _flat(node.nodes, inner, f"{full}/")
        out |= sub
        inputs = [k for k, v in node.nodes.items() if type(v).__name__ == "Input"]
        outputs = [k for k, v in node.nodes.items() if type(v).__name__ == "Output"]
        if len(inputs) > 1 or len(outputs) > 1:
            raise InputError(
                f"the nested graph {full} has {len(inputs)} Inputs and {len(outputs)} Outputs; "
                "read are graphs with one of each"
            )
        joined = [
            (f"{full}/{outputs[0]}" if a == full else a, f"{full}/{inputs[0]}" if b == full else b)
            for a, b in joined
        ] + sub_edges
    return out, joined

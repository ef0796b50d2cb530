"""A spiking network from a NIR file: populations of CubaLIF, joined by Affine or Linear nodes.

Nested graphs are flattened. A spike counts as 1 during one step of `STEP` seconds, and what comes
from the Input is held current; see `formats.nir_export` for both. Other nodes are refused by name.
"""

import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import NeuronOptions
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import NO_LEAK, STEP, nir_package
from spiking_bimt.simulation.build import from_coo

Array = npt.NDArray[Any]
Edges = list[tuple[str, str]]

_PATIENCE_S = 20
"""Reading a graph's texts takes well under a second."""


class _Population(NamedTuple):
    first: int
    """Index of its first neuron."""
    node: Any


@checked
def read_nir(path: str | Path, *, dt: float | None = None) -> SpikingNetwork:
    """The network in a NIR file.

    dt: simulation step, ms; None takes the one that the file names, else 0.1. Raises InputError
    for a file that is missing, damaged or foreign, or holds a node that this package has not.
    """
    path = Path(path)
    graph = _graph(path)
    try:
        nodes, edges = _flat(graph.nodes, [(str(a), str(b)) for a, b in graph.edges])
    except (IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: a nested graph lacks its Input or Output, or an edge its ends"
        ) from error
    for name in sorted({name for edge in edges for name in edge} - nodes.keys()):
        raise InputError(f"{path}: an edge names {name}, which is no node")
    populations, n = {}, 0
    for name, node in sorted(nodes.items(), key=lambda item: _natural(item[0])):
        kind = type(node).__name__
        if kind == "CubaLIF":
            populations[name] = _Population(n, node)
            n += node.tau_mem.size
        elif kind not in ("Affine", "Linear", "Input", "Output"):
            raise InputError(
                f"{path}: node {name} is a {kind}; read are CubaLIF, Affine, Linear, Input, Output"
            )
    if not populations:
        raise InputError(f"{path} holds no CubaLIF node: there are no neurons to import")
    metadata = graph.metadata or {}
    _refuse_units(path, metadata)
    step = metadata.get("dt", 0.1) if dt is None else dt
    return _network(path, nodes, edges, populations, n, float(step))


def _natural(name: str) -> list[tuple[int, str]]:
    """Order of names in which lif2 comes before lif10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _refuse_units(path: Path, metadata: dict[str, Any]) -> None:
    """NIR has no unit of time of its own; its readers take seconds."""
    for name, value in metadata.items():
        text = value.decode() if isinstance(value, bytes) else str(value)
        if "time" in name and "unit" in name and text not in ("s", "second", "seconds"):
            raise InputError(
                f"{path}: {name} in its metadata is {text!r}; read are seconds: write the file "
                "again with its time constants in s"
            )


def _graph(path: Path) -> Any:
    nir = nir_package()
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    _survive(path)
    try:
        with h5py.File(path, "r") as file:
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
        store.check_size(item)


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
        joined = [
            (f"{full}/{outputs[0]}" if a == full else a, f"{full}/{inputs[0]}" if b == full else b)
            for a, b in joined
        ] + sub_edges
    return out, joined


def _sources(name: str, nodes: dict[str, Any], edges: Edges, top: set[str]) -> list[str]:
    """Names of what feeds a node, seen through the joints of nested graphs."""
    found: list[str] = []
    for a, b in edges:
        if b != name:
            continue
        joint = type(nodes[a]).__name__ in ("Input", "Output") and a not in top
        found += _sources(a, nodes, edges, top) if joint else [a]
    return found


def _network(
    path: Path,
    nodes: dict[str, Any],
    edges: Edges,
    populations: dict[str, _Population],
    n: int,
    dt: float,
) -> SpikingNetwork:
    top = {name for name in nodes if "/" not in name}
    _refuse_readout(path, nodes, edges, populations, top)
    inputs = {k: v for k, v in nodes.items() if k in top and type(v).__name__ == "Input"}
    channels, first_channel = 0, {}
    for name, node in inputs.items():
        first_channel[name] = channels
        channels += int(np.prod(node.input_type["input"]))
    rec: list[tuple[Array, Array, Array]] = []
    ins: list[tuple[Array, Array, Array]] = []
    bias = np.zeros(n)
    for name, (first, lif) in populations.items():
        tau_syn, tau_mem, r, w_in = (
            np.ravel(getattr(lif, field)).astype(float)
            for field in ("tau_syn", "tau_mem", "r", "w_in")
        )
        gain = np.broadcast_to(r * w_in / tau_mem, tau_syn.shape)  # of a weight, 1 / s
        for feeding in _sources(name, nodes, edges, top):
            affine = nodes[feeding]
            if type(affine).__name__ not in ("Affine", "Linear"):
                raise InputError(
                    f"{path}: node {feeding} feeds {name} without an Affine or Linear between"
                )
            if affine.weight.shape[0] != tau_syn.size:
                raise InputError(
                    f"{path}: node {feeding} has {affine.weight.shape[0]} outputs, "
                    f"{name} {tau_syn.size} neurons"
                )
            bias[first : first + tau_syn.size] += _bias(affine) * gain / 1000
            post, pre = np.nonzero(affine.weight)
            weight = affine.weight[post, pre].astype(float) * gain[post]
            for source in _sources(feeding, nodes, edges, top):
                n_sources = _size(source, nodes)
                if affine.weight.shape[1] != n_sources:
                    raise InputError(
                        f"{path}: node {feeding} has {affine.weight.shape[1]} inputs, {source} "
                        f"{n_sources} outputs"
                    )
                if source in populations:
                    rec.append((populations[source].first + pre, first + post, weight * STEP))
                elif source in inputs:
                    ins.append((first_channel[source] + pre, first + post, weight / 1000))
                else:
                    raise InputError(f"{path}: node {source} feeds {feeding}: no neurons there")
    pre, post, weight = _joined(rec)
    neurons = _parameters(populations) | NeuronOptions(bias=bias)
    network = from_coo(pre, post, weight, n, dt=dt, reset="value", **neurons)
    return _with_inputs(network, channels, *_joined(ins))


def _refuse_readout(
    path: Path, nodes: dict[str, Any], edges: Edges, populations: Collection[str], top: set[str]
) -> None:
    """Weights that lead to no neuron would be dropped: a readout of spikes as they are."""
    used = {a for name in populations for a in _sources(name, nodes, edges, top)}
    for name, node in nodes.items():
        if type(node).__name__ in ("Affine", "Linear") and name not in used:
            raise InputError(
                f"{path}: node {name} ({type(node).__name__}) feeds no neurons; a readout of "
                "unfiltered spikes is not read: take it out and join its neurons to the Output"
            )


def _size(name: str, nodes: dict[str, Any]) -> int:
    """How many values a node gives."""
    node = nodes[name]
    if type(node).__name__ == "CubaLIF":
        return int(node.tau_mem.size)
    if type(node).__name__ == "Input":
        return int(np.prod(node.input_type["input"]))
    return int(node.weight.shape[0])


def _bias(affine: Any) -> Array:
    return np.ravel(getattr(affine, "bias", 0.0)).astype(float)


def _joined(parts: list[tuple[Array, Array, Array]]) -> tuple[Array, Array, Array]:
    empty = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    pre, post, weight = (np.concatenate(c) for c in zip(empty, *parts, strict=True))
    return pre, post, weight


def _parameters(populations: dict[str, _Population]) -> NeuronOptions:
    def gathered(field: str, factor: float = 1.0) -> Array:
        return np.concatenate(
            [factor * np.ravel(getattr(p.node, field)).astype(float) for p in populations.values()]
        )

    tau_mem = gathered("tau_mem", 1000)
    return {
        "tau_mem": np.where(tau_mem >= 1000 * NO_LEAK * STEP, np.inf, tau_mem),
        "tau_syn": gathered("tau_syn", 1000),
        "v_th": gathered("v_threshold"),
        "v_reset": gathered("v_reset"),
        "v_leak": gathered("v_leak"),
    }


def _with_inputs(
    network: SpikingNetwork, channels: int, pre: Array, post: Array, weight: Array
) -> SpikingNetwork:
    if not len(pre):  # a NIR graph has an Input even where nothing comes in
        return network
    order = np.lexsort((post, pre))
    counts = np.bincount(pre.astype(np.int64), minlength=channels)
    fields = vars(network) | {
        "in_indptr": np.append(0, np.cumsum(counts)),
        "in_indices": post[order],
        "in_weights": weight[order],
    }
    return SpikingNetwork(**fields)

"""Ways through the linear nodes of a NIR graph, each as one matrix and one delay."""

import warnings
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from spiking_bimt.errors import InputError, ReadWarning
from spiking_bimt.formats.nir_file import Graph
from spiking_bimt.formats.nir_linear import LINEAR, WRITTEN_OUT, Map, Shape, map_of
from spiking_bimt.formats.nir_neurons import NEURONS, size_of

Array = npt.NDArray[Any]

_MOST_WAYS = 10_000
"""Ways into one population: more come of a loop of linear nodes, or of a hostile file."""


class Way(NamedTuple):
    """What one source gives a node."""

    source: str
    """A population or an Input."""
    matrix: sparse.csr_array
    """[post, pre]"""
    delay: int
    """Steps."""


class Paths:
    """Maps and shapes of a graph's nodes, each made once."""

    def __init__(self, graph: Graph, dt: float) -> None:
        self.graph, self.dt = graph, dt
        self._maps: dict[str, Map] = {}

    def refuse_unknown(self, name: str, why: Mapping[str, str]) -> None:
        """Raise InputError for a node that no network here has, or that leads nowhere."""
        graph, kind = self.graph, self.graph.kind(name)
        if kind not in (*NEURONS, *LINEAR, "LI", "Delay", "Input", "Output"):
            known = ", ".join((*NEURONS, "LI", "Delay", *LINEAR))
            raise InputError(f"{graph.where(name)}: {why.get(kind, f'read are {known}')}")
        if kind in LINEAR or kind in ("LI", "Delay"):
            targets = self._targets(name)
            ends = [t for t in targets if graph.kind(t) == "Output"]
            if (ends and kind != "LI") or not targets:
                raise InputError(
                    f"{graph.where(name)} feeds no neurons; a readout of unfiltered spikes is not "
                    "read: take it out and join its neurons to the Output, or filter it (LI)"
                )

    def _targets(self, name: str) -> list[str]:
        """What a node feeds, seen through joints; an Output of the whole graph among them."""
        graph, found = self.graph, list[str]()
        for a, b in graph.edges:
            if a == name:
                joint = graph.kind(b) in ("Input", "Output") and "/" in b
                found += self._targets(b) if joint else [b]
        return found

    def readouts(self) -> list[str]:
        """The LI nodes that feed the Output."""
        return [
            name
            for name in self.graph.nodes
            if self.graph.kind(name) == "LI"
            and any(self.graph.kind(target) == "Output" for target in self._targets(name))
        ]

    def channels(self) -> dict[str, int]:
        """Inputs of the whole graph, and the first channel of each."""
        first, count = dict[str, int](), 0
        for name in self.graph.nodes:
            if self.graph.is_channel(name):
                first[name] = count
                count += self.graph.n_channels(name)
        return first

    def n_channels(self) -> int:
        """Channels of all Inputs."""
        return sum(self.graph.n_channels(name) for name in self.channels())

    def depths(self, populations: Collection[str]) -> dict[str, int]:
        """How many populations a spike has passed before each, loops counted as one."""
        names = list(populations)
        place = {name: i for i, name in enumerate(names)}
        feeds = {
            (place[way.source], place[name])
            for name in names
            for way in self.into(name, size_of(self.graph.nodes[name]), through=True)[0]
            if way.source in place
        }
        joined = np.zeros((len(names),) * 2, bool)
        for a, b in feeds:
            joined[a, b] = True
        count, loop = connected_components(sparse.csr_array(joined), connection="strong")
        depth = np.zeros(count, np.int64)
        for _ in range(count):
            for a, b in feeds:
                if loop[a] != loop[b]:
                    depth[loop[b]] = max(depth[loop[b]], depth[loop[a]] + 1)
        return {name: int(depth[loop[place[name]]]) for name in names}

    def into(
        self, name: str, size: int, *, without: Collection[str] = (), through: bool = False
    ) -> tuple[list[Way], Array]:
        """The ways into a node of so many values, and the constant that its biases give.

        without: sources that are left out; through: whether LI nodes are passed, as wires.
        """
        graph, ways, bias = self.graph, list[Way](), np.zeros(size)
        todo = [
            (name, source, sparse.csr_array(sparse.eye_array(size)), 0)
            for source in graph.sources(name)
            if source not in without
        ]
        seen = 0
        while todo:
            seen += 1
            if seen > _MOST_WAYS:
                raise InputError(
                    f"{graph.where(name)}: more than {_MOST_WAYS:,} ways lead to it, or a loop of "
                    "nodes without neurons"
                )
            to, at, matrix, delay = todo.pop()
            kind = graph.kind(at)
            if matrix.shape[1] != self.size(at):
                raise InputError(
                    f"{graph.where(to)} has {matrix.shape[1]} inputs, {at} {self.size(at)} outputs"
                )
            if kind in NEURONS or kind == "Input":
                if kind == "Input" and delay:
                    raise InputError(f"{graph.path}: {at} is held current, and a Delay follows it")
                ways.append(Way(at, matrix, delay))
            elif kind in LINEAR:
                of = self.map(at)
                bias += matrix @ of.bias
                todo += [(at, source, matrix @ of.matrix, delay) for source in graph.sources(at)]
            elif kind == "Delay":
                for steps, kept in self._delays(at):
                    part = sparse.csr_array(matrix @ sparse.diags_array(kept.astype(float)))
                    todo += [(at, source, part, delay + steps) for source in graph.sources(at)]
            elif through:
                wire = sparse.csr_array(sparse.eye_array(matrix.shape[1]))
                todo += [(at, source, wire, delay) for source in graph.sources(at)]
            else:
                raise InputError(
                    f"{graph.where(at)} feeds {name} through other nodes; read is a LI that feeds "
                    "a LIF itself, or the Output"
                )
        return ways, bias

    def size(self, name: str) -> int:
        """How many values a node gives."""
        return int(np.prod(self.shape(name)))

    def shape(self, name: str) -> Shape:
        """Shape of what a node gives."""
        node, kind = self.graph.nodes[name], self.graph.kind(name)
        if kind in LINEAR:
            return self.map(name).shape
        if kind in NEURONS:
            return tuple(np.shape(node.v_threshold)) or (1,)
        if kind == "Input":
            return tuple(int(size) for size in node.input_type["input"])
        return tuple(np.shape(node.tau if kind == "LI" else node.delay)) or (1,)

    def map(self, name: str) -> Map:
        """The matrix and bias of a linear node."""
        if name not in self._maps:
            graph, node, kind = self.graph, self.graph.nodes[name], self.graph.kind(name)
            try:
                made = map_of(graph.where(name), node, kind, self._given(name))
            except RecursionError as error:
                raise InputError(f"{graph.where(name)} is in a loop without neurons") from error
            self._maps[name] = made
            if kind in WRITTEN_OUT:
                warnings.warn(
                    f"{graph.where(name)} is written out as {made.matrix.nnz:,} synapses",
                    ReadWarning,
                    stacklevel=6,
                )
        return self._maps[name]

    def _given(self, name: str) -> Shape:
        """Shape of what a linear node gets: its own word, or that of its first source."""
        own = (getattr(self.graph.nodes[name], "input_type", None) or {}).get("input")
        if own is not None and self.graph.kind(name) not in ("Scale", "Flatten"):
            return tuple(int(size) for size in np.ravel(own))
        sources = self.graph.sources(name)
        if not sources:
            raise InputError(f"{self.graph.where(name)}: nothing feeds it")
        return self.shape(sources[0])

    def _delays(self, name: str) -> list[tuple[int, Array]]:
        """Steps of a Delay node, and which of its values have them."""
        given = 1000 * np.ravel(self.graph.nodes[name].delay).astype(float) / self.dt
        steps = np.rint(given)
        uneven = ~(np.abs(given - steps) < 1e-3) | (steps < 0)
        if uneven.any():
            raise InputError(
                f"{self.graph.where(name)} delays by {given[uneven][0] * self.dt:g} ms, no "
                f"multiple of the step of {self.dt:g} ms: choose another `dt`"
            )
        return [(int(value), steps == value) for value in np.unique(steps)]

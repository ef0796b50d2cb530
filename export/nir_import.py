"""A spiking network from a NIR file: populations of neurons joined by chains of linear nodes.

What leads from one population to another is a matrix: the product of the nodes between, its Delay
nodes the delays of the synapses. What comes from an Input is held current. LI nodes before the
Output are the readout's filter, one that feeds a LIF node alone is its synapses' filter. A spike
counts as 1 during one step of `STEP` seconds (see `formats.nir_export`), or of the reader's own
step where its Euler integration is asked for. Other nodes are refused by name.
"""

import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from spiking_bimt.data import gate, validate
from spiking_bimt.data.arguments import checked
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import NeuronOptions
from spiking_bimt.errors import InputError, ReadWarning
from spiking_bimt.formats.nir_export import STEP
from spiking_bimt.formats.nir_file import Graph, read_graph
from spiking_bimt.formats.nir_neurons import (
    NEURONS,
    Integration,
    Neurons,
    neurons_of,
    short_constants,
    size_of,
)
from spiking_bimt.formats.nir_paths import Paths, Way
from spiking_bimt.simulation.build import from_coo

Array = npt.NDArray[Any]

_STEP_MS = 0.1
"""Simulation step where nobody names one, ms."""
_UNREAD = {
    "Threshold": "it fires without a reset, which no neuron here does",
    "CubaLI": "it never fires: a readout here is Linear or Affine and then LI",
    "I": "it never fires and never leaks: a readout here is Linear or Affine and then LI",
}
"""Why a node is refused, where more than its name can be said."""


class _Population(NamedTuple):
    first: int
    """Index of its first neuron."""
    neurons: Neurons
    ways: list[Way]
    bias: Array
    """(n,) v per ms"""


@checked
def read_nir(
    path: str | Path, *, dt: float | None = None, step: Integration = "exponential"
) -> SpikingNetwork:
    """The network in a NIR file.

    dt: simulation step, ms; None takes that of a file which this package wrote, else 0.1. step:
    "exponential" integrates NIR's equations exactly; "euler" makes the network whose exact step is
    the Euler step of dt that snnTorch, Norse and most training takes, the spike 1 during that step
    (dt None: 0.1).
    Raises InputError for a file that is missing, damaged or foreign, or holds what no network here
    has. Warns of time constants so short that the choice of `step` matters.
    """
    with gate.parsing(Path(path), "a NIR graph whose nodes fit together"):
        return _read(read_graph(Path(path)), dt, step)


def _read(graph: Graph, dt: float | None, step: Integration) -> SpikingNetwork:
    path = graph.path
    chosen = _step_ms(graph, step) if dt is None else float(dt)
    if not (np.isfinite(chosen) and chosen > 0):
        raise InputError(f"{path}: dt is {chosen} ms: it must be above 0 and finite")
    paths = Paths(graph, chosen)
    for name in graph.nodes:
        paths.refuse_unknown(name, _UNREAD)
    populations = _populations(paths, step)
    if not populations:
        raise InputError(
            f"{path} holds no {', '.join(NEURONS)} node: there are no neurons to import"
        )
    _warn(graph, populations, chosen, step)
    return _network(paths, populations, step)


def _step_ms(graph: Graph, step: Integration) -> float:
    """The step where none is asked for."""
    given = graph.metadata.get("dt")
    if step == "euler":
        return 1000 * STEP
    if given is None:
        return _STEP_MS
    if not _is_ours(graph):
        raise InputError(
            f"{graph.path}: its metadata say dt is {given}, in a unit that NIR does not define: "
            "give the step in ms as `dt`"
        )
    return float(given)


def _populations(paths: Paths, step: Integration) -> dict[str, _Population]:
    graph, found, n = paths.graph, dict[str, _Population](), 0
    for name, node in graph.nodes.items():
        if graph.kind(name) in NEURONS:
            found[name] = _population(paths, name, n, step)
            n += size_of(node)
    return found


def _population(paths: Paths, name: str, first: int, step: Integration) -> _Population:
    """Its neurons, and what reaches them: through their own synapses, and held current."""
    graph, dt = paths.graph, paths.dt
    node, where = graph.nodes[name], graph.where(name)
    plain = neurons_of(where, node, graph.kind(name), dt, step)
    filters = [source for source in graph.sources(name) if graph.kind(source) == "LI"]
    if not filters:
        ways, bias = paths.into(name, size_of(node))
        return _Population(first, plain, ways, bias * plain.per_current)
    held, bias = paths.into(name, size_of(node), without=filters)
    spikes = [way for way in held if not graph.is_channel(way.source)]
    if len(filters) > 1 or graph.kind(name) != "LIF" or spikes:
        other = filters[1] if len(filters) > 1 else spikes[0].source if spikes else name
        raise InputError(
            f"{graph.where(filters[0])} is the filter of the synapses onto {name}, which must be a "
            f"LIF that no other LI and no unfiltered spike reaches; see {other}"
        )
    li = graph.nodes[filters[0]]
    joined = SimpleNamespace(
        **{k: getattr(node, k) for k in ("r", "v_leak", "v_threshold", "v_reset")},
        tau_mem=node.tau, tau_syn=li.tau, w_in=li.r,
    )  # fmt: skip
    if np.size(li.tau) not in (1, size_of(node)):
        raise InputError(f"{graph.where(filters[0])} has {np.size(li.tau)} values, {name} another")
    neurons = neurons_of(where, joined, "CubaLIF", dt, step)
    ways, filtered = paths.into(filters[0], size_of(node))
    # What is held reaches the membrane as it is; only its weight differs from a spike's.
    scale = plain.per_current / neurons.per_current
    held = [way._replace(matrix=_scaled(scale, way.matrix)) for way in held]
    constant = filtered * neurons.per_current + (bias + np.ravel(li.v_leak)) * plain.per_current
    return _Population(first, neurons, [*ways, *held], constant)


def _scaled(rows: Array, matrix: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array(sparse.diags_array(rows) @ matrix)


def _warn(graph: Graph, populations: dict[str, _Population], dt: float, step: Integration) -> None:
    if step == "euler" or _is_ours(graph):
        return
    short = {k: short_constants(p.neurons, dt) for k, p in populations.items()}
    named = {name: steps for name, steps in short.items() if steps is not None}
    if named:
        name = min(named, key=lambda k: named[k])
        warnings.warn(
            f"{graph.path}: a time constant of {name} is {named[name]:.3g} steps of {dt:g} ms: the "
            "network was most likely trained with Euler steps, which the exact ones differ from; "
            '`--step euler` (in Python step="euler") takes its reader\'s own',
            ReadWarning,
            stacklevel=5,
        )


def _is_ours(graph: Graph) -> bool:
    """Whether this package wrote the file."""
    return str(graph.metadata.get("writer", "")).startswith("spiking_bimt")


def _names(graph: Graph, populations: dict[str, _Population]) -> tuple[tuple[str, int, int], ...]:
    """Name, first and last neuron of each population; those that a file of ours was made from."""
    if _is_ours(graph):
        text = graph.metadata.get("populations", "[]")
        given = gate.json_value(text.decode() if isinstance(text, bytes) else str(text))
        hint = tuple[tuple[str, int, int], ...]
        found: Any = validate.typed(str(graph.path), "populations", given, hint)
        return tuple(found)
    return tuple((name, p.first, p.first + len(p.bias) - 1) for name, p in populations.items())


def _network(
    paths: Paths, populations: dict[str, _Population], step: Integration
) -> SpikingNetwork:
    channels = paths.channels()
    depth = paths.depths(populations) if step == "euler" else dict.fromkeys(populations, 0)
    rec: list[tuple[Array, ...]] = [(np.empty(0, np.int64),) * 2 + (np.empty(0),) * 2]
    ins: list[tuple[Array, ...]] = [(np.empty(0, np.int64),) * 2 + (np.empty(0),)]
    for name, population in populations.items():
        neurons, first = population.neurons, population.first
        for way in population.ways:
            post, pre = (np.asarray(index) for index in way.matrix.nonzero())
            weight = np.asarray(way.matrix[post, pre]).ravel()
            if way.source in channels:
                ins.append((
                    channels[way.source] + pre, first + post, weight * neurons.per_current[post],
                ))  # fmt: skip
                continue
            # A reader's layers follow one another within a step, ours in the next.
            late = max(depth[name] - depth[way.source] - 1, 0)
            rec.append((
                populations[way.source].first + pre, first + post,
                weight * neurons.per_spike[post], np.full(len(pre), way.delay + late),
            ))  # fmt: skip
    pre, post, weight, delay = (np.concatenate(part) for part in zip(*rec, strict=True))
    bias = np.concatenate([p.bias for p in populations.values()])
    same = len(delay) == 0 or (delay == delay[0]).all()
    network = from_coo(
        pre, post, weight, len(bias), dt=paths.dt, reset="value",
        delay=int(delay[0]) if len(delay) and same else 0,
        delays=None if same else delay.astype(np.int32),
        **_parameters(populations) | NeuronOptions(bias=bias),
    )  # fmt: skip
    source, target, current = (np.concatenate(part) for part in zip(*ins, strict=True))
    network = _with_inputs(network, paths.n_channels(), source, target, current)
    network = replace(network, populations=_names(paths.graph, populations))
    return _with_readout(network, paths, {k: p.first for k, p in populations.items()}, step)


def _parameters(populations: dict[str, _Population]) -> NeuronOptions:
    def joined(field: str) -> Array:
        return np.concatenate([getattr(p.neurons, field) for p in populations.values()])

    return {
        "tau_mem": joined("tau_mem"), "tau_syn": joined("tau_syn"), "v_th": joined("v_th"),
        "v_reset": joined("v_reset"), "v_leak": joined("v_leak"),
    }  # fmt: skip


def _with_readout(
    network: SpikingNetwork, paths: Paths, first: dict[str, int], step: Integration
) -> SpikingNetwork:
    """The LI nodes before the Output as the readout: they start settled."""
    graph, rows, biases, taus = paths.graph, [], [], []
    for name in paths.readouts():
        node, where = graph.nodes[name], graph.where(name)
        as_neurons = SimpleNamespace(
            tau=node.tau, r=node.r, v_leak=node.v_leak, v_threshold=np.ones(np.size(node.tau)),
            v_reset=0.0,
        )  # fmt: skip
        li = neurons_of(where, as_neurons, "LIF", paths.dt, step)
        jump = li.per_spike * (np.exp(-paths.dt / li.tau_mem) if step == "euler" else 1.0)
        ways, bias = paths.into(name, np.size(node.tau))
        weights = np.zeros((np.size(node.tau), network.n_neurons))
        for way in ways:
            if way.source not in first or way.delay:
                raise InputError(f"{where} reads {way.source} directly or late; read are spikes")
            low = first[way.source]
            weights[:, low : low + way.matrix.shape[1]] += way.matrix.toarray() * jump[:, None]
        rows.append(weights)
        biases.append(li.v_leak + np.ravel(node.r) * bias)
        taus.append(li.tau_mem)
    if not rows:
        return network
    tau = np.concatenate(taus)
    if (np.abs(tau / tau[0] - 1) > 1e-6).any():
        raise InputError(
            f"{graph.path}: its readouts (LI) have time constants of {tau.min():g} to "
            f"{tau.max():g} ms; a readout here has one filter"
        )
    return replace(
        network, w_out=np.concatenate(rows), b_out=np.concatenate(biases), tau_out=float(tau[0]),
    )  # fmt: skip


def _with_inputs(
    network: SpikingNetwork, channels: int, pre: Array, post: Array, weight: Array
) -> SpikingNetwork:
    if not len(pre):  # a NIR graph has an Input even where nothing comes in
        return network
    order = np.lexsort((post, pre))
    counts = np.bincount(pre.astype(np.int64), minlength=channels)
    return replace(
        network, in_indptr=np.append(0, np.cumsum(counts)), in_indices=post[order],
        in_weights=weight[order],
    )  # fmt: skip

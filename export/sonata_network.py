"""A network as SONATA files (https://github.com/AllenInstitute/sonata), beside its spikes.

    circuit_config.json     the files below; key spiking_bimt holds what SONATA has no place for
    simulation_config.json  step and duration of a run
    nodes.h5                /nodes/neurons, and /nodes/channels of virtual nodes
    edges.h5                /edges/neurons_neurons, /edges/channels_neurons, with both indices
    node_types.csv, edge_types.csv

Neurons are NEST's iaf_psc_exp with C_m = 1 pF, so that 1 pA is 1 v per ms: dynamics_params tau_m,
tau_syn_ex, tau_syn_in, E_L, V_th, V_reset, t_ref, I_e; syn_weight = w / tau_syn of the target in
pA, or w / tau_syn_negative where w is negative; delay in ms. Those with tau_syn = 0 are
iaf_psc_delta, without the two tau_syn, in a group of their own: NEST adds syn_weight to v at the
end of the step, just before the threshold is tested, so syn_weight = w exp(-dt / tau_mem), and the
delay is a step longer. A channel's syn_weight is the current that it gives while held at 1, in pA.
Our own node properties are the parameters that NEST lacks, and readout_k, the weights of output k.
Texts in HDF5 are of fixed length.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.neurons import PARAMETERS
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import NO_LEAK
from spiking_bimt.formats.sonata import mark

Array = npt.NDArray[Any]

DYNAMICS = {"tau_m": "tau_mem", "tau_syn_ex": "tau_syn", "E_L": "v_leak", "V_th": "v_th",
            "V_reset": "v_reset", "t_ref": "t_ref", "I_e": "bias"}  # fmt: skip
"""NEST's names of the parameters that its neuron has."""
OWN = tuple(
    name for name in PARAMETERS
    if name not in (*DYNAMICS.values(), "tau_syn_negative", "poisson")
)  # fmt: skip
"""Parameters that NEST's neuron lacks: node properties of our own. That Poisson sources become
regular is told by `export`."""
NODE_TYPES = """node_type_id model_type model_template
100 point_neuron nest:iaf_psc_exp
101 point_neuron nest:iaf_psc_delta
200 virtual NULL
"""
EDGE_TYPES = """edge_type_id model_template
100 nest:static_synapse
200 NULL
"""


def weight_unit(
    neurons: Mapping[str, Array | None], target: Array, weights: Array, dt: float
) -> Array:
    """(nnz,) weight of each synapse here per syn_weight there, by its target's time constants.

    neurons: parameters by name; target (nnz,): neuron of each synapse; weights (nnz,): their signs
    are meant.
    """
    tau_mem, tau_syn = neurons["tau_mem"], neurons["tau_syn"]
    negative = neurons.get("tau_syn_negative")
    assert tau_mem is not None
    assert tau_syn is not None
    tau = tau_syn[target].astype(np.float64)
    if negative is not None:
        tau = np.where(weights < 0, negative[target], tau)
    unit: Array = np.where(tau == 0, np.exp(dt / tau_mem[target].astype(np.float64)), tau)
    return unit


def write_network(folder: Path, network: SpikingNetwork, duration_ms: float = 1000.0) -> None:
    """Write the network's files into a new folder in the place of `folder`.

    Its weights are floating-point ones: integer codes are not kept. Raises InputError where the
    folder cannot be written, or where a delay is shorter than NEST's least, a step.
    """
    if (_delays(network) < 1).any():
        target = int(network.indices[np.argmin(_delays(network))])
        raise InputError(
            f"a delay onto neuron {target} is 0 steps: NEST's least is one step for synapses with "
            "a filter (tau_syn above 0)"
        )
    negative = network.tau_syn_negative
    if negative is not None and ((negative == 0) != (network.tau_syn == 0)).any():
        mixed = int(np.argmax((negative == 0) != (network.tau_syn == 0)))
        raise InputError(
            f"neuron {mixed} has synapses with a filter and without one (tau_syn, "
            "tau_syn_negative): NEST's neurons have one kind"
        )
    with store.replacing_folder(folder) as new:
        with store.writing_hdf5(new / "nodes.h5") as file:
            mark(file)
            _write_neurons(file.create_group("nodes/neurons"), network)
            channels = file.create_group("nodes/channels")
            _write_members(channels, "node", network.n_inputs, 200)
        with store.writing_hdf5(new / "edges.h5") as file:
            mark(file)
            _write_edges(file, network)
        (new / "node_types.csv").write_text(NODE_TYPES)
        (new / "edge_types.csv").write_text(EDGE_TYPES)
        (new / "circuit_config.json").write_text(json.dumps(_circuit(network), indent=1))
        simulation = {
            "manifest": {"$BASE_DIR": "."},
            "target_simulator": "NEST",
            "network": "$BASE_DIR/circuit_config.json",
            "run": {"tstop": duration_ms, "dt": network.dt},
            "output": {"output_dir": "$BASE_DIR/output", "spikes_file": "spikes.h5"},
        }
        (new / "simulation_config.json").write_text(json.dumps(simulation, indent=1))


def _circuit(network: SpikingNetwork) -> dict[str, Any]:
    return {
        "manifest": {"$BASE_DIR": "."},
        "networks": {
            "nodes": [{"nodes_file": "$BASE_DIR/nodes.h5",
                       "node_types_file": "$BASE_DIR/node_types.csv"}],
            "edges": [{"edges_file": "$BASE_DIR/edges.h5",
                       "edge_types_file": "$BASE_DIR/edge_types.csv"}],
        },
        "spiking_bimt": {
            "reset": network.reset,
            "dt": network.dt,
            "task_dt": network.task_dt,
            "tau_out": network.tau_out,
            "delay": network.delay if network.delays is None else None,
            "b_out": network.b_out.tolist(),
            "sheet": list(network.sheet),
            "battery": network.battery,
            "tasks": list(network.tasks),
            "populations": [list(population) for population in network.populations],
        },
    }  # fmt: skip


def _write_members(group: h5py.Group, kind: str, n: int, type_id: int) -> h5py.Group:
    """The datasets that every population has; returns its only group of properties."""
    group.create_dataset(f"{kind}_type_id", data=np.full(n, type_id, np.uint64), track_times=False)
    for name, values in (
        (f"{kind}_group_id", np.zeros(n, np.uint64)),
        (f"{kind}_group_index", np.arange(n, dtype=np.uint64)),
    ):
        group.create_dataset(name, data=values, track_times=False)
    if kind == "node":
        ids = np.arange(n, dtype=np.uint64)
        group.create_dataset("node_id", data=ids, track_times=False)
    return group.create_group("0")


def _write_neurons(group: h5py.Group, network: SpikingNetwork) -> None:
    """Group 0: neurons with exponential synapses; group 1: those with synapses without filter."""
    instant = network.tau_syn == 0
    places = np.where(instant, np.cumsum(instant) - 1, np.cumsum(~instant) - 1)
    for name, values in (
        ("type_id", 100 + instant), ("group_id", instant), ("group_index", places),
        ("id", np.arange(len(instant))),
    ):  # fmt: skip
        group.create_dataset(f"node_{name}", data=values.astype(np.uint64), track_times=False)
    for number, chosen in ((0, ~instant), (1, instant)):
        if chosen.any():
            _write_properties(group.create_group(str(number)), network, chosen)


def _write_properties(properties: h5py.Group, network: SpikingNetwork, chosen: Array) -> None:
    """Properties of the chosen neurons, which are of one model."""
    dynamics = {
        "C_m": np.ones(network.n_neurons),
        **{theirs: getattr(network, ours) for theirs, ours in DYNAMICS.items()},
        "tau_m": np.minimum(network.tau_mem.astype(float), NO_LEAK * network.dt),
        "tau_syn_in": network.tau_syn
        if network.tau_syn_negative is None
        else network.tau_syn_negative,
    }
    if not network.tau_syn[chosen].any():
        del dynamics["tau_syn_ex"], dynamics["tau_syn_in"]
    for name, values in dynamics.items():
        group = properties.require_group("dynamics_params")
        store.write_array(group, name, values[chosen].astype(float))
    for name in OWN:
        if getattr(network, name) is not None:
            store.write_array(properties, name, getattr(network, name)[chosen])
    for axis, name in enumerate(("x", "y")):
        store.write_array(properties, name, network.positions[chosen, axis].astype(float))
    for k, weights in enumerate(network.w_out):
        store.write_array(properties, f"readout_{k}", weights[chosen])


def _delays(network: SpikingNetwork) -> Array:
    """(nnz,) steps of each synapse as NEST counts them: a step more where there is no filter."""
    own = np.int64(network.delay) if network.delays is None else network.delays
    steps: Array = own + (network.tau_syn[network.indices] == 0)
    return steps


def _write_edges(file: h5py.File, network: SpikingNetwork) -> None:
    unit = weight_unit(network.parameters(), network.indices, network.weights, network.dt)
    _write_population(
        file.create_group("edges/neurons_neurons"), "neurons", network.n_neurons, network,
        network.indptr, network.indices, 100,
        {"syn_weight": network.weights / unit, "delay": _delays(network) * network.dt},
    )  # fmt: skip
    _write_population(
        file.create_group("edges/channels_neurons"), "channels", network.n_inputs, network,
        network.in_indptr, network.in_indices, 200,
        {"syn_weight": network.in_weights.astype(float)},
    )  # fmt: skip


def _write_population(
    group: h5py.Group,
    source: str,
    n_sources: int,
    network: SpikingNetwork,
    indptr: Array,
    targets: Array,
    type_id: int,
    properties: dict[str, Array],
) -> None:
    sources = np.repeat(np.arange(n_sources), np.diff(indptr))
    for name, ids, population in (
        ("source_node_id", sources, source), ("target_node_id", targets, "neurons"),
    ):  # fmt: skip
        store.write_array(group, name, ids.astype(np.uint64))
        group[name].attrs["node_population"] = np.bytes_(population.encode())
    members = _write_members(group, "edge", len(targets), type_id)
    for name, values in properties.items():
        store.write_array(members, name, values)
    indices = group.create_group("indices")
    _write_index(indices.create_group("source_to_target"), sources, n_sources)
    _write_index(indices.create_group("target_to_source"), targets, network.n_neurons)


def _write_index(group: h5py.Group, nodes: Array, n: int) -> None:
    """For every node the ranges of consecutive edges that it has."""
    starts = np.flatnonzero(np.diff(nodes, prepend=-1) != 0)
    ends = np.append(starts[1:], len(nodes))
    owner = nodes[starts]
    order = np.argsort(owner, kind="stable")
    store.write_array(group, "range_to_edge_id", _pairs(starts[order], ends[order]))
    bounds = np.searchsorted(owner[order], np.arange(n + 1))
    store.write_array(group, "node_id_to_ranges", _pairs(bounds[:-1], bounds[1:]))


def _pairs(low: Array, high: Array) -> Array:
    return np.stack([low, high], axis=1).astype(np.uint64)

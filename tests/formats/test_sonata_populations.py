"""Circuits of several populations, as bmtk's builder saves them, against NEST."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.formats.sonata_import import read_sonata
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import SpikeTrains

Array = Any
DT, STEPS = 0.1, 5000
SIZES = {"cortex": 14, "thalamus": 6, "external": 5}
PAIRS = (("cortex", "cortex"), ("cortex", "thalamus"), ("thalamus", "cortex"),
         ("external", "cortex"), ("external", "thalamus"))  # fmt: skip
EXC = {"C_m": 200.0, "tau_m": 20.0, "tau_syn_ex": 4.0, "tau_syn_in": 9.0, "E_L": -70.0,
       "V_th": -50.0, "V_reset": -60.0, "t_ref": 2.0, "I_e": 195.0}  # fmt: skip
INH = EXC | {"tau_m": 10.0, "tau_syn_ex": 7.0, "tau_syn_in": 3.0, "I_e": 380.0}
DELTA = {"C_m": 100.0, "tau_m": 15.0, "E_L": -65.0, "V_th": -52.0, "V_reset": -65.0, "t_ref": 1.0,
         "I_e": 80.0}  # fmt: skip


def edges(source: str, target: str) -> dict[str, Array]:
    """A third of all pairs; weights are pA onto the cortex, mV onto the thalamus."""
    rng = np.random.default_rng(len(source) * 31 + len(target))
    pre, post = np.nonzero(rng.random((SIZES[source], SIZES[target])) < 0.35)
    sign = np.where((source == "cortex") & (pre >= 10), -3.0, 1.0)
    scale = 60.0 if target == "cortex" else 1.5
    return {
        "pre": pre, "post": post, "nsyns": rng.integers(1, 4, len(pre)),
        "syn_weight": scale * sign * rng.uniform(0.5, 1, len(pre)),
        "delay": DT * rng.integers(2, 30, len(pre)),
    }  # fmt: skip


def save(folder: Path) -> Path:
    """Files as bmtk's NetworkBuilder.save names them, without a configuration."""
    for name, values in (("exc", EXC), ("inh", INH), ("delta", DELTA)):
        (folder / f"{name}.json").write_text(json.dumps(values))
    types = {
        "cortex": "100 point_neuron nest:iaf_psc_exp exc.json\n"
        "101 point_neuron nest:iaf_psc_exp inh.json\n",
        "thalamus": "100 point_neuron nest:iaf_psc_delta delta.json\n",
        "external": "100 virtual NULL NULL\n",
    }
    for name, n in SIZES.items():
        head = "node_type_id model_type model_template dynamics_params\n"
        (folder / f"{name}_node_types.csv").write_text(head + types[name])
        with h5py.File(folder / f"{name}_nodes.h5", "w") as file:
            group = file.create_group(f"nodes/{name}")
            own = np.full(n, 100)
            own[10:] += name == "cortex"
            group["node_type_id"], group["node_id"] = own, np.arange(n)
            group["node_group_id"], group["node_group_index"] = np.zeros(n, int), np.arange(n)
            group.create_group("0")
    for source, target in PAIRS:
        made = edges(source, target)
        name = f"{source}_{target}"
        (folder / f"{name}_edge_types.csv").write_text(
            "edge_type_id model_template\n100 static_synapse\n"
        )
        with h5py.File(folder / f"{name}_edges.h5", "w") as file:
            group = file.create_group(f"edges/{source}_to_{target}")
            for end, ids, of in (("source", "pre", source), ("target", "post", target)):
                group[f"{end}_node_id"] = made[ids]
                group[f"{end}_node_id"].attrs["node_population"] = of
            count = len(made["pre"])
            group["edge_type_id"] = np.full(count, 100)
            group["edge_group_id"] = np.zeros(count, int)
            group["edge_group_index"] = np.arange(count)
            for field in ("nsyns", "syn_weight", "delay"):
                group[f"0/{field}"] = made[field]
    return folder


def external() -> tuple[Array, Array]:
    """Steps and nodes of the spikes of the virtual population."""
    there = np.random.default_rng(5).random((STEPS, SIZES["external"])) < 0.01
    steps, nodes = np.nonzero(there)
    return steps, nodes


def nest_spikes() -> dict[str, tuple[Array, Array]]:
    """Steps and nodes of each population, from the numbers above and not from the files."""
    nest = pytest.importorskip("nest")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = DT
    steps, nodes = external()
    nodes_of = {
        "cortex": nest.Create("iaf_psc_exp", 10, params=EXC)
        + nest.Create("iaf_psc_exp", 4, params=INH),
        "thalamus": nest.Create("iaf_psc_delta", 6, params=DELTA),
        "external": nest.Create("spike_generator", SIZES["external"]),
    }
    for k in range(SIZES["external"]):
        nodes_of["external"][k].spike_times = np.round((steps[nodes == k] + 1) * DT, 1)
    nodes_of["cortex"].V_m = [-70.0] * 14
    nodes_of["thalamus"].V_m = [-65.0] * 6
    for source, target in PAIRS:
        made = edges(source, target)
        pre = made["pre"] + nodes_of[source][0].global_id
        post = made["post"] + nodes_of[target][0].global_id
        weight = made["syn_weight"] * made["nsyns"]
        nest.Connect(pre, post, "one_to_one", {"weight": weight, "delay": made["delay"]})
    recorders = {name: nest.Create("spike_recorder") for name in ("cortex", "thalamus")}
    for name, recorder in recorders.items():
        nest.Connect(nodes_of[name], recorder)
    nest.Simulate(STEPS * DT)
    return {
        name: (
            np.rint(np.asarray(r.events["times"]) / DT).astype(int) - 1,
            np.asarray(r.events["senders"]) - nodes_of[name][0].global_id,
        )
        for name, r in recorders.items()
    }


def test_every_spike_of_two_populations_and_a_virtual_one_is_nests(tmp_path: Path) -> None:
    network = read_sonata(save(tmp_path))
    where = {name: (first, last) for name, first, last in network.populations}
    assert where == {"cortex": (0, 13), "external": (14, 18), "thalamus": (19, 24)}
    steps, nodes = external()
    trains = SpikeTrains((steps + 0.5) * DT, nodes + where["external"][0], 1.0)
    run = simulate_network(
        network, STEPS * DT, inputs=[trains], v_start=network.v_leak, dtype=np.float64, mode="clock"
    )
    for name, (when, who) in nest_spikes().items():
        first, last = where[name]
        mine = (run.neurons >= first) & (run.neurons <= last)
        order = np.lexsort((who, when))
        assert len(when) > 100
        np.testing.assert_array_equal(run.steps[mine], when[order])
        np.testing.assert_array_equal(run.neurons[mine] - first, who[order])
    relayed = (run.neurons >= 14) & (run.neurons <= 18)
    np.testing.assert_array_equal(run.steps[relayed], steps[steps < STEPS - 1] + 1)


@pytest.mark.parametrize("name", ["circuit_config.json", "config.circuit.json"])
def test_a_configuration_under_either_name_gives_the_same(tmp_path: Path, name: str) -> None:
    expected = read_sonata(save(tmp_path))
    nodes, links = (sorted(tmp_path.glob(f"*_{kind}s.h5")) for kind in ("node", "edge"))
    networks = {
        f"{kind}s": [
            {f"{kind}s_file": file.name,
             f"{kind}_types_file": file.name.replace("s.h5", "_types.csv")}
            for file in files
        ]
        for kind, files in (("node", nodes), ("edge", links))
    }  # fmt: skip
    (tmp_path / name).write_text(json.dumps({"networks": networks}))
    found = read_sonata(tmp_path)
    np.testing.assert_array_equal(found.weights, expected.weights)
    assert found.populations == expected.populations


def put(file: str, name: str, value: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        with h5py.File(folder / file, "r+") as opened:
            del opened[name]
            opened[name] = value

    return edit


def end(file: str, name: str, population: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        with h5py.File(folder / file, "r+") as opened:
            opened[name].attrs["node_population"] = population

    return edit


def types(folder: Path) -> None:
    path = folder / "thalamus_node_types.csv"
    path.write_text(path.read_text().replace("point_neuron", "biophysical"))


E, C = "external_cortex_edges.h5", "edges/external_to_cortex"


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (end(E, f"{C}/target_node_id", "external"), "lead to external, which is virtual"),
        (end(E, f"{C}/source_node_id", "retina"), "population retina, which is not read; read are "
                                                  "cortex, external, thalamus"),
        (end(E, f"{C}/source_node_id", ""), "of population none, which is not read"),
        (types, r"thalamus_nodes\.h5: population thalamus is biophysical"),
        (put("external_thalamus_edges.h5", "edges/external_to_thalamus/0/delay",
             np.full(len(edges("external", "thalamus")["pre"]), 0.1)),
         r"delay of 0\.1 ms; the least that is read here is 0\.2 ms: choose a smaller"),
        (lambda folder: [f.unlink() for f in folder.glob("*edges.h5")],
         r"neither circuit_config\.json nor files \*edges\.h5"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named(tmp_path: Path, edit: Any, line: str) -> None:
    edit(save(tmp_path))
    with pytest.raises(InputError, match=line):
        read_sonata(tmp_path)

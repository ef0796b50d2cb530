"""SONATA network files: libsonata reads them, NEST simulates our spikes, all comes back."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.sonata_import import read_sonata
from spiking_bimt.formats.sonata_network import write_network
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.engine import simulate_network
from tests.kernels.networks import random_network

Array = Any
LOADER = Path(__file__).parents[2] / "examples" / "nest_from_sonata.py"


def network_for_nest(seed: int, n: int = 50, unfiltered: float = 0.0) -> SpikingNetwork:
    """Every kind of neuron that iaf_psc_exp has: leaky or not, refractory or not, own delays.

    unfiltered: share of neurons whose synapses have no filter (iaf_psc_delta).
    """
    rng = np.random.default_rng(seed)
    there = rng.random((n, n)) < 0.2
    indices = np.nonzero(there)[1]
    return from_csr(
        np.append(0, np.cumsum(there.sum(1))), indices, 0.2 * rng.normal(size=len(indices)),
        dt=0.1, delays=rng.integers(1, 30, len(indices)), reset="value",
        tau_mem=np.where(rng.random(n) < 0.3, np.inf, rng.uniform(5, 30, n)),
        tau_syn=np.where(np.arange(n) < unfiltered * n, 0.0, rng.uniform(1, 10, n)),
        v_th=rng.uniform(0.5, 1.5, n),
        v_reset=rng.uniform(-0.2, 0.2, n), v_leak=rng.uniform(-0.2, 0.2, n),
        bias=rng.uniform(0, 0.1, n), t_ref=0.1 * rng.integers(0, 30, n),
        tau_syn_negative=np.where(np.arange(n) < unfiltered * n, 0.0, rng.uniform(1, 10, n)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def loader() -> Any:
    """The script of examples/, which needs NEST."""
    pytest.importorskip("nest")
    spec = importlib.util.spec_from_file_location("nest_from_sonata", LOADER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.nest.verbosity = module.nest.VerbosityLevel.ERROR
    return module


@pytest.mark.parametrize(("seed", "unfiltered"), [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.5), (4, 1.0)])
def test_nest_simulates_our_spikes_from_the_files(
    tmp_path: Path, loader: Any, seed: int, unfiltered: float
) -> None:
    network = network_for_nest(seed, unfiltered=unfiltered)
    if unfiltered == 1:
        assert network.delays is not None
        network = replace(network, delays=network.delays - 1)  # delays of 0 steps among them
    write_network(tmp_path / "sonata", network)
    u = np.random.default_rng(seed).random(network.n_neurons)
    start = network.v_reset + u * (network.v_th - network.v_reset)
    ours = simulate_network(network, 500.0, v_start=start, dtype=np.float64, mode="clock")
    steps, neurons = loader.run(tmp_path / "sonata", 500.0, start)
    order = np.lexsort((neurons, steps))
    assert len(ours.steps) > 500
    np.testing.assert_array_equal(steps[order], ours.steps)
    np.testing.assert_array_equal(neurons[order], ours.neurons)


def test_the_loader_refuses_what_nest_has_not(tmp_path: Path, loader: Any) -> None:
    write_network(tmp_path / "sonata", random_network(0))
    with pytest.raises(SystemExit, match="resets to a value, here without a floor"):
        loader.build(tmp_path / "sonata")


def test_a_delay_that_nest_has_not_is_refused(tmp_path: Path) -> None:
    write_network(tmp_path / "sonata", random_network(1, 6, delay=0, tau_syn=np.zeros(6)))
    with pytest.raises(InputError, match=r"a delay onto neuron \d is 0 steps: NEST's least"):
        write_network(tmp_path / "sonata", random_network(1, 6, delay=0))


@pytest.mark.parametrize("seed", range(8))
def test_every_field_but_the_codes_comes_back(tmp_path: Path, seed: int) -> None:
    network = random_network(
        seed, longest_delay=9 if seed % 2 else None, delay=1 + seed, unfiltered=seed > 4
    )
    write_network(tmp_path / "sonata", network)
    back = read_sonata(tmp_path / "sonata")
    for field in fields(network):
        one, two = getattr(back, field.name), getattr(network, field.name)
        if field.name == "delay" and network.delays is not None:
            continue  # unused where every synapse has its own
        np.testing.assert_array_equal(one, two, err_msg=field.name)


def test_libsonata_reads_nodes_and_edges_by_both_indices(tmp_path: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    network = random_network(1, 20, longest_delay=4)
    write_network(tmp_path / "sonata", network)
    assert libsonata.CircuitConfig.from_file(str(tmp_path / "sonata" / "circuit_config.json"))
    storage = libsonata.NodeStorage(str(tmp_path / "sonata" / "nodes.h5"))
    assert storage.population_names == {"neurons", "channels"}
    nodes = storage.open_population("neurons")
    assert nodes.size == 20
    everyone = libsonata.Selection([(0, 20)])
    np.testing.assert_array_equal(
        nodes.get_dynamics_attribute("V_th", everyone), network.v_th.astype(float)
    )
    edges = libsonata.EdgeStorage(str(tmp_path / "sonata" / "edges.h5")).open_population(
        "neurons_neurons"
    )
    assert (edges.source, edges.target) == ("neurons", "neurons")
    source = np.repeat(np.arange(20), np.diff(network.indptr))
    for node in range(20):
        efferent = edges.efferent_edges([node])
        np.testing.assert_array_equal(edges.target_nodes(efferent), network.indices[source == node])
        afferent = edges.afferent_edges([node])
        np.testing.assert_array_equal(
            np.sort(edges.source_nodes(afferent)), source[network.indices == node]
        )
        weights = edges.get_attribute("syn_weight", afferent)
        expected = network.weights[network.indices == node] / network.tau_syn[node].astype(float)
        np.testing.assert_allclose(np.sort(weights), np.sort(expected), rtol=1e-12)


def test_texts_are_of_fixed_length(tmp_path: Path) -> None:
    write_network(tmp_path / "sonata", random_network(1, 20))
    with h5py.File(tmp_path / "sonata" / "edges.h5") as file:
        for name in ("source_node_id", "target_node_id"):
            kind = file["edges/neurons_neurons"][name].attrs.get_id("node_population").dtype
            assert h5py.check_string_dtype(kind).length is not None


def test_a_foreign_network_with_parameters_by_type_is_read(tmp_path: Path) -> None:
    """Two neurons, one edge, all values in type files and a model's JSON, C_m of 2 pF."""
    (tmp_path / "cell.json").write_text(json.dumps(
        {"C_m": 2.0, "tau_m": 10.0, "tau_syn_ex": 3.0, "tau_syn_in": 3.0, "E_L": 0.0,
         "V_th": 1.0, "V_reset": 0.0, "I_e": 0.4}
    ))  # fmt: skip
    (tmp_path / "node_types.csv").write_text(
        "node_type_id model_type dynamics_params\n7 point_neuron cell.json\n"
    )
    (tmp_path / "edge_types.csv").write_text("edge_type_id syn_weight delay\n9 0.5 1.5\n")
    with h5py.File(tmp_path / "nodes.h5", "w") as file:
        file["nodes/cells/node_type_id"] = [7, 7]
    with h5py.File(tmp_path / "edges.h5", "w") as file:
        for name, value in (("source_node_id", 1), ("target_node_id", 0), ("edge_type_id", 9)):
            file[f"edges/all/{name}"] = [value]
        file["edges/all/source_node_id"].attrs["node_population"] = "cells"
    (tmp_path / "circuit_config.json").write_text(json.dumps({"networks": {
        "nodes": [{"nodes_file": "nodes.h5", "node_types_file": "node_types.csv"}],
        "edges": [{"edges_file": "edges.h5", "edge_types_file": "edge_types.csv"}],
    }}))  # fmt: skip
    network = read_sonata(tmp_path, dt=0.5)
    np.testing.assert_array_equal(network.indptr, [0, 0, 1])
    assert network.weights.tolist() == [0.75]  # 0.5 pA / 2 pF for 3 ms
    assert network.delays is not None
    assert network.delays.tolist() == [3]
    np.testing.assert_allclose(network.bias, 0.2)
    with pytest.raises(InputError, match=r"1\.5 ms is not a multiple of dt 0\.4 ms"):
        read_sonata(tmp_path, dt=0.4)


def remove(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Any:
    def edit(folder: Path) -> None:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])

    return edit


def put(name: str, path: str, value: Any) -> Any:
    def edit(folder: Path) -> None:
        with h5py.File(folder / name, "r+") as file:
            old = dict(file[path].attrs)
            del file[path]
            file[path] = value
            file[path].attrs.update(old)

    return edit


EDGES = "edges/neurons_neurons"


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (remove("nodes.h5"), r"nodes\.h5 does not exist"),
        (remove("circuit_config.json"), r"circuit_config\.json does not exist"),
        (remove("edge_types.csv"), r"edge_types\.csv does not exist"),
        (cut("nodes.h5"), r"nodes\.h5 is not a readable HDF5 file"),
        (cut("circuit_config.json"), r"circuit_config\.json is not valid JSON"),
        (put("edges.h5", f"{EDGES}/target_node_id", [99]), r"target_node_id must be .* 0\.\.19"),
        (put("edges.h5", f"{EDGES}/0/syn_weight", [1.0]), "syn_weight of group 0 has 1 values"),
        (put("nodes.h5", "nodes/neurons/0/x", np.full(20, np.nan)), "positions.* is nan"),
        (put("nodes.h5", "nodes/neurons/0/y", np.full(20, 1e12)), "positions.* no whole number"),
        (put("nodes.h5", "nodes/neurons/0/dynamics_params/V_th", np.full(20, np.nan)),
         r"v_th\[0\] is nan"),
        (put("nodes.h5", "nodes/neurons/0/dynamics_params/tau_syn_in", np.zeros(20)),
         r"tau_syn_in is 0\.0 ms: iaf_psc_exp has one above 0"),
        (lambda folder: (folder / "circuit_config.json").write_text("[]"), "not a SONATA circuit"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused_by_name(tmp_path: Path, edit: Any, line: str) -> None:
    write_network(tmp_path / "sonata", random_network(1, 20, longest_delay=4))
    edit(tmp_path / "sonata")
    with pytest.raises(InputError, match=line):
        read_sonata(tmp_path / "sonata")


@pytest.mark.parametrize("name", ["edges.h5", "nodes.h5", "circuit_config.json"])
def test_flipped_bytes_never_raise_anything_but_one_line(tmp_path: Path, name: str) -> None:
    write_network(tmp_path / "sonata", random_network(1, 12, longest_delay=3))
    path, rng = tmp_path / "sonata" / name, np.random.default_rng(0)
    whole = path.read_bytes()
    lines = []
    for _ in range(100):
        image = bytearray(whole)
        image[rng.integers(len(image))] ^= int(rng.integers(1, 256))
        path.write_bytes(image)
        try:
            read_sonata(tmp_path / "sonata")
        except InputError as error:
            lines.append(str(error))
    assert len(lines) > 5
    assert all("\n" not in line for line in lines)


def test_the_example_runs_as_a_script(tmp_path: Path) -> None:
    pytest.importorskip("nest")
    write_network(tmp_path / "sonata", network_for_nest(0))
    done = subprocess.run(
        [sys.executable, LOADER, tmp_path / "sonata", "--ms", "200"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.search(r"\d+ spikes of \d+ neurons in 200 ms", done.stdout)

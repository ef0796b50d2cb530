"""Circuits of other tools, as the SONATA guide defines them: read exactly, or refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.sonata_import import read_sonata

DYNAMICS = {"C_m": 1.0, "tau_m": 10.0, "tau_syn_ex": 5.0, "tau_syn_in": 5.0, "E_L": 0.0,
            "V_th": 1.0, "V_reset": 0.0, "t_ref": 0.0, "I_e": 0.0}  # fmt: skip
Edit = Callable[[h5py.File], None]


def circuit(
    folder: Path,
    *,
    neuron: str = "nest:iaf_psc_exp",
    synapse: str = "static_synapse",
    model: dict[str, float] | None = None,
    synapse_model: str = "NULL",
    ends: tuple[list[int], list[int]] = ([0, 1, 2], [1, 2, 3]),
    nodes: Edit = lambda _file: None,
    edges: Edit = lambda _file: None,
    manifest: dict[str, str] | None = None,
    prefix: str = "$BASE_DIR/",
) -> Path:
    """Four neurons with I_e .1 .2 .3 .4 in a chain of weights 1 2 3 pA, 1 ms away."""
    (folder / "cell.json").write_text(json.dumps(DYNAMICS | (model or {})))
    (folder / "node_types.csv").write_text(
        f"node_type_id model_type model_template dynamics_params\n"
        f"100 point_neuron {neuron} cell.json\n"
    )
    (folder / "edge_types.csv").write_text(
        f"edge_type_id delay model_template dynamics_params\n100 1.0 {synapse} {synapse_model}\n"
    )
    with h5py.File(folder / "nodes.h5", "w") as file:
        group = members(file.create_group("nodes/cells"), "node", 4)
        group["node_id"] = np.arange(4)
        group["0/dynamics_params/I_e"] = [0.1, 0.2, 0.3, 0.4]
        nodes(file)
    with h5py.File(folder / "edges.h5", "w") as file:
        group = members(file.create_group("edges/cells_cells"), "edge", 3)
        for name, ids in zip(("source_node_id", "target_node_id"), ends, strict=True):
            group[name] = ids
            group[name].attrs["node_population"] = "cells"
        group["0/syn_weight"] = [1.0, 2.0, 3.0]
        edges(file)
    networks = {kind: [{f"{kind}_file": f"{prefix}{kind}.h5",
                        f"{kind[:-1]}_types_file": f"{prefix}{kind[:-1]}_types.csv"}]
                for kind in ("nodes", "edges")}  # fmt: skip
    (folder / "circuit_config.json").write_text(json.dumps({
        "manifest": {"$BASE_DIR": "."} if manifest is None else manifest,
        "components": {"point_neuron_models_dir": prefix, "synaptic_models_dir": prefix},
        "networks": networks,
    }))  # fmt: skip
    return folder


def members(group: h5py.Group, kind: str, n: int) -> h5py.Group:
    group[f"{kind}_type_id"] = np.full(n, 100)
    group[f"{kind}_group_id"] = np.zeros(n, int)
    group[f"{kind}_group_index"] = np.arange(n)
    return group


def put(name: str, value: Any) -> Edit:
    """Replaces or adds a dataset of the only population."""

    def edit(file: h5py.File) -> None:
        root = next(iter(file.values()))
        group = next(iter(root.values()))
        if name in group:
            group[name][...] = value
        else:
            group[name] = value

    return edit


def weights(network: SpikingNetwork) -> list[tuple[int, int, float]]:
    """(source, target, weight) of every synapse; 1 pA for 5 ms is 5 v."""
    source = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    return [(int(a), int(b), float(w) / 5)
            for a, b, w in zip(source, network.indices, network.weights, strict=True)]  # fmt: skip


CHAIN = [(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0)]
BIAS = [0.1, 0.2, 0.3, 0.4]


def second_group(file: h5py.File) -> None:
    put("node_group_id", [0, 0, 1, 1])(file)
    put("node_group_index", [0, 1, 0, 1])(file)
    put("1/dynamics_params/I_e", [0.7, 0.8])(file)


def other_group(kind: str) -> Edit:
    def edit(file: h5py.File) -> None:
        group = next(iter(next(iter(file.values())).values()))
        group[f"{kind}_group_id"][...] = 5
        group.move("0", "5")

    return edit


@pytest.mark.parametrize(
    ("given", "bias", "chain"),
    [
        ({}, BIAS, CHAIN),
        ({"nodes": put("node_id", [3, 1, 0, 2])}, [0.3, 0.2, 0.4, 0.1], CHAIN),
        ({"nodes": put("node_id", [10, 11, 12, 13]), "ends": ([10, 11, 12], [11, 12, 13])},
         BIAS, CHAIN),
        ({"nodes": put("node_group_index", [3, 2, 1, 0])}, BIAS[::-1], CHAIN),
        ({"nodes": second_group}, [0.1, 0.2, 0.7, 0.8], CHAIN),
        ({"nodes": other_group("node")}, BIAS, CHAIN),
        ({"edges": other_group("edge")}, BIAS, CHAIN),
        ({"edges": put("edge_group_index", [2, 1, 0])}, BIAS,
         [(0, 1, 3.0), (1, 2, 2.0), (2, 3, 1.0)]),
        ({"edges": put("0/nsyns", np.array([1, 4, 10], np.uint8))}, BIAS,
         [(0, 1, 1.0), (1, 2, 8.0), (2, 3, 30.0)]),
        ({"model": {"rho": 0.01, "delta": 0.0}}, BIAS, CHAIN),
        ({"manifest": {"$ROOT": ".", "$BASE_DIR": "$ROOT"}}, BIAS, CHAIN),
        ({"manifest": {"$BASE_DIR": "${ROOT}", "${ROOT}": "."}, "prefix": "${BASE_DIR}/"}, BIAS,
         CHAIN),
    ],
)  # fmt: skip
def test_ids_groups_and_variables_mean_what_the_guide_says(
    tmp_path: Path, given: dict[str, Any], bias: list[float], chain: list[Any]
) -> None:
    network = read_sonata(circuit(tmp_path, **given))
    np.testing.assert_array_equal(network.bias, np.array(bias, np.float32))
    assert weights(network) == chain


@pytest.mark.parametrize(
    ("given", "line"),
    [
        *(({"neuron": name}, rf"nodes\.h5: model_template of the neurons of type 100 is {name}")
          for name in ("nest:iaf_psc_alpha", "nest:iaf_cond_exp", "nrn:IntFire1", "NULL")),
        ({"synapse": "stdp_synapse"}, r"edges\.h5: model_template of the edges .* is stdp_synapse"),
        ({"model": {"delta": 0.3}}, r"cell\.json: delta is 0\.3, which no neuron or synapse"),
        ({"model": {"tau_w": 100.0}}, r"cell\.json: tau_w is 100\.0"),
        ({"synapse_model": "syn.json"}, r"syn\.json: receptor_type is 2"),
        ({"nodes": put("0/dynamics_params/tau_minus", [1.0] * 4)}, "dynamics_params/tau_minus is"),
        ({"edges": put("0/receptor_type", [1, 1, 1])}, "edges have receptor_type"),
        ({"edges": put("0/dynamics_params/U", [1.0] * 3)}, "edges have dynamics_params/U"),
        ({"nodes": put("node_id", [1, 1, 2, 3])}, "node_id of cells must be 4 different"),
        ({"ends": ([0, 1, 9], [1, 2, 3])}, r"source_node_id must be .* in 0\.\.3 .*: 9 is none"),
        ({"nodes": put("node_group_index", [0, 1, 2, 4])}, "I_e of group 0 has 4 values"),
        ({"edges": put("edge_group_id", [0, 0, 1])}, "syn_weight of the edges is given nowhere"),
        ({"manifest": {}}, r"\$BASE_DIR of .* is not in the manifest"),
        ({"manifest": {"$BASE_DIR": "$A", "$A": "$BASE_DIR"}}, "names itself"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_by_name(
    tmp_path: Path, given: dict[str, Any], line: str
) -> None:
    (tmp_path / "syn.json").write_text(json.dumps({"receptor_type": 2}))
    circuit(tmp_path, **given)
    with pytest.raises(InputError, match=line) as error:
        read_sonata(tmp_path)
    assert "\n" not in str(error.value)


def test_files_outside_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "circuit"
    folder.mkdir()
    circuit(folder)
    (tmp_path / "cell.json").write_text(json.dumps(DYNAMICS))
    config, types = folder / "circuit_config.json", folder / "node_types.csv"
    whole, rows = config.read_text(), types.read_text()
    outside = "lies outside .*circuit, in which a circuit's files must be: copy it there"
    for given in ("../edges.h5", str(tmp_path / "edges.h5")):
        config.write_text(whole.replace("$BASE_DIR/edges.h5", given))
        with pytest.raises(InputError, match=rf"edges\.h5 {outside}"):
            read_sonata(folder)
    config.write_text(whole)
    types.write_text(rows.replace("cell.json", "../cell.json"))
    with pytest.raises(InputError, match=rf"cell\.json {outside}"):
        read_sonata(folder)
    types.write_text(rows)
    (folder / "cell.json").unlink()
    (folder / "cell.json").symlink_to(tmp_path / "cell.json")
    with pytest.raises(InputError, match=rf"cell\.json {outside}"):
        read_sonata(folder)


def test_the_earlier_name_of_point_neurons_is_read(tmp_path: Path) -> None:
    """As in published examples of the guide, whose model is then what stands against them."""
    circuit(tmp_path)
    types = tmp_path / "node_types.csv"
    types.write_text(types.read_text().replace("point_neuron", "point_process"))
    assert read_sonata(tmp_path).n_neurons == 4
    types.write_text(types.read_text().replace("iaf_psc_exp", "iaf_psc_alpha"))
    with pytest.raises(InputError, match=r"model_template of .* is nest:iaf_psc_alpha"):
        read_sonata(tmp_path)


def test_an_unknown_population_is_named(tmp_path: Path) -> None:
    def edit(file: h5py.File) -> None:
        file["edges/cells_cells/source_node_id"].attrs["node_population"] = "other"

    with pytest.raises(InputError, match="sources of edges cells_cells are of population other"):
        read_sonata(circuit(tmp_path, edges=edit))


def test_marks_a_simulations_configuration_and_arrays_of_a_text_are_read(tmp_path: Path) -> None:
    def edit(file: h5py.File) -> None:
        for name in ("source_node_id", "target_node_id"):
            file["edges/cells_cells"][name].attrs["node_population"] = np.array(
                ["cells"], dtype=h5py.string_dtype()
            )

    circuit(tmp_path, edges=edit)
    for name in ("circuit_config.json", "cell.json", "node_types.csv", "edge_types.csv"):
        path = tmp_path / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    simulation = {"network": "$HERE/circuit_config.json", "manifest": {"$HERE": "."}}
    (tmp_path / "simulation_config.json").write_text(json.dumps(simulation))
    assert weights(read_sonata(tmp_path / "simulation_config.json")) == CHAIN

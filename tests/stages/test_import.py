"""Networks of other tools are imported, go the whole way, or are refused in one line."""

import json
from importlib import resources
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import sparse

from spiking_bimt.data import hashed, store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.npz import read_npz
from spiking_bimt.stages.convert import convert
from spiking_bimt.stages.export import export
from spiking_bimt.stages.import_network import import_network
from spiking_bimt.stages.verify import verify
from tests.formats.test_sonata_circuits import circuit
from tests.stages.test_formats import ALL, call, spread_loihi


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a trained network."""
    folder = tmp_path / "run"
    folder.mkdir()
    bundled = (resources.files("spiking_bimt.bundle") / "bimt.h5").read_bytes()
    (folder / "rate.h5").write_bytes(bundled)
    convert(folder, trials=1)
    return folder


def npz(path: Path, seed: int = 0, n: int = 40) -> Path:
    rng = np.random.default_rng(seed)
    matrix = sparse.random_array((n, n), density=0.1, rng=rng, format="csr")
    sparse.save_npz(path, 0.3 * matrix)
    return path


def test_a_matrix_of_another_tool_is_placed_simulated_exported_and_verified(
    tmp_path: Path,
) -> None:
    pytest.importorskip("nir")
    pytest.importorskip("sanafe")
    run = tmp_path / "run"
    args = ["--dt", "0.5", "--tau-mem", "15", "--bias", "0.08"]
    code, _, stderr = call("import", npz(tmp_path / "w.npz"), run, *args)
    assert (code, stderr) == (0, "")
    assert call("place", run, "--chip", spread_loihi(tmp_path))[0] == 0
    code, stdout, _ = call("simulate", run, "--json")
    assert code == 0
    simulated = json.loads(stdout)
    assert simulated["spikes"] > 500
    assert simulated["accuracy"] is None
    for shown in (["simulate", run], ["export", run, "--format", ",".join(ALL), "--lossy"]):
        code, stdout, stderr = call(*shown)
        assert (code, stderr) == (0, ""), stderr
    result = verify(run, trials=2)
    assert [row["format"] for row in result["checks"]] == list(ALL)
    assert not any(row["found"].startswith("0 spikes") for row in result["checks"])
    assert call("verify", run / "tiles.h5")[0] == 0
    assert "with their dynamics" in call("export", run, "--format", "sanafe")[1]


def test_an_exported_folder_is_read_as_it_was_written_or_with_force(tmp_path: Path) -> None:
    import_network(npz(tmp_path / "w.npz"), tmp_path / "run")
    export(tmp_path / "run", ("sonata",))
    folder = tmp_path / "run" / "sonata"
    with h5py.File(folder / "edges.h5", "r+") as file:
        weights = file["edges/neurons_neurons/0/syn_weight"]
        weights[0] = weights[0] * 2
    for file in (folder, folder / "circuit_config.json"):
        code, _, stderr = call("import", file, tmp_path / "new")
        assert code == 2
        assert stderr.endswith("move it away; or take the folder with --force\n")
        assert not (tmp_path / "new" / "network.h5").exists()
    assert call("import", folder, tmp_path / "new", "--force")[0] == 0


def test_nir_and_sonata_come_back_as_runs(tmp_path: Path) -> None:
    pytest.importorskip("nir")
    import_network(npz(tmp_path / "w.npz"), tmp_path / "a", bits=None, bias=0.1)
    assert export(tmp_path / "a", ("nir", "sonata"), lossy=True)["sonata"]["lost"] == "nothing"
    first = store.load(tmp_path / "a" / "network.h5", SpikingNetwork)
    for file in (tmp_path / "a" / "network.nir", tmp_path / "a" / "sonata"):
        run = tmp_path / file.name
        import_network(file, run, bits=None)
        second = store.load(run / "network.h5", SpikingNetwork)
        for field in ("indptr", "indices", "weights", "tau_mem", "tau_syn", "bias", "v_th"):
            np.testing.assert_array_equal(getattr(first, field), getattr(second, field))


def test_every_file_that_was_read_is_kept_by_its_hash(tmp_path: Path) -> None:
    """Also those that a configuration names; the file's name is kept for advice."""
    files = circuit(tmp_path)
    import_network(files / "circuit_config.json", tmp_path / "run", dt=0.1)
    made = store.provenance(tmp_path / "run" / "network.h5", "SpikingNetwork")
    assert made.settings["file"] == "circuit_config.json"
    names = ("cell.json", "circuit_config.json", "edge_types.csv", "edges.h5", "node_types.csv",
             "nodes.h5")  # fmt: skip
    assert made.inputs == {name: store.sha256(files / name) for name in names}


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = npz(tmp_path / "w.npz")
    with hashed.noting() as read:
        read_npz(path)
    assert read.hashes(path) == {"w.npz": store.sha256(path)}
    npz(path, seed=1)
    with pytest.raises(InputError, match=r"w\.npz was changed after it was read: run the command"):
        read.hashes(path)


def test_parallel_synapses_are_merged(tmp_path: Path) -> None:
    matrix = sparse.coo_array(([0.5, 0.25, 1.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    sparse.save_npz(tmp_path / "w.npz", matrix)
    import_network(tmp_path / "w.npz", tmp_path / "run", bits=None)
    network = store.load(tmp_path / "run" / "network.h5", SpikingNetwork)
    assert network.weights.tolist() == [0.75, 1.0]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("w.npz", None, r"w\.npz does not exist"),
        ("w.npz", b"PK", r"w\.npz is not a matrix of scipy\.sparse\.save_npz: damaged or foreign"),
        ("w.txt", b"1", r"w\.txt is of an unknown format; known: NIR \(\.nir\), SONATA"),
        ("w.nir", b"1", r"w\.nir is not a readable NIR file"),
        ("w.json", b"{}", r"w\.json names no networks with nodes and edges"),
    ],
)
def test_foreign_files_are_not_imported(
    tmp_path: Path, name: str, content: bytes | None, line: str
) -> None:
    pytest.importorskip("nir")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=line):
        import_network(tmp_path / name, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_bad_matrices_and_a_trained_run_are_refused(run: Path, tmp_path: Path) -> None:
    sparse.save_npz(tmp_path / "wide.npz", sparse.csr_array(np.ones((2, 3))))
    with pytest.raises(InputError, match=r"wide\.npz: matrix has shape \(2, 3\): a network"):
        import_network(tmp_path / "wide.npz", tmp_path / "new")
    sparse.save_npz(tmp_path / "nan.npz", sparse.csr_array(np.full((2, 2), np.nan)))
    with pytest.raises(InputError, match=r"nan\.npz: .*weights\[0\] is nan"):
        import_network(tmp_path / "nan.npz", tmp_path / "new")
    before = (run / "network.h5").read_bytes()
    with pytest.raises(InputError, match="holds a trained network: choose another folder"):
        import_network(npz(tmp_path / "w.npz"), run)
    assert (run / "network.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--t-ref", "0.15"], "t_ref of neuron 0 is 0.15"),
        (["--delay", "99999999999"], "the most is 10000"),
        (["--dt", "1e-12"], "the least is 0.0001"),
    ],
)
def test_times_that_cannot_be_simulated_are_not_imported(
    tmp_path: Path, options: list[str], line: str
) -> None:
    code, _, stderr = call("import", npz(tmp_path / "w.npz"), tmp_path / "run", *options)
    assert code == 2
    assert line in stderr
    assert not (tmp_path / "run").exists()


def test_weights_that_overflow_are_one_line(tmp_path: Path) -> None:
    sparse.save_npz(tmp_path / "w.npz", sparse.csr_array(np.array([[0.0, 1e300], [1.0, 0.0]])))
    code, _, stderr = call("import", tmp_path / "w.npz", tmp_path / "run")
    assert code == 2
    assert "w.npz: SpikingNetwork.weights[0] is 1e+300: too large for float32" in stderr
    assert stderr.count("\n") == 1


def test_stages_of_a_rate_network_refuse_an_imported_one(tmp_path: Path) -> None:
    import_network(npz(tmp_path / "w.npz"), tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    for args in (["convert"], ["train"], ["demo", "--out"]):
        code, stdout, stderr = call(*args, tmp_path / "run")
        assert (code, stdout) == (2, "")
        assert "holds a" in stderr
        assert stderr.count("\n") == 1
    after = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert after | {"config.toml": b""} == before | {"config.toml": b""}


@pytest.mark.filterwarnings("always::spiking_bimt.errors.ReadWarning")
def test_a_readers_own_step_is_taken_from_nir_alone(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    one = np.ones(3)
    graph = nir.NIRGraph.from_list(
        nir.Linear(40 * np.ones((3, 2))), nir.LIF(5e-4 * one, one, 0 * one, one)
    )
    nir.write(tmp_path / "g.nir", graph)
    code, _, stderr = call("import", tmp_path / "g.nir", tmp_path / "exact")
    assert (code, stderr.count("\n")) == (0, 1)
    assert "a time constant of lif is 5 steps of 0.1 ms" in stderr
    code, _, stderr = call("import", tmp_path / "g.nir", tmp_path / "euler", "--step", "euler")
    assert (code, stderr) == (0, "")
    network = store.load(tmp_path / "euler" / "network.h5", SpikingNetwork)
    np.testing.assert_allclose(np.exp(-0.1 / network.tau_mem), 0.8, rtol=1e-6)
    with pytest.raises(InputError, match=r"w\.npz is npz, whose readers have no step of their own"):
        import_network(npz(tmp_path / "w.npz"), tmp_path / "third", step="euler")

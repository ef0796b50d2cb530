"""NIR graphs of other tools: nothing of them is lost without a word."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_import import read_nir

nir = pytest.importorskip("nir")
W = np.array([[1.0, 0.5], [0.2, 1.0], [0.7, 0.7]])


def cuba(n: int, v_threshold: float = 1.0) -> Any:
    full = {"tau_mem": 0.02, "tau_syn": 0.005, "r": 1.0, "w_in": 1.0, "v_leak": 0.0,
            "v_threshold": v_threshold, "v_reset": 0.0}  # fmt: skip
    return nir.CubaLIF(**{name: np.full(n, value) for name, value in full.items()})


def read(
    folder: Path, nodes: dict[str, Any], edges: list[tuple[str, str]], dt: float | None = None,
    **options: Any,
) -> Any:  # fmt: skip
    path = folder / "g.nir"
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=edges, **options))
    return read_nir(path, dt=dt)


def plain(name: str = "input") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Two channels onto three neurons."""
    nodes = {name: nir.Input({"input": np.array([2])}), "fc": nir.Linear(W), "lif": cuba(3),
             "output": nir.Output({"output": np.array([3])})}  # fmt: skip
    return nodes, [(name, "fc"), ("fc", "lif"), ("lif", "output")]


def test_a_dot_in_a_name_is_no_nesting(tmp_path: Path) -> None:
    one = read(tmp_path, *plain())
    two = read(tmp_path, *plain("sensor.input"))
    assert one.n_inputs == two.n_inputs == 2
    np.testing.assert_array_equal(one.in_weights, two.in_weights)


def test_a_readout_is_refused_by_name(tmp_path: Path) -> None:
    nodes, edges = plain()
    nodes |= {"ro": nir.Affine(np.ones((2, 3)), np.ones(2)),
              "output": nir.Output({"output": np.array([2])})}  # fmt: skip
    edges = [*edges[:2], ("lif", "ro"), ("ro", "output")]
    with pytest.raises(InputError, match=r"node ro \(Affine\) feeds no neurons; a readout"):
        read(tmp_path, nodes, edges)


def test_populations_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = ["lif1", "lif2", "lif10"]
    nodes: dict[str, Any] = {name: nir.Linear(np.eye(1)) for name in ("fc", "a", "b")}
    nodes |= {"input": nir.Input({"input": np.array([1])}),
              "output": nir.Output({"output": np.array([1])})}  # fmt: skip
    nodes |= {name: cuba(1, float(name[3:])) for name in names}
    way = ["input", "fc", "lif1", "a", "lif2", "b", "lif10", "output"]
    network = read(tmp_path, nodes, list(itertools.pairwise(way)))
    assert network.v_th.tolist() == [1.0, 2.0, 10.0]
    assert network.populations == (("lif1", 0, 0), ("lif2", 1, 1), ("lif10", 2, 2))


@pytest.mark.parametrize(("unit", "known"), [("s", True), ("seconds", True), ("ms", False)])
def test_a_unit_of_time_other_than_seconds_is_refused(
    tmp_path: Path, unit: str, known: bool
) -> None:
    nodes, edges = plain()
    if known:
        assert read(tmp_path, nodes, edges, metadata={"time_unit": unit}).tau_mem[0] == 20.0
        return
    with pytest.raises(InputError, match="time_unit in its metadata is 'ms'; read are seconds"):
        read(tmp_path, nodes, edges, metadata={"time_unit": unit})


def test_units_of_nodes_and_a_step_of_unknown_unit_are_refused(tmp_path: Path) -> None:
    nodes, edges = plain()
    with pytest.raises(InputError, match="units/tau in its metadata is 'ms'"):
        read(tmp_path, nodes, edges, metadata={"units": {"tau": "ms"}})
    nodes["lif"].metadata = {"tau_unit": "ms"}
    with pytest.raises(InputError, match="tau_unit in the metadata of lif is 'ms'"):
        read(tmp_path, nodes, edges)
    nodes["lif"].metadata = {}
    with pytest.raises(InputError, match=r"say dt is 0\.001, in a unit that NIR does not define"):
        read(tmp_path, nodes, edges, metadata={"dt": 1e-3})
    assert read(tmp_path, nodes, edges, metadata={"dt": 1e-3}, dt=0.5).dt == 0.5


def test_shapes_are_our_own_check(tmp_path: Path) -> None:
    """A batch axis in the Input, as Rockpool writes it, is read; sizes that do not fit are not."""
    nodes, edges = plain()
    nodes["input"] = nir.Input({"input": np.array([1, 2])})
    assert read(tmp_path, nodes, edges, type_check=False).n_inputs == 2
    nodes["input"] = nir.Input({"input": np.array([3])})
    with pytest.raises(InputError, match=r"fc \(Linear\) has 2 inputs"):
        read(tmp_path, nodes, edges, type_check=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_file_of_rockpool_is_read(tmp_path: Path) -> None:
    pytest.importorskip("rockpool")
    torch = pytest.importorskip("torch")
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules import LIFTorch, LinearTorch
    from rockpool.nn.modules.torch.nir import to_nir

    weight = 400 * torch.rand(2, 3, generator=torch.Generator().manual_seed(0))
    lif = LIFTorch((3, 3), tau_mem=0.02, tau_syn=0.01, dt=1e-3)
    nir.write(tmp_path / "r.nir", to_nir(Sequential(LinearTorch((2, 3), weight=weight), lif)))
    network = read_nir(tmp_path / "r.nir")
    assert (network.n_neurons, network.n_inputs) == (3, 2)
    np.testing.assert_allclose(network.tau_syn, 10.0)


def test_an_edge_to_no_node_is_refused(tmp_path: Path) -> None:
    nodes, edges = plain()
    with pytest.raises(InputError, match="an edge names gone, which is no node"):
        read(tmp_path, nodes, [*edges, ("gone", "fc")], type_check=False)

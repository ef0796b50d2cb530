"""Nodes of NIR as exact cases of our model: linear ones against torch, readouts, delays."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiking_bimt.errors import InputError, ReadWarning
from spiking_bimt.formats.nir_export import STEP
from spiking_bimt.formats.nir_import import read_nir
from spiking_bimt.formats.nir_linear import map_of
from spiking_bimt.simulation.engine import simulate_network

nir = pytest.importorskip("nir")

Array = Any


def lif(n: int, kind: str = "LIF", **changes: Any) -> Any:
    values = {"tau": 0.02, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | changes
    return getattr(nir, kind)(**{name: np.full(n, float(v)) for name, v in values.items()})


def read_chain(folder: Path, *nodes: Any, **options: Any) -> Any:
    """The network of Input -> n0 -> n1 -> .. -> Output; nodes are named by their place."""
    first = np.array(next(iter(nodes[0].input_type.values())))
    last = np.array(next(iter(nodes[-1].output_type.values())))
    named = {"input": nir.Input({"input": first})}
    named |= {f"n{i}": node for i, node in enumerate(nodes)}
    named["output"] = nir.Output({"output": last})
    edges = list(itertools.pairwise(named))
    graph = nir.NIRGraph(nodes=named, edges=edges, type_check=False)
    nir.write(folder / "g.nir", graph)
    return read_nir(folder / "g.nir", **options)


def test_an_input_may_feed_neurons_itself(tmp_path: Path) -> None:
    network = read_chain(tmp_path, lif(3, r=40.0))
    np.testing.assert_array_equal(network.in_indices, [0, 1, 2])
    np.testing.assert_allclose(network.in_weights, 40 / 20)  # v per ms: r / tau
    assert not network.tau_syn.any()


def test_a_chain_is_the_product_of_its_nodes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, second, scale = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=4)
    bias = rng.normal(size=4)
    network = read_chain(
        tmp_path, lif(3), nir.Affine(first, bias), nir.Scale(scale),
        nir.Flatten({"input": np.array([4])}, 0, -1), nir.Linear(second), lif(2, r=3.0),
    )  # fmt: skip
    dense = np.zeros((5, 5))
    source = np.repeat(np.arange(5), np.diff(network.indptr))
    dense[network.indices, source] = network.weights
    product = second @ np.diag(scale) @ first
    np.testing.assert_allclose(dense[3:, :3], product * 3.0 / 0.02 * STEP, rtol=1e-5)
    assert not dense[:3].any()
    np.testing.assert_allclose(network.bias[3:], second @ (scale * bias) * 3 / 20, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), groups=st.sampled_from([1, 2]), axes=st.sampled_from([1, 2]),
    kernel=st.integers(1, 3), stride=st.integers(1, 3), dilation=st.integers(1, 2),
    padding=st.integers(0, 2) | st.sampled_from(["same", "valid"]), size=st.integers(5, 8),
)  # fmt: skip
def test_a_convolution_is_torchs(
    seed: int, groups: int, axes: int, kernel: int, stride: int, dilation: int,
    padding: int | str, size: int,
) -> None:  # fmt: skip
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    stride = 1 if padding == "same" else stride
    weight = rng.normal(size=(4, 2, *(kernel,) * axes))
    bias, image = rng.normal(size=4), rng.normal(size=(2 * groups, *range(size, size + axes)))
    node = getattr(nir, f"Conv{axes}d")(
        None, weight, stride if axes == 1 else (stride,) * axes,
        padding if isinstance(padding, str) or axes == 1 else (padding,) * axes,
        dilation if axes == 1 else (dilation,) * axes, groups, bias,
    )  # fmt: skip
    made = map_of("node", node, f"Conv{axes}d", image.shape)
    convolve = getattr(torch.nn.functional, f"conv{axes}d")
    expected = convolve(
        *(torch.tensor(part) for part in (image[None], weight, bias)), stride, padding, dilation,
        groups,
    )[0].numpy()  # fmt: skip
    assert made.shape == expected.shape
    np.testing.assert_allclose(made.matrix @ image.ravel() + made.bias, expected.ravel(), atol=1e-9)


@pytest.mark.parametrize("kind", ["SumPool2d", "AvgPool2d"])
def test_a_pool_is_torchs(kind: str) -> None:
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(1).normal(size=(3, 7, 6))
    pair = [np.array(v) for v in ((3, 2), (2, 2), (1, 1))]
    made = map_of("node", getattr(nir, kind)(*pair), kind, image.shape)
    expected = torch.nn.functional.avg_pool2d(torch.tensor(image), (3, 2), (2, 2), (1, 1)).numpy()
    factor = 6 if kind == "SumPool2d" else 1
    np.testing.assert_allclose(made.matrix @ image.ravel(), factor * expected.ravel(), atol=1e-12)


def test_a_convolution_is_written_out_and_its_size_told(tmp_path: Path) -> None:
    conv = nir.Conv2d((6, 6), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2))
    with pytest.warns(ReadWarning, match=r"node n1 \(Conv2d\) is written out as 288 synapses"):
        network = read_chain(tmp_path, lif(36), conv, lif(32))
    assert len(network.indices) == 2 * 16 * 9


def test_a_convolution_too_large_is_refused_with_its_size(tmp_path: Path) -> None:
    conv = nir.Conv2d((512, 512), np.ones((64, 1, 5, 5)), 1, 2, 1, 1, np.zeros(64))
    with pytest.raises(InputError, match=r"n0 \(Conv2d\) written out has 419,430,400 synapses"):
        read_chain(tmp_path, conv, lif(4))


def test_delays_are_those_of_the_synapses(tmp_path: Path) -> None:
    delay = nir.Delay(np.array([0.0, 3e-4, 12e-4]))
    network = read_chain(tmp_path, lif(3), delay, nir.Linear(np.ones((2, 3))), lif(2))
    source = np.repeat(np.arange(5), np.diff(network.indptr))
    np.testing.assert_array_equal(network.delays, np.array([0, 3, 12])[source])
    with pytest.raises(InputError, match=r"n1 \(Delay\) delays by 0\.3 ms, no multiple of the"):
        read_chain(tmp_path, lif(3), delay, nir.Linear(np.ones((2, 3))), lif(2), dt=0.2)


def test_a_leaky_readout_is_the_readouts_filter(tmp_path: Path) -> None:
    """The outputs are LI's own equation on the spikes that fell: a jump each, then a decay."""
    rng = np.random.default_rng(2)
    weight, bias = rng.normal(size=(2, 3)), rng.normal(size=2)
    li = nir.LI(tau=np.full(2, 0.03), r=np.full(2, 2.0), v_leak=np.full(2, 0.5))
    drive = nir.Affine(np.zeros((3, 1)), np.array([3.0, 2.0, 1.5]))
    network = read_chain(tmp_path, drive, lif(3), nir.Affine(weight, bias), li)
    run = simulate_network(network, 200.0, v_start=np.zeros(3))
    assert len(run.neurons) > 20
    age = 0.2 - (run.steps + 1) * network.dt / 1000
    trace = np.bincount(run.neurons, np.exp(-age / 0.03), 3)
    expected = 2 / 0.03 * STEP * weight @ trace + 0.5 + 2 * bias
    ours = network.w_out @ np.bincount(run.neurons, np.exp(-1000 * age / network.tau_out), 3)
    np.testing.assert_allclose(ours + network.b_out, expected, rtol=1e-4)


def test_an_li_before_a_lif_is_the_filter_of_its_synapses(tmp_path: Path) -> None:
    weight = np.array([[3.0, -1.0], [0.5, 2.0]])
    li = nir.LI(tau=np.full(2, 0.004), r=np.full(2, 7.0), v_leak=np.zeros(2))
    filtered = read_chain(tmp_path, lif(2), nir.Linear(weight), li, lif(2, r=2.0))
    cuba = nir.CubaLIF(
        tau_mem=np.full(2, 0.02), tau_syn=np.full(2, 0.004), r=np.full(2, 2.0),
        v_leak=np.zeros(2), v_threshold=np.ones(2), w_in=np.full(2, 7.0),
    )  # fmt: skip
    same = read_chain(tmp_path, lif(2), nir.Linear(weight), cuba)
    for field in ("weights", "indices", "tau_syn", "tau_mem", "v_th", "bias"):
        np.testing.assert_allclose(getattr(filtered, field), getattr(same, field), rtol=1e-6)
    assert filtered.tau_syn.tolist() == [0, 0, 4, 4]


def test_spikes_onto_a_lif_move_it_at_once(tmp_path: Path) -> None:
    """The closed form: jumps of r W STEP / tau that decay with the membrane."""
    drive = nir.Affine(np.zeros((1, 1)), np.array([1.5]))
    target = lif(1, r=100.0, v_threshold=50.0)
    network = read_chain(tmp_path, drive, lif(1), nir.Linear(np.array([[0.7]])), target)
    run = simulate_network(network, 100.0, traces=[1], v_start=np.zeros(2), dtype=np.float64)
    sent = (run.steps + 1) * network.dt
    now = np.arange(1, 1001) * network.dt
    age = now[:, None] - sent
    jumps = np.where(age >= 0, np.exp(-np.maximum(age, 0) / 20), 0)
    jumps[np.abs(age) < 1e-9] = 0  # what arrives now is seen in the next step
    assert len(sent) > 3
    expected = 100 * 0.7 / 0.02 * STEP * jumps.sum(1)
    late = np.abs(run.traces[:, 0] - expected) > 1e-4
    assert not late.any()


@pytest.mark.parametrize(
    ("node", "line"),
    [
        (nir.Threshold(np.ones(3)), r"n1 \(Threshold\): it fires without a reset"),
        (nir.I(np.ones(3)), r"n1 \(I\): it never fires"),
    ],
)
def test_what_no_neuron_here_is_is_refused_with_the_reason(
    tmp_path: Path, node: Any, line: str
) -> None:
    with pytest.raises(InputError, match=line):
        read_chain(tmp_path, nir.Linear(np.ones((3, 2))), node)


def test_nested_graphs_of_several_inputs_are_refused(tmp_path: Path) -> None:
    two = {name: nir.Input({"input": np.array([2])}) for name in ("a", "b")}
    inner = nir.NIRGraph(
        nodes=two | {"lif": lif(2), "output": nir.Output({"output": np.array([2])})},
        edges=[("a", "lif"), ("b", "lif"), ("lif", "output")],
    )
    graph = nir.NIRGraph(
        nodes={"input": nir.Input({"input": np.array([2])}), "inner": inner,
               "output": nir.Output({"output": np.array([2])})},
        edges=[("input", "inner"), ("inner", "output")], type_check=False,
    )  # fmt: skip
    nir.write(tmp_path / "g.nir", graph)
    with pytest.raises(InputError, match="the nested graph inner has 2 Inputs and 1 Outputs"):
        read_nir(tmp_path / "g.nir")


def test_a_loop_without_neurons_is_refused(tmp_path: Path) -> None:
    nodes = {"input": nir.Input({"input": np.array([2])}), "a": nir.Linear(np.eye(2)),
             "b": nir.Linear(np.eye(2)), "lif": lif(2),
             "output": nir.Output({"output": np.array([2])})}  # fmt: skip
    edges = [("input", "a"), ("a", "b"), ("b", "a"), ("b", "lif"), ("lif", "output")]
    nir.write(tmp_path / "g.nir", nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))
    with pytest.raises(InputError, match="a loop of nodes without neurons"):
        read_nir(tmp_path / "g.nir")

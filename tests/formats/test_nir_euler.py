"""`step="euler"`: our exact step computes the spikes of snnTorch, Norse and a plain NumPy loop."""

import contextlib
import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError, ReadWarning
from spiking_bimt.formats.nir_import import read_nir
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import channel_currents

nir = pytest.importorskip("nir")

Array = Any
STEPS, CHANNELS = 400, 4


def neuron(kind: str, rng: np.random.Generator, n: int, step: float, r: str) -> tuple[Any, Array]:
    """A population with decays of 0.8 to 0.95 a step; v by an input of 1 in a step (its first)."""
    tau, tau_syn = (step / (1 - rng.uniform(0.8, 0.95, n)) for _ in range(2))
    full = {"r": tau / step if r == "step" else np.ones(n), "v_leak": np.zeros(n),
            "v_threshold": np.ones(n), "v_reset": np.zeros(n)}  # fmt: skip
    gain = full["r"] * step / tau
    if kind == "LIF":
        return nir.LIF(tau=tau, **full), gain
    if kind == "IF":
        return nir.IF(r=np.ones(n), v_threshold=np.ones(n), v_reset=np.zeros(n)), np.ones(n)
    w_in = tau_syn / step
    return nir.CubaLIF(tau_mem=tau, tau_syn=tau_syn, w_in=w_in, **full), gain * 5


def layers(seed: int, kind: str, step: float, r: str) -> Any:
    """Channels onto a recurrent LIF, whose spikes drive a second population of `kind`."""
    rng, n, m = np.random.default_rng(seed), 20, 10
    (first, gain), (second, gain_2) = neuron("LIF", rng, n, step, r), neuron(kind, rng, m, step, r)
    joints = {"input": nir.Input({"input": np.array([n])}), "lif": first,
              "output": nir.Output({"output": np.array([n])})}  # fmt: skip
    w_rec = nir.Affine(0.3 * rng.normal(size=(n, n)) / gain[:, None], np.zeros(n))
    recurrent = nir.NIRGraph(
        nodes=joints | {"w_rec": w_rec},
        edges=[("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    weight, bias = 0.5 * rng.normal(size=(n, CHANNELS)) / gain[:, None], rng.uniform(0, 0.1, n)
    onto = nir.Affine(0.5 * rng.normal(size=(m, n)) / gain_2[:, None], np.zeros(m))
    nodes = {  # nirtorch wires nodes in the order of their names
        "input": nir.Input({"input": np.array([CHANNELS])}), "l1": nir.Affine(weight, bias / gain),
        "l2": recurrent, "l3": onto, "l4": second, "output": nir.Output({"output": np.array([m])}),
    }  # fmt: skip
    return nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(nodes)))


def levels(seed: int, steps: int = STEPS) -> Array:
    return np.random.default_rng(seed + 9).uniform(0, 1, (steps, CHANNELS)).astype(np.float32)


def our_spikes(network: SpikingNetwork, inputs: Array) -> Array:
    """(steps, N) with channels held at a level in each step, all potentials 0 at first."""
    stepped = replace(network, task_dt=network.dt)
    run = simulate_network(
        stepped, len(inputs) * network.dt, inputs=[channel_currents(stepped, inputs)],
        v_start=np.zeros(network.n_neurons), dtype=np.float64, mode="clock",
    )  # fmt: skip
    out = np.zeros((len(inputs), network.n_neurons), bool)
    out[run.steps, run.neurons] = True
    return out


def run_torch(module: Any, inputs: Array) -> Array:
    import torch

    state, out = None, []
    with torch.no_grad():
        for row in torch.tensor(inputs):
            spikes, state = module(row[None], state)
            out.append(spikes[0].numpy() > 0)
    return np.array(out)


def by_snntorch(path: Path, step: float) -> Any:
    pytest.importorskip("nirtorch")
    module = pytest.importorskip("snntorch.import_nir")
    assert step == 1e-4
    with contextlib.redirect_stdout(io.StringIO()):
        return module.import_from_nir(nir.read(path))


def by_norse(path: Path, step: float) -> Any:
    return pytest.importorskip("norse.torch").from_nir(nir.read(path), dt=step)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    ("reader", "step", "r", "kind"),
    [
        (by_snntorch, 1e-4, "step", "LIF"),
        (by_snntorch, 1e-4, "step", "CubaLIF"),
        (by_norse, 1e-3, "one", "LIF"),
        (by_norse, 1e-3, "one", "CubaLIF"),
        (by_norse, 1e-3, "one", "IF"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_spike_is_the_readers_own(
    tmp_path: Path, seed: int, kind: str, r: str, step: float, reader: Callable[..., Any]
) -> None:
    path, inputs = tmp_path / "g.nir", levels(seed)
    nir.write(path, layers(seed, kind, step, r))
    network = read_nir(path, step="euler", dt=1000 * step)
    theirs = run_torch(reader(path, step), inputs)
    ours = our_spikes(network, inputs)[:, 20:]
    assert theirs.sum() > 100
    np.testing.assert_array_equal(ours[1:], theirs[:-1])  # a layer takes a step here


def plain_loop(graph: Any, inputs: Array, step: float) -> dict[str, Array]:
    """Euler steps of LIF nodes in the order of the nodes, each fed by matrices; spikes by name."""
    lifs = {name: node for name, node in graph.nodes.items() if isinstance(node, nir.LIF)}
    v = {name: np.zeros(node.tau.size) for name, node in lifs.items()}
    spikes = {name: np.zeros((len(inputs), node.tau.size), bool) for name, node in lifs.items()}
    for t, level in enumerate(inputs):
        for name, node in lifs.items():
            current = np.zeros(node.tau.size)
            for a, b in graph.edges:
                if b != name:
                    continue
                source = next(first for first, second in graph.edges if second == a)
                value = level if source == "input" else spikes[source][t]
                current += graph.nodes[a].weight @ value
            v[name] += step / node.tau * (node.r * current - v[name])
            spikes[name][t] = v[name] > node.v_threshold
            v[name][spikes[name][t]] = 0
    return spikes


def test_ways_of_different_length_meet_in_the_same_step(tmp_path: Path) -> None:
    """lif3 hears lif1 directly and through lif2, as in a residual network."""
    rng, step, n = np.random.default_rng(3), 1e-3, 8
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array([CHANNELS])})}
    gains = {}
    for name in ("lif1", "lif2", "lif3"):
        nodes[name], gains[name] = neuron("LIF", rng, n, step, "one")
    for name, target, k in (
        ("w1", "lif1", CHANNELS), ("w12", "lif2", n), ("w23", "lif3", n), ("w13", "lif3", n),
    ):  # fmt: skip
        nodes[name] = nir.Linear(0.7 * rng.normal(size=(n, k)) / gains[target][:, None])
    edges = [("input", "w1"), ("w1", "lif1"), ("lif1", "w12"), ("w12", "lif2"), ("lif2", "w23"),
             ("w23", "lif3"), ("lif1", "w13"), ("w13", "lif3")]  # fmt: skip
    graph = nir.NIRGraph(nodes=nodes | {"output": nir.Output({"output": np.array([n])})},
                         edges=[*edges, ("lif3", "output")])  # fmt: skip
    nir.write(tmp_path / "g.nir", graph)
    ours = our_spikes(read_nir(tmp_path / "g.nir", step="euler", dt=1.0), levels(3))
    theirs = plain_loop(graph, levels(3), step)
    for layer, name in enumerate(("lif1", "lif2", "lif3")):
        mine = ours[layer:, layer * n : (layer + 1) * n]
        assert theirs[name].sum() > 50
        np.testing.assert_array_equal(mine, theirs[name][: STEPS - layer])


def test_short_time_constants_are_told(tmp_path: Path) -> None:
    nir.write(tmp_path / "g.nir", layers(0, "LIF", 1e-4, "step"))
    with pytest.warns(ReadWarning, match=r"time constant of l\S+ is \S+ steps of 0\.1 ms: .*euler"):
        read_nir(tmp_path / "g.nir")


def test_a_step_longer_than_a_time_constant_is_refused(tmp_path: Path) -> None:
    nir.write(tmp_path / "g.nir", layers(0, "LIF", 1e-4, "step"))
    with pytest.raises(InputError, match=r"l\S+ \(LIF\): a membrane time constant is .*swings"):
        read_nir(tmp_path / "g.nir", step="euler", dt=1.0)

"""NIR files: what nir reads back; snnTorch, Norse and Rockpool simulate our spikes from them.

The readers integrate otherwise than we do (docs/reference/formats.md): snnTorch and Norse take
Euler steps, Rockpool exponential ones that decay what has just arrived. Each of their steps is our
exact step for other time constants and weights, which `as_discretised` finds; and NIR's nested form
has no delay, so the tests hold recurrent spikes back by the network's one step. Then spikes are
equal.
"""

import pathlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.formats.nir_export import STEP, nir_form, nir_losses, nir_package, write_nir
from spiking_bimt.formats.nir_import import read_nir
from spiking_bimt.simulation import propagators
from spiking_bimt.simulation.build import from_csr
from spiking_bimt.simulation.engine import simulate_network
from spiking_bimt.simulation.inputs import SpikeTrains
from tests.kernels.networks import random_network

nir = pytest.importorskip("nir")

Array = Any
DT = 1000 * STEP  # ms
STEPS = 3000
CHANNELS = 8


def plain_network(seed: int, n: int = 30, **options: Any) -> SpikingNetwork:
    """A recurrent network that NIR says in full, with resting and reset potential 0."""
    rng = np.random.default_rng(seed)
    there = rng.random((n, n)) < 0.2
    indptr = np.append(0, np.cumsum(there.sum(1)))
    indices = np.nonzero(there)[1]
    defaults: dict[str, Any] = {
        "tau_mem": rng.uniform(5, 20, n), "tau_syn": rng.uniform(1, 5, n), "dt": DT, "delay": 0,
    }  # fmt: skip
    weights = 0.25 * rng.normal(size=len(indices))
    return from_csr(indptr, indices, weights, **(defaults | options))


def with_channels(network: SpikingNetwork, seed: int) -> SpikingNetwork:
    """The network with input channels to every neuron."""
    rng = np.random.default_rng(seed + 1)
    n = network.n_neurons
    return replace(
        network,
        in_indptr=np.arange(CHANNELS + 1, dtype=np.int64) * n,
        in_indices=np.tile(np.arange(n, dtype=np.int32), CHANNELS),
        in_weights=rng.uniform(0, 6, CHANNELS * n).astype(np.float32),
    )


def weights_of(path: pathlib.Path) -> tuple[Array, Array]:
    """W_rec and W_in of a file, in single precision as the readers hold them."""
    graph = nir.read(path)
    rec = graph.nodes["neurons"].nodes["w_rec"].weight
    return rec.astype(np.float32), graph.nodes["input_weights"].weight.astype(np.float32)


def as_discretised(
    network: SpikingNetwork, w_rec: Array, decay_syn: Array, decay_mem: Array, reset: str
) -> tuple[SpikingNetwork, Array]:
    """The network whose exact step has these decays and adds W to v, and v per unit of W."""
    changed = replace(
        network, tau_syn=(-DT / np.log(decay_syn)).astype(np.float32),
        tau_mem=(-DT / np.log(decay_mem)).astype(np.float32), reset=reset,
    )  # fmt: skip
    gain = propagators.step_of(changed, np.float64).gain_syn
    source = np.repeat(np.arange(network.n_neurons), np.diff(network.indptr))
    weights = w_rec[network.indices, source] / gain[network.indices]
    return replace(changed, weights=weights.astype(np.float32)), 1 / gain


def our_spikes(network: SpikingNetwork, w_in: Array, per_weight: Array, inputs: Array) -> Array:
    """(steps, N) spikes when the channels' spikes arrive through w_in."""
    step, channel = np.nonzero(inputs)
    n = network.n_neurons
    trains = SpikeTrains(
        np.repeat((step + 0.5) * DT, n),
        np.tile(np.arange(n), len(step)),
        (w_in[:, channel] * per_weight[:, None]).T.ravel(),
    )
    activity = simulate_network(
        network, STEPS * DT, inputs=[trains], v_start=np.zeros(n), dtype=np.float64, mode="clock"
    )
    out = np.zeros((STEPS, n), bool)
    out[activity.steps, activity.neurons] = True
    return out


def input_spikes(seed: int) -> Array:
    """(steps, channels); an input of ours acts on v in the step after it arrives."""
    return np.random.default_rng(seed + 2).random((STEPS, CHANNELS)) < 0.02


def snntorch_spikes(path: pathlib.Path, inputs: Array, delay: int) -> Array:
    """Spikes of the module that snnTorch makes of a file; recurrent ones `delay` steps later."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("nirtorch")
    from snntorch.import_nir import import_from_nir

    module = import_from_nir(nir.read(path))
    state, out, held = None, [], deque([torch.zeros(1)] * delay)
    with torch.no_grad():
        for row in torch.tensor(np.vstack([0 * inputs[:1], inputs[:-1]]), dtype=torch.float32):
            spikes, state = module(row[None], state)
            out.append(spikes[0].numpy() > 0)
            held.append(state["neurons"]["w_rec_prev_output"])
            state["neurons"]["w_rec_prev_output"] = held.popleft()
    return np.array(out)


def norse_spikes(path: pathlib.Path, inputs: Array, delay: int) -> Array:
    """The same by the executor that Norse makes of a file."""
    torch = pytest.importorskip("torch")
    norse = pytest.importorskip("norse.torch")
    module = norse.from_nir(nir.read(path), dt=STEP)
    silent = torch.zeros(1, len(weights_of(path)[0]))
    state, out, held = None, [], deque([silent] * delay)
    with torch.no_grad():
        for row in torch.tensor(np.vstack([0 * inputs[:1], inputs[:-1]]), dtype=torch.float32):
            spikes, state = module(row[None], state)
            out.append(spikes[0].numpy() > 0)
            cache = state.state["neurons"][0].cache
            held.append(cache["w_rec"])
            cache["w_rec"] = held.popleft()
    return np.array(out)


def rockpool_spikes(path: pathlib.Path, inputs: Array, delay: int) -> Array:
    """The same by the LIFTorch that Rockpool makes of a file."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("rockpool")
    from rockpool.nn.modules.torch.nir import from_nir

    module = from_nir(path)
    weights, lif = module.get_submodule("input_weights"), module.get_submodule("neurons")
    n = lif.size_out
    out, held = [], deque([torch.zeros(n)] * delay)
    with torch.no_grad():
        for row in torch.tensor(np.vstack([0 * inputs[:1], inputs[:-1]]), dtype=torch.float32):
            spikes = lif(weights(row[None, None]))
            out.append(spikes[0, 0].numpy() > 0)
            held.append(spikes[0, 0])
            lif.spikes = held.popleft()
    return np.array(out)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("simulated", [snntorch_spikes, norse_spikes])
@pytest.mark.parametrize("seed", [0, 2])
def test_euler_readers_simulate_our_spikes_from_the_file(
    tmp_path: pathlib.Path, seed: int, simulated: Callable[..., Array]
) -> None:
    network = with_channels(plain_network(seed), seed)
    path, inputs = tmp_path / "network.nir", input_spikes(seed)
    write_nir(path, network)
    w_rec, w_in = weights_of(path)
    taken, per_weight = as_discretised(
        network, w_rec, 1 - DT / network.tau_syn.astype(float),
        1 - DT / network.tau_mem.astype(float), "value",
    )  # fmt: skip
    for field in ("tau_mem", "tau_syn", "weights"):  # which the reader finds by itself
        euler = getattr(read_nir(path, step="euler"), field)
        np.testing.assert_allclose(euler, getattr(taken, field), rtol=1e-5)
    ours = our_spikes(taken, w_in, per_weight, inputs)
    theirs = simulated(path, inputs, network.delay)
    assert ours.sum() > 3000
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("seed", [0, 2])
def test_rockpool_simulates_our_spikes_from_the_file(tmp_path: pathlib.Path, seed: int) -> None:
    """Rockpool resets by subtraction, whatever the file says; spikes are held back by a step."""
    network = with_channels(plain_network(seed, delay=1), seed)
    path, inputs = tmp_path / "network.nir", input_spikes(seed)
    write_nir(path, network)
    w_rec, w_in = weights_of(path)
    # Rockpool finds its step by min(tau_mem / (1 + r)), which is slightly below STEP.
    step = (DT / (1 + DT / network.tau_mem.astype(float))).min()
    decay_syn = np.exp(-step / network.tau_syn.astype(float))
    decay_mem = np.exp(-step / network.tau_mem.astype(float))
    taken, per_weight = as_discretised(
        network, w_rec * decay_syn[:, None], decay_syn, decay_mem, "subtract"
    )
    ours = our_spikes(taken, w_in * decay_syn[:, None].astype(np.float32), per_weight, inputs)
    theirs = rockpool_spikes(path, inputs, network.delay)
    assert ours.sum() > 3000
    np.testing.assert_array_equal(ours, theirs)


def test_without_translation_snntorch_agrees_in_the_rates(tmp_path: pathlib.Path) -> None:
    """Euler steps, a delay one step shorter: the neurons' rates stay, their spikes move."""
    network = with_channels(plain_network(0), 0)
    path, inputs = tmp_path / "network.nir", input_spikes(0)
    write_nir(path, network)
    total = network.tau_syn.astype(float) / DT
    ours = our_spikes(network, weights_of(path)[1], total, inputs).sum(0)
    theirs = snntorch_spikes(path, inputs, delay=0).sum(0)
    assert abs(theirs.sum() / ours.sum() - 1) < 0.06
    assert np.corrcoef(ours, theirs)[0, 1] > 0.995


@pytest.mark.parametrize("seed", range(10))
def test_the_file_gives_back_all_that_nir_says(tmp_path: pathlib.Path, seed: int) -> None:
    network = random_network(seed, 25, dt=0.1 * (1 + seed % 3))
    write_nir(tmp_path / "network.nir", network)
    back, form = read_nir(tmp_path / "network.nir"), nir_form(network)
    for field in ("indptr", "indices", "weights", "in_indptr", "in_indices", "in_weights", "bias",
                  "tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "v_min", "t_ref"):  # fmt: skip
        np.testing.assert_array_equal(getattr(back, field), getattr(form, field), err_msg=field)
    for field in ("dt", "delay", "reset", "delays"):
        assert getattr(back, field) == getattr(form, field)


def test_nir_itself_reads_a_nested_graph_with_zero_bias(tmp_path: pathlib.Path) -> None:
    write_nir(tmp_path / "network.nir", plain_network(0))
    graph = nir.read(tmp_path / "network.nir")
    assert [type(node).__name__ for node in graph.nodes.values()] == [
        "Input", "Affine", "NIRGraph", "Output",
    ]  # fmt: skip
    inner = graph.nodes["neurons"]
    assert not inner.nodes["w_rec"].bias.any()
    np.testing.assert_allclose(inner.nodes["lif"].r, inner.nodes["lif"].tau_mem / STEP)
    assert list(graph.nodes) == sorted(graph.nodes)  # the order that nirtorch needs


def test_losses_are_named() -> None:
    assert nir_losses(plain_network(0)) == []
    lost = " / ".join(nir_losses(random_network(0, longest_delay=5)))
    for part in ("by subtraction", "v_min of", "refractory", "delays of up to 5", "held input",
                 "the readout"):  # fmt: skip
        assert part in lost


def test_a_network_of_dense_weights_too_large_is_refused_with_its_size(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = from_csr(np.zeros(20001, int), [], [])
    with pytest.raises(InputError, match=r"20000 neurons take 3\.0 GiB, the most is 1 GiB"):
        write_nir(tmp_path / "network.nir", large)
    assert not list(tmp_path.iterdir())


def test_synapses_without_filter_are_a_lif(tmp_path: pathlib.Path) -> None:
    network = with_channels(plain_network(0, tau_syn=0.0, bias=0.01), 0)
    write_nir(tmp_path / "network.nir", network)
    assert nir_losses(network) == []
    assert type(nir.read(tmp_path / "network.nir").nodes["neurons"].nodes["lif"]) is nir.LIF
    back = read_nir(tmp_path / "network.nir")
    for field in ("weights", "in_weights", "bias", "tau_mem", "tau_syn", "v_th"):
        np.testing.assert_array_equal(getattr(back, field), getattr(network, field), err_msg=field)
    with pytest.raises(InputError, match=r"neuron 2 has .* \(tau_syn 0\), neuron 0 has not"):
        write_nir(tmp_path / "network.nir", plain_network(0, 3, tau_syn=[1, 2, 0]))


def test_the_absent_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    with pytest.raises(InputError, match=r"pip install 'spiking-bimt\[nir\]'"):
        nir_package()

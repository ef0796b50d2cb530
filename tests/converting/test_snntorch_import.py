"""Networks of snnTorch come in with every spike of snnTorch's own run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import snntorch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import spiking_bimt as sb
from spiking_bimt.converting.snntorch_import import BIAS
from spiking_bimt.data import store
from spiking_bimt.errors import InputError, ReadWarning
from spiking_bimt.simulation.inputs import ThroughSynapses, channel_currents

Array = Any
STEPS, DT = 60, 0.5

KINDS = st.sampled_from(["Leaky", "RLeaky", "Synaptic", "RSynaptic"])


def neurons(kind: str, n: int, rng: np.random.Generator, reset: str, now: bool) -> Any:
    """Neurons whose parameters all differ."""

    def each(low: float, high: float) -> torch.Tensor:
        return torch.tensor(rng.uniform(low, high, n))

    own: dict[str, Any] = {
        "threshold": each(0.7, 1.3), "reset_mechanism": reset, "reset_delay": not now,
        "spike_grad": lambda u: (u > 0).to(u.dtype),  # its own surrogates give float32
    }  # fmt: skip
    recurrent = kind.startswith("R")
    if kind == "Leaky":
        own["graded_spikes_factor"] = each(0.5, 1.5)
    if recurrent and rng.random() < 0.3:
        own |= {"all_to_all": False, "V": each(-0.5, 0.5)}
    elif recurrent:
        own["linear_features"] = n
    beta = torch.ones(n).double() if rng.random() < 0.2 else each(0.5, 0.99)
    decays = (each(0, 0.9), beta) if kind.endswith("Synaptic") else (beta,)
    made = getattr(snntorch, kind)(*decays, **own)
    if own.get("linear_features"):
        with torch.no_grad():
            made.recurrent.weight.normal_(0, 0.3)
    return made


def stack(
    kinds: list[str], seed: int, reset: str, now: bool = False, readout: bool = False
) -> nn.Sequential:
    """A stack of layers, in float64."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 9, len(kinds) + 1)
    parts: list[nn.Module] = []
    for k, kind in enumerate(kinds):
        linear = nn.Linear(int(sizes[k]), int(sizes[k + 1]))
        with torch.no_grad():
            linear.weight.normal_(0.1, 0.6)
        parts += [linear, neurons(kind, int(sizes[k + 1]), rng, reset, now)]
    parts += [nn.Linear(int(sizes[-1]), 3)] if readout else []
    return nn.Sequential(*parts).double()


def theirs(module: nn.Sequential, inputs: Array) -> tuple[Array, Array]:
    """(steps, N) spikes of all layers by snnTorch itself, and (steps, K) of what comes last."""
    every, last = [], []
    with torch.no_grad():
        for row in torch.tensor(inputs)[:, None]:
            signal, spikes = row, []
            for part in module:  # neurons keep their states
                if isinstance(part, nn.Linear):
                    signal = part(signal)
                else:
                    signal = part(signal)[0]
                    spikes.append(signal[0].numpy() != 0)
            every.append(np.concatenate(spikes))
            last.append(signal[0].numpy())
    return np.array(every), np.array(last)


def ours(network: sb.SpikingNetwork, inputs: Array, spikes: bool) -> Array:
    """(steps, N) spikes of the same inputs from potentials of 0."""
    drive: Any = channel_currents(network, inputs)
    if spikes:
        step, channel = np.nonzero(inputs)
        drive = ThroughSynapses(
            sb.SpikeTrains(step * network.dt, channel), network.in_indptr, network.in_indices,
            network.dt * network.in_weights,
        )  # fmt: skip
    run = sb.simulate_network(
        network, len(inputs) * network.dt, inputs=[drive],
        v_start=np.zeros(network.n_neurons), dtype=np.float64, mode="clock",
    )  # fmt: skip
    out = np.zeros((len(inputs), network.n_neurons), bool)
    out[run.steps, run.neurons] = True
    return out


def layers_of(network: sb.SpikingNetwork) -> Iterator[slice]:
    for name, first, last in network.populations:
        if name != BIAS:
            yield slice(first, last + 1)


def assert_same_spikes(module: nn.Sequential, seed: int) -> int:
    """Compare every spike of every layer; returns their number."""
    network = sb.from_snntorch(module, dt=DT)
    filtered = bool(network.tau_syn[: network.populations[0][2] + 1].any())
    rng = np.random.default_rng(seed + 1)
    shape = (STEPS, network.n_inputs)
    inputs = (rng.random(shape) < 0.4).astype(float) if filtered else rng.normal(0.3, 1, shape)
    spikes, _ = theirs(module, inputs)
    padded = np.vstack([inputs, np.zeros((len(module), network.n_inputs))])
    found = ours(network, padded, filtered)
    for k, own in enumerate(layers_of(network)):
        lag = k + filtered
        np.testing.assert_array_equal(found[lag : lag + STEPS, own], spikes[:, own], str(k))
        assert not found[:lag, own].any()
    return int(spikes.sum())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(KINDS, min_size=1, max_size=3), st.integers(0, 999),
       st.sampled_from(["subtract", "zero"]))  # fmt: skip
def test_every_spike_is_snntorchs(kinds: list[str], seed: int, reset: str) -> None:
    assert_same_spikes(stack(kinds, seed, reset), seed)


@pytest.mark.parametrize("kind", ["Leaky", "RLeaky", "Synaptic"])
def test_a_reset_in_the_spikes_own_step_is_kept(kind: str) -> None:
    for seed in range(5):
        assert_same_spikes(stack([kind], seed, "zero", now=True), seed)
    with pytest.warns(ReadWarning, match=r"^1 has reset_delay=False: .* spikes again$"):
        network = sb.from_snntorch(stack([kind], 0, "subtract", now=True))
    np.testing.assert_array_equal(network.v_reset[: network.populations[0][2] + 1], 0)


@pytest.mark.parametrize("readout", [True, False])
def test_outputs_are_those_of_the_last_part(readout: bool) -> None:
    module = stack(["RLeaky"], 3, "subtract", readout=readout)
    network = sb.from_snntorch(module, dt=DT)
    inputs = np.random.default_rng(4).normal(0.3, 1, (STEPS, network.n_inputs))
    # The readout forgets within a step, so that it reads the spikes of its step.
    assert np.exp(-network.dt / network.tau_out) < 1e-20
    outputs = ours(network, inputs, False) @ network.w_out.T + network.b_out
    np.testing.assert_allclose(outputs, theirs(module, inputs)[1], atol=1e-5)


def own_net() -> nn.Module:
    """A module of its own class, in whose order of registration its parts do not act."""
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(3, 5), nn.Linear(5, 2)
            self.lif1, self.lif2 = snntorch.Leaky(0.9), snntorch.Synaptic(0.5, 0.9)

    return Net()


def test_a_state_dict_gives_the_network_of_its_module(tmp_path: Path) -> None:
    module = stack(["RSynaptic", "Leaky"], 1, "zero")
    torch.save(module.state_dict(), tmp_path / "net.pt")
    sb.import_network(tmp_path / "net.pt", tmp_path / "run", bits=None, dt=DT)
    found = sb.from_snntorch(module, dt=DT)
    result = sb.simulate(tmp_path / "run", poisson_hz=200, ms=100)
    assert result["spikes"] > 50
    kept = store.load(tmp_path / "run" / "network.h5", sb.SpikingNetwork)
    for field in ("indptr", "indices", "weights", "delays", "tau_mem", "tau_syn", "v_th", "t_ref",
                  "v_reset", "bias", "in_indices", "in_weights", "w_out", "b_out"):  # fmt: skip
        np.testing.assert_array_equal(getattr(kept, field), getattr(found, field))
    assert kept.populations == found.populations


def test_parts_in_another_order_are_named() -> None:
    with pytest.raises(InputError, match="fc2 comes where the neurons that fc1 drives should"):
        sb.from_snntorch(own_net())
    network = sb.from_snntorch(own_net(), order=["fc1", "lif1", "fc2", "lif2"])
    assert network.populations == (("lif1", 0, 4), ("lif2", 5, 6), (BIAS, 7, 7))
    plain = sb.from_snntorch(own_net(), order=["fc1", "lif1", "fc2", "lif2"], bias_neuron=False)
    # At rest snnTorch's membrane of constant input b goes to b / ((1 - alpha) (1 - beta)).
    level = own_net().fc2.bias.detach().numpy() / (0.5 * 0.1)  # type: ignore[union-attr, operator]
    settled = plain.bias[5:] * plain.tau_mem[5:]
    np.testing.assert_allclose(settled, level, rtol=1e-5)
    assert plain.n_neurons == 7


def linear_then(*parts: Any) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), *parts)


REFUSED: list[tuple[Any, str]] = [
    (lambda: linear_then(snntorch.Leaky(0.9, reset_mechanism="none")), "1 has reset_mechanism 'no"),
    (lambda: linear_then(snntorch.Leaky(0.9, inhibition=True)), r"1 \(Leaky\) lets one neuron"),
    (lambda: linear_then(snntorch.Leaky(0.9, state_quant=round)), r"1 \(Leaky\) rounds its state"),
    (lambda: linear_then(snntorch.Alpha(0.9, 0.8)), r"1 \(Alpha\): neurons that are read are L"),
    (lambda: linear_then(nn.BatchNorm1d(4), snntorch.Leaky(0.9)), r"1 \(BatchNorm1d\): a network"),
    (lambda: linear_then(snntorch.Leaky(0.0)), "1.beta of neuron 0 is 0: a membrane that rem"),
    (lambda: linear_then(snntorch.Synaptic(1.0, 0.9)), "1.alpha of neuron 0 is 1: a synapse that"),
    (lambda: linear_then(snntorch.Leaky(0.9, threshold=-1.0)), "1.threshold of neuron 0 is -1: it"),
    (lambda: linear_then(snntorch.Leaky(torch.rand(5))), r"1.beta has shape \(5,\), expected"),
    (lambda: linear_then(snntorch.RLeaky(0.9, linear_features=5)), "1.recurrent.weight has shape"),
    (lambda: linear_then(snntorch.RLeaky(0.9, conv2d_channels=2, kernel_size=3)), "is a Conv2d; r"),
    (lambda: linear_then(snntorch.RSynaptic(0.5, 0.9, linear_features=4, reset_delay=False)),
     "has reset_delay=False, for which snnTorch's own step fails"),
    (lambda: linear_then(snntorch.Leaky(0.9), nn.Linear(5, 2), snntorch.Leaky(0.9)),
     "2 takes 5 numbers, and 1 has 4 neurons"),
    (lambda: linear_then(snntorch.Leaky(0.9), nn.Linear(4, 2),
                         snntorch.Leaky(0.9, reset_mechanism="zero")), "layers have different res"),
    (lambda: nn.Sequential(snntorch.Leaky(0.9)), "0 comes where a linear map should"),
    (lambda: nn.Linear(2, 2), "it holds no neurons of snnTorch"),
    (lambda: {"a.weight": np.eye(2), "b.threshold": np.ones(()), "b.gain": np.ones(())},
     "b.gain is no part of"),
    (lambda: {"a.weight": np.ones(2), "b.threshold": np.ones(()), "b.beta": np.ones(())},
     r"a has a weight of shape \(2,\): a linear map has a matrix"),
    (lambda: 3, "source is 3, expected a torch.nn.Module or state dict"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Inhibition")
@pytest.mark.parametrize(("make", "line"), REFUSED)
def test_what_no_network_here_computes_is_refused(make: Any, line: str) -> None:
    with pytest.raises(InputError, match=line):
        sb.from_snntorch(make())


def test_bad_arguments_are_named() -> None:
    module = linear_then(snntorch.Synaptic(0.5, 0.9))
    for arguments, line in (
        ({"inputs": "levels"}, "1 filters its inputs, which levels of channels would not pass"),
        ({"inputs": "level"}, "unknown inputs 'level'; did you mean 'levels'"),
        ({"dt": 0.0}, "dt"),
        ({"order": ["0"]}, "order must name every part once: 0, 1"),
        ({"order": ["0", "2"]}, "unknown part of the network '2'"),
    ):
        with pytest.raises(InputError, match=line):
            sb.from_snntorch(module, **arguments)


def test_a_file_without_spiking_neurons_is_refused_with_the_way_to_read_it(tmp_path: Path) -> None:
    torch.save(nn.RNN(2, 3).state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match=r"net.pt: it holds no neurons .* needs `kind=rate`"):
        sb.import_network(tmp_path / "net.pt", tmp_path / "run")
    with pytest.raises(InputError, match=r"net.pth does not exist; known: NIR"):
        sb.import_network(tmp_path / "net.pth", tmp_path / "run")
    assert not (tmp_path / "run").exists()

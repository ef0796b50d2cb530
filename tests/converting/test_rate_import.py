"""Rate networks of PyTorch and of files: equal outputs, and the whole way in spikes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import spiking_bimt as sb
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.battery.probe import random_trials
from spiking_bimt.converting.rate_import import Step, read_rate_network
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.rate import rate_outputs
from tests.cli.tiny import call
from tests.converting.rate_networks import EXAMPLES, TASK, Leaky, Plain, trained


def same_outputs(network: RateNetwork, module: nn.Module) -> None:
    """Equal to torch's on random input of 50 steps: to 1e-5, of a tenth of outputs above 10."""
    trials = random_trials(network.w_in.shape[1], network.dt, 4, seed=1)
    ours = rate_outputs(network, trials)
    inputs = torch.tensor(np.array(trials.inputs)).reshape(4, -1, trials.n_inputs).transpose(0, 1)
    with torch.no_grad():
        theirs = module(inputs)
    theirs = (theirs[0] if isinstance(theirs, tuple) else theirs).transpose(0, 1).flatten(0, 1)
    assert float(theirs.std()) > 1e-3
    size = max(1.0, float(theirs.abs().max()) / 10)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5 * size)


def calm(module: nn.Module) -> nn.Module:
    """The module with weights under which rates stay within some tens."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            value.mul_(0.9 if "h" in name else 1.0)
    return module


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".safetensors"])
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_outputs_equal_those_of_torch_through_each_file(
    tmp_path: Path, suffix: str, alpha: float
) -> None:
    torch.manual_seed(1)
    module = calm(Leaky(3, 20, 4, alpha))
    state = module.state_dict()
    path = tmp_path / f"net{suffix}"
    if suffix == ".pt":
        torch.save({"epoch": 3, "state_dict": state}, path)
    elif suffix == ".npz":
        np.savez(path, **{key: value.numpy() for key, value in state.items()})
    else:
        pytest.importorskip("safetensors")
        from safetensors.torch import save_file

        save_file(state, path)
    network, keys = read_rate_network(path, Step(20.0, alpha))
    same_outputs(network, module)
    assert keys["b"] == "h2h.bias + input2h.bias"
    in_memory = sb.RateNetwork.from_torch(module, alpha=alpha, dt=20)
    same_outputs(in_memory, module)
    assert wiring(network)["wiring_cost"] < wiring(in_memory)["wiring_cost"]
    assert in_memory.alpha == pytest.approx(alpha, abs=1e-7)


def test_a_torch_rnn_needs_no_alpha_and_a_cell_no_layer_number(tmp_path: Path) -> None:
    torch.manual_seed(2)
    module = Plain(3, 12, 2)
    network = sb.RateNetwork.from_torch(module, dt=20)
    assert network.alpha == 1
    same_outputs(network, module)
    cell = {key.removesuffix("_l0"): value for key, value in module.rnn.state_dict().items()}
    both = cell | {f"head.{key}": value for key, value in module.linear.state_dict().items()}
    same_outputs(sb.RateNetwork.from_torch(both, dt=20), module)
    torch.save(module.bfloat16().state_dict(), tmp_path / "half.pt")
    same_outputs(read_rate_network(tmp_path / "half.pt", Step(20.0))[0], module.float())


def test_arrays_are_named_or_mapped_and_may_be_transposed() -> None:
    torch.manual_seed(3)
    module = calm(Leaky(3, 20, 4, 0.3))
    w = {key: value.numpy() for key, value in module.state_dict().items()}
    arrays = (w["h2h.weight"], w["input2h.weight"], w["fc.weight"])
    b, b_out = w["h2h.bias"] + w["input2h.bias"], w["fc.bias"]
    same_outputs(sb.RateNetwork.from_arrays(*arrays, b, b_out, alpha=0.3, dt=20), module)
    state = {"a": arrays[0].T, "x": arrays[1].T, "y": arrays[2], "c": b, "d": b_out}
    names = {"w_rec": "a.T", "w_in": "x.T", "w_out": "y", "b": "c", "b_out": "d"}
    same_outputs(sb.RateNetwork.from_torch(state, alpha=0.3, dt=20, names=names), module)


def test_both_steps_of_tau() -> None:
    arrays = (np.eye(2), np.ones((2, 1)), np.ones((1, 2)))
    euler = sb.RateNetwork.from_arrays(*arrays, tau=100, dt=20, step="euler")
    exponential = sb.RateNetwork.from_arrays(*arrays, tau=100, dt=20, step="exponential")
    assert euler.alpha == pytest.approx(0.2)
    assert exponential.tau == pytest.approx(100)
    assert exponential.alpha == pytest.approx(1 - np.exp(-0.2))
    assert sb.RateNetwork.from_arrays(*arrays, tau=20, dt=20, step="euler").alpha == 1


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_what_is_saved_comes_back(tmp_path: Path, suffix: str) -> None:
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    network = sb.arrange(sb.RateNetwork.from_torch(calm(Leaky(3, 20, 4, 0.2)), alpha=0.2, dt=20))
    for path in (tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"):
        network.save(path)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    again, _ = read_rate_network(tmp_path / f"a{suffix}", Step())
    for field in ("w_rec", "w_in", "w_out", "b", "b_out", "positions"):
        np.testing.assert_array_equal(getattr(network, field), getattr(again, field))
    assert (again.sheet, again.dt) == (network.sheet, network.dt)
    assert again.tau == pytest.approx(network.tau, rel=1e-12)
    network.save(tmp_path / f"a{suffix}")  # its own file may be written again
    (tmp_path / f"c{suffix}").write_bytes(b"mine")
    with pytest.raises(InputError, match=rf"c{suffix}"):
        network.save(tmp_path / f"c{suffix}")


def test_the_module_of_a_network_is_the_network_and_trains() -> None:
    from importlib import resources

    path = resources.files("spiking_bimt.bundle") / "cores.h5"
    bundled = store.load(Path(str(path)), RateNetwork)
    same_outputs(bundled, bundled.to_torch())
    curve = np.array([20.0, 2.0, 200.0, 0.1], np.float32)
    leaky = RateNetwork(**vars(bundled) | {"activation": "lif", "lif_curve": curve})
    module = leaky.to_torch()
    same_outputs(leaky, module)
    module(torch.zeros(3, 1, leaky.w_in.shape[1]))[0].sum().backward()
    gradients = [value.grad for value in module.parameters()]
    assert all(grad is not None and bool(torch.isfinite(grad).all()) for grad in gradients)
    again = sb.RateNetwork.from_torch(bundled.to_torch(), alpha=bundled.alpha, dt=bundled.dt)
    np.testing.assert_array_equal(again.w_rec, bundled.w_rec)
    with pytest.raises(InputError, match="leaky rates"):
        leaky.save("x.npz")


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_a_network_of_thirty_lines_of_torch_keeps_its_accuracy_in_spikes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alpha: float
) -> None:
    module = trained(alpha, 50.0)
    torch.save(module.state_dict(), tmp_path / "net.pt")
    monkeypatch.syspath_prepend(EXAMPLES)
    run = tmp_path / "run"
    args = ["--kind", "rate", "--alpha", alpha, "--dt", 50, "--battery", "own", "--tasks", TASK]
    code, stdout, stderr = call("import", tmp_path / "net.pt", run, *args, "--json")
    assert (code, stderr) == (0, "")
    imported = json.loads(stdout)
    assert imported["input_channels"] == 4  # three, and the task's own without weights
    assert imported["accuracy"] > 0.9
    code, stdout, stderr = call("convert", run, "--trials", 1000, "--trust", "--json")
    assert (code, stderr) == (0, "")
    accuracy = json.loads(stdout)["accuracy"]
    assert accuracy["rate"] == pytest.approx(imported["accuracy"], abs=0.03)
    assert min(accuracy["spiking"], accuracy["quantised"]) >= 0.99 * accuracy["rate"]


def test_a_network_without_tasks_goes_the_whole_way(tmp_path: Path) -> None:
    torch.manual_seed(5)
    torch.save(calm(Leaky(3, 40, 4, 0.3)).state_dict(), tmp_path / "net.pt")
    run = tmp_path / "run"
    code, stdout, _ = call("import", tmp_path / "net.pt", run, "--kind", "rate", "--alpha", 0.3,
                           "--dt", 20)  # fmt: skip
    assert (code, "assumed" in stdout) == (0, True)
    code, stdout, stderr = call("convert", run, "--trials", 20)
    assert (code, stderr) == (0, "")
    assert "random: each channel" in stdout
    assert "the network has no tasks" in stdout
    assert "conversion, 20 random inputs" in stdout
    assert "spikes per second, spiking" in stdout
    assert "trial" not in stdout
    measured = store.load(run / "network.h5", sb.SpikingNetwork).measured
    assert measured is not None
    assert measured["agreement"]["spiking"] > 0.9
    assert measured["spikes_per_second"] == pytest.approx(40 * measured["mean_rate_hz"])
    for command in ("place", "export", "verify", "simulate"):
        code, _, stderr = call(command, run)
        assert (code, stderr) == (0, ""), stderr
    for option in (["--target", "0.9"], ["--diagnose"], ["--method", "finetune"]):
        code, _, stderr = call("convert", run, *option)
        assert (code, option[0] in stderr) == (2, True)
        assert "needs their right answers: import it with --battery and --tasks" in stderr


@pytest.mark.parametrize("kind", ["labels", "targets"])
def test_a_network_is_scored_on_a_data_set_through_every_stage(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(6)
    module = Leaky(3, 20, 2, 0.3)
    calm(module)
    rng = np.random.default_rng(0)
    inputs = rng.random((40, 12, 3), np.float32)
    with torch.no_grad():
        outputs = module(torch.tensor(inputs).transpose(0, 1)).transpose(0, 1).numpy()
        # Both classes are as frequent.
        middle = np.median(outputs.mean(axis=1) @ [1.0, -1.0])
        module.fc.bias.add_(torch.tensor([0.0, middle], dtype=torch.float32))
        outputs = outputs + np.array([0.0, middle], np.float32)
    answers = outputs.mean(axis=1).argmax(axis=1) if kind == "labels" else outputs
    answers = np.where(np.arange(40) < 38, answers, 1 - answers) if kind == "labels" else answers
    split = np.repeat([0, 1, 2], [16, 8, 16])
    arrays: dict[str, Any] = {"inputs": inputs, "split": split, "dt": 20.0, kind: answers}
    np.savez(tmp_path / "data.npz", **arrays)
    torch.save(module.state_dict(), tmp_path / "net.pt")
    run = tmp_path / "run"
    args = ["--kind", "rate", "--alpha", 0.3, "--data", tmp_path / "data.npz", "--json"]
    code, stdout, stderr = call("import", tmp_path / "net.pt", run, *args)
    assert (code, stderr) == (0, "")
    imported = json.loads(stdout)
    # The module itself gave the answers, but for the last two: 14 of 16 are right, or all errors 0.
    wanted = 14 / 16 if kind == "labels" else 1.0
    assert imported["accuracy"] == pytest.approx(wanted, abs=1e-6)
    for command in ("convert", "place", "simulate", "export", "verify"):
        code, stdout, stderr = call(command, run)
        assert (code, stderr) == (0, ""), stderr
    measured = store.load(run / "network.h5", sb.SpikingNetwork).measured
    assert measured is not None
    assert measured["accuracy"]["rate"] == pytest.approx(wanted, abs=1e-6)
    code, _, stderr = call("import", tmp_path / "net.pt", run / "x", *args, "--battery", "own")
    assert (code, "--battery and --data both say" in stderr) == (2, True)

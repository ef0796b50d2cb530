"""Files and modules that are no leaky ReLU network: one line, nothing written or unpickled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import spiking_bimt as sb
from spiking_bimt.converting.rate_import import Step, read_rate_network
from spiking_bimt.errors import InputError
from tests.cli.tiny import call

W: dict[str, Any] = {
    "w_rec": np.eye(4), "w_in": np.ones((4, 3)), "w_out": np.ones((2, 4)),
}  # fmt: skip
TORCH: dict[str, Any] = {
    "h2h.weight": torch.eye(4), "input2h.weight": torch.ones(4, 3), "fc.weight": torch.ones(2, 4),
}  # fmt: skip


def without(state: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != key}


def gates(kind: Callable[..., nn.Module]) -> dict[str, Any]:
    return {f"rnn.{key}": value for key, value in kind(3, 4).state_dict().items()}


BAD: list[tuple[str, Any, list[object], str]] = [
    ("a.npz", W | {"w_in": np.ones((3, 4))}, [],
     r"w_in has shape (3, 4), and the network 4 units: expected (units, channels); it is "
     r"transposed: say w_in=w_in.T in --map"),
    ("a.npz", W | {"w_out": np.ones((4, 2))}, [], "w_out has shape (4, 2)"),
    ("a.npz", W | {"w_out": np.ones((4, 2))}, [], "it is transposed: say w_out=w_out.T"),
    ("a.npz", W | {"w_in": np.ones((5, 3))}, [], "w_in has shape (5, 3), and the network 4 units"),
    ("a.npz", W | {"w_rec": np.ones((4, 5))}, [], "recurrent weights are square"),
    ("a.npz", W | {"b": np.ones(3)}, [], "b has shape (3,), expected (4,)"),
    ("a.npz", W | {"w_rec": np.full((4, 4), np.nan)}, [], "w_rec[0, 0] is nan"),
    ("a.npz", W | {"w_in": np.full((4, 3), 1e300)}, [], "w_in[0, 0] is 1e+300: too large"),
    ("a.npz", W | {"w_rec": np.eye(4, dtype=complex)}, [], "w_rec is an array of complex128"),
    ("a.npz", W | {"w_rec": np.array([{}])}, [], "w_rec is an array of objects, which is never"),
    ("a.npz", W | {"noise": np.ones(4)}, [], "a leaky ReLU network has no 'noise'"),
    ("a.npz", without(W, "w_out"), [], "there is no w_out (readout weights, (outputs, units))"),
    ("a.npz", {}, [], "there is no w_rec"),
    ("a.npz", b"PK", [], "a.npz is not an .npz file of arrays: damaged or foreign"),
    ("a.npz", W | {"alpha": np.array(0.5)}, [], "the file says alpha 0.5, and you 0.2"),
    ("a.npz", W, ["--map", "w_reg=x"], "unknown part 'w_reg'; did you mean 'w_rec'?"),
    ("a.npz", W, ["--map", "w_rec=w_rek"], "w_rec: unknown key 'w_rek'; did you mean 'w_rec'?"),
    ("a.npz", W, ["--map", "w_rec"], "'w_rec' is not NAME=VALUE"),
    ("a.npz", W, ["--activation", "tanh"], "its rates can be negative, which spike rates cannot"),
    ("a.npz", W, ["--activation", "rellu"], "unknown activation 'rellu'; did you mean 'relu'?"),
    ("a.npz", W, ["--tau", "100"], "one of the two"),
    ("a.npz", W, ["--step", "euler"], "--alpha says the step itself: leave --step out"),
    ("a.npz", W, ["--bits", "4"], "--bits is of spiking neurons: give it to convert"),
    ("a.npz", W, ["--tau-mem", "4"], "--tau-mem is of spiking neurons: give it to convert"),
    ("a.npz", W, ["--tasks", "go"], "tasks are of a --battery: name it (yang19, modcog, own)"),
    ("a.npz", W, ["--battery", "yang19", "--tasks", "go"],
     "the tasks have 17 actions, and the network 2 outputs"),
    ("a.npz", W, ["--battery", "own", "--tasks", "DelayComparison-v0"],
     "the tasks have 3 actions, and the network 2 outputs"),
    ("a.npz", W | {"w_in": np.ones((4, 9)), "w_out": np.ones((3, 4))},
     ["--battery", "own", "--tasks", "DelayComparison-v0"],
     "the tasks have 2 channels, or 3 with one that names each task, and the network 9 inputs"),
    ("a.pt", without(TORCH, "h2h.weight") | {"net.h2h.wieght": torch.eye(4)}, [],
     "'net.h2h.wieght' is near 'h2h.weight'"),
    ("a.pt", TORCH | {"ln.weight": torch.ones(4), "ln.bias": torch.ones(4)}, [],
     "a leaky ReLU network has no 'ln.weight', 'ln.bias'"),
    ("a.pt", TORCH | {"w_hh": torch.eye(4)}, [], "could each be w_rec"),
    ("a.pt", gates(nn.LSTM), [], "rnn.weight_hh_l0 has the shape of a LSTM: its gates"),
    ("a.pt", gates(nn.GRU), [], "its gates multiply signals"),
    ("a.pt", TORCH | {"weight_hh_l1": torch.eye(4)}, [], "is a second recurrent layer"),
    ("a.pt", TORCH | {"weight_hh_l0_reverse": torch.eye(4)}, [], "runs backwards in time"),
    ("a.pt", nn.Linear(2, 2), [], "a.pt holds more than a state dict, and pickled objects are"),
    ("a.pt", torch.eye(4), [], "a.pt holds one tensor and no state dict"),
    ("a.pt", {"h2h.weight": "text"}, [], "h2h.weight is 'text', expected an array of numbers"),
    ("a.pt", b"\x80\x04K\x01.", [], "a.pt is not a PyTorch file of today's format"),
    ("a.safetensors", b"\xff" * 40, [], "a.safetensors is not a .safetensors file"),
    ("a.pkl", b"\x80\x04K\x01.", [], "pickles are never loaded"),
    ("a.npz", None, [], "a.npz does not exist"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "options", "message"), BAD)
def test_bad_files_are_one_line_and_nothing_is_written(
    tmp_path: Path, name: str, content: Any, options: list[object], message: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif name.endswith(".npz") and content is not None:
        np.savez(path, **content)
    elif content is not None:
        torch.save(content, path)
    if name.endswith(".safetensors"):
        pytest.importorskip("safetensors")
    run = tmp_path / "run"
    code, stdout, stderr = call("import", path, run, "--kind", "rate", "--alpha", 0.2, "--dt", 20,
                                *options)  # fmt: skip
    assert (code, stdout) == (2, "")
    assert message in stderr
    assert stderr.count("\n") == 1
    assert not run.exists()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.ModuleDict({"rnn": nn.LSTM(3, 4)}), "the network has a LSTM: its gates"),
        (nn.ModuleDict({"rnn": nn.GRUCell(3, 4)}), "the network has a GRU: its gates"),
        (nn.ModuleDict({"rnn": nn.RNN(3, 4)}), "a RNN of tanh units: its rates can be negative"),
        (nn.Sequential(nn.Linear(3, 4), nn.Tanh()), "the network has a Tanh"),
        ([1.0], "expected a torch.nn.Module or state dict"),
    ],
)
def test_modules_of_other_kinds_are_refused_with_the_reason(module: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sb.RateNetwork.from_torch(module, alpha=0.2, dt=20)


def test_a_pickle_in_a_file_is_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"h2h.weight": Bomb()}, tmp_path / "a.pt")
    np.savez(tmp_path / "a.npz", w_rec=np.array([Bomb()]))
    for name in ("a.pt", "a.npz"):
        with pytest.raises(InputError, match="pickled"):
            read_rate_network(tmp_path / name, Step(20.0, 0.2))
    assert not (tmp_path / "ran").exists()

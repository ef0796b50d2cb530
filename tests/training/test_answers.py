"""The loss of every kind of answer against torch's own, with its gradient by autograd."""

from typing import Any

import numpy as np
import pytest
import torch

from spiking_bimt.battery.raw_data import DataOptions, make_dataset
from spiking_bimt.data.dataset import DataSet
from spiking_bimt.training.answers import loss_of_outputs, mixed_targets
from spiking_bimt.training.batch import Batch, pack

RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(3, 9, 30)
OFFSETS = np.append(0, np.cumsum(LENGTHS))
INPUTS = RNG.normal(size=(OFFSETS[-1], 4))
CHOSEN = np.arange(0, 30, 2)


def made(kind: str, read: str = "mean") -> DataSet:
    kinds: dict[str, dict[str, Any]] = {
        "sequence": {"labels": np.arange(30) % 3},
        "steps": {"labels": RNG.integers(3, size=len(INPUTS))},
        "regression": {"targets": RNG.normal(size=(len(INPUTS), 3))},
    }
    return make_dataset(
        {"inputs": INPUTS, "offsets": OFFSETS, **kinds[kind]}, DataOptions(read=read), kind
    )


def expected(outputs: torch.Tensor, batch: Batch, read: str, margin: float) -> torch.Tensor:
    """Mean over sequences of each one's loss, written out sequence by sequence."""
    losses, trial = [], batch.trial
    for k in range(int(batch.counts[0])):
        rows = np.flatnonzero(trial == k)
        own, label = outputs[rows], torch.from_numpy(batch.labels[rows])
        if batch.answer.kind == "regression":
            assert batch.targets is not None
            wanted = torch.from_numpy(batch.targets[rows])
            losses.append(torch.nn.functional.mse_loss(own, wanted) / 2)
            continue
        if batch.answer.kind == "sequence":
            own, label = (own.mean(0) if read == "mean" else own[-1])[None], label[:1]
        own = own - margin * torch.nn.functional.one_hot(label, 3)
        losses.append(torch.nn.functional.cross_entropy(own, label))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("margin", [0.0, 1.5])
@pytest.mark.parametrize(
    ("kind", "read"),
    [("sequence", "mean"), ("sequence", "last"), ("steps", "mean"), ("regression", "mean")],
)
def test_loss_and_gradient_are_torchs(kind: str, read: str, margin: float) -> None:
    data = made(kind, read)
    batch = pack(data.take(np.arange(30)), CHOSEN, decision_weight=5.0)
    outputs = RNG.normal(size=(len(batch.labels), 3)).astype(np.float32)
    loss, gradient = loss_of_outputs(outputs, batch, margin)
    z = torch.from_numpy(outputs).requires_grad_()
    wanted = expected(z, batch, read, margin)
    wanted.backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert loss.sum() == pytest.approx(wanted.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, z.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["sequence", "steps", "regression"])
def test_targets_are_mixed_from_the_right_answers_and_others(kind: str) -> None:
    data = made(kind)
    batch = pack(data.take(np.arange(30)), CHOSEN)
    outputs = RNG.normal(size=(len(batch.labels), 3)).astype(np.float32)
    plain = loss_of_outputs(outputs, batch)[0]
    unmixed = loss_of_outputs(outputs, batch, 0.0, mixed_targets(outputs, batch, 0.0))[0]
    np.testing.assert_allclose(plain, unmixed, atol=1e-6)
    own, slope = loss_of_outputs(outputs, batch, 0.0, mixed_targets(outputs, batch, 1.0))
    np.testing.assert_allclose(own, 0, atol=1e-6)
    np.testing.assert_allclose(slope, 0, atol=1e-6)

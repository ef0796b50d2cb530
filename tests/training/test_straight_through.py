"""The straight-through gradient against autograd of the network that it is the gradient of."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.kernels.train_activation import look_up, table
from spiking_bimt.training import straight_through
from spiking_bimt.training.batch import Batch
from spiking_bimt.training.parameters import PARAMETERS
from tests.converting.test_one_to_one import random_rate_network

Array = npt.NDArray[Any]
ALPHA = 0.2
CURVE = np.array([20.0, 2.0, 100.0, 0.1], np.float32)


def random_batch(n_inputs: int = 4, n_outputs: int = 3) -> Batch:
    """Four trials of 5, 5, 3 and 2 steps."""
    rng = np.random.default_rng(0)
    counts = np.array([4, 4, 3, 2, 2])
    rows = counts.sum()
    return Batch(
        inputs=rng.normal(size=(rows, n_inputs)).astype(np.float32),
        labels=rng.integers(n_outputs, size=rows),
        weights=rng.random(rows).astype(np.float32),
        before_go=rng.random(rows) < 0.5,
        counts=counts,
        rows=np.arange(rows),
        task=np.zeros(rows, np.int32),
    )


def activation(x: torch.Tensor, curve: Array) -> torch.Tensor:
    """max(x, 0), or the documented rate of the softened leaky neuron."""
    if not curve.size:
        return torch.relu(x)
    tau_mem, t_ref, full_rate, gamma = (float(value) for value in curve)
    rho = gamma * torch.nn.functional.softplus((x.double() / gamma), threshold=40)
    return (1000 / (full_rate * (t_ref + tau_mem * torch.log1p(1 / rho)))).float()


def autograd(
    network: RateNetwork, batch: Batch, measured: Array, curve: Array, margin: float, cost: float,
    targets: Array,
) -> tuple[float, dict[str, Array]]:  # fmt: skip
    """Loss and gradient where a rate has the measured value and the model's gradient."""
    p = {name: torch.tensor(getattr(network, name), requires_grad=True) for name in PARAMETERS}
    rates, start = [], 0
    past = torch.zeros(int(batch.counts[0]), network.n_units)
    for count in batch.counts:
        rows = slice(start, start + int(count))
        drive = (
            past[:count] @ p["w_rec"].T + torch.tensor(batch.inputs[rows]) @ p["w_in"].T + p["b"]
        )
        model = (1 - ALPHA) * past[:count] + ALPHA * activation(drive, curve)
        past = model + (torch.tensor(measured[rows]) - model).detach()
        rates.append(past)
        start += int(count)
    together = torch.cat(rates)
    outputs = together @ p["w_out"].T + p["b_out"]
    outputs = outputs - margin * torch.outer(
        torch.tensor(batch.before_go).float(), torch.eye(len(network.b_out))[0]
    )
    each = torch.nn.functional.cross_entropy(outputs, torch.tensor(targets), reduction="none")
    each = each + torch.xlogy(torch.tensor(targets), torch.tensor(targets)).sum(dim=1)
    loss = (each * torch.tensor(batch.weights)).sum() + cost * together.mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), {name: np.asarray(w.grad) for name, w in p.items()}


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("curve", [np.empty(0, np.float32), CURVE])
def test_the_gradient_is_autograds_at_the_measured_rates(curve: Array, soft: bool) -> None:
    network, batch = random_rate_network(2), random_batch()
    if curve.size:
        network = replace(network, activation="lif", lif_curve=curve)
    rng = np.random.default_rng(5)
    measured = rng.random((len(batch.labels), network.n_units)).astype(np.float32)
    drive = straight_through.compute_drive(network, batch, measured)
    slopes = np.empty_like(drive)
    look_up(drive, table(curve), np.empty_like(drive), slopes)
    targets = np.eye(len(network.b_out), dtype=np.float32)[batch.labels]
    if soft:
        targets = rng.dirichlet(np.ones(len(network.b_out)), len(measured)).astype(np.float32)
    loss, found = straight_through.loss_and_gradient(
        network, batch, measured, slopes, ALPHA, 1.5, 0.3, targets if soft else None
    )
    expected_loss, expected = autograd(network, batch, measured, curve, 1.5, 0.3, targets)
    assert loss.sum() == pytest.approx(expected_loss, rel=1e-5)
    for name in PARAMETERS:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_soft_targets_are_a_mixture_of_the_labels_and_the_answers() -> None:
    network, batch = random_rate_network(2), random_batch()
    rates = np.random.default_rng(1).random((len(batch.labels), 12)).astype(np.float32)
    found = straight_through.soft_targets(network, batch, rates, 0.25)
    for row, label in enumerate(batch.labels):
        answer = torch.softmax(torch.tensor(network.w_out @ rates[row] + network.b_out), 0)
        expected = 0.25 * np.asarray(answer) + 0.75 * (np.arange(3) == label)
        np.testing.assert_allclose(found[row], expected, rtol=1e-5)

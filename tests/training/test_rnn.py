"""The written-out gradient and the packing, against autograd and against a loop over trials."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from spiking_bimt.battery.draw import BATTERIES, draw_trials
from spiking_bimt.battery.environments import ROTATING
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training import rnn
from spiking_bimt.training.batch import Batch, pack

TASKS = BATTERIES["yang19"]
TRIALS = draw_trials("yang19", TASKS, 3, 100.0, stream="train")
ALPHA = 0.632
LIF = np.array([20.0, 2.0, 200.0, 0.3], np.float32)


def lif_activation(x: torch.Tensor) -> torch.Tensor:
    """The curve of LIF, written with torch's own functions."""
    rho = torch.nn.functional.softplus(x, beta=1 / 0.3)
    return 1 / (0.2 * (2.0 + 20.0 * torch.log1p(1 / rho)))


def autograd_loss(
    p: list[torch.Tensor],
    batch: Batch,
    noise: torch.Tensor,
    margin: float,
    activity: float,
    spikes: float,
    activation: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """The loss as a plain loop, for autograd to differentiate."""
    w_rec, w_in, b, w_out, b_out = p
    state, start, total = torch.zeros(int(batch.counts[0]), len(b)), 0, torch.zeros(())
    inputs, labels = torch.from_numpy(batch.inputs), torch.from_numpy(batch.labels)
    weights, before_go = torch.from_numpy(batch.weights), torch.from_numpy(batch.before_go)
    rates = []
    for count in batch.counts.tolist():
        rows = slice(start, start + count)
        drive = state[:count] @ w_rec.T + inputs[rows, : w_in.shape[1]] @ w_in.T + b + noise[rows]
        state = (1 - ALPHA) * state[:count] + ALPHA * activation(drive)
        outputs = state @ w_out.T + b_out
        shift = torch.zeros_like(outputs)
        shift[:, 0] = margin * before_go[rows]
        each = torch.nn.functional.cross_entropy(outputs - shift, labels[rows], reduction="none")
        total = total + (each * weights[rows]).sum()
        total = total + activity * state.square().sum() / noise.numel()
        rates.append(state)
        start += count
    every = torch.cat(rates)
    return total + spikes * (every.mean(0) / every.amax(0).clamp_min(1e-6)).mean()


@pytest.mark.parametrize(("curve", "activation"), [(rnn.RELU, torch.relu), (LIF, lif_activation)])
@pytest.mark.parametrize(
    ("margin", "activity", "spikes"), [(0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (1.0, 0.3, 0.5)]
)
def test_gradient_equals_autograd(
    margin: float,
    activity: float,
    spikes: float,
    curve: npt.NDArray[np.float32],
    activation: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    batch = pack(TRIALS, np.arange(0, TRIALS.n_trials, 2), 5.0)
    p = rnn.initial_parameters(30, TRIALS.n_inputs, 17, seed=1)
    noise = 0.1 * torch.randn(len(batch.labels), 30, generator=torch.Generator().manual_seed(0))
    losses, gradient, _ = rnn.loss_and_gradient(
        p, batch, ALPHA, noise, margin, activity, spikes, curve
    )
    tensors = [torch.tensor(w, requires_grad=True) for w in p.arrays().values()]
    expected = autograd_loss(tensors, batch, noise, margin, activity, spikes, activation)
    expected.backward()  # type: ignore[no-untyped-call]
    assert float(losses.sum()) == pytest.approx(expected.item(), rel=1e-5)
    for mine, tensor in zip(gradient.arrays().values(), tensors, strict=True):
        assert tensor.grad is not None
        np.testing.assert_allclose(mine, tensor.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_packed_forward_equals_each_trial_alone() -> None:
    p = rnn.initial_parameters(20, TRIALS.n_inputs, 17, seed=2)
    chosen = np.arange(TRIALS.n_trials)
    batch = pack(TRIALS, chosen)
    packed = rnn.readout(p, rnn.forward(p, batch, ALPHA).rates)
    network = RateNetwork(
        p.w_rec, p.w_in, p.b, p.w_out, p.b_out,
        positions=np.stack(np.divmod(np.arange(20), 5), axis=1).astype(np.int32), sheet=(4, 5),
        tau=-100.0 / np.log(1 - ALPHA), dt=100.0, battery="yang19", tasks=TASKS,
    )  # fmt: skip
    apart = rate_outputs(network, TRIALS)
    order = np.argsort(-TRIALS.lengths, kind="stable")
    firsts = np.cumsum([0, *batch.counts])
    for rank, trial in enumerate(order[:10]):
        mine = packed[[firsts[t] + rank for t in range(TRIALS.lengths[trial])]]
        rows = slice(TRIALS.offsets[trial], TRIALS.offsets[trial + 1])
        np.testing.assert_allclose(mine.numpy(), apart[rows], rtol=1e-4, atol=1e-5)


def test_every_trial_weighs_the_same_in_the_loss() -> None:
    batch = pack(TRIALS, np.arange(TRIALS.n_trials), 5.0)
    assert float(batch.weights.sum()) == pytest.approx(1.0, rel=1e-5)
    first_trial = [0]
    for count in batch.counts[:-1]:
        first_trial.append(first_trial[-1] + count)
    assert float(batch.weights[first_trial].sum()) == pytest.approx(1 / TRIALS.n_trials, rel=1e-5)


def test_turning_a_trial_turns_its_rings_and_its_answers() -> None:
    chosen = np.arange(0, TRIALS.n_trials, 3)
    turn = np.arange(len(chosen)) % 16
    plain, turned = pack(TRIALS, chosen), pack(TRIALS, chosen, turn=turn)
    np.testing.assert_array_equal(plain.rows, turned.rows)
    trial = np.searchsorted(TRIALS.offsets, plain.rows, side="right") - 1
    by_row = turn[np.searchsorted(chosen, trial)]
    for row, shift in enumerate(by_row):
        before, after = plain.inputs[row], turned.inputs[row]
        for first in (1, 17):
            ring = slice(first, first + 16)
            np.testing.assert_array_equal(np.roll(before[ring], shift), after[ring])
        assert before[0] == after[0]
        np.testing.assert_array_equal(before[33:], after[33:])
        label = int(plain.labels[row])
        assert int(turned.labels[row]) == (label and 1 + (label - 1 + shift) % 16)


def test_a_turned_task_is_the_same_task() -> None:
    """No direction is asked for more often than another."""
    tasks = [task for task in ROTATING if task in TASKS]
    trials = draw_trials("yang19", TASKS, 400, 100.0, stream="train", seed=5)
    for name in tasks:
        own = np.flatnonzero(trials.task == TASKS.index(name))
        last = trials.offsets[own + 1] - 1
        answered = own[trials.labels[last] > 0]
        counts = np.bincount(trials.labels[trials.offsets[answered + 1] - 1], minlength=17)[1:]
        # Were a direction preferred, the answers would not be spread evenly (chi-squared, p 1e-5).
        expected = counts.sum() / 16
        assert ((counts - expected) ** 2 / expected).sum() < 51

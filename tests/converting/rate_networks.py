"""Networks of PyTorch users: their usual modules, and one that is trained on a task."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.battery.environments import trusting

EXAMPLES = Path(__file__).parents[2] / "examples"
TASK = "own_task:Compare"


class Leaky(nn.Module):
    """r <- (1 - alpha) r + alpha relu(input2h(u) + h2h(r)), as in the tutorials of Yang's group."""

    def __init__(self, channels: int, units: int, outputs: int, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.input2h, self.h2h = nn.Linear(channels, units), nn.Linear(units, units)
        self.fc = nn.Linear(units, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        r = inputs.new_zeros(inputs.shape[1], self.h2h.out_features)
        outputs = []
        for u in inputs:
            r = (1 - self.alpha) * r + self.alpha * torch.relu(self.input2h(u) + self.h2h(r))
            outputs.append(self.fc(r))
        return torch.stack(outputs)


class Plain(nn.Module):
    """torch.nn.RNN with ReLU and a linear readout."""

    def __init__(self, channels: int, units: int, outputs: int) -> None:
        super().__init__()
        self.rnn = nn.RNN(channels, units, nonlinearity="relu")
        self.linear = nn.Linear(units, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        read: Tensor = self.linear(self.rnn(inputs)[0])
        return read


def trained(alpha: float, dt: float, steps: int = 250, seed: int = 0, units: int = 64) -> Leaky:
    """A network of 64 leaky ReLU units that has learned the task of the examples."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    with trusting([TASK]):
        trials = draw_trials("own", [TASK], 1000, dt, stream="train", seed=seed)
    long, channels = int(trials.lengths.max()), trials.n_inputs - 1
    inputs = torch.zeros(long, trials.n_trials, channels)
    labels = torch.full((long, trials.n_trials), -100)
    for k, (a, b) in enumerate(zip(trials.offsets[:-1], trials.offsets[1:], strict=True)):
        inputs[: b - a, k] = torch.tensor(np.array(trials.inputs[a:b, :channels]))
        labels[: b - a, k] = torch.tensor(np.array(trials.labels[a:b]))
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = Leaky(channels, units, 3, alpha)
    adam = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(steps):
        chosen = torch.randint(trials.n_trials, (64,))
        noisy = inputs[:, chosen] + 0.05 * torch.randn(long, 64, channels)
        outputs, answers = network(noisy).flatten(0, 1), labels[:, chosen].flatten()
        loss = nn.functional.cross_entropy(outputs, answers)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
    return network

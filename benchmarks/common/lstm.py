"""The LSTM of NeuroBench's Mackey-Glass benchmark, trained as there."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[Any]


def smape(wanted: Array, found: Array) -> float:
    """Symmetric mean absolute percentage error, %."""
    return float(200 * np.mean(np.abs(wanted - found) / (np.abs(wanted) + np.abs(found))))


class Lstm(torch.nn.Module):
    """NeuroBench's: the last SEEN values of the series, as they are."""

    SEEN, CELLS, EPOCHS = 50, 40, 200

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(self.SEEN)
        self.cells = torch.nn.LSTM(self.SEEN, self.CELLS)
        self.readout = torch.nn.Linear(self.CELLS, 1)

    def forward(self, seen: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        hidden, state = self.cells(self.norm(seen), state)
        return self.readout(torch.relu(hidden))[:, 0], state


def lstm_foresees(values: Array, n_points: int, seed: int) -> tuple[Array, int]:
    """The n_points values that the LSTM foresees after those that it learnt, and its parameters."""
    torch.manual_seed(seed)
    model = Lstm().double()
    padded = np.append(np.zeros(Lstm.SEEN - 1), values)
    seen = torch.tensor(np.lib.stride_tricks.sliding_window_view(padded, Lstm.SEEN).copy())
    wanted = torch.tensor(values[1:])
    optimiser = torch.optim.Adam(model.parameters(), lr=0.005, weight_decay=0.001)
    for _ in range(Lstm.EPOCHS):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(model(seen[:-1])[0], wanted).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    out: list[float] = []
    with torch.no_grad():
        state, row = model(seen[:-1])[1], seen[-1:]
        for _ in range(n_points):
            found, state = model(row, state)
            out.append(float(found))
            row = torch.cat([row[:, 1:], found[None]], dim=1)
    parameters = sum(value.numel() for value in model.parameters())
    return np.array(out), parameters

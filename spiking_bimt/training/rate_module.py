"""The rate network as a PyTorch module, and state dicts from files."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from spiking_bimt.data import gate, rate_files
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.rate_parts import MEANINGS
from spiking_bimt.errors import InputError

SUFFIXES = (".pt", ".pth", ".ckpt")


class RateModule(nn.Module):
    """A rate network that torch can train: r <- (1 - alpha) r + alpha f(W_rec r + W_in u + b).

    Its parameters are those of the RateNetwork, by the same names, and so is its state dict:
    `RateNetwork.from_torch(module, dt=.., alpha=module.alpha)` turns it back.
    """

    w_rec: Tensor
    w_in: Tensor
    b: Tensor
    w_out: Tensor
    b_out: Tensor

    def __init__(self, network: RateNetwork) -> None:
        super().__init__()
        self.alpha = network.alpha
        self.lif_curve = None if network.lif_curve is None else network.lif_curve.tolist()
        for name in MEANINGS:
            values = torch.tensor(np.array(getattr(network, name)))
            self.register_parameter(name, nn.Parameter(values))

    def forward(self, inputs: Tensor, rates: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(T, B, K) outputs and (T, B, N) rates after each step of inputs (T, B, C).

        rates: (B, N) at the start, 0 by default.
        """
        r = inputs.new_zeros(inputs.shape[1], len(self.b)) if rates is None else rates
        course = []
        for u in inputs:
            drive = r @ self.w_rec.T + u @ self.w_in.T + self.b
            active = (
                torch.relu(drive) if self.lif_curve is None else _lif_rate(drive, *self.lif_curve)
            )
            r = (1 - self.alpha) * r + self.alpha * active
            course.append(r)
        every = torch.stack(course)
        return every @ self.w_out.T + self.b_out, every


def _lif_rate(x: Tensor, tau_mem: float, t_ref: float, full_rate: float, softness: float) -> Tensor:
    """`simulation.rate.lif_rate` of torch."""
    scaled = x / softness
    rho = softness * nn.functional.softplus(scaled)
    # Far below the threshold rho underflows, and log(1 / rho) is -scaled - log(softness).
    far = scaled < -30
    log_ratio = torch.where(
        far, -scaled - np.log(softness), torch.log1p(1 / torch.where(far, 1.0, rho))
    )
    return 1000 / (full_rate * (t_ref + tau_mem * log_ratio))


def read_state_dict(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a state dict that `torch.save` wrote, read with `weights_only=True`.

    A checkpoint that holds one under `state_dict`, `model_state_dict` or `model` is read, too.
    Raises InputError for a file that is damaged, or holds anything else than tensors.
    """
    how = "write it with torch.save(model.state_dict(), FILE)"
    with gate.opening_npz(path, f"a PyTorch file of today's format; {how}") as file:
        try:
            found = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise InputError(
                f"{path} holds more than a state dict, and pickled objects are never loaded: {how}"
            ) from error
        tensors = [value for value in torch.utils._pytree.tree_leaves(found)
                   if isinstance(value, Tensor)]  # fmt: skip
        claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        gate.check_claim(claimed, file.seek(0, 2))
        if isinstance(found, Tensor):
            raise InputError(f"{path} holds one tensor and no state dict: {how}")
        return rate_files.arrays_of(found)

"""The spiking network as an snnTorch module, and back.

snnTorch orders a step otherwise (docs/background/model.md); here its neurons are stepped in our
order:

* a `snntorch.Leaky` of its own is the synaptic charge, stepped after the membrane, which therefore
  integrates what had arrived before the step;
* the membrane is a `snntorch.Leaky` without reset, which decides what spikes; the reset follows in
  the same step, and is hidden from the gradient as in snnTorch;
* the membrane is u = v - v_reset, floored between steps, and held while a neuron is refractory.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import snntorch
import torch
from torch import Tensor, nn

from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.simulation import propagators

Array = npt.NDArray[Any]
WEIGHTS = ("weights", "in_weights", "bias", "w_out", "b_out")
"""What can be trained: the network's fields of these names, and its synapses alone."""


class SpikingModule(nn.Module):
    """A converted network whose weights torch can train; `to_network` turns it back.

    dtype: float64 gives the kernel's spikes step for step; float32 sums in another order than the
    kernel, so that a membrane within rounding of its threshold may spike a step apart.
    spike_grad: a surrogate of `snntorch.surrogate`. Raises InputError for a network whose synapses
    have delays of their own.
    """

    weights: Tensor
    in_weights: Tensor
    bias: Tensor
    w_out: Tensor
    b_out: Tensor
    gain_syn: Tensor
    gain_in: Tensor
    leak: Tensor
    floor: Tensor
    threshold: Tensor
    hold: Tensor

    def __init__(
        self, network: SpikingNetwork, dtype: torch.dtype = torch.float32, spike_grad: Any = None
    ) -> None:
        super().__init__()
        network.refuse_optional("the snnTorch module")
        if network.delays is not None:
            raise InputError("the snnTorch module has one delay for all synapses, not their own")
        self.network, self.dtype = network, dtype
        n = network.n_neurons
        for name in WEIGHTS:
            self.register_parameter(name, nn.Parameter(self._tensor(getattr(network, name))))
        step = propagators.step_of(network, np.float64)
        v_reset = network.v_reset.astype(np.float64)
        fixed = {
            "gain_syn": step.gain_syn,
            "gain_in": step.gain_in,
            "leak": -np.expm1(-network.dt / network.tau_mem.astype(np.float64))
            * (network.v_leak - v_reset),
            "floor": network.v_min - v_reset,
            "threshold": network.v_th - v_reset,
        }
        for name, value in fixed.items():
            self.register_buffer(name, self._tensor(value))
        self.register_buffer(
            "hold", torch.from_numpy(propagators.refractory_steps(network)[:n].astype(np.int64))
        )
        self.membrane = snntorch.Leaky(
            self._tensor(step.decay_mem), self._tensor(fixed["threshold"]), spike_grad,
            reset_mechanism="none",
        )  # fmt: skip
        self.synapse = snntorch.Leaky(self._tensor(step.decay_syn), reset_mechanism="none")
        self.fade = float(np.exp(-network.dt / network.tau_out))

    def forward(self, inputs: Tensor, v_start: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, K) readouts and (T * steps per task step, B, N) spikes.

        inputs (T, B, C): channels at each task step; v_start (B, N): membrane potentials.
        """
        network = self.network
        n = network.n_neurons
        recurrent = _dense(network.indptr, network.indices, self.weights, n)
        w_in = _dense(network.in_indptr, network.in_indices, self.in_weights, n)
        u = v_start - self._tensor(network.v_reset)
        charge, trace = torch.zeros_like(u), torch.zeros_like(u)
        free_at = torch.zeros(u.shape, dtype=torch.int64)
        spikes: list[Tensor] = []
        outputs = []
        for level in inputs:
            drive = self.gain_in * (level @ w_in + self.bias) + self.leak
            for _ in range(network.steps_per_task_step):
                now = len(spikes)
                fired, moved = self.membrane(drive + self.gain_syn * charge, u)
                free = free_at <= now
                u = torch.where(free, torch.maximum(moved, self.floor), u)
                # A floored membrane does not spike, and a held one may not.
                spike = torch.where(free, fired.to(self.dtype), 0.0)
                reset = spike.detach()
                u = u - reset * (self.threshold if network.reset == "subtract" else u)
                free_at = torch.where(reset > 0, now + 1 + self.hold, free_at)
                trace = self.fade * trace + spike
                spikes.append(spike)
                past = now - network.delay
                arrived = spikes[past] @ recurrent if past >= 0 else torch.zeros_like(u)
                _, charge = self.synapse(arrived, charge)
            outputs.append(trace @ self.w_out.T + self.b_out)
        return torch.stack(outputs), torch.stack(spikes)

    def to_network(self) -> SpikingNetwork:
        """The network with the module's weights; integer codes are gone, round them anew."""
        values = {name: getattr(self, name).detach().numpy().astype(np.float32) for name in WEIGHTS}
        return self.network.without_codes(**values, measured=None)

    def _tensor(self, values: Array) -> Tensor:
        return torch.tensor(np.asarray(values), dtype=self.dtype)


def padded_inputs(trials: Trials, dtype: torch.dtype = torch.float32) -> Tensor:
    """(T, B, C) inputs of the trials, those that end early followed by zeros."""
    inputs = torch.zeros(int(trials.lengths.max()), trials.n_trials, trials.n_inputs, dtype=dtype)
    for trial in range(trials.n_trials):
        rows = trials.inputs[trials.offsets[trial] : trials.offsets[trial + 1]]
        inputs[: len(rows), trial] = torch.tensor(rows)
    return inputs


def _dense(indptr: Array, indices: Array, weights: Tensor, n: int) -> Tensor:
    """(rows, n) [pre, post] matrix of a CSR one, through which the gradient reaches its weights."""
    pre = torch.from_numpy(np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)))
    flat = torch.zeros((len(indptr) - 1) * n, dtype=weights.dtype)
    place = pre * n + torch.from_numpy(indices.astype(np.int64))
    return flat.index_put((place,), weights).reshape(-1, n)

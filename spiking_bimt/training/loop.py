"""The training loop: phases, the optimiser with its proximal step, pruning, swaps."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from spiking_bimt.errors import InputError
from spiking_bimt.kernels import optimise
from spiking_bimt.training import bimt, rnn
from spiking_bimt.training.config import Phase, TrainConfig
from spiking_bimt.training.pool import Pool, generator
from spiking_bimt.training.rnn import PARAMETERS, Parameters
from spiking_bimt.training.state import State, drop_dead

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

RAMP_EVERY = 100
"""Steps between changes of lambda while it ramps."""

FOLLOWS = 0.02
"""Share of a batch in the running mean of a task's loss."""


class Observer(Protocol):
    """What a training tells as it goes on."""

    def measure(self, phase: Phase, state: State, loss: float) -> float:
        """Error of the network as it is now, on validation trials."""

    def checkpoint(self, state: State) -> None:
        """Keep this state: a training can be resumed from it."""

    def step(self, phase: Phase, state: State, loss: float) -> None:
        """Called after every step."""


@dataclass
class Context:
    """What stays the same within a phase, but for the strengths, which follow the places."""

    config: TrainConfig
    phase: Phase
    l1_before: float
    """lambda at the end of the phase before."""
    distances: bimt.Doubles
    strengths: Parameters

    @classmethod
    def of(cls, config: TrainConfig, state: State) -> "Context":
        """The context of the state's phase with the units where they are."""
        phases = config.effective_phases()
        before = phases[state.phase - 1].l1 if state.phase else 0.0
        distances = bimt.sheet_distances(*config.sheet, config.metric)
        context = cls(config, phases[state.phase], before, distances, state.p)
        context.refresh(state)
        return context

    def refresh(self, state: State) -> None:
        """Strength of the penalty on each weight, with the units where they are now:
        l1 (1 + A d_ij) between hidden units, l1 * l1_ends on input and readout weights.
        """
        # lambda changes every RAMP_EVERY steps, so that a resumed training has the same.
        l1 = self.phase.l1_at(state.step - state.step % RAMP_EVERY, self.l1_before)
        places = state.place[state.units]
        d = torch.from_numpy(self.distances[np.ix_(places, places)].astype(np.float32))
        none = state.p.zeros_like()
        flat = Parameters(*(tensor + l1 * self.phase.l1_ends for tensor in none.tensors()))
        self.strengths = Parameters(
            l1 * (1 + self.phase.distance * d), flat.w_in, none.b, flat.w_out, none.b_out
        )


def run(config: TrainConfig, state: State, observer: Observer) -> State:
    """Train from `state` to the end, in place.

    Raises InputError when the loss is not finite or every unit has died; the last checkpoint
    stays good.
    """
    phases = config.effective_phases()
    while state.phase < len(phases):
        _run_phase(config, phases[state.phase], state, observer)
        state.phase, state.step = state.phase + 1, 0
        observer.checkpoint(state)
    return state


def _run_phase(config: TrainConfig, phase: Phase, state: State, observer: Observer) -> None:
    if state.step == 0:
        _begin_phase(phase, state)
    context = Context.of(config, state)
    pool = Pool(config, phase, state.phase)
    while state.step < phase.steps:
        loss = step(context, state, pool.batch(state.step, state.task_loss))
        if phase.swap_every and state.step % phase.swap_every == 0:
            _swap(state, context.distances, phase.max_swaps)
            context.refresh(state)
        elif phase.l1_ramp and state.step % RAMP_EVERY == 0:
            context.refresh(state)
        if state.step % config.checkpoint_every == 0 or state.step == phase.steps:
            if drop_dead(state):
                context.refresh(state)
            error = observer.measure(phase, state, loss)
            if phase.stop_error and error <= phase.stop_error:
                state.step = phase.steps
            observer.checkpoint(state)
        observer.step(phase, state, loss)


def step(context: Context, state: State, batch: rnn.Batch) -> float:
    """One optimiser step, in place; the loss before it."""
    config, phase = context.config, context.phase
    alpha = 1 - math.exp(-phase.dt / config.tau)
    noise = _noise(config, phase, state, len(batch.labels))
    losses, gradient, peak = rnn.loss_and_gradient(
        state.p, batch, alpha, noise, phase.margin, phase.activity,
        np.array(config.curve, np.float32),
    )  # fmt: skip
    loss = float(losses.sum())
    if not math.isfinite(loss):
        raise InputError(
            f"the loss is {loss} at step {state.step} of phase {phase.name!r}: lower lr or clip; "
            "the last checkpoint is good"
        )
    _update(context, state, gradient)
    torch.maximum(state.peak, peak, out=state.peak)
    _follow(state, batch, losses)
    state.step += 1
    return loss


def _follow(state: State, batch: rnn.Batch, losses: Tensor) -> None:
    """Let the running mean of each task's loss follow the batch."""
    n_tasks = len(state.task_loss)
    trials = np.bincount(batch.task[: batch.counts[0]], minlength=n_tasks)
    sums = np.bincount(batch.task, losses.numpy(), n_tasks) * batch.counts[0]
    met = trials > 0
    state.task_loss[met] += (sums[met] / trials[met] - state.task_loss[met]) * FOLLOWS
    # None may be 0, or there would be nothing to share out by.
    np.maximum(state.task_loss, 1e-6, out=state.task_loss)


def _begin_phase(phase: Phase, state: State) -> None:
    """Prune, freeze what is zero where pruning was asked for, and start Adam afresh."""
    if phase.prune:
        for weights, mask in zip(state.p.tensors(), state.mask.tensors(), strict=True):
            if weights.ndim == 2:
                mask.copy_(weights.abs() >= phase.prune)
                weights.mul_(mask)
        state.peak.fill_(torch.inf)
        drop_dead(state)
    state.m, state.v = state.p.zeros_like(), state.p.zeros_like()
    state.peak = torch.zeros(len(state.units))


def _update(context: Context, state: State, gradient: Parameters) -> None:
    """One step of Adam on the clipped loss gradient, then the proximal step of the penalty."""
    config, phase = context.config, context.phase
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradient.tensors()))
    scale = min(1.0, config.clip / max(norm, 1e-12))
    lr = phase.lr_at(state.step)
    count = state.step + 1
    numbers = (scale, lr, 1 - BETA1**count, 1 - BETA2**count, BETA1, BETA2, EPSILON)
    settings = tuple(np.float32(number) for number in numbers)
    for name in PARAMETERS:
        group = (state.p, state.m, state.v, gradient, state.mask, context.strengths)
        flat = (getattr(tensors, name).numpy().reshape(-1) for tensors in group)
        optimise.adam_shrink(*flat, *settings)


def _swap(state: State, distances: bimt.Doubles, max_swaps: int) -> None:
    n = len(state.place)
    w_rec = np.zeros((n, n), np.float32)
    w_rec[np.ix_(state.units, state.units)] = state.p.w_rec.numpy()
    state.place = bimt.swap_places(w_rec, state.place, distances, max_swaps)


def _noise(config: TrainConfig, phase: Phase, state: State, rows: int) -> Tensor | None:
    if not phase.noise:
        return None
    rng = generator(config.seed, 101, state.phase, state.step)
    sigma = phase.noise * math.sqrt(20.0 / phase.dt)
    return torch.randn(rows, len(state.units), generator=rng) * sigma

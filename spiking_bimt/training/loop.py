"""The training loop: phases, the optimiser with its proximal step, pruning, swaps."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from spiking_bimt.errors import InputError
from spiking_bimt.training import bimt, rnn
from spiking_bimt.training.config import Phase, TrainConfig
from spiking_bimt.training.pool import Pool
from spiking_bimt.training.rnn import PARAMETERS, Parameters
from spiking_bimt.training.state import State, drop_dead

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Observer(Protocol):
    """What a training tells as it goes on."""

    def measure(self, phase: Phase, state: State, loss: float) -> float:
        """Error of the network as it is now, on validation trials."""

    def checkpoint(self, state: State) -> None:
        """Keep this state: a training can be resumed from it."""

    def step(self, phase: Phase, state: State, loss: float) -> None:
        """Called after every step."""


@dataclass
class _Context:
    """What stays the same within a phase, but for the strengths, which follow the places."""

    config: TrainConfig
    phase: Phase
    distances: bimt.Doubles
    strengths: Parameters


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
    distances = bimt.sheet_distances(*config.sheet, config.metric)
    context = _Context(config, phase, distances, _strengths(phase, state, distances))
    pool = Pool(config, phase, state.phase)
    while state.step < phase.steps:
        loss = _step(context, state, pool)
        if phase.swap_every and state.step % phase.swap_every == 0:
            _swap(state, distances, phase.max_swaps)
            context.strengths = _strengths(phase, state, distances)
        if state.step % config.checkpoint_every == 0 or state.step == phase.steps:
            if drop_dead(state):
                context.strengths = _strengths(phase, state, distances)
            error = observer.measure(phase, state, loss)
            if phase.stop_error and error <= phase.stop_error:
                state.step = phase.steps
            observer.checkpoint(state)
        observer.step(phase, state, loss)


def _step(context: _Context, state: State, pool: Pool) -> float:
    config, phase = context.config, context.phase
    alpha = 1 - math.exp(-phase.dt / config.tau)
    batch = rnn.pack(pool.trials(state.step), pool.batch(state.step), config.decision_weight)
    noise = _noise(config, phase, state, len(batch.labels))
    loss, gradient, peak = rnn.loss_and_gradient(
        state.p, batch, alpha, noise, phase.margin, phase.activity
    )
    if not math.isfinite(loss):
        raise InputError(
            f"the loss is {loss} at step {state.step} of phase {phase.name!r}: lower lr or clip; "
            "the last checkpoint is good"
        )
    _update(context, state, gradient)
    torch.maximum(state.peak, peak, out=state.peak)
    state.step += 1
    return loss


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


def _update(context: _Context, state: State, gradient: Parameters) -> None:
    """One step of Adam on the clipped loss gradient, then the proximal step of the penalty."""
    config, phase = context.config, context.phase
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradient.tensors()))
    scale = min(1.0, config.clip / max(norm, 1e-12))
    lr = phase.lr_at(state.step)
    count = state.step + 1
    correct1, correct2 = 1 - BETA1**count, 1 - BETA2**count
    for name in PARAMETERS:
        weights, g = getattr(state.p, name), getattr(gradient, name)
        m, v = getattr(state.m, name), getattr(state.v, name)
        g.mul_(scale).mul_(getattr(state.mask, name))
        m.lerp_(g, 1 - BETA1)
        v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
        second = v / correct2
        weights.addcdiv_(m, second.sqrt().add_(EPSILON), value=-lr / correct1)
        if phase.l1 and weights.ndim == 2:
            bimt.shrink(weights, second, lr, getattr(context.strengths, name))


def _strengths(phase: Phase, state: State, distances: bimt.Doubles) -> Parameters:
    """Strength of the penalty on each weight: l1, and l1 (1 + A d_ij) between hidden units."""
    places = state.place[state.units]
    d = torch.from_numpy(distances[np.ix_(places, places)].astype(np.float32))
    flat = torch.tensor(phase.l1)
    return Parameters(phase.l1 * (1 + phase.distance * d), flat, flat, flat, flat)


def _swap(state: State, distances: bimt.Doubles, max_swaps: int) -> None:
    n = len(state.place)
    w_rec = np.zeros((n, n), np.float32)
    w_rec[np.ix_(state.units, state.units)] = state.p.w_rec.numpy()
    state.place = bimt.swap_places(w_rec, state.place, distances, max_swaps)


def _noise(config: TrainConfig, phase: Phase, state: State, rows: int) -> Tensor | None:
    if not phase.noise:
        return None
    entropy = (config.seed, 101, state.phase, state.step)
    seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
    rng = torch.Generator().manual_seed(seed)
    sigma = phase.noise * math.sqrt(20.0 / phase.dt)
    return torch.randn(rows, len(state.units), generator=rng) * sigma

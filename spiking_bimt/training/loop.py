"""The training loop: phases, the optimiser with its proximal step, pruning, swaps."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spiking_bimt.analysis.variance import similarity
from spiking_bimt.chip.start import fewest_cores
from spiking_bimt.errors import InputError
from spiking_bimt.kernels import train_axons
from spiking_bimt.training import bimt, cores, ladder, pruning, rnn
from spiking_bimt.training.batch import Batch
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.function import measure_function
from spiking_bimt.training.observer import Observer
from spiking_bimt.training.optimiser import BETA2, bias_of, clip_scale
from spiking_bimt.training.parameters import Floats, Parameters
from spiking_bimt.training.penalties import Setting, Strengths, compute_strengths
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.pool import FOLLOWS, Pool, follow_losses, generator
from spiking_bimt.training.rnn import LEAST_PEAK
from spiking_bimt.training.state import State, drop_dead

RAMP_EVERY = 100
"""Steps between changes of a strength while it ramps."""

NOISE_STEP = 20.0
"""Step that the noise of a phase is given for, ms."""

OVERFULL_RISE = 0.1
"""Rise of the price of a core's axons, each time that the core exceeds a limit."""
FITTING_FALL = 0.01
"""Fall of that price, each time that the core keeps its limits."""

SILENCING = ("l1", "unlike", "packet", "activity", "spikes")
"""Settings of a phase that can silence units, or take away what outputs read."""
PRUNING = ("prune", "prune_cost")
"""Settings of a phase that take weights away at its start."""


@dataclass
class Context:
    """What stays the same within a phase, but for the strengths, which follow places and cores."""

    setting: Setting
    strengths: Strengths
    """Strength of the penalties on each weight and group."""

    @classmethod
    def of(cls, config: TrainConfig, state: State) -> "Context":
        """The context of the state's phase with the units where they are."""
        phases = config.effective_phases()
        phase = phases[state.phase]
        setting = Setting(
            config=config,
            phase=phase,
            before=phases[state.phase - 1] if state.phase else None,
            distances=bimt.sheet_distances(*config.sheet, config.metric),
            cost=chip_cost(config, state) if phase.packet else None,
        )
        return cls(setting, _present_strengths(setting, state))

    def refresh(self, state: State) -> None:
        """Compute the strengths again, with the units where they are now."""
        self.strengths = _present_strengths(self.setting, state)


def _present_strengths(setting: Setting, state: State) -> Strengths:
    """The strengths at the last change of a ramp, so that a resumed training has the same."""
    return compute_strengths(setting, state, state.step - state.step % RAMP_EVERY)


def chip_cost(config: TrainConfig, state: State) -> cores.Cost:
    """What axons between the cores in use cost."""
    chip = config.chip_record
    price = cores.prices(chip, state.used, config.packet_ends)
    return cores.Cost(price, config.packet_groups, chip.neurons_per_core)


def run(config: TrainConfig, state: State, observer: Observer) -> State:
    """Train from `state` to the end, in place.

    Raises InputError when the loss is not finite or every unit has died.
    """
    phases = config.effective_phases()
    while state.phase < len(phases):
        phase = phases[state.phase]
        _run_phase(config, phase, state, observer)
        state.phase, state.step = state.phase + 1, 0
        if config.is_ladder and ladder.ends_rung(phases, state.phase):
            _judge(config, phases, state, observer)
        observer.checkpoint(state)
    return state


def _judge(
    config: TrainConfig, phases: tuple[Phase, ...], state: State, observer: Observer
) -> None:
    """Record the error and the packets of a rung; at the end of the search, load the best one."""
    error = observer.judge(phases[state.phase - 1], state)
    packets = cores.packets_per_spike(state.p, state.core, state.activity, len(state.used))
    rung = len(state.rungs)
    state.rungs = np.concatenate([state.rungs, [[error, packets]]])
    observer.keep(state, rung)
    after = ladder.first_after(phases)
    if state.phase == after or ladder.is_over(state.rungs, config.max_packets, config.max_error):
        best = observer.kept(ladder.best(state.rungs, config.max_packets, config.max_error))
        best.rungs = state.rungs
        best.phase, best.step = after, 0
        vars(state).update(vars(best))


def _run_phase(config: TrainConfig, phase: Phase, state: State, observer: Observer) -> None:
    pool = Pool(config, phase, state.phase)
    if state.step == 0:
        _begin_phase(config, phase, state, observer)
        if phase.packet:
            settle_on_cores(config, phase, state, pool)
        if phase.needs_function:
            state.function = measure_function(config, phase, state)
    context = Context.of(config, state)
    while state.step < phase.steps:
        loss = step(context, state, pool.batch(state.step, state.task_loss))
        if phase.needs_function and state.step % phase.function_every == 0:
            state.function = measure_function(config, phase, state)
            context.refresh(state)
        if phase.swap_every and state.step % phase.swap_every == 0:
            if phase.distance or phase.attract:
                _swap(state, context.setting)
            if context.setting.cost is not None:
                seed = (config.seed, state.phase, state.step)
                state.core = cores.improve(
                    state.p, state.core, state.activity, context.setting.cost, seed,
                    alike=similarity(state.function), attract=phase.attract,
                )  # fmt: skip
                _reprice_cores(config, phase, state)
            context.refresh(state)
        elif (phase.l1_ramp or phase.packet_ramp) and state.step % RAMP_EVERY == 0:
            context.refresh(state)
        if state.step % config.checkpoint_every == 0 or state.step == phase.steps:
            # A resumed training begins with fresh strengths, so this one has them here too.
            if drop_dead(state, phase, SILENCING) or context.setting.cost is not None:
                context.refresh(state)
            error = observer.measure(phase, state, loss)
            if phase.stop_error and error <= phase.stop_error:
                state.step = phase.steps
            observer.checkpoint(state)
        observer.step(phase, state, loss)


def step(context: Context, state: State, batch: Batch) -> float:
    """One optimiser step, in place; the loss before it."""
    config, phase = context.setting.config, context.setting.phase
    alpha = 1 - math.exp(-phase.dt / config.tau)
    noise = _noise(config, phase, state, len(batch.labels))
    losses, gradient, rates = rnn.loss_and_gradient(
        state.p, batch, alpha, noise, phase.margin, phase.activity, phase.spikes,
        np.array(config.lif_curve, np.float32),
    )  # fmt: skip
    loss = float(losses.sum())
    if not math.isfinite(loss):
        raise InputError(
            f"the loss is {loss} at step {state.step} of phase {phase.name!r}: lower lr or clip "
            "and train in another folder"
        )
    _update(context, state, gradient)
    np.maximum(state.peak, rates.amax(0).numpy(), out=state.peak)
    if len(state.used):
        state.activity += (relative_rates(rates) - state.activity) * FOLLOWS
    follow_losses(state.task_loss, batch.task, int(batch.counts[0]), losses.numpy())
    state.step += 1
    return loss


def relative_rates(rates: Tensor) -> Floats:
    """(n,) mean rate of each unit over the rows (P, n), relative to its peak; 0 where silent."""
    found: Floats = (rates.mean(0) / rates.amax(0).clamp_min(LEAST_PEAK)).numpy()
    return found


def _reprice_cores(config: TrainConfig, phase: Phase, state: State) -> None:
    """Raise the price of the axons of overfull cores, and lower it again for the others."""
    excess = cores.overfull(
        config.chip_record, state.p, state.core, state.used, round(phase.dt / 2)
    )
    state.burden = np.maximum(state.burden + np.where(excess > 0, OVERFULL_RISE, -FITTING_FALL), 0)


def settle_on_cores(config: TrainConfig, phase: Phase, state: State, pool: Pool) -> None:
    """Give every unit a core, where it has none yet or where fewer cores would do."""
    used = fewest_cores(config.chip_record, len(state.units)).astype(np.int64)
    if len(state.used) and len(used) >= len(state.used):
        return
    alpha = 1 - math.exp(-phase.dt / config.tau)
    curve = np.array(config.lif_curve, np.float32)
    rates = rnn.forward(state.p, pool.batch(0, state.task_loss), alpha, None, curve).rates
    rates = rates[:, : len(state.units)]
    state.activity = relative_rates(rates).astype(np.float64)
    state.used, state.burden = used, np.zeros(len(used))
    cost = chip_cost(config, state)
    state.core = cores.partition(state.p, state.activity, cost, config.seed)


def _begin_phase(config: TrainConfig, phase: Phase, state: State, observer: Observer) -> None:
    """Prune, freeze what is zero where pruning was asked for, and start Adam afresh."""
    for mask in state.adam.mask.values():
        mask.fill(1.0)
    if phase.prune:
        state.p = pruning.below(state.p, phase.prune)
    elif phase.prune_cost:
        _prune_gently(phase, state, observer)
    if phase.prune or phase.prune_cost:
        if len(state.used):
            chip = config.chip_record
            pruning.fit(chip, state.p, state.core, state.used, round(phase.dt / 2))
        for name, weights in state.p.arrays().items():
            if weights.ndim == 2:
                state.adam.mask[name][:] = weights != 0
        state.peak.fill(np.inf)
        drop_dead(state, phase, PRUNING)
    state.adam.forget()
    state.peak = np.zeros(len(state.units), np.float32)


def _prune_gently(phase: Phase, state: State, observer: Observer) -> None:
    """Prune as far as `prune_cost` of error allows, axons between cores first."""

    def error(p: Parameters) -> float:
        return observer.judge(phase, dataclasses.replace(state, p=p))

    bound = error(state.p) + phase.prune_cost
    if len(state.used):
        state.p = pruning.largest(
            lambda threshold: pruning.below_between(
                state.p, state.core, len(state.used), threshold
            ),
            error, bound,
        )  # fmt: skip
    state.p = pruning.largest(lambda threshold: pruning.below(state.p, threshold), error, bound)


def _update(context: Context, state: State, gradient: Parameters) -> None:
    """One step of Adam on the clipped loss gradient, then the proximal step of the penalties."""
    lr, count = context.setting.phase.lr_at(state.step), state.step + 1
    strengths = context.strengths
    scale = clip_scale(rnn.norm(gradient), context.setting.config.clip)
    state.adam.step(
        state.p.arrays(), gradient.arrays(), scale=scale, lr=lr, count=count,
        strengths=strengths.weights.arrays(),
    )  # fmt: skip
    for name, groups in zip(("w_rec", "w_in"), strengths.groups or (), strict=False):
        train_axons.shrink_groups(
            state.p.arrays()[name], state.adam.v[name], state.adam.mask[name], state.core, groups,
            np.float32(lr), np.float32(bias_of(BETA2, count)),
        )  # fmt: skip


def _swap(state: State, setting: Setting) -> None:
    """Exchange places on the sheet while that lowers the cost of wire and of units' function."""
    n, phase = len(state.place), setting.phase
    w_rec, alike = np.zeros((2, n, n), np.float32)
    survivors = np.ix_(state.units, state.units)
    w_rec[survivors] = state.p.w_rec
    alike[survivors] = similarity(state.function)
    state.place = bimt.swap_places(
        w_rec, state.place, setting.distances, phase.max_swaps, alike, phase.attract
    )


def _noise(config: TrainConfig, phase: Phase, state: State, rows: int) -> Tensor | None:
    """(P, n) noise on the drive of a step, a function of the seed, the phase and the step."""
    if not phase.noise:
        return None
    rng = generator(config.seed, 101, state.phase, state.step)
    sigma = phase.noise * math.sqrt(NOISE_STEP / phase.dt)
    return torch.randn(rows, len(state.units), generator=rng) * sigma

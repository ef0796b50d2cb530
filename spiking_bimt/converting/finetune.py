"""Fine-tuning: Adam on the straight-through gradient, of the weights that are not 0."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from spiking_bimt.converting import finetune_rates, inverse, learned_scales
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.one_to_one import ConversionConfig
from spiking_bimt.converting.quantise import Rounding, Scales
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.kernels.train_activation import look_up, table
from spiking_bimt.training import straight_through
from spiking_bimt.training.batch import Batch
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.optimiser import Adam, clip_scale
from spiking_bimt.training.parameters import PARAMETERS, Parameters
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.pool import FOLLOWS, Pool, follow_losses

Array = npt.NDArray[Any]
Report = Callable[[int, float], None]
"""Called with the number of steps done and the running mean of the loss."""

CLIP = 1.0
"""Largest norm of the loss's gradient."""
REFITS = 20
"""Steps between new fits of the scales of integer weights. If they moved at every step, a weight
near the middle of two codes would go back and forth between them."""
POOLS = 900
"""First pool of trials, beyond those that a training of the same seed draws."""


@dataclass
class State:
    """What changes from step to step."""

    p: dict[str, Array]
    """The trained arrays by name: PARAMETERS, and the scales where they are learned."""
    adam: Adam
    task_loss: Array
    loss: float = math.nan
    """Running mean."""
    mean: dict[str, Array] = field(default_factory=dict)
    """Running means of p."""
    task_rate: Array = field(default_factory=lambda: np.empty(0))
    task_length: Array = field(default_factory=lambda: np.empty(0))
    """Running means by task of a trial's spikes, shares of full scale, and of its steps."""

    @classmethod
    def of(cls, network: RateNetwork) -> "State":
        """The start: the weights that are not 0 are trained, and the biases."""
        p, n = Parameters.copy_of(network).arrays(), len(network.tasks)
        adam = Adam.of(p)
        for name, w in p.items():
            adam.mask[name][:] = (w != 0) | (w.ndim == 1)
        return cls(p, adam, np.ones(n), task_rate=np.zeros(n), task_length=np.zeros(n))

    def train_also(self, parameters: dict[str, Array]) -> None:
        """Train these arrays too, all of their values."""
        self.p |= parameters
        self.adam.add(parameters)


def finetune(
    network: RateNetwork,
    config: ConversionConfig,
    settings: FinetuneConfig,
    rounding: Rounding | None = None,
    report: Report = lambda step, loss: None,
    teacher: RateNetwork | None = None,
    frozen: tuple[str, ...] = (),
    earlier: int = 0,
    threads: int | None = 1,
    chip: Chip | None = None,
) -> tuple[RateNetwork, Scales | None]:
    """The normalised network with its weights trained for the neurons of `config`.

    With it the scales of its integer weights, where they were learned (`Rounding.fit`), or None.

    Weights that are 0 stay 0. With `rounding`, the forward pass in spikes has integer weights, and
    the gradient is that by the weights before rounding. The trials are of the "train" stream, of
    pools that training itself does not draw. teacher: the rate network whose answers are the share
    `distil` of the targets. frozen: names of PARAMETERS that stay as they are. earlier: trainings
    that the network has had, whose trials are not drawn again. `threads` changes the time only, as
    in `simulate_trials`. chip: train in its integers, which takes `rounding`. Raises InputError
    where the loss is not finite.
    """
    state, rows = State.of(network), activation_table(network, settings)
    free = replace(settings, spike_cost=0.0, rate_limit=0.0)
    for name in frozen:
        state.adam.mask[name].fill(0.0)
    for part, steps in enumerate((settings.aware_steps, settings.steps)):
        in_spikes = part == 1
        state.adam.forget()
        pool, scales = make_pool(network, settings, 2 * earlier + part, steps), None
        for step in range(steps):
            now = with_weights(network, state.p)
            batch = draw_batch(pool, step, state.task_loss, network.w_in.shape[1])
            if rounding is not None and in_spikes:
                scales = _choose_scales(state, now, config, rounding, step, scales)
            targets = mix_targets(teacher, settings, batch)
            own = settings if _spikes_cost(state, settings, config) else free
            losses, found, spikes = batch_step(
                now, config, own, rounding, rows, batch, step, in_spikes, scales,
                targets, threads, chip,
            )  # fmt: skip
            _update_means(state, batch, losses, spikes)
            norm = math.sqrt(sum(float(np.square(g, dtype=float).sum()) for g in found.values()))
            if not math.isfinite(losses.sum() + norm):
                raise InputError(
                    f"the loss is {losses.sum()} and its gradient {norm} at step {step}: lower lr"
                )
            state.adam.step(
                state.p, found, scale=clip_scale(norm, CLIP), lr=settings.lr_at(step, steps),
                count=step + 1,
            )  # fmt: skip
            _update_mean_weights(state, settings.average, step + 1)
            report(part * settings.aware_steps + step + 1, state.loss)
        if steps and settings.average:
            state.p = state.mean
    learned = (
        learned_scales.from_parameters(state.p) if learned_scales.NAMES[0] in state.p else None
    )
    return replace(with_weights(network, state.p), measured=None), learned


@threadpool_limits.wrap(limits=1, user_api="blas")  # type: ignore[untyped-decorator]
def batch_step(
    network: RateNetwork, config: ConversionConfig, settings: FinetuneConfig,
    rounding: Rounding | None, rows: Array, batch: Batch, step: int, in_spikes: bool,
    scales: Scales | None = None, targets: Array | None = None, threads: int | None = 1,
    chip: Chip | None = None,
) -> tuple[Array, dict[str, Array], Array]:  # fmt: skip
    """Loss by row, gradient and spikes by row of one batch; `rows` tabulate the activation.

    Spikes are the mean over neurons in that step, shares of full scale.

    scales: of the rounding, those of the weights themselves by default. targets: of the outputs,
    the right answers by default. chip: whose integers the step in spikes is in.
    """
    alpha = -math.expm1(-network.dt / network.tau)
    latent, made = network, None
    seed = int(np.random.SeedSequence((settings.seed, step)).generate_state(1)[0])
    if in_spikes:
        made = finetune_rates.make_spiking(network, config, rounding, scales)
        if rounding is not None:
            network = inverse.to_rate_network(network, config, made)
        rates = finetune_rates.measure_rates(network, config, made, batch, seed, threads, chip)
        drive = straight_through.compute_drive(network, batch, rates)
        slopes = np.empty_like(drive)
        look_up(drive, rows, np.empty_like(drive), slopes)
    else:
        noise = np.random.default_rng(seed).standard_normal(
            (len(batch.labels), network.n_units), np.float32
        )
        noise *= settings.noise * finetune_rates.full_scale_drive(network, config)
        outside = batch.inputs @ network.w_in.T + network.b + noise
        rates, slopes = finetune_rates.compute_rates(network, outside, batch.counts, alpha, rows)
    rate_cost = settings.spike_cost * config.full_rate
    losses, found = straight_through.loss_and_gradient(
        network, batch, rates, slopes, alpha, settings.margin, rate_cost, targets
    )
    if made is not None and rounding is not None and rounding.fit == "learned":
        found = learned_scales.scale_gradient(latent, network, made, rounding, config, found)
    return losses, found, undo_filter(rates.mean(axis=1), batch, alpha)


def undo_filter(rates: Array, batch: Batch, alpha: float) -> Array:
    """(P,) spikes of each step, from their filtered rates (P,)."""
    spikes = rates.copy()
    spikes[batch.counts[0] :] -= (1 - alpha) * rates[batch.previous]
    spikes /= alpha
    return spikes


@threadpool_limits.wrap(limits=1, user_api="blas")  # type: ignore[untyped-decorator]
def mix_targets(
    teacher: RateNetwork | None, settings: FinetuneConfig, batch: Batch
) -> Array | None:
    """(P, K) targets of a batch with the teacher's share, None for the right answers alone."""
    if teacher is None or settings.distil == 0:
        return None
    alpha = -math.expm1(-teacher.dt / teacher.tau)
    outside = batch.inputs @ teacher.w_in.T + teacher.b
    rows = table(np.empty(0, np.float32) if teacher.lif_curve is None else teacher.lif_curve)
    rates, _ = finetune_rates.compute_rates(teacher, outside, batch.counts, alpha, rows)
    return straight_through.soft_targets(teacher, batch, rates, settings.distil)


def activation_table(network: RateNetwork, settings: FinetuneConfig) -> Array:
    """`kernels.train_activation.table` of the activation that slopes are taken from."""
    if network.lif_curve is None:
        return table(np.empty(0, np.float32))
    return table(np.append(network.lif_curve[:3], np.float32(settings.softness)))


def make_pool(network: RateNetwork, settings: FinetuneConfig, part: int, steps: int) -> Pool:
    """Trials of a part: 0 in rates, 1 in spikes, 2 and 3 those of the next training, and so on."""
    phase = Phase(name="fine-tuning", steps=max(steps, 1), dt=network.dt, batch=settings.batch)
    config = TrainConfig(
        phases=(phase,), battery=network.battery, tasks=network.tasks, sheet=network.sheet,
        focus=settings.focus, seed=settings.seed,
    )  # fmt: skip
    return Pool(config, phase, POOLS + part)


def draw_batch(pool: Pool, step: int, task_loss: Array, n_inputs: int) -> Batch:
    """The batch of a step with its inputs as they are, without what fills a vector."""
    batch = pool.batch(step, task_loss)
    return replace(batch, inputs=np.ascontiguousarray(batch.inputs[:, :n_inputs]))


def with_weights(network: RateNetwork, p: Mapping[str, Any]) -> RateNetwork:
    """The network with the trained arrays of these names."""
    return replace(network, **{name: p[name] for name in PARAMETERS})


def _choose_scales(
    state: State, now: RateNetwork, config: ConversionConfig, rounding: Rounding, step: int,
    before: Scales | None,
) -> Scales | None:  # fmt: skip
    """Scales of a step: learned from the first on, or fitted anew now and then."""
    learned = rounding.fit == "learned"
    if step == 0 or (not learned and step % REFITS == 0):
        before = rounding.scales(finetune_rates.make_spiking(now, config, None))
        if learned:
            state.train_also(learned_scales.to_parameters(before))
    return learned_scales.from_parameters(state.p) if learned else before


def _spikes_cost(state: State, settings: FinetuneConfig, config: ConversionConfig) -> bool:
    """Whether spikes cost at present: the mean rate over all tasks is not below the limit."""
    steps = float(state.task_length.sum())
    rate = config.full_rate * float(state.task_rate.sum()) / steps if steps > 0 else 0.0
    return rate >= settings.rate_limit


def _update_means(state: State, batch: Batch, losses: Array, spikes: Array) -> None:
    """Update the running means of losses and spikes by the batch."""
    loss = float(losses.sum())
    state.loss = loss if math.isnan(state.loss) else state.loss + (loss - state.loss) * FOLLOWS
    for means, values in (
        (state.task_loss, losses), (state.task_rate, spikes), (state.task_length, 0 * spikes + 1),
    ):  # fmt: skip
        follow_losses(means, batch.task, int(batch.counts[0]), values)


def _update_mean_weights(state: State, decay: float, count: int) -> None:
    """Update the running mean of the weights; after few steps it is their plain mean."""
    if decay:
        rate = np.float32(max(1 - decay, 1 / count))
        for name, w in state.p.items():
            mean = state.mean.setdefault(name, w.copy()) if count > 1 else w.copy()
            state.mean[name] = mean + rate * (w - mean)

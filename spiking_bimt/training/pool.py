"""Batches of trials, a pure function of the step, so that a resumed training sees the same."""

import numpy as np
import numpy.typing as npt
import torch

from spiking_bimt.battery.draw import BATTERIES, draw_noise_free
from spiking_bimt.battery.environments import RING, ROTATING
from spiking_bimt.data.trials import Trials
from spiking_bimt.training.batch import Batch, pack
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase


def generator(*entropy: int) -> torch.Generator:
    """A stream of random numbers that belongs to these numbers alone."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator().manual_seed(seed)


FOLLOWS = 0.02
"""Share of a batch in the running means of losses and of units' activity."""


def follow_losses(
    task_loss: npt.NDArray[np.float64],
    task: npt.NDArray[np.int32],
    n_trials: int,
    losses: npt.NDArray[np.float32],
) -> None:
    """Let the running mean of each task's loss (tasks,) follow a packed batch, in place.

    task: of each row; the first `n_trials` rows are the first steps of the trials; losses: by row.
    """
    n_tasks = len(task_loss)
    trials = np.bincount(task[:n_trials], minlength=n_tasks)
    sums = np.bincount(task, losses, n_tasks) * n_trials
    met = trials > 0
    task_loss[met] += (sums[met] / trials[met] - task_loss[met]) * FOLLOWS
    # None may be 0, or there would be nothing to share out by.
    np.maximum(task_loss, 1e-6, out=task_loss)


class Pool:
    """The trials that one phase of a training draws its batches from.

    The pool holds trials without their noise, which is drawn anew each time that a trial is used,
    and a trial of a task that knows no preferred direction is turned around its rings: it can be
    used many times before a network could know it by heart. Of a data set it holds all training
    sequences, where these are not more than a pool.
    """

    def __init__(self, config: TrainConfig, phase: Phase, phase_index: int) -> None:
        self._config, self._phase, self._phase_index = config, phase, phase_index
        self._lasts = max(1, config.reuse * config.pool * len(config.task_names) // phase.batch)
        own = config.battery in BATTERIES
        self._rotates = np.isin(config.task_names, ROTATING) & own
        self._drawn = -1
        self._trials: Trials
        self._sigma: npt.NDArray[np.float32]
        self._noisy: npt.NDArray[np.bool_]

    def batch(self, step: int, task_loss: npt.NDArray[np.float64]) -> Batch:
        """The packed trials of a step, more of the tasks whose loss (tasks,) is larger."""
        config = self._config
        self._draw(step // self._lasts)
        rng = np.random.default_rng((config.seed, 103, self._phase_index, step))
        by_loss = task_loss / task_loss.sum()
        share = config.focus * by_loss + (1 - config.focus) / len(by_loss)
        task = rng.choice(len(share), self._phase.batch, p=share)
        each = self._trials.n_trials // len(share)
        chosen = task * each + rng.integers(each, size=len(task))
        turn = None
        if self._rotates.any():
            turn = np.where(self._rotates[task], rng.integers(RING, size=len(task)), 0)
        batch = pack(self._trials, chosen, config.decision_weight, turn)
        stream = generator(config.seed, 107, self._phase_index, step)
        noisy = np.flatnonzero(self._noisy[batch.rows])
        sigma = torch.from_numpy(self._sigma[batch.rows[noisy]])
        noise = torch.empty(sigma.shape).normal_(generator=stream)
        batch.inputs[noisy, : sigma.shape[1]] += noise.mul_(sigma).numpy()
        return batch

    def _draw(self, index: int) -> None:
        """Make the pool of this number the present one."""
        if index == self._drawn:
            return
        self._trials, self._sigma = draw_noise_free(
            self._config.battery,
            self._config.task_names,
            self._config.pool,
            self._phase.dt,
            stream="train",
            seed=self._config.seed,
            pool=1000 * self._phase_index + index,
        )
        self._noisy = self._sigma.max(axis=1) > 0
        self._drawn = index

"""Batches of trials, a pure function of the step, so that a resumed training sees the same."""

import numpy as np
import numpy.typing as npt

from spiking_bimt.data.trials import Trials
from spiking_bimt.errors import InputError
from spiking_bimt.tasks.battery import draw_trials
from spiking_bimt.training.config import Phase, TrainConfig


class Pool:
    """The trials that one phase of a training draws its batches from."""

    def __init__(self, config: TrainConfig, phase: Phase, phase_index: int) -> None:
        self._config, self._phase, self._phase_index = config, phase, phase_index
        n = config.pool * len(config.task_names)
        self._batches = n // phase.batch
        if self._batches < 1:
            raise InputError(f"batch {phase.batch} exceeds the pool of {n} trials: raise pool")
        self._drawn = -1
        self._trials: Trials
        self._shuffled = -1
        self._order: npt.NDArray[np.int64]

    def trials(self, step: int) -> Trials:
        """The pool that a step draws from."""
        index = step // (self._batches * self._config.reuse)
        if index != self._drawn:
            self._trials = draw_trials(
                self._config.battery,
                self._config.task_names,
                self._config.pool,
                self._phase.dt,
                stream="train",
                seed=self._config.seed,
                pool=1000 * self._phase_index + index,
            )
            self._drawn = index
        return self._trials

    def batch(self, step: int) -> npt.NDArray[np.int64]:
        """Indices of a step's trials."""
        sweep, part = divmod(step, self._batches)
        if sweep != self._shuffled:
            rng = np.random.default_rng((self._config.seed, 103, self._phase_index, sweep))
            self._order = rng.permutation(self.trials(step).n_trials)
            self._shuffled = sweep
        return self._order[part * self._phase.batch : (part + 1) * self._phase.batch]

"""The function of each unit: the variance of its activity over the trials of each task."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.rate import rate_steps

Doubles = npt.NDArray[np.float64]

SILENT = 1e-6
"""A unit whose largest task variance is below this share of the network's largest is silent."""

POWER = 4
"""Power of the cosine of two units' variances. These are not negative, so that units without
anything in common still have a cosine well above 0, which the power brings near 0."""


@dataclass(frozen=True)
class TaskVariance:
    """Task variance of every unit (Yang et al. 2019, doi:10.1038/s41593-018-0310-2)."""

    variance: Doubles
    """(N, n_tasks) variance over trials, averaged over time, in squared units of the rate."""
    normalised: Doubles
    """(N, n_tasks) the same over the unit's largest; rows of silent units are 0."""
    responsive: npt.NDArray[np.bool_]
    """(N,) units that are not silent."""
    tasks: tuple[str, ...]


def task_variance(network: RateNetwork, trials: Trials, silent: float = SILENT) -> TaskVariance:
    """Task variance of the network's units on `trials`:

        TV_i(task) = < ( r_i(k, t) - < r_i(k, t) >_k )^2 >_{k, t}

    over the trials k of the task and the steps t of a trial. Trials differ in length: the inner
    mean is over the trials that are still running at step t, and a step is weighted by their
    number; steps with only one trial left have no variance and are left out. A unit whose largest
    variance is below `silent` times the network's largest counts as silent: dividing by its own
    largest variance would make a response of rounding errors.
    """
    counts, sums, squares = _moments(network, trials)
    shared = counts > 1
    weight = np.where(shared, counts, 0.0)
    mean = sums / np.maximum(counts, 1)[..., None]
    deviations = np.maximum(squares - counts[..., None] * mean**2, 0) * shared[..., None]
    variance = (deviations.sum(0) / np.maximum(weight.sum(0), 1)[:, None]).T
    largest = variance.max(axis=1)
    responsive = largest > silent * largest.max()
    normalised = np.zeros_like(variance)
    normalised[responsive] = variance[responsive] / largest[responsive, None]
    return TaskVariance(variance, normalised, responsive, trials.tasks)


def _moments(network: RateNetwork, trials: Trials) -> tuple[Doubles, Doubles, Doubles]:
    """Running trials (steps, n_tasks), and sums of rates and squared rates (steps, n_tasks, N)."""
    shape = (int(trials.lengths.max()), len(trials.tasks))
    counts = np.zeros(shape)
    sums, squares = (np.zeros((*shape, network.n_units)) for _ in range(2))
    trial_of = np.repeat(np.arange(trials.n_trials), trials.lengths)
    for rows, rates, _ in rate_steps(network, trials):
        live = trial_of[rows]
        step = int(rows[0] - trials.offsets[live[0]])
        task = trials.task[live]
        of_task = sparse.csr_array(
            (np.ones(len(live)), (task, np.arange(len(live)))), (shape[1], len(live))
        )
        rates = rates.astype(np.float64)
        counts[step] += np.bincount(task, minlength=shape[1])
        sums[step] += of_task @ rates
        squares[step] += of_task @ rates**2
    return counts, sums, squares


def cosines(function: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """(n, n) cosine of what each two units do (n, tasks), 0 to 1; 0 with silent units."""
    norm = np.linalg.norm(function, axis=1, keepdims=True)
    direction = function / np.where(norm > 0, norm, 1)
    found: npt.NDArray[np.floating] = np.clip(direction @ direction.T, 0, 1)
    return found


def similarity(function: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """(n, n) how alike units are by what they do (n, tasks), 0 to 1: cos(v_i, v_j)^POWER.

    0 of a unit with itself, and of silent units.
    """
    alike = cosines(function) ** POWER
    np.fill_diagonal(alike, 0)
    return alike

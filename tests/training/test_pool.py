"""Batches depend on their step alone, follow the tasks' losses, and bring noise of their own."""

import dataclasses

import numpy as np
import pytest

from spiking_bimt.battery.draw import draw_noise_free
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.pool import Pool

TASKS = ("go", "dm1", "dms", "multidm")
CONFIG = TrainConfig(phases=(Phase("only", steps=100),), tasks=TASKS, pool=20, focus=0.6)
EVEN = np.ones(4)


def pool() -> Pool:
    return Pool(CONFIG, CONFIG.phases[0], 0)


def test_a_batch_is_a_function_of_its_step() -> None:
    first, second = pool(), pool()
    for step in (7, 0, 3):
        first.batch(step, EVEN)
    mine, theirs = first.batch(5, EVEN), second.batch(5, EVEN)
    np.testing.assert_array_equal(mine.inputs, theirs.inputs)
    assert (mine.inputs[:20] != first.batch(6, EVEN).inputs[:20]).any()


def test_tasks_with_more_loss_are_met_more_often() -> None:
    losses = np.array([0.0, 3.0, 0.0, 1.0])
    source = pool()
    counts = np.zeros(4)
    for step in range(300):
        batch = source.batch(step, losses)
        counts += np.bincount(batch.task[: batch.counts[0]], minlength=4)
    # 40% alike, 60% as 3 to 1; 19,200 trials leave a standard deviation below 0.004.
    np.testing.assert_allclose(counts / counts.sum(), [0.1, 0.55, 0.1, 0.25], atol=0.015)


@pytest.mark.parametrize("dt", [100.0, 20.0])
def test_every_use_of_a_trial_has_noise_of_its_own(dt: float) -> None:
    phase = dataclasses.replace(CONFIG.phases[0], dt=dt)
    source = Pool(dataclasses.replace(CONFIG, pool=1, reuse=1000, tasks=("dmc",)), phase, 0)
    clean, sigma = draw_noise_free("yang19", ("dmc",), 1, dt, stream="train", pool=0)
    batches = [source.batch(step, np.ones(1)) for step in range(10)]
    seen = np.stack([batch.inputs[: len(sigma) * 64, : clean.n_inputs] for batch in batches])
    noise = (seen - clean.inputs[batches[0].rows])[..., :33]
    scale = sigma[batches[0].rows]
    assert (noise[:, scale == 0] == 0).all()
    assert float((noise[:, scale > 0] / scale[scale > 0]).std()) == pytest.approx(1, abs=0.02)
    assert abs(noise[0].ravel() @ noise[1].ravel()) < 0.05 * np.square(noise[0]).sum()

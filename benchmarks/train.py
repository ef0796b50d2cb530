"""Is training fast? The gradient against autograd, fewer units, swaps against the original search.

python benchmarks/train.py [--quick] [--json FILE]
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from rows import Row, arguments, at_least, median_pair, show

from spiking_bimt.data.trials import Trials
from spiking_bimt.tasks.battery import BATTERIES, draw_trials
from spiking_bimt.training import bimt, rnn
from spiking_bimt.training.config import read_config
from spiking_bimt.training.pool import Pool

ALPHA = 1 - math.exp(-1.0)
BATCH = 64
TASKS = BATTERIES["yang19"]


def padded(trials: Trials, chosen: npt.NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
    """(T, B, C) inputs, (T, B) labels and loss weights, padded to the longest trial."""
    lengths = trials.lengths[chosen]
    inputs = torch.zeros(int(lengths.max()), len(chosen), trials.n_inputs)
    labels = torch.zeros(inputs.shape[:2], dtype=torch.long)
    weights = torch.zeros(inputs.shape[:2])
    for b, trial in enumerate(chosen):
        rows = slice(trials.offsets[trial], trials.offsets[trial + 1])
        inputs[: lengths[b], b] = torch.from_numpy(trials.inputs[rows])
        labels[: lengths[b], b] = torch.from_numpy(trials.labels[rows]).long()
        weights[: lengths[b], b] = torch.where(
            torch.arange(lengths[b]) < trials.decision[trial], 1.0, 5.0
        )
    return inputs, labels, weights / weights.sum(0) / len(chosen)


def autograd_step(
    p: rnn.Parameters, inputs: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> float:
    """The plain loop: one matrix product a step, gradients by autograd."""
    for tensor in p.tensors():
        tensor.grad = None
    state, outputs = torch.zeros(inputs.shape[1], len(p.b)), []
    for u in inputs:
        drive = torch.relu(state @ p.w_rec.T + u @ p.w_in.T + p.b)
        state = (1 - ALPHA) * state + ALPHA * drive
        outputs.append(state @ p.w_out.T + p.b_out)
    losses = torch.nn.functional.cross_entropy(
        torch.stack(outputs).flatten(0, 1), labels.flatten(), reduction="none"
    )
    loss = losses @ weights.flatten()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()


def gradient_rows(trials: Trials, repeats: int) -> list[Row]:
    """Our gradient against autograd at 400 units, and 140 units against 400."""
    chosen = np.random.default_rng(0).choice(trials.n_trials, BATCH, replace=False)
    batch, plain = rnn.pack(trials, chosen, 5.0), padded(trials, chosen)
    full = rnn.initial_parameters(400, trials.n_inputs, 17, seed=0)
    few = rnn.initial_parameters(140, trials.n_inputs, 17, seed=0)
    watched = rnn.Parameters(*(t.clone().requires_grad_(True) for t in full.tensors()))
    loss = rnn.loss_and_gradient(full, batch, ALPHA)[0]
    if not math.isclose(loss, autograd_step(watched, *plain), rel_tol=1e-4):
        raise AssertionError("the two losses differ")
    ours, theirs = median_pair(
        lambda: rnn.loss_and_gradient(full, batch, ALPHA),
        lambda: autograd_step(watched, *plain),
        repeats,
    )
    small, large = median_pair(
        lambda: rnn.loss_and_gradient(few, batch, ALPHA),
        lambda: rnn.loss_and_gradient(full, batch, ALPHA),
        repeats,
    )
    return [
        at_least("gradient, 400 units, batch 64, against autograd", 1e3 * ours, 1e3 * theirs, 3,
                 "ms", "the same trials, padded for autograd; one thread"),
        at_least("gradient, 140 units against 400", 1e3 * small, 1e3 * large, 2.5, "ms", ""),
    ]  # fmt: skip


def original_swaps(
    w_rec: npt.NDArray[np.float64], place: npt.NDArray[np.int64], distances: bimt.Doubles
) -> npt.NDArray[np.int64]:
    """Liu, Gan, Tegmark 2023: each of the 10 heaviest units against every place, full cost."""

    def cost(at: npt.NDArray[np.int64]) -> float:
        return float((np.abs(w_rec) * distances[np.ix_(at, at)]).sum())

    weight = np.abs(w_rec).sum(0) + np.abs(w_rec).sum(1)
    for unit in np.argsort(-weight)[:10]:
        costs = []
        for other in range(len(place)):
            trial = place.copy()
            trial[[unit, other]] = trial[[other, unit]]
            costs.append(cost(trial))
        best = int(np.argmin(costs))
        place = place.copy()
        place[[unit, best]] = place[[best, unit]]
    return place


def swap_rows(repeats: int) -> list[Row]:
    """One search over the best exchanges, ours over all pairs, theirs over ten units."""
    rng = np.random.default_rng(0)
    w_rec = rng.normal(size=(400, 400)) * (rng.random((400, 400)) < 0.1)
    place, distances = rng.permutation(400), bimt.sheet_distances(20, 20)
    ours, theirs = median_pair(
        lambda: bimt.swap_places(w_rec, place, distances, 10),
        lambda: original_swaps(w_rec, place, distances),
        repeats,
    )

    def cost(at: npt.NDArray[np.int64]) -> float:
        return float((np.abs(w_rec) * distances[np.ix_(at, at)]).sum())

    mine = cost(bimt.swap_places(w_rec, place, distances, 10))
    original = cost(original_swaps(w_rec, place, distances))
    return [
        at_least("10 swaps at 400 units against the original search", 1e3 * ours, 1e3 * theirs,
                 100, "ms", "all pairs against ten units"),
        Row("wiring cost after those swaps", mine, original, mine / original, 1.0,
            mine <= original, "", "never worse"),
    ]  # fmt: skip


def data_row(trials_per_task: int) -> Row:
    """Share of a training step that drawing trials takes, at the preset's own reuse."""
    config = read_config("chip")
    phase = config.phases[0]
    pool = Pool(config, phase, 0)
    trials = pool.trials(0)
    p = rnn.initial_parameters(100, trials.n_inputs, 17, seed=0)

    def draw() -> object:
        return draw_trials("yang19", TASKS, trials_per_task, 100.0, stream="train", pool=99)

    def step() -> object:
        return rnn.loss_and_gradient(p, rnn.pack(trials, pool.batch(0), 5.0), ALPHA)

    one_draw, one_step = median_pair(draw, step, 5)
    per_step = one_draw / (trials_per_task * len(TASKS)) * phase.batch / config.reuse
    share = per_step / (per_step + one_step)
    total = per_step + one_step
    return Row("share of drawing trials in a step at 100 units", per_step * 1e3,
               total * 1e3, share, 0.2, share < 0.2, "ms", "target: below")  # fmt: skip


def main() -> None:
    """Run all and print the table."""
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    repeats = 15 if options.quick else 51
    trials = draw_trials("yang19", TASKS, 20, 100.0, stream="train")
    parts: list[Callable[[], list[Row]]] = [
        lambda: gradient_rows(trials, repeats),
        lambda: swap_rows(3 if options.quick else 9),
        lambda: [data_row(50)],
    ]
    show("training, CPU time", [row for part in parts for row in part()], options.json)


if __name__ == "__main__":
    main()

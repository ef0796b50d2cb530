"""Is training fast? A step against plain torch, fewer units, swaps against the original search.

python benchmarks/train.py [--quick] [--json FILE]
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from common.rows import Row, at_least, median_pair, parser, show

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import BATTERIES, dimensions, draw_noise_free, draw_trials
from spiking_bimt.data.trials import Trials
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training import bimt, loop
from spiking_bimt.training.batch import Batch, pack
from spiking_bimt.training.config import TrainConfig, read_config
from spiking_bimt.training.observer import Observer
from spiking_bimt.training.parameters import Parameters
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.pool import Pool
from spiking_bimt.training.state import State, initial_state, to_network

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


class PlainTorch:
    """The training that one would write: a loop over steps, autograd, Adam, a cost in the loss."""

    def __init__(self, p: Parameters, phase: Phase, distances: bimt.Doubles) -> None:
        self._p = {n: torch.tensor(w, requires_grad=True) for n, w in p.arrays().items()}
        self._adam = torch.optim.Adam(self._p.values(), lr=phase.lr)
        self._phase, self._d = phase, torch.from_numpy(distances.astype(np.float32))

    def step(self, inputs: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> float:
        """One step on a padded batch; the loss without the penalty."""
        w_rec, w_in, b, w_out, b_out = self._p.values()
        phase = self._phase
        state, outputs = torch.zeros(inputs.shape[1], len(b)), []
        for u in inputs:
            drive = torch.relu(state @ w_rec.T + u @ w_in.T + b)
            state = (1 - ALPHA) * state + ALPHA * drive
            outputs.append(state @ w_out.T + b_out)
        losses = torch.nn.functional.cross_entropy(
            torch.stack(outputs).flatten(0, 1), labels.flatten(), reduction="none"
        )
        loss = losses @ weights.flatten()
        plain = sum(w.abs().sum() for w in (w_rec, w_in, w_out))
        wire = (w_rec.abs() * self._d).sum()
        self._adam.zero_grad()
        (loss + phase.l1 * (plain + phase.distance * wire)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._p.values(), 1.0)
        self._adam.step()
        return loss.item()


class Ours:
    """The package's step at some number of units, always of the same batch."""

    def __init__(self, side: int, phase: Phase, batch: Batch, n_inputs: int) -> None:
        config = replace(read_config("paper"), sheet=(side, side), phases=(phase,))
        self.state = initial_state(config, n_inputs, 17)
        self.context = loop.Context.of(config, self.state)
        self._batch = batch

    def step(self) -> float:
        """One optimiser step."""
        return loop.step(self.context, self.state, self._batch)


def step_rows(trials: Trials, repeats: int) -> list[Row]:
    """A whole training step of 400 units against plain torch, and of 144 units against 400."""
    chosen = np.random.default_rng(0).choice(trials.n_trials, BATCH, replace=False)
    batch, plain = pack(trials, chosen, 5.0), padded(trials, chosen)
    phase = read_config("paper").phases[0]
    full, few = (Ours(side, phase, batch, trials.n_inputs) for side in (20, 12))
    theirs = PlainTorch(full.state.p, phase, full.context.setting.distances)
    if not math.isclose(full.step(), theirs.step(*plain), rel_tol=1e-4):
        raise AssertionError("the two losses differ")
    packed = padded_like(batch, trials.n_inputs)
    ours, plain_time = median_pair(full.step, lambda: theirs.step(*plain), repeats)
    ours_again, packed_time = median_pair(full.step, lambda: theirs.step(*packed), repeats)
    small, large = median_pair(few.step, full.step, repeats)
    return [
        at_least("training step, 400 units, batch 64, against plain torch", 1e3 * ours,
                 1e3 * plain_time, 3, "ms", "the same 64 trials, padded for autograd; one thread"),
        at_least("the same on trials of one length, where padding costs nothing", 1e3 * ours_again,
                 1e3 * packed_time, 0, "ms", "as many rows, no padding: the gain of the kernels"),
        at_least("training step, 144 units against 400", 1e3 * small, 1e3 * large, 2.5, "ms", ""),
    ]  # fmt: skip


def padded_like(batch: Batch, n_inputs: int) -> tuple[torch.Tensor, ...]:
    """The batch's rows cut into BATCH trials of one length, for a loop that has nothing to pad."""
    steps = len(batch.labels) // BATCH
    rows = slice(0, steps * BATCH)
    return (
        torch.from_numpy(batch.inputs[rows, :n_inputs].reshape(steps, BATCH, n_inputs)),
        torch.from_numpy(batch.labels[rows].reshape(steps, BATCH)),
        torch.from_numpy(batch.weights[rows].reshape(steps, BATCH)),
    )


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


def data_rows(batch: Batch, n_inputs: int, repeats: int) -> list[Row]:
    """Shares of a step of 100 units, at the preset's reuse: making trials, and packing them."""
    config = read_config("paper")
    phase = config.phases[0]
    even = np.ones(len(TASKS))
    pool, ours = Pool(config, phase, 0), Ours(10, phase, batch, n_inputs)
    pool.batch(0, even)
    start = time.process_time()
    trials, _ = draw_noise_free("yang19", TASKS, config.pool, 100.0, stream="train", pool=99)
    one_draw = time.process_time() - start
    rng = np.random.default_rng(0)
    chosen = rng.integers(trials.n_trials, size=(repeats, phase.batch))
    turn = rng.integers(16, size=chosen.shape)
    taken: list[list[float]] = []
    for i in range(repeats):
        calls: list[Callable[[], object]] = [
            lambda i=i: pool.batch(i, even),  # type: ignore[misc]
            ours.step,
            lambda i=i: pack(trials, chosen[i], 5.0, turn[i]),  # type: ignore[misc]
            ours.step,
        ]
        times = []
        for call in calls:
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        taken.append(times)
    made, step, packed, _ = np.median(taken, axis=0)
    draw = one_draw / trials.n_trials * phase.batch / config.reuse
    whole = draw + made + step
    making = draw + made - packed
    shares = float(making / whole), float(packed / whole)
    total, what = 1e3 * float(whole), "in a step of 100 units"
    return [
        Row(f"share of making trials and their noise {what}", 1e3 * float(making), total,
            shares[0], 0.2, shares[0] < 0.2, "ms", "target: below"),
        Row(f"share of packing them {what}", 1e3 * float(packed), total,
            shares[1], None, None, "ms"),
    ]  # fmt: skip


class Clock(Observer):
    """An observer of a training that notes the CPU time at which errors are first reached."""

    def __init__(self, config: TrainConfig, errors: tuple[float, ...]) -> None:
        self._config, self._spent, self._since = config, 0.0, time.process_time()
        self._trials = draw_trials(config.battery, config.task_names, 200, 100.0, stream="test")
        self.reached: dict[float, float] = {}
        self._wanted = errors

    def measure(self, phase: Phase, state: State, loss: float) -> float:
        """Error on the test trials; its own time does not count."""
        self._spent += time.process_time() - self._since
        network = to_network(self._config, phase.dt, state)
        error = 1 - score(rate_outputs(network, self._trials), self._trials).accuracy
        for wanted in self._wanted:
            if error <= wanted:
                self.reached.setdefault(wanted, self._spent)
        self._since = time.process_time()
        return error


def whole_rows() -> list[Row]:
    """A whole BIMT training: minutes to an error on 200 trials per task, on one core."""
    config = replace(read_config("paper"), checkpoint_every=1000)
    targets = {0.05: 8.0, 0.025: 25.0}
    clock = Clock(config, tuple(targets))
    n_inputs, n_outputs = dimensions(config.battery, config.task_names)
    state = loop.run(config, initial_state(config, n_inputs, n_outputs), clock)
    rows = []
    for error, target in targets.items():
        taken = clock.reached.get(error)
        minutes = None if taken is None else taken / 60
        met = minutes is not None and minutes <= target
        note = f"preset paper, seed {config.seed}, {len(state.units)} units at the end"
        rows.append(Row(f"BIMT to error {error}", minutes, None, None, target, met, "min", note))
    return rows


def main() -> None:
    """Run all and print the table."""
    options = parser(__doc__).parse_args()
    torch.set_num_threads(1)
    repeats = 15 if options.quick else 51
    trials = draw_trials("yang19", TASKS, 20, 100.0, stream="train")
    parts: list[Callable[[], list[Row]]] = [
        lambda: step_rows(trials, repeats),
        lambda: swap_rows(3 if options.quick else 9),
        lambda: [] if options.quick else whole_rows(),
        lambda: data_rows(pack(trials, np.arange(0, 400, 6)[:BATCH], 5.0), trials.n_inputs, 200),
    ]
    show("training, CPU time", [row for part in parts for row in part()], options.json)


if __name__ == "__main__":
    main()

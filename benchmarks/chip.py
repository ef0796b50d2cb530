"""Does training against the chip pay, and what does it take? Step time, and ways to place units.

    python benchmarks/chip.py [--quick] [--json FILE]

`spiking_bimt study chip OUT` measures what it buys, against L1 and BIMT, over seeds and prices.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from common.rows import Row, median_pair, parser, show

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import BATTERIES, draw_trials
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training import cores, loop
from spiking_bimt.training.batch import Batch, pack
from spiking_bimt.training.config import TrainConfig, read_config
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.pool import Pool
from spiking_bimt.training.state import State, initial_state, state_from, to_network

BATCH = 64
TASKS = BATTERIES["yang19"]
CHIP = "loihi16"
MOVE_EVERY = 100
"""Steps of training between two moves of units."""
PARTITION_EVERY = 1000
"""Steps of training between two partitions by Mt-KaHyPar."""
QUICK_STEPS = 1100
"""Steps of each training with --quick: one partition by Mt-KaHyPar, and some steps after it."""

Ints = npt.NDArray[np.int64]
Cores = Callable[[State, loop.Context, int], Ints]


def on_cores(config: TrainConfig, state: State, batch: Batch) -> loop.Context:
    """The context of a phase that prices packets, with units on the fewest cores."""

    class Same(Pool):
        def batch(self, step: int, task_loss: npt.NDArray[np.float64]) -> Batch:
            return batch

    phase = config.phases[0]
    loop.settle_on_cores(config, phase, state, Same(config, phase, 0))
    return loop.Context.of(config, state)


def step_rows(repeats: int) -> list[Row]:
    """A step of 400 units with a price on packets against one without, moves included."""
    trials = draw_trials("yang19", TASKS, 20, 100.0, stream="train")
    chosen = np.random.default_rng(0).choice(trials.n_trials, BATCH, replace=False)
    batch = pack(trials, chosen, 5.0)
    plain = read_config("paper")
    phase = replace(plain.phases[0], swap_every=0)
    rows = []
    for groups in (False, True):
        priced = replace(
            plain, chip=CHIP, packet_groups=groups, phases=(replace(phase, packet=1e-3),)
        )
        without = replace(plain, phases=(phase,))
        states = [initial_state(config, trials.n_inputs, 17) for config in (priced, without)]
        on_chip = on_cores(priced, states[0], batch)
        off = loop.Context.of(without, states[1])
        ours, reference = median_pair(
            lambda on_chip=on_chip, state=states[0]: loop.step(on_chip, state, batch),  # type: ignore[misc]
            lambda off=off, state=states[1]: loop.step(off, state, batch),  # type: ignore[misc]
            repeats,
        )

        def move(state: State = states[0], context: loop.Context = on_chip) -> None:
            assert context.setting.cost is not None
            cores.improve(state.p, state.core, state.activity, context.setting.cost, (0,))
            context.refresh(state)

        moves, _ = median_pair(move, lambda: None, max(3, repeats // 5))
        ratio = (ours + moves / MOVE_EVERY) / reference
        what = "groups" if groups else "single weights"
        rows.append(
            Row(f"step of 400 units with {what} priced and units moved", 1e3 * ours + 10 * moves,
                1e3 * reference, ratio, 1.15, ratio <= 1.15, "ms",
                f"moves every {MOVE_EVERY} steps, {1e3 * moves:.1f} ms each time")
        )  # fmt: skip
    return rows


def moved(state: State, context: loop.Context, step: int) -> Ints:
    """Moves and exchanges at the training's own interval."""
    if step % MOVE_EVERY or context.setting.cost is None:
        return state.core
    return cores.improve(state.p, state.core, state.activity, context.setting.cost, (0, step))


def repartitioned(state: State, context: loop.Context, step: int) -> Ints:
    """Mt-KaHyPar's km1 partition of the surviving axons, every PARTITION_EVERY steps."""
    if step % PARTITION_EVERY:
        return state.core
    import mtkahypar

    n, n_cores = len(state.core), len(state.used)
    w = state.p.w_rec
    nets = [[i, *(int(j) for j in np.flatnonzero(w[:, i]) if j != i)] for i in range(n)]
    kept = [i for i, net in enumerate(nets) if len(net) > 1]
    weight = [max(1, round(1e3 * state.activity[i])) for i in kept]
    started = mtkahypar.initialize(1)
    context_ = started.context_from_preset(mtkahypar.PresetType.DETERMINISTIC_QUALITY)
    room = 16 * n_cores / n - 1
    context_.set_partitioning_parameters(n_cores, room, mtkahypar.Objective.KM1)
    mtkahypar.set_seed(1)
    graph = started.create_hypergraph(
        context_, n, len(kept), [nets[i] for i in kept], [1] * n, weight
    )
    return np.array(graph.partition(context_).get_partition(), np.int64)


def whole(assign: Cores, price: float, steps: int) -> tuple[float, float]:
    """Packets per spike and validation error of the bundled L1 network, trained on."""
    bundled = resources.files("spiking_bimt.bundle") / "l1.h5"
    with resources.as_file(bundled) as path:
        network = store.load(Path(path), RateNetwork)
    phase = Phase(
        "pack", steps=steps, dt=network.dt, lr=1e-3, lr_decay=0.3, l1=2e-5, packet=price,
        activity=1e-3, noise=0.1, margin=2.0, swap_every=0,
    )  # fmt: skip
    config = TrainConfig(
        phases=(phase,), chip=CHIP, sheet=network.sheet, tasks=network.tasks, focus=0.5,
        metric="manhattan",
    )  # fmt: skip
    state = state_from(config, network)
    pool = Pool(config, phase, 0)
    loop.settle_on_cores(config, phase, state, pool)
    context = loop.Context.of(config, state)
    for step in range(steps):
        if step and step % MOVE_EVERY == 0:
            state.core = assign(state, context, step)
            context.refresh(state)
        loop.step(context, state, pool.batch(step, state.task_loss))
    packets = cores.packets_per_spike(state.p, state.core, state.activity, len(state.used))
    trials = draw_trials("yang19", network.tasks, 100, network.dt, stream="validate")
    result = score(rate_outputs(to_network(config, network.dt, state), trials), trials)
    return packets, 1 - result.accuracy


def move_rows(price: float, steps: int) -> list[Row]:
    """Units that move while training, against a fixed partition and against re-partitioning."""
    fixed, fixed_error = whole(lambda state, _context, _step: state.core, price, steps)
    packets, error = whole(moved, price, steps)
    note = f"bundled L1 network, price {price:g}, {steps} steps; error {error:.4f} against "
    rows = [
        Row("packets per spike, units moving, against a fixed partition", packets, fixed,
            packets / max(fixed, 1e-9), 1.0, packets <= fixed, "", f"{note}{fixed_error:.4f}")
    ]  # fmt: skip
    what = f"packets per spike, units moving, against Mt-KaHyPar every {PARTITION_EVERY:,} steps"
    try:
        theirs, their_error = whole(repartitioned, price, steps)
    except ImportError:
        return [*rows, Row(what, packets, None, None, None, None, "", "mtkahypar is absent")]
    ratio = packets / max(theirs, 1e-9)
    row = Row(what, packets, theirs, ratio, 1.0, packets <= theirs, "", f"{note}{their_error:.4f}")
    return [*rows, row]


def main() -> None:
    """Run all and print the table."""
    options = parser(__doc__).parse_args()
    torch.set_num_threads(1)
    rows = step_rows(15 if options.quick else 51)
    steps, prices = (QUICK_STEPS, (2e-3,)) if options.quick else (6000, (5e-4, 2e-3))
    for price in prices:
        rows += move_rows(price, steps)
    assert all(math.isfinite(row.ours or 0.0) for row in rows)
    show("training against the chip, CPU time", rows, options.json)


if __name__ == "__main__":
    main()

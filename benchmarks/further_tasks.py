"""What do five more tasks cost a network that was trained on fifteen, and keeps its modules?

    python benchmarks/further_tasks.py [--quick] [--json FILE] [--keep DIR] [--seeds N]

Trains on 15 of the 20 tasks with L1, goes on from that network with packets priced (16 neurons a
core), and then teaches both the other 5 together with the 15, in three ways: by the new tasks' rule
inputs alone, with everything else frozen; with every weight that is zero kept at zero, so that what
is within a core stays there; and freely. DIR keeps the trainings, which are not done
again. --quick makes a few steps on a small sheet of one seed: its errors say nothing.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common.rows import Row, parser, show

from spiking_bimt import train
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import BATTERIES, draw_trials
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training import cores, loop
from spiking_bimt.training.config import TrainConfig, read_config
from spiking_bimt.training.optimiser import Adam
from spiking_bimt.training.parameters import Parameters
from spiking_bimt.training.penalties import Strengths
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.pool import Pool
from spiking_bimt.training.state import State, initial_state, to_network

NEW = ("dlyanti", "ctxdm2", "dlydm2", "ctxdlydm2", "dnms")
OLD = tuple(task for task in BATTERIES["yang19"] if task not in NEW)
WAYS = ("new rules only", "zeros kept", "free")
STEPS = 6000
"""Steps of teaching the new tasks."""
QUICK_STEPS = 50
"""Steps of each training with --quick."""
CHIP = "loihi16"
PRICE = 4.0
"""Factor on the price of packets of the configuration "pack"."""


def trained(folder: Path, **settings: Any) -> RateNetwork:
    """The network of a run, trained first or gone on with where it is not finished."""
    if not (folder / "rate.h5").exists():
        train(folder, resume=(folder / "checkpoint.h5").exists(), **settings)
    return store.load(folder / "rate.h5", RateNetwork)


def configurations(folder: Path, quick: bool) -> dict[str, Path | str]:
    """Configuration of both trainings: those of the package, or of a few steps in `folder`."""
    if not quick:
        return {"l1": "paper", "chip": "pack"}
    made: dict[str, Path | str] = {}
    for name, source in (("l1", "quick"), ("chip", "pack")):
        whole = read_config(source, **({"chip": CHIP} if name == "chip" else {}))
        phases = tuple(replace(phase, steps=QUICK_STEPS) for phase in whole.phases)
        short = replace(whole, phases=phases, sheet=(10, 10), validation_trials=2)
        made[name] = folder / f"{name}.toml"
        store.write_bytes(folder / f"{name}.toml", short.to_toml().encode())
    return made


def extended(network: RateNetwork, way: str, seed: int, steps: int) -> tuple[TrainConfig, State]:
    """The network with the new tasks' rule inputs, and masks for what may change."""
    phase = Phase("further", steps=steps, lr=1e-3, lr_decay=0.8, l1=4e-6, swap_every=0)
    config = TrainConfig(
        phases=(phase,), tasks=OLD + NEW, sheet=network.sheet, metric="manhattan", focus=0.5,
        seed=seed,
    )  # fmt: skip
    n, n_old = network.n_units, network.w_in.shape[1]
    state = initial_state(config, n_old + len(NEW), network.w_out.shape[0])
    rules = np.random.default_rng(seed).normal(size=(n, len(NEW))).astype(np.float32)
    state.p = Parameters.copy_of(network)
    state.p.w_in = np.concatenate([state.p.w_in, np.float32(0.1) * rules], axis=1)
    state.units, state.peak = np.arange(n), np.zeros(n, np.float32)
    state.adam = Adam.of(state.p.arrays())
    for name, weights in state.p.arrays().items():
        if way == "zeros kept" and weights.ndim == 2:
            state.adam.mask[name][:] = weights != 0
        elif way == "new rules only":
            state.adam.mask[name].fill(0.0)
    if way == "new rules only":
        state.adam.mask["w_in"][:, n_old:] = 1.0
    return config, state


def taught(network: RateNetwork, way: str, seed: int, steps: int) -> RateNetwork:
    """The network after training on all 20 tasks in the given way."""
    config, state = extended(network, way, seed, steps)
    context = loop.Context.of(config, state)
    if way == "new rules only":
        # The penalty would shrink the frozen weights, too.
        context.strengths = Strengths(state.p.zeros_like())
    pool = Pool(config, config.phases[0], 0)
    for step in range(steps):
        loop.step(context, state, pool.batch(step, state.task_loss))
    return to_network(config, network.dt, state)


def errors(network: RateNetwork) -> dict[str, float]:
    """Mean error over the network's old and new tasks, 200 test trials per task."""
    trials = draw_trials(network.battery, network.tasks, 200, network.dt, stream="test")
    per_task = dict(
        zip(trials.tasks, score(rate_outputs(network, trials), trials).per_task(), strict=True)
    )
    return {
        name: float(np.mean([1 - per_task[task] for task in tasks if task in per_task]))
        for name, tasks in (("old", OLD), ("new", NEW))
        if tasks[0] in per_task
    }


def packets(network: RateNetwork, core: np.ndarray[Any, Any]) -> float:
    """Other cores that a unit reaches, on average."""
    p = Parameters.copy_of(network)
    index = np.unique(core, return_inverse=True)[1]
    return cores.packets_per_spike(p, index, np.ones(len(core)), int(index.max()) + 1)


def partitioned(network: RateNetwork) -> np.ndarray[Any, Any]:
    """Cores of 16 for a network that was trained without any."""
    p = Parameters.copy_of(network)
    price = np.ones((-(-network.n_units // 16) + 1, -(-network.n_units // 16)))
    np.fill_diagonal(price, 0.0)
    return cores.partition(p, np.ones(network.n_units), cores.Cost(price, True, 16), seed=0)


def taught_rows(seed: int, out: Path, quick: bool) -> dict[tuple[str, str], list[float]]:
    """For each network and way: errors and packets per unit, before and after (see `report`)."""
    configs = configurations(out, quick)
    steps = QUICK_STEPS if quick else STEPS
    base = out / f"l1-{seed}"
    l1 = trained(base, config=configs["l1"], reg="l1", l1_scale=2.0, tasks=OLD, seed=seed)
    on_chip = trained(
        out / f"chip-{seed}", config=configs["chip"], start=base, chip=CHIP, packet_scale=PRICE,
        reg="l1", seed=seed,
    )  # fmt: skip
    rows: dict[tuple[str, str], list[float]] = {}
    for kind, network in (("l1", l1), ("chip", on_chip)):
        core = partitioned(network) if network.core is None else network.core
        before = errors(network)["old"]
        for way in WAYS:
            after = taught(network, way, seed, steps)
            found = errors(after)
            rows[kind, way] = [
                before, found["old"], found["new"], packets(network, core), packets(after, core),
            ]  # fmt: skip
    return rows


def report(found: list[dict[tuple[str, str], list[float]]]) -> Iterator[Row]:
    """Means over seeds: what the new tasks change of the old ones' error and of the packets."""
    note = f"mean of {len(found)} seeds"
    for kind, way in found[0]:
        before, old, new, sent, sends = np.mean([rows[kind, way] for rows in found], axis=0)
        name = f"{kind}, {way}"
        yield Row(f"{name}: error on 15 tasks, after over before", old, before, old / before, None,
                  None, "error", note)  # fmt: skip
        yield Row(f"{name}: error on 5 new tasks", new, None, None, None, None, "error", note)
        yield Row(f"{name}: packets per unit, after over before", sends, sent,
                  sends / max(sent, 1e-9), None, None, "packets", note)  # fmt: skip


def main() -> None:
    """Train, teach, print the table."""
    options = parser(__doc__)
    options.add_argument("--keep", type=Path, metavar="DIR", help="folder of trainings, kept")
    options.add_argument("--seeds", type=int, default=3)
    given = options.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        out = given.keep or Path(scratch)
        out.mkdir(parents=True, exist_ok=True)
        seeds = 1 if given.quick else given.seeds
        found = [taught_rows(seed, out, given.quick) for seed in range(seeds)]
    show("five more tasks", list(report(found)), given.json)


if __name__ == "__main__":
    main()

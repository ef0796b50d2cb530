"""What do five more tasks cost a network that was trained on fifteen, and keeps its modules?

python benchmarks/further_tasks.py OUT [--seeds N]

Trains on 15 of the 20 tasks with L1, goes on from that network with packets priced (16 neurons a
core), and then teaches both the other 5 together with the 15, in three ways: by the new tasks' rule
inputs alone, with everything else frozen; with every weight that is zero kept at zero, so that what
is within a core stays there; and freely. Trainings are kept in OUT and not done again.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from spiking_bimt import train
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import BATTERIES, draw_trials
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.training import cores, loop
from spiking_bimt.training.config import TrainConfig
from spiking_bimt.training.phase import Phase
from spiking_bimt.training.pool import Pool
from spiking_bimt.training.rnn import PARAMETERS, Parameters
from spiking_bimt.training.state import State, initial_state, to_network

NEW = ("dlyanti", "ctxdm2", "dlydm2", "ctxdlydm2", "dnms")
OLD = tuple(task for task in BATTERIES["yang19"] if task not in NEW)
WAYS = ("new rules only", "zeros kept", "free")
STEPS = 6000
PRICE = 4.0


def trained(folder: Path, **settings: Any) -> RateNetwork:
    """The network of a run, trained first or gone on with where it is not finished."""
    if not (folder / "rate.h5").exists():
        train(folder, resume=(folder / "checkpoint.h5").exists(), **settings)
    return store.load(folder / "rate.h5", RateNetwork)


def extended(network: RateNetwork, way: str, seed: int) -> tuple[TrainConfig, State]:
    """The network with the new tasks' rule inputs, and masks for what may change."""
    phase = Phase("further", steps=STEPS, lr=1e-3, lr_decay=0.8, l1=4e-6, swap_every=0)
    config = TrainConfig(
        phases=(phase,), tasks=OLD + NEW, sheet=network.sheet, metric="manhattan", focus=0.5,
        seed=seed,
    )  # fmt: skip
    n, n_old = network.n_units, network.w_in.shape[1]
    state = initial_state(config, n_old + len(NEW), network.w_out.shape[0])
    rules = np.random.default_rng(seed).normal(size=(n, len(NEW))).astype(np.float32)
    parts = {name: getattr(network, name).copy() for name in PARAMETERS}
    parts["w_in"] = np.concatenate([parts["w_in"], 0.1 * rules], axis=1)
    state.p = Parameters(*(torch.from_numpy(parts[name]) for name in PARAMETERS))
    state.m, state.v = state.p.zeros_like(), state.p.zeros_like()
    state.units, state.peak = np.arange(n), torch.zeros(n)
    state.mask = Parameters(*(torch.ones_like(tensor) for tensor in state.p.tensors()))
    if way == "zeros kept":
        state.mask = Parameters(*((tensor != 0).float() for tensor in state.p.tensors()))
        state.mask.b.fill_(1.0)
        state.mask.b_out.fill_(1.0)
    elif way == "new rules only":
        for mask in state.mask.tensors():
            mask.zero_()
        state.mask.w_in[:, n_old:] = 1.0
    return config, state


def taught(network: RateNetwork, way: str, seed: int) -> RateNetwork:
    """The network after training on all 20 tasks in the given way."""
    config, state = extended(network, way, seed)
    context = loop.Context.of(config, state)
    if way == "new rules only":
        # What is frozen must not be shrunk either.
        context.strengths = state.p.zeros_like()
    pool = Pool(config, config.phases[0], 0)
    for step in range(STEPS):
        loop.step(context, state, pool.batch(step, state.task_loss))
    return to_network(config, network.dt, state)


def errors(network: RateNetwork) -> dict[str, float]:
    """Mean error over the network's old and new tasks, 200 test trials a task."""
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
    p = Parameters(*(torch.from_numpy(getattr(network, name)) for name in PARAMETERS))
    index = np.unique(core, return_inverse=True)[1]
    return cores.packets_per_spike(p, index, np.ones(len(core)), int(index.max()) + 1)


def partitioned(network: RateNetwork) -> np.ndarray[Any, Any]:
    """Cores of 16 for a network that was trained without any."""
    p = Parameters(*(torch.from_numpy(getattr(network, name)) for name in PARAMETERS))
    price = np.ones((-(-network.n_units // 16) + 1, -(-network.n_units // 16)))
    np.fill_diagonal(price, 0.0)
    return cores.partition(p, np.ones(network.n_units), cores.Cost(price, True, 16), seed=0)


def main() -> None:
    """Train, teach, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for seed in range(options.seeds):
        base = options.out / f"l1-{seed}"
        l1 = trained(base, config="paper", reg="l1", l1_scale=2.0, tasks=OLD, seed=seed)
        on_chip = trained(
            options.out / f"chip-{seed}", config="pack", start=base, chip="loihi16",
            packet_scale=PRICE, reg="l1", seed=seed,
        )  # fmt: skip
        for kind, network in (("l1", l1), ("chip", on_chip)):
            core = partitioned(network) if network.core is None else network.core
            before = errors(network)["old"]
            for way in WAYS:
                after = taught(network, way, seed)
                found = errors(after)
                row = before, found["old"], found["new"], packets(network, core)
                rows.setdefault((kind, way), []).append((*row, packets(after, core)))
    table = Table(title=f"five more tasks, mean of {options.seeds} seeds", title_justify="left")
    for column in ("network", "way", "15 tasks before", "15 tasks after", "5 new tasks",
                   "packets a unit before", "after"):  # fmt: skip
        table.add_column(column)
    for (kind, way), found_rows in rows.items():
        means = np.mean(found_rows, axis=0)
        table.add_row(kind, way, *(f"{mean:.4f}" for mean in means[:3]),
                      *(f"{mean:.2f}" for mean in means[3:]))  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    main()

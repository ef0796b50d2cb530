"""Does conversion keep the accuracy, with few spikes, leaky neurons and few bits?

    python benchmarks/convert.py [--quick] [--parts PARTS] [--json FILE] [--keep DIR] [RUN ...]

RUN: run folders or rate.h5 files; the bundled BIMT and L1 networks by default. A conversion that
DIR holds already is not made again. PARTS: some of recipes,kim,bits,step, all by default.
"""

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from common.convert_scores import Measured, Scorer, bits_rows, four_bit_row, kim_rows
from common.rows import Row, at_least, parser, show

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.converting import finetune, finetune_rates
from spiking_bimt.converting.finetune_config import FinetuneConfig
from spiking_bimt.converting.normalise import normalise
from spiking_bimt.converting.one_to_one import ConversionConfig, to_spiking
from spiking_bimt.converting.snntorch_module import SpikingModule
from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import drive_percentile, rate_outputs
from spiking_bimt.simulation.run import simulate_trials
from spiking_bimt.stages.convert import convert

LONG: Measured = {"method": "finetune", "distil": 0.5, "average": 0.998}
LEAKY: Measured = {
    **LONG, "tau_mem": 20.0, "t_ref": 2.0, "floor": -np.inf, "tau_syn": 150.0, "full_rate": 250.0,
    "dt": 0.5, "batch": 48, "focus": 0.8, "spike_cost": 3e-3, "rate_limit": 14.7,
}  # fmt: skip
RECIPES: dict[str, Measured] = {
    "one-to-one": {"full_rate": 400.0},
    "few-spikes": {**LONG, "full_rate": 100.0, "steps": 10000, "batch": 32, "spike_cost": 1e-3},
    "leaky-start": {**LEAKY, "reset": "value", "aware_steps": 3000, "steps": 7000, "lr": 2e-3,
                    "noise": 0.05, "spike_cost": 1e-3, "rate_limit": 14.0},
    "leaky-subtract": {**LEAKY, "reset": "subtract", "steps": 8000, "from": "leaky-start"},
    "leaky-value": {**LEAKY, "reset": "value", "steps": 7000, "from": "leaky-subtract"},
    "four-bits": {**LONG, "full_rate": 200.0, "steps": 10000, "batch": 48, "focus": 0.8, "bits": 4,
                  "fit": "learned", "from": "few-spikes"},
}  # fmt: skip
"""Settings of `convert`; "from" is the recipe whose network training goes on from, with trials that
it has not seen."""
STEPPING_STONES = ("leaky-start", "four-bits")
"""Recipes that no accuracy of the rate network's is asked of."""
THREADS = 2
"""Of training: those of the machine that its time is asked of."""
PARTS = ("recipes", "kim", "bits", "step")
FRESH = 1000
"""Trials per task, of a seed that no choice has seen, that the least task is also judged by: of
200, the least of 20 shares scatters by 0.02."""


def networks(runs: list[Path]) -> dict[str, Path]:
    """Name and rate.h5 of each network."""
    if not runs:
        bundle = Path(str(resources.files("spiking_bimt.bundle")))
        return {name: bundle / f"{name}.h5" for name in ("bimt", "l1")}
    files = {run: run / "rate.h5" if run.is_dir() else run for run in runs}
    return {
        run.stem if file is run and run.stem != "rate" else file.parent.name: file
        for run, file in files.items()
    }


def measured(keep: Path, name: str, source: Path, recipe: str, settings: Measured) -> Measured:
    """What `convert` measures of the recipe on 200 test trials per task."""
    folder = keep / f"{name}-{recipe}"
    kept = folder / "measured.json"
    if kept.is_file():
        return dict(json.loads(kept.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, folder / "rate.h5")
    settings = dict(settings)
    if "from" in settings:
        settings["start"] = keep / f"{name}-{settings.pop('from')}"
    found = convert(folder, threads=THREADS, **settings)
    kept.write_text(json.dumps(found))
    return found


def share(found: Measured, network: str) -> float:
    """Accuracy over that of the rate network."""
    return float(found["accuracy"][network] / found["accuracy"]["rate"])


def least_task(found: Measured, network: str) -> tuple[float, str]:
    """The smallest share of a task's rate accuracy, and the task."""
    rate, of = found["per_task"]["rate"], found["per_task"][network]
    return min((of[task] / max(rate[task], 1e-9), task) for task in rate)


def fresh_row(folder: Path, what: str) -> Row:
    """Accuracy and least task on FRESH trials per task, with its standard error."""
    rate = store.load(folder / "rate.h5", RateNetwork)
    network = store.load(folder / "network.h5", SpikingNetwork)
    trained = bool((network.measured or {}).get("training"))
    network = network.quantised() if trained else network
    trials = draw_trials(rate.battery, rate.tasks, FRESH, rate.dt, stream="test", seed=1)
    of_rate = score(rate_outputs(rate, trials), trials)
    found = score(simulate_trials(network, trials, threads=1, record_spikes=False).outputs, trials)
    ratios = found.per_task() / np.maximum(of_rate.per_task(), 1e-9)
    least = int(np.argmin(ratios))
    own = trials.task == least
    # Of a ratio of two shares on the same trials.
    off = found.correct[own] - ratios[least] * of_rate.correct[own]
    error = off.std() / np.sqrt(own.sum()) / of_rate.per_task()[least]
    shares = f"{found.accuracy / of_rate.accuracy:.4f} of the rate network's accuracy"
    return Row(f"{what}: least task of {FRESH} fresh trials per task", ratios[least], None, None,
               0.95, bool(ratios[least] >= 0.95), "",
               f"{trials.tasks[least]}, +- {error:.4f}; {shares}")  # fmt: skip


def seconds_of(keep: Path, name: str, recipe: str) -> float:
    """Seconds of a recipe, with those that it goes on from."""
    total = 0.0
    while True:
        found = json.loads((keep / f"{name}-{recipe}" / "measured.json").read_text())
        total += float(found["wall_seconds"])
        if "from" not in RECIPES[recipe]:
            return total
        recipe = str(RECIPES[recipe]["from"])


def recipe_rows(name: str, recipe: str, found: Measured, seconds: float) -> list[Row]:
    """Accuracy, least task, mean rate and time of a recipe against what is asked of it."""
    of_rate = {"one-to-one": 0.995, "few-spikes": 0.99}.get(recipe, 0.98)
    asked = None if recipe in STEPPING_STONES else of_rate
    network = "spiking" if recipe == "one-to-one" else "quantised"  # rounded in the loop
    reached, low = share(found, network), least_task(found, network)
    rate = found["mean_rate_hz" if recipe == "one-to-one" else "quantised_mean_rate_hz"]
    what = f"{name}, {recipe}"
    rows = [
        Row(f"{what}: accuracy over the rate network's", found["accuracy"][network],
            found["accuracy"]["rate"], reached, asked, None if asked is None else reached >= asked,
            "", f"{rate:.1f} Hz mean, {found['neurons']} neurons"),
        Row(f"{what}: least task", low[0], None, None, 0.95, low[0] >= 0.95, "", low[1]),
    ]  # fmt: skip
    if recipe == "one-to-one":
        lost = found["accuracy"]["spiking"] - found["accuracy"]["quantised"]
        rows.append(Row(f"{what}: lost to 8 bits", lost, None, None, 0.005, lost <= 0.005, ""))
    limit = {"few-spikes": 8.0, "leaky-value": 15.0, "leaky-subtract": 15.0}.get(recipe)
    if limit:
        minutes = seconds / 60
        rows += [
            Row(f"{what}: mean rate", rate, None, None, limit, rate <= limit, "Hz"),
            Row(
                f"{what}: time",
                minutes,
                None,
                None,
                20.0,
                minutes <= 20,
                "min",
                f"{THREADS} threads, with what it goes on from",
            ),
        ]
    return rows


def step_row(source: Path, repeats: int) -> Row:
    """A fine-tuning step against the same trials stepped densely by snnTorch with autograd."""
    rate = store.load(source, RateNetwork)
    trials = draw_trials(rate.battery, rate.tasks, 4, rate.dt, stream="calibrate")
    network = normalise(rate, drive_percentile(rate, trials, 99.9))
    config, settings = ConversionConfig(full_rate=100.0), FinetuneConfig(batch=32)
    pool = finetune.make_pool(network, settings, 1, 1)
    batch = finetune.draw_batch(pool, 0, np.ones(len(rate.tasks)), rate.w_in.shape[1])
    _, as_trials = finetune_rates.unpack_trials(batch, network)
    state = finetune.State.of(network)
    tables = finetune.activation_table(network, settings)

    def ours() -> None:
        now = finetune.with_weights(network, state.p)
        _, found, _ = finetune.batch_step(now, config, settings, None, tables, batch, 0, True)
        state.adam.step(state.p, found, scale=1.0, lr=1e-6, count=1)

    module = SpikingModule(to_spiking(network, np.ones(rate.n_units, np.float32), config))
    adam = torch.optim.Adam(module.parameters(), lr=1e-6)
    inputs = torch.zeros(int(as_trials.lengths.max()), as_trials.n_trials, as_trials.n_inputs)
    for k in range(as_trials.n_trials):
        own = as_trials.inputs[as_trials.offsets[k] : as_trials.offsets[k + 1]]
        inputs[: len(own), k] = torch.from_numpy(own)
    labels = torch.zeros(inputs.shape[:2], dtype=torch.long)

    def theirs() -> None:
        outputs, _ = module(inputs, torch.rand(as_trials.n_trials, rate.n_units))
        loss = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), labels.flatten())
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()

    ours()  # compiles
    mine = statistics.median(cpu_seconds(ours) for _ in range(repeats))
    return at_least("fine-tuning step, 32 trials, against dense snnTorch", 1e3 * mine,
                    1e3 * cpu_seconds(theirs), 3, "ms",
                    "the same trials and network, CPU time, one thread")  # fmt: skip


def cpu_seconds(call: Callable[[], None]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def all_recipe_rows(keep: Path, name: str, source: Path) -> list[Row]:
    """What each recipe makes of a network."""
    rows, scorer = [], Scorer(source)
    for recipe, settings in RECIPES.items():
        found = measured(keep, name, source, recipe, settings)
        rows += recipe_rows(name, recipe, found, seconds_of(keep, name, recipe))
        rows.append(fresh_row(keep / f"{name}-{recipe}", f"{name}, {recipe}"))
        if recipe == "four-bits":
            rows.append(four_bit_row(name, recipe, scorer, found))
    return rows


def quick_rows(keep: Path, name: str, source: Path) -> list[Row]:
    """No training but for a few steps: what takes seconds."""
    few = {**RECIPES["few-spikes"], "steps": 300, "batch": 16, "trials": 50}
    rows = recipe_rows(
        name,
        "one-to-one",
        measured(keep, name, source, "quick", {"full_rate": 400.0, "trials": 50}),
        0.0,
    )
    found = measured(keep, name, source, "quick-few-spikes", few)
    return rows + recipe_rows(name, "few-spikes", found, found["wall_seconds"])


def main() -> None:
    """Run all and print the table."""
    known = parser(__doc__)
    known.add_argument("runs", nargs="*", type=Path, help="run folders or rate.h5 files")
    known.add_argument("--parts", default=",".join(PARTS), help="comma-separated")
    known.add_argument("--keep", type=Path, help="folder of conversions, kept and reused")
    options = known.parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        known.error(f"unknown part {min(unknown)!r}; known: {', '.join(PARTS)}")
    torch.set_num_threads(1)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        keep = options.keep or Path(scratch)
        found = networks(options.runs)
        for name, source in found.items():
            if options.quick:
                rows += quick_rows(keep, name, source)
                continue
            if "recipes" in parts:
                rows += all_recipe_rows(keep, name, source)
            if "kim" in parts:
                rows += kim_rows(keep, name, Scorer(source))
            if "bits" in parts:
                rows += bits_rows(name, Scorer(source))
        if "step" in parts:
            rows.append(step_row(next(iter(found.values())), 3 if options.quick else 9))
    trials = 50 if options.quick else 200
    show(f"conversion, {trials} test trials per task", rows, options.json)


if __name__ == "__main__":
    main()

"""`study chip`: none, L1, BIMT and training against the chip, at the packets that each costs."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt import run_folder
from spiking_bimt.analysis import curves
from spiking_bimt.analysis.clusters import functional_clusters
from spiking_bimt.analysis.lesion import lesion_groups
from spiking_bimt.analysis.portrait import CLUSTERS, variance_of
from spiking_bimt.analysis.structure import agreement
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.chip.energy import of_network
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import CheckError, InputError
from spiking_bimt.plot import study_figures
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.stages.train import TEST_TRIALS, train
from spiking_bimt.studies.chip_jobs import CHIPS, TASKS, Job, chip_jobs
from spiking_bimt.studies.rate_on_chip import chip_costs, spiking_error
from spiking_bimt.studies.study import backend, store_figure
from spiking_bimt.training.config import read_config

COMPARED_AT = (0.022, 0.024, 0.026, 0.03, 0.04, 0.05)
"""Errors at which kinds are compared, where both reach them."""

LEAST = 1e-3
"""Packets a spike that count as this many in a ratio, which none at all would make infinite."""

LESION_TRIALS = 20

BROKEN = 0.25
"""Accuracy that a task must lose to count as broken."""


def chip_study(
    out: str | Path,
    *,
    batteries: tuple[str, ...] = ("yang19", "modcog"),
    seeds: int = 3,
    quick: bool = False,
    configs: tuple[str | Path, str | Path, str | Path] = ("paper", "pack", "frugal"),
    jobs: int = 2,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Train every network of the study under `out`/runs, then compare what a chip pays for them.

    configs: presets or TOML files of trainings without a chip, of those that go on from them, and
    of those that save spikes too.
    Networks that a "Growing Brains" study left in the same folder are used as they are. Jobs that
    are done are skipped, interrupted ones go on from their checkpoint; jobs and scheduler as in
    `study`. Writes chip-study_figures.json and figures/chip-*.svg.
    """
    import joblib

    folder = Path(out)
    bases, priced = chip_jobs(("yang19",) if quick else batteries, 1 if quick else seeds, quick)
    with run_folder.writing(folder), backend(scheduler, jobs):
        done = []
        for some in (bases, priced):
            done += joblib.Parallel()(joblib.delayed(run_job)(folder, job, configs) for job in some)
        rows = list(flat_rows(done))
        result: dict[str, Any] = {
            "networks": rows,
            "curves": summary(rows),
            "equal_error": equal_error(rows),
            "failed": {row["name"]: row["failed"] for row in done if "failed" in row},
            "figures": _draw(folder, rows),
        }
        store.write_bytes(folder / "chip-study_figures.json", json.dumps(result).encode())
    return {**result, "study": str(folder / "chip-study_figures.json")}


def run_job(
    folder: Path, job: Job, configs: tuple[str | Path, str | Path, str | Path]
) -> dict[str, Any]:
    """Train one network, or go on with it, and describe it; a described one is only read."""
    run = folder / "runs" / job.name
    result, kept = run / "chip-result.json", run / "config.toml"
    base = folder / "runs" / job.base.name if job.chip else None
    config = configs[2 if job.frugal else 1 if job.chip else 0]
    if result.exists():
        return json.loads(result.read_text("utf-8"))  # type: ignore[no-any-return]
    try:
        if not (run / "rate.h5").exists():
            resume = (run / "checkpoint.h5").exists()
            train(run, config=config, start=base, resume=resume, **job.settings())
        elif base is None and read_config(kept) != read_config(config, **job.settings()):
            raise InputError(f"{run} was made with another configuration: give a new folder")
    except InputError as error:
        return {"name": job.name, "failed": str(error)}
    except CheckError:
        pass  # The nearest network is kept, and its error shows how near.
    network = store.load(run / "rate.h5", RateNetwork)
    row = {"name": job.name, "kind": job.kind, **dataclasses.asdict(job), **describe(network, job)}
    store.write_bytes(result, json.dumps(row).encode())
    return row


def describe(network: RateNetwork, job: Job) -> dict[str, Any]:
    """Error, size, what each chip pays, and whether function follows the cores."""
    trials = draw_trials(network.battery, network.tasks, TEST_TRIALS, network.dt, stream="test")
    result = score(rate_outputs(network, trials), trials)
    chips = [job.chip] if job.chip else CHIPS
    costs = {name: chip_costs(network, load_chip(name)) for name in chips}
    function = {name: _function(network, np.array(costs[name]["core"])) for name in chips}
    return {
        "error": 1 - result.accuracy,
        "interval": [1 - value for value in reversed(result.interval)],
        "spiking_error": spiking_error(network, trials),
        **wiring(network),
        "chips": {name: {**costs[name], **function[name]} for name in chips},
    }


def _function(network: RateNetwork, core: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Whether units of one core do the same tasks, and which tasks a core's loss breaks.

    `agreement` is the adjusted Rand index of functional clusters and cores, with the share of
    200 shuffles as high; `broken`: (cores, tasks) accuracy lost by silencing each core.
    """
    variance = variance_of(network)
    cores = np.unique(core, return_inverse=True)[1].astype(np.int32)
    clusters = functional_clusters(variance.normalised, variance.responsive, k=CLUSTERS[1])
    found = agreement(clusters.labels, cores).adjusted_rand
    rng = np.random.default_rng(0)
    null = [agreement(clusters.labels, rng.permutation(cores)).adjusted_rand for _ in range(200)]
    trials = draw_trials(
        network.battery, network.tasks, LESION_TRIALS, network.dt, stream="validate"
    )
    accuracy = lesion_groups(network, cores, trials)
    return {
        "agreement": found,
        "agreement_p": (sum(value >= found for value in null) + 1) / (len(null) + 1),
        "broken": (accuracy[0] - accuracy[1:]).tolist(),
    }


def flat_rows(done: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row a network and chip, with plain numbers."""
    for row in done:
        if "failed" in row:
            continue
        shared = {key: value for key, value in row.items() if key not in ("chips", "chip")}
        for chip, costs in row["chips"].items():
            energy = costs["energy_nj_per_trial"]
            yield {
                **shared,
                **costs,
                "chip": chip,
                "network_nj": of_network(energy),
                "total_nj": sum(energy.values()),
                "broken_tasks": float((np.array(costs["broken"]) > BROKEN).sum(1).mean()),
            }


MEASURED = ("error", "spiking_error", "active_units", "connections", "cores", "tiles",
            "packets_per_spike", "hops_per_trial", "network_nj", "total_nj", "agreement",
            "broken_tasks")  # fmt: skip


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and 95% half-width over seeds of each kind and strength, by battery and chip."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = row["battery"], row["chip"], row["kind"], row["l1_scale"], row["price"]
        groups.setdefault(key, []).append(row)
    table = []
    for (battery, chip, kind, scale, price), members in groups.items():
        found = {name: curves.interval([float(m[name]) for m in members]) for name in MEASURED}
        table.append(
            {"battery": battery, "chip": chip, "kind": kind, "l1_scale": scale, "price": price,
             "seeds": len(members)}
            | {k: [v.mean, None if v.high is None else v.high - v.mean] for k, v in found.items()}
        )  # fmt: skip
    return table


def equal_error(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times what training against the chip costs the others cost at equal error.

    All networks of a seed that were trained against the chip count together: what they cost is that
    of the cheapest way to the error.
    """
    table = []
    seeds = sorted({row["seed"] for row in rows})
    for battery in TASKS:
        for chip in CHIPS:
            here = [r for r in rows if r["battery"] == battery and r["chip"] == chip]

            def curve(kind: str, cost: str, here: list[dict[str, Any]] = here) -> list[Any]:
                of_kind = [r for r in here if _is(r, kind)]
                chosen = [[r for r in of_kind if r["seed"] == seed] for seed in seeds]
                return [
                    np.array([(r["error"], max(r[cost], LEAST)) for r in group]) for group in chosen
                ]

            for theirs in ("l1", "bimt", "l1, pruned"):
                for error in COMPARED_AT:
                    entry: dict[str, Any] = {
                        "battery": battery, "chip": chip, "than": theirs, "error": error,
                    }  # fmt: skip
                    for cost in ("packets_per_spike", "network_nj", "total_nj"):
                        pair = curve("chip", cost), curve(theirs, cost)
                        if all(len(points) for side in pair for points in side):
                            found = curves.ratios(*pair, error)
                            if found:
                                entry[cost] = vars(curves.interval(found, logarithmic=True))
                    table += [entry] if len(entry) > 4 else []
    return table


def _is(row: dict[str, Any], kind: str) -> bool:
    found: str = row["kind"]
    return found.startswith("chip, ") if kind == "chip" else found == kind


def _draw(folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    names = []
    for battery in TASKS:
        for chip in CHIPS:
            here = [r for r in rows if r["battery"] == battery and r["chip"] == chip]
            for cost, label in (
                ("packets_per_spike", "packets to other cores, a spike"),
                ("network_nj", "network energy, nJ a trial"),
                ("total_nj", "total energy, nJ a trial"),
            ):
                if here:
                    floor = study_figures.FLOOR if battery == "yang19" else None
                    figure = study_figures.error_curve(here, cost, label, floor=floor)
                    names.append(f"figures/chip-{battery}-{chip}-{cost.split('_')[0]}.svg")
                    store_figure(folder / names[-1], figure)
    return names

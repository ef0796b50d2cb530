"""The study of chips: none, L1, BIMT and training against the chip, at the packets they cost."""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.analysis.clusters import functional_clusters
from spiking_bimt.analysis.lesion import lesion_groups
from spiking_bimt.analysis.portrait import CLUSTERS, variance_of
from spiking_bimt.analysis.structure import agreement
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import default_trials, draw_trials
from spiking_bimt.chip.energy import of_network
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data import atomic
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.plot import study_figures
from spiking_bimt.plot.picture import store_figure
from spiking_bimt.simulation.rate import rate_outputs
from spiking_bimt.studies.chip_jobs import CHIPS, TASKS, Job, list_jobs
from spiking_bimt.studies.rate_on_chip import chip_costs, spiking_error
from spiking_bimt.studies.runner import Plan, Row, compare_at_equal_error, summarise
from spiking_bimt.studies.study_data import DATA

CONFIGS = ("paper", "pack", "frugal")
"""Presets of trainings without a chip, of those that go on from them, and of those that save spikes
too."""

COMPARED_AT = (0.022, 0.024, 0.026, 0.03, 0.04, 0.05)
"""Errors at which kinds are compared, where both reach them."""

LEAST = 1e-3
"""Packets per spike that count as this many in a ratio, which none at all would make infinite."""

LESION_TRIALS = 20
"""Trials per task by which the loss of a core is measured."""

SHUFFLES = 200
"""Random permutations of cores that clusters are compared with."""

BROKEN = 0.25
"""Accuracy that a task must lose to count as broken."""

COSTS = ("packets_per_spike", "network_nj", "total_nj")
"""What is compared at equal error."""

MEASURED = ("error", "spiking_error", "active_units", "connections", "cores", "tiles",
            "packets_per_spike", "hops_per_trial", "network_nj", "total_nj", "agreement",
            "broken_tasks")  # fmt: skip
"""What the summary shows of each kind and strength."""


def plan(
    seeds: int, quick: bool, configs: Sequence[str | Path], batteries: tuple[str, ...]
) -> Plan:
    """The study with so many seeds. InputError where `configs` are not three."""
    if len(configs) != 3:
        raise InputError(f"the study chip has 3 configurations, not {len(configs)}")
    base, priced, frugal = configs

    def config_of(job: Job) -> str | Path:
        if not job.chip:
            return base
        return frugal if job.frugal else priced

    return Plan(
        jobs=list_jobs(_quickly(batteries) if quick else batteries, seeds, quick),
        config_of=config_of,
        describe=describe,
        conclude=conclude,
        described="chip-result.json",
        result="chip-study.json",
    )


def _quickly(batteries: tuple[str, ...]) -> tuple[str, ...]:
    """The one battery of a quick study."""
    return batteries if batteries == (DATA,) else ("yang19",)


def conclude(folder: Path, done: list[Row]) -> Row:
    """Tables of the study, and its figures in the folder."""
    rows = list(flatten_rows(done))
    return {
        "networks": rows,
        "curves": summarise_rows(rows),
        "equal_error": compare_kinds(rows),
        "figures": _draw(folder, rows),
    }


def describe(network: RateNetwork, job: Job) -> Row:
    """Kind, error, size, what each chip pays, and whether function follows the cores."""
    trials = draw_trials(
        network.battery, network.tasks, default_trials(network.battery), network.dt, stream="test"
    )
    result = score(rate_outputs(network, trials), trials)
    chips = [job.chip] if job.chip else CHIPS
    costs = {name: chip_costs(network, load_chip(name)) for name in chips}
    function = {name: _measure_function(network, np.array(costs[name]["core"])) for name in chips}
    return {
        "kind": job.kind,
        "error": 1 - result.accuracy,
        "interval": [1 - value for value in reversed(result.interval)],
        "spiking_error": spiking_error(network, trials),
        **wiring(network),
        "chips": {name: {**costs[name], **function[name]} for name in chips},
    }


def _measure_function(network: RateNetwork, core: np.ndarray[Any, Any]) -> Row:
    """Whether units of one core do the same tasks, and which tasks a core's loss breaks.

    `agreement` is the adjusted Rand index of functional clusters and cores, with the share of
    SHUFFLES as high; `broken`: (cores, tasks) accuracy lost by silencing each core.
    """
    variance = variance_of(network)
    cores = np.unique(core, return_inverse=True)[1].astype(np.int32)
    clusters = functional_clusters(variance.normalised, variance.responsive, k=CLUSTERS[1])
    found = agreement(clusters.labels, cores).adjusted_rand
    rng = np.random.default_rng(0)
    null = [
        agreement(clusters.labels, rng.permutation(cores)).adjusted_rand for _ in range(SHUFFLES)
    ]
    trials = draw_trials(
        network.battery, network.tasks, LESION_TRIALS, network.dt, stream="validate"
    )
    accuracy = lesion_groups(network, cores, trials)
    return {
        "agreement": found,
        "agreement_p": (sum(value >= found for value in null) + 1) / (len(null) + 1),
        "broken": (accuracy[0] - accuracy[1:]).tolist(),
    }


def flatten_rows(done: list[Row]) -> Iterator[Row]:
    """One row per network and chip, with plain numbers."""
    for row in done:
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


def summarise_rows(rows: list[Row]) -> list[Row]:
    """Mean and 95% half-width over seeds of each kind and strength, by battery and chip."""
    columns: dict[str, Callable[[Row], float]] = {name: itemgetter(name) for name in MEASURED}
    return summarise(rows, ("battery", "chip", "kind", "l1_scale", "price"), columns)


def compare_kinds(rows: list[Row]) -> list[Row]:
    """How many times what training against the chip costs the others cost at equal error.

    All networks of a seed that were trained against the chip count together: what they cost is that
    of the cheapest way to the error.
    """
    return [
        {"battery": battery, "chip": chip, **entry}
        for battery in (*TASKS, DATA)
        for chip in CHIPS
        for entry in compare_at_equal_error(
            [row for row in rows if (row["battery"], row["chip"]) == (battery, chip)],
            lambda kind: kind.startswith("chip, "),
            ("l1", "bimt", "l1, pruned"),
            COSTS,
            COMPARED_AT,
            LEAST,
        )
    ]


def _draw(folder: Path, rows: list[Row]) -> list[str]:
    """Write a figure of each cost for each battery and chip; their names."""
    atomic.own_folder(folder / "figures")
    names = []
    for battery in (*TASKS, DATA):
        for chip in CHIPS:
            here = [r for r in rows if r["battery"] == battery and r["chip"] == chip]
            for cost, label in (
                ("packets_per_spike", "packets to other cores, a spike"),
                ("network_nj", "network energy, nJ per trial"),
                ("total_nj", "total energy, nJ per trial"),
            ):
                if here:
                    floor = study_figures.FLOOR if battery == "yang19" else None
                    figure = study_figures.error_curve(here, cost, label, floor=floor)
                    names.append(f"figures/chip-{battery}-{chip}-{cost.split('_')[0]}.svg")
                    store_figure(folder / names[-1], figure)
    return names

"""What training against the chip saves at equal error, on trials that nothing was chosen by.

python benchmarks/chip_energy.py OUT

OUT: folder of `spiking_bimt study chip OUT`, whose energies are taken as they are. Errors are
measured anew on 2,000 trials a task that neither training nor the study has seen, since the
study's 200 leave a network's error uncertain by 0.002. Prints the mean over seeds of every kind
and, at the errors of the networks trained with a rising price, how many times as much others cost
on the line (logarithm of the cost over error) through their means.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from spiking_bimt.analysis.curves import cost_at
from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs

SEEDS = (101, 102)
TRIALS = 1000
CHIP = "loihi16"
OTHERS = ("l1", "bimt")
OURS = ("chip, rising", "chip, frugal")
COSTS = ("packets_per_spike", "network_nj", "total_nj")


def fresh_error(run: Path) -> float:
    """Error of a run's network over all fresh trials."""
    network = store.load(run / "rate.h5", RateNetwork)
    errors = []
    for seed in SEEDS:
        trials = draw_trials(
            network.battery, network.tasks, TRIALS, network.dt, stream="test", seed=seed
        )
        errors.append(1 - score(rate_outputs(network, trials), trials).accuracy)
    return float(np.mean(errors))


def means(rows: list[dict[str, Any]], error: str) -> dict[tuple[str, float], dict[str, float]]:
    """Mean over seeds of error and costs, by kind and strength of L1."""
    groups: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["l1_scale"]), []).append(row)
    names = (error, "active_units", *COSTS)
    return {
        key: {name: float(np.mean([row[name] for row in members])) for name in names}
        for key, members in groups.items()
    }


def main() -> None:
    """Print both tables for each battery of the study."""
    out = Path(sys.argv[1])
    networks = json.loads((out / "chip-study.json").read_text("utf-8"))["networks"]
    for battery in dict.fromkeys(row["battery"] for row in networks):
        rows = [
            row | {"fresh": fresh_error(out / "runs" / row["name"])}
            for row in networks
            if (row["battery"], row["chip"]) == (battery, CHIP) and row["kind"] in OTHERS + OURS
        ]
        for error in ("error", "fresh"):
            print(f"{battery}, {'200' if error == 'error' else '2,000 fresh'} trials a task")
            found = means(rows, error)
            for (kind, scale), mean in sorted(found.items()):
                shown = "  ".join(f"{name} {value:.4g}" for name, value in mean.items())
                print(f"  {kind} {scale:g}: {shown}")
            compare(found, error)


def compare(found: dict[tuple[str, float], dict[str, float]], error: str) -> None:
    """Print how many times as much L1 and BIMT cost at the error of each of ours."""
    for (kind, scale), ours in found.items():
        if kind not in OURS:
            continue
        for other in OTHERS:
            curve = [mean for (name, _), mean in found.items() if name == other]
            ratios = []
            for cost in COSTS:
                points = np.array([(mean[error], mean[cost]) for mean in curve])
                theirs = cost_at(points, ours[error])
                ratio = "not reached" if theirs is None else f"{theirs / max(ours[cost], 1e-3):.2f}"
                ratios.append(f"{cost} {ratio}")
            print(f"  {other} over {kind} {scale:g} at {ours[error]:.4f}: {'  '.join(ratios)}")


if __name__ == "__main__":
    main()

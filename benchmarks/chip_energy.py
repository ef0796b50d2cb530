"""What training against the chip saves at equal error, on trials that nothing was chosen by.

    python benchmarks/chip_energy.py [--quick] [--json FILE] [OUT]

OUT: folder of `spiking_bimt study chip OUT`, by default chip-study; where it holds no finished
study, that is run first, for many hours. The study's energies are taken as they are. Errors are
measured again on 2,000 trials of each task that neither training nor the study has seen, since its
200 leave a network's error uncertain by 0.002. Printed are the means over seeds of every kind and,
at the errors of the networks trained with a rising price, how many times as much others cost on the
line (logarithm of the cost over error) through their means. --quick compares the bundled networks,
one of each kind, at the errors that they have.
"""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from common.fresh import fresh_errors
from common.rows import Row, parser, show

from spiking_bimt.analysis.curves import cost_at
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.stages.compare import compare
from spiking_bimt.studies.study import study

TRIALS = 1000
"""Fresh trials of each task, for each of two seeds."""
CHIP = "loihi16"
OTHERS = ("l1", "bimt")
OURS = ("chip, rising", "chip, frugal")
COSTS = {"packets_per_spike": "packets per spike", "network_nj": "nJ", "total_nj": "nJ"}
"""What is compared, and its unit."""
MEASURED = {"error": "200 trials of each task", "fresh": "2,000 fresh trials of each task"}


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


def study_rows(out: Path) -> Iterator[Row]:
    """How many times as much L1 and BIMT cost at the error of each of ours, for each battery."""
    if not (out / "chip-study.json").is_file():
        study("chip", out)
    networks = json.loads((out / "chip-study.json").read_text("utf-8"))["networks"]
    for battery in dict.fromkeys(row["battery"] for row in networks):
        rows = [
            row | {"fresh": fresh_error(out / "runs" / row["name"] / "rate.h5", TRIALS)}
            for row in networks
            if (row["battery"], row["chip"]) == (battery, CHIP) and row["kind"] in OTHERS + OURS
        ]
        for error, trials in MEASURED.items():
            found = means(rows, error)
            print(f"{battery}, {trials}")
            for (kind, scale), mean in sorted(found.items()):
                shown = "  ".join(f"{name} {value:.4g}" for name, value in mean.items())
                print(f"  {kind} {scale:g}: {shown}")
            yield from equal_error_rows(found, error, f"{battery}, {trials}")


def fresh_error(file: Path, trials: int) -> float:
    """Mean error of a network on fresh trials."""
    return float(np.mean(fresh_errors(store.load(file, RateNetwork), trials)))


def equal_error_rows(
    found: dict[tuple[str, float], dict[str, float]], error: str, where: str
) -> Iterator[Row]:
    """L1 and BIMT at the error of each of ours; found: as `means` gives it."""
    for (kind, scale), ours in found.items():
        if kind not in OURS:
            continue
        for other in OTHERS:
            curve = [mean for (name, _), mean in found.items() if name == other]
            for cost, unit in COSTS.items():
                points = np.array([(mean[error], mean[cost]) for mean in curve])
                theirs = cost_at(points, ours[error])
                ratio = None if theirs is None else theirs / max(ours[cost], 1e-3)
                note = f"{where}, at error {ours[error]:.4f}"
                note += ", which they do not reach" if theirs is None else ""
                what = f"{cost} of {other} over {kind} {scale:g}"
                yield Row(what, ours[cost], theirs, ratio, None, None, unit, note)


def bundled_rows() -> Iterator[Row]:
    """The bundled L1 and BIMT networks over the one that was trained against the chip."""
    bundle = Path(str(resources.files("spiking_bimt.bundle")))
    found = compare(chip=CHIP, trials=10)["networks"]
    costs = {
        name: {
            "packets_per_spike": row["packets_per_spike"],
            "total_nj": sum(row["energy_nj_per_trial"].values()),
        }
        for name, row in found.items()
    }
    errors = {name: fresh_error(bundle / f"{name}.h5", 100) for name in (*OTHERS, "cores")}
    for other in OTHERS:
        for cost, ours in costs["cores"].items():
            theirs = costs[other][cost]
            note = f"one network each; errors {errors[other]:.4f} and {errors['cores']:.4f}"
            yield Row(f"{cost} of {other} over the bundled cores", ours, theirs,
                      theirs / max(ours, 1e-3), None, None, COSTS[cost], note)  # fmt: skip


def main() -> None:
    """Print the table of the study, or of the bundled networks."""
    options = parser(__doc__)
    options.add_argument("out", nargs="?", type=Path, default=Path("chip-study"), metavar="OUT")
    given = options.parse_args()
    rows = list(bundled_rows() if given.quick else study_rows(given.out))
    show("costs at equal error", rows, given.json)


if __name__ == "__main__":
    main()

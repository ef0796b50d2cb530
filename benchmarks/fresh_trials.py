"""Are the errors of a study those of other trials? Networks on trials that nothing was chosen by.

python benchmarks/fresh_trials.py OUT/runs/*/rate.h5
"""

import sys
from pathlib import Path

import numpy as np

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs

SEEDS = (101, 102)
TRIALS = 1000


def main() -> None:
    """Print the error of each network, and its units."""
    networks = {path: store.load(Path(path), RateNetwork) for path in sys.argv[1:]}
    first = next(iter(networks.values()))
    trials = [
        draw_trials(first.battery, first.tasks, TRIALS, first.dt, stream="test", seed=seed)
        for seed in SEEDS
    ]
    for path, network in networks.items():
        errors = [1 - score(rate_outputs(network, some), some).accuracy for some in trials]
        shown = ", ".join(f"{error:.4f}" for error in errors)
        print(f"{path}: {np.mean(errors):.4f} ({shown}), {network.n_units} units")


if __name__ == "__main__":
    main()

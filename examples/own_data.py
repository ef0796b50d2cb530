"""From a data set to verified tiles: trained with BIMT, in 8-bit spikes, and from the tiles alone.

    python examples/own_data.py aeon:JapaneseVowels --seeds 3
    python examples/own_data.py FILE.npz --config data

Prints a row for each seed and the means. Of the settings below, the noise on JapaneseVowels was
chosen by its validation sequences, and those of the digits by cross-validation within the training
sequences. Other data are trained by the preset as it is.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import spiking_bimt as sb

TRAIN: dict[str, dict[str, Any]] = {
    "aeon:JapaneseVowels": {"input_noise": 0.7},
    "sklearn:digits": {"config": Path(__file__).with_name("digits.toml"), "read": "last"},
}
"""Settings of `train`."""
CONVERT: dict[str, dict[str, Any]] = {"sklearn:digits": {"full_rate": 1000.0}}
"""Settings of `convert` in place of those of all: a digit has eight steps of 20 ms."""
ALL = 10_000
"""More test sequences than any of these sets has."""


def run_one(folder: Path, data: str, seed: int, config: str) -> dict[str, float]:
    """What one seed gives, from the data to the tiles."""
    began = time.process_time()
    trained = sb.train(folder, data=data, seed=seed, **{"config": config, **TRAIN.get(data, {})})
    spikes = {"full_rate": 500.0, "percentile": 99.0, **CONVERT.get(data, {})}
    converted = sb.convert(folder, **spikes)
    placed = sb.place(folder, chip="loihi16")
    sb.export(folder, formats=("tiles",), selftest=2)
    verified = sb.verify(folder / "tiles.h5", trials=ALL)
    return {
        "rate": trained["accuracy"],
        "8-bit spiking": converted["accuracy"]["quantised"],
        "tiles alone": verified["accuracy"],
        "units": trained["active_units"],
        "connections": trained["synapses"],
        "cores": placed["cores"],
        "CPU s": time.process_time() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--config", default="data")
    given = parser.parse_args()
    rows = []
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(run_one(Path(scratch) / "run", given.data, seed, given.config))
        print(f"seed {seed}: " + ", ".join(f"{k} {v:.4g}" for k, v in rows[-1].items()), flush=True)
    means = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
    print("mean: " + ", ".join(f"{key} {value:.4g}" for key, value in means.items()))


if __name__ == "__main__":
    main()

"""What do spikes and units buy? Accuracy over mean rate, as it is and after fine-tuning.

python benchmarks/convert_trade.py FIGURE.svg RUN [RUN ...]

RUN: run folders. Each is scored one-to-one at full scales of 50 to 400 Hz, on 200 test trials a
task; where it holds a fine-tuned network.h5, what `convert` measured of that is drawn too.
"""

import argparse
import base64
from pathlib import Path
from typing import TYPE_CHECKING

from convert_scores import FULL_RATES, Scorer

from spiking_bimt.data import atomic, store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[float, float]
"""Mean rate (Hz), accuracy over the rate network's."""
COLOURS = (style.BLUE, style.VERMILLION, style.SKY)
MARKERS = {"value": "s", "subtract": "D", "none": "*"}


def curve(source: Path, accuracy: float) -> list[Point]:
    """Of the one-to-one conversion."""
    scorer = Scorer(source)
    found = [scorer.score("one-to-one", full_rate=full) for full in FULL_RATES]
    return [(point["mean_rate_hz"], point["accuracy"] / accuracy) for point in found]


def draw(runs: list[Path]) -> str:
    """The figure as an SVG data URI; runs of the same rate.h5 share a colour."""
    sources: dict[str, Path] = {store.sha256(run / "rate.h5"): run for run in reversed(runs)}
    colours = dict(zip(sources, COLOURS, strict=False))

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for key, run in sources.items():
            network = store.load(run / "network.h5", SpikingNetwork)
            accuracy = (network.measured or {})["accuracy"]["rate"]
            units = store.load(run / "rate.h5", RateNetwork).n_units
            x, y = zip(*curve(run / "rate.h5", accuracy), strict=True)
            axes.plot(x, y, "o-", color=colours[key], markersize=4, label=f"{units} units, as is")
        for run in runs:
            network = store.load(run / "network.h5", SpikingNetwork)
            found = network.measured or {}
            if not found.get("training"):
                continue
            leaky = found["conversion"]["tau_mem"] != "inf"
            kind = network.reset if leaky else "none"
            what = f"leaky, reset {network.reset}" if leaky else "non-leaky"
            # Files of version 0.1.0 may lack the rate of the integer weights.
            axes.plot(
                found.get("quantised_mean_rate_hz") or found["mean_rate_hz"],
                found["accuracy"]["quantised"] / found["accuracy"]["rate"],
                MARKERS[kind], color=colours[store.sha256(run / "rate.h5")], markersize=9,
                label=f"{network.n_neurons} units, fine-tuned, {what}",
            )  # fmt: skip
        axes.axhline(1.0, color=style.LINE, linewidth=1)
        axes.set_ylim(0.8, 1.01)
        axes.set_xlabel("mean rate (Hz)")
        axes.set_ylabel("accuracy over the rate network's (below 0.8 not shown)")
        axes.legend(fontsize=8, loc="lower right")

    return style.draw(7.5, 5.0, paint)


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", type=Path)
    parser.add_argument("runs", nargs="+", type=Path)
    options = parser.parse_args()
    image = draw(options.runs)
    with atomic.replacing(options.figure) as file:
        file.write(base64.b64decode(image.split(",", 1)[1]))


if __name__ == "__main__":
    main()

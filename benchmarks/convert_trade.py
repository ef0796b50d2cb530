"""What do spikes and units buy? Accuracy over mean rate, as it is and after fine-tuning.

    python benchmarks/convert_trade.py [--quick] [--json FILE] [--figure FILE.svg] [RUN ...]

RUN: converted run folders; by default the bundled BIMT network. Each is scored one-to-one at full
scales of 50 to 400 Hz on 200 test trials of each task (--quick: at 100 and 400 Hz on 20). Where it
holds a fine-tuned network.h5, what `convert` measured of that is a row and a point too.
"""

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common.convert_scores import FULL_RATES, Scorer
from common.rows import Row, parser, show

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.data import atomic, store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot import picture, style
from spiking_bimt.simulation.rate import rate_outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (style.BLUE, style.VERMILLION, style.SKY)
MARKERS = {"value": "s", "subtract": "D", "none": "*"}
"""Marker of a fine-tuned network by its reset; "none": its neurons do not leak."""
LOWEST = 0.8
"""Share of the rate network's accuracy at which the figure's axis begins."""


class Point(NamedTuple):
    """One network of the figure."""

    source: str
    """SHA-256 of its rate.h5: networks of the same one share a colour."""
    label: str
    accuracy: float
    reference: float
    """Accuracy of the rate network on the same trials."""
    rate_hz: float
    """Mean spike rate."""
    reset: str = ""
    """Key of MARKERS where it is fine-tuned; empty where it is converted one-to-one."""


def one_to_one(file: Path, full_rates: tuple[float, ...], trials: int) -> list[Point]:
    """Conversions of a rate.h5 as it is."""
    rate = store.load(file, RateNetwork)
    scorer = Scorer(file, trials)
    drawn = draw_trials(rate.battery, rate.tasks, trials, rate.dt, stream="test")
    reference = score(rate_outputs(rate, drawn), drawn).accuracy
    points = []
    for full in full_rates:
        found = scorer.score("one-to-one", full_rate=full)
        label = f"{rate.n_units} units, as is"
        points.append(
            Point(store.sha256(file), label, found["accuracy"], reference, found["mean_rate_hz"])
        )
    return points


def fine_tuned(run: Path) -> list[Point]:
    """The run's network as `convert` measured it; none where it was not trained in spikes."""
    if not (run / "network.h5").is_file():
        return []
    network = store.load(run / "network.h5", SpikingNetwork)
    found = network.measured or {}
    if not found.get("training"):
        return []
    leaky = found["conversion"]["tau_mem"] != "inf"
    what = f"leaky, reset {network.reset}" if leaky else "non-leaky"
    accuracy = found["accuracy"]
    # Files of version 0.1.0 may lack the rate of the integer weights.
    rate_hz = found.get("quantised_mean_rate_hz") or found["mean_rate_hz"]
    return [
        Point(
            store.sha256(run / "rate.h5"), f"{network.n_neurons} units, fine-tuned, {what}",
            accuracy["quantised"], accuracy["rate"], rate_hz, network.reset if leaky else "none",
        )
    ]  # fmt: skip


def draw(points: list[Point]) -> bytes:
    """The figure as SVG."""
    colours = dict(zip(dict.fromkeys(p.source for p in points), COLOURS, strict=False))

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for source, colour in colours.items():
            line = [p for p in points if p.source == source and not p.reset]
            shares = [p.accuracy / p.reference for p in line]
            axes.plot([p.rate_hz for p in line], shares, "o-", color=colour, markersize=4,
                      label=line[0].label)  # fmt: skip
        for p in points:
            if p.reset:
                axes.plot(p.rate_hz, p.accuracy / p.reference, MARKERS[p.reset],
                          color=colours[p.source], markersize=9, label=p.label)  # fmt: skip
        axes.axhline(1.0, color=style.LINE, linewidth=1)
        axes.set_ylim(LOWEST, 1.01)
        axes.set_xlabel("mean rate (Hz)")
        axes.set_ylabel(f"accuracy over the rate network's (below {LOWEST} not shown)")
        axes.legend(fontsize=8, loc="lower right")

    return picture.draw(7.5, 5.0, paint).svg


def row(point: Point) -> Row:
    """Accuracy of a network against that of its rate network."""
    what = f"{point.label}, {point.rate_hz:.1f} Hz"
    ratio = point.accuracy / point.reference
    return Row(what, point.accuracy, point.reference, ratio, None, None, "accuracy")


def main() -> None:
    """Score, print the table, and draw the figure where one is asked for."""
    options = parser(__doc__)
    options.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="converted run folders")
    options.add_argument("--figure", type=Path, metavar="FILE", help="SVG to write")
    given = options.parse_args()
    bundle = Path(str(resources.files("spiking_bimt.bundle")))
    files = [run / "rate.h5" for run in given.runs] or [bundle / "bimt.h5"]
    full_rates, trials = ((100.0, 400.0), 20) if given.quick else (FULL_RATES, 200)
    points: list[Point] = []
    for file in {store.sha256(file): file for file in files}.values():
        points += one_to_one(file, full_rates, trials)
    for run in given.runs:
        points += fine_tuned(run)
    show(f"accuracy over spikes, {trials} test trials of each task", [row(p) for p in points],
         given.json)  # fmt: skip
    if given.figure:
        with atomic.replacing(given.figure) as file:
            file.write(draw(points))


if __name__ == "__main__":
    main()

"""Are function and anatomy modular together? Measures of networks beside what chance gives.

    python benchmarks/modules.py [--quick] [--json FILE] [--figures FOLDER] [FILE ...]

FILE: rate.h5 of trained runs; the bundled networks by default (--quick: `bimt` alone, few shuffles,
no lesions). Ours is the measure, the reference its mean by chance (shuffled labels, exchanged
connections, permuted units, random groups); for the agreement of clusters it is 1, that of equal
ones. A run that is placed on a chip has lesions of its cores, too. --json holds locality at 4 to 16
clusters besides. See `spiking_bimt.analysis.modularity`.
"""

from importlib import resources
from pathlib import Path
from typing import Any

from common.rows import Row, parser, show, write_json

from spiking_bimt.analysis.modularity import (
    Effort,
    locality_by_clusters,
    measure_halves,
    measure_modularity,
)
from spiking_bimt.analysis.structure import communities
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.bundle.networks import BUNDLED
from spiking_bimt.data import store
from spiking_bimt.data.chip import Placement
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.plot.module_figures import modules_at_a_glance
from spiking_bimt.plot.picture import store_figure

MEASURES = (
    "isolated", "isolated_scattered", "variance_2d", "variance_2d_scattered", "mass_within",
    "mass_within_rewired", "mantel",
)  # fmt: skip
QUICK = Effort(trials=30, shuffles=500, rewirings=50, resolutions=(1.0,), lesions=0)


def against_chance(what: str, value: dict[str, float], note: str) -> Row:
    """A row of a measure and its mean by chance."""
    ours, chance = value["observed"], value["chance"]
    ratio = ours / chance if chance else None
    return Row(what, ours, chance, ratio, None, None, "", f"p {value['p']:.4f}; {note}")


def curve_of(name: str, found: list[dict[str, Any]]) -> list[Row]:
    """Rows of the locality at each number of clusters."""
    return [
        against_chance(f"{name}: {key} at {row['k']}", row[key], f"labels {row['halves']:.2f}")
        for row in found
        for key in MEASURES
        if key in row
    ]


def rows_of(name: str, found: dict[str, Any]) -> list[Row]:
    """A row a measure, and the agreement of functional clusters with communities of the weights."""
    size = f"{found['responsive']} units, wire {found['wiring_length']:.0f}"
    values = {key: found[key] for key in MEASURES}
    values |= {f"tasks lost with a {key}": value for key, value in found["lesions"].items()}
    rows = [against_chance(f"{name}: {key}", value, size) for key, value in values.items()]
    labels = found["reliability"]
    for what, agreed in labels.items():
        rows.append(Row(f"{name}: clusters, {what}", agreed, 1.0, agreed, None, None, "Rand", ""))
    for method in ("louvain", "greedy"):
        own = [row for row in found["communities"] if row["method"] == method]
        best = max(own, key=lambda row: row["adjusted_rand"])
        at_one = next(row for row in own if row["resolution"] == 1.0)
        ours = at_one["adjusted_rand"]
        note = (
            f"at resolution 1, p {at_one['p']:.4f}; best {best['adjusted_rand']:.3f} at "
            f"{best['resolution']:g}"
        )
        rows.append(Row(f"{name}: {method}", ours, 1.0, ours, None, None, "Rand", note))
    return rows


def main() -> None:
    """Measure each network, print the table, and draw each network."""
    options = parser(__doc__)
    options.add_argument("files", nargs="*", type=Path, metavar="FILE", help="rate.h5 of a run")
    options.add_argument("--figures", type=Path, metavar="FOLDER", help="a figure a network there")
    given = options.parse_args()
    bundle = Path(str(resources.files("spiking_bimt.bundle")))
    names = ["bimt"] if given.quick else BUNDLED
    files = given.files or [bundle / f"{name}.h5" for name in names]
    effort = QUICK if given.quick else Effort()
    rows: list[Row] = []
    curves: list[Row] = []
    for file in files:
        name = str(file) if given.files else file.stem
        network = store.load(file, RateNetwork)
        halves = measure_halves(network, effort.trials)
        placed = file.parent / "placement.h5"
        cores = store.load(placed, Placement).core if placed.is_file() else None
        found = measure_modularity(network, halves=halves, cores=cores, effort=effort)
        found |= wiring(network)
        rows += rows_of(name, found)
        curves += curve_of(name, locality_by_clusters(network, halves, effort.shuffles))
        if given.figures:
            given.figures.mkdir(parents=True, exist_ok=True)
            title = name.replace("/", "-")
            image = modules_at_a_glance(
                network, halves.clusters(0, found["k"], 0), communities(halves.weights),
                halves.weights, halves.variance[0],
            )  # fmt: skip
            store_figure(given.figures / f"{title}.svg", image)
    show("function and anatomy", rows, None)
    write_json(rows + curves, given.json)


if __name__ == "__main__":
    main()

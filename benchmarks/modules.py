"""Are function and anatomy modular together? Measures of networks beside what chance gives.

    python benchmarks/modules.py [--quick] [--json FILE] [FILE ...]

FILE: rate.h5 of trained runs; the bundled networks by default (--quick: `bimt` alone). Ours is the
measure, the reference its mean by chance (shuffled labels, exchanged connections, permuted units);
for the agreement of clusters it is 1, that of equal ones. See `spiking_bimt.analysis.modularity`.
"""

from importlib import resources
from pathlib import Path

from common.rows import Row, parser, show

from spiking_bimt.analysis.modularity import measure_modularity
from spiking_bimt.analysis.wiring import wiring
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.stages.compare import BUNDLED

MEASURES = ("isolated", "variance_2d", "mass_within", "mass_within_rewired", "mantel")


def rows_of(name: str, network: RateNetwork) -> list[Row]:
    """A row a measure, and the agreement of functional clusters with communities of the weights."""
    found = measure_modularity(network)
    size = f"{network.n_units} units, wire {wiring(network)['wiring_length']:.0f}"
    rows = []
    for measure in MEASURES:
        value = found[measure]
        ours, chance = value["observed"], value["chance"]
        rows.append(
            Row(f"{name}: {measure}", ours, chance, ours / chance if chance else None, None, None,
                "", f"p {value['p']:.4f}; {size}")
        )  # fmt: skip
    labels = found["reliability"]
    for what, agreed in labels.items():
        rows.append(Row(f"{name}: clusters, {what}", agreed, 1.0, agreed, None, None, "Rand", ""))
    for method in ("louvain", "greedy"):
        own = [row for row in found["communities"] if row["method"] == method]
        best = max(own, key=lambda row: row["adjusted_rand"])
        at_one = next(row for row in own if row["resolution"] == 1.0)
        ours = at_one["adjusted_rand"]
        note = (
            f"at resolution 1, p {at_one['p']:.3f}; best {best['adjusted_rand']:.3f} at "
            f"{best['resolution']:g}"
        )
        rows.append(Row(f"{name}: {method}", ours, 1.0, ours, None, None, "Rand", note))
    return rows


def main() -> None:
    """Measure each network and print the table."""
    options = parser(__doc__)
    options.add_argument("files", nargs="*", type=Path, metavar="FILE", help="rate.h5 of a run")
    given = options.parse_args()
    bundle = Path(str(resources.files("spiking_bimt.bundle")))
    names = ["bimt"] if given.quick else BUNDLED
    files = given.files or [bundle / f"{name}.h5" for name in names]
    rows = [
        row
        for file in files
        for row in rows_of(str(file) if given.files else file.stem, store.load(file, RateNetwork))
    ]
    show("function and anatomy", rows, given.json)


if __name__ == "__main__":
    main()

"""Are the errors that a training reports those of other trials? Networks on fresh test trials.

    python benchmarks/fresh_trials.py [--quick] [--json FILE] [FILE ...]

FILE: rate.h5 of trained runs, as OUT/runs/*/rate.h5 of a study; the bundled networks by default.
Fresh are twice 1,000 trials of each task (--quick: twice 100) with seeds that nothing was chosen
by; the reference is the error on the 200 trials of each task that `train` measures.
"""

from importlib import resources
from pathlib import Path

from common.fresh import fresh_errors
from common.rows import Row, parser, show

from spiking_bimt.battery.accuracy import score
from spiking_bimt.battery.draw import draw_trials
from spiking_bimt.bundle.networks import BUNDLED
from spiking_bimt.data import store
from spiking_bimt.data.rate import RateNetwork
from spiking_bimt.simulation.rate import rate_outputs


def row(name: str, network: RateNetwork, trials: int) -> Row:
    """Error on fresh trials over that on the usual ones."""
    usual = draw_trials(network.battery, network.tasks, 200, network.dt, stream="test")
    reference = 1 - score(rate_outputs(network, usual), usual).accuracy
    errors = fresh_errors(network, trials)
    ours = sum(errors) / len(errors)
    apart = " and ".join(f"{error:.4f}" for error in errors)
    ratio = ours / reference if reference else None
    note = f"{apart} on {trials} trials of each task; {network.n_units} units"
    return Row(name, ours, reference, ratio, None, None, "error", note)


def main() -> None:
    """Score each network and print the table."""
    options = parser(__doc__)
    options.add_argument("files", nargs="*", type=Path, metavar="FILE", help="rate.h5 of a run")
    given = options.parse_args()
    bundle = Path(str(resources.files("spiking_bimt.bundle")))
    files = given.files or [bundle / f"{name}.h5" for name in BUNDLED]
    trials = 100 if given.quick else 1000
    rows = [row(str(file) if given.files else file.stem, store.load(file, RateNetwork), trials)
            for file in files]  # fmt: skip
    show("errors on fresh trials", rows, given.json)


if __name__ == "__main__":
    main()

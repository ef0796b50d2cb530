"""How placing scales: CPU seconds of local sheets with 30 synapses per neuron, and a figure.

    python benchmarks/place_scale.py [--quick] [--sides 32 100 316] [--cells FILE] [--json FILE]
                                     [--figure FILE.svg]

256 neurons per core, Loihi's costs, limits on axons and memory lifted, log-normal rates, seed 0.
What FILE of `--cells` holds already is not run again. --quick measures the smallest sheet alone.
"""

import json
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common.rows import Row, parser, show
from place import lognormal, smallest

from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.plot import picture, style
from spiking_bimt.simulation.build import random_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PER_CORE = 256


def measured(side: int) -> dict[str, float]:
    """CPU seconds and the peak of memory so far, GiB."""
    network, n = random_sheet(side, seed=0), side**2
    chip = smallest(load_chip("loihi"), n, PER_CORE)
    began = time.process_time()
    place(network, chip, lognormal(n))
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"neurons": n, "synapses": len(network.indices), "seconds": seconds, "GiB": peak}


def paint(figure: "Figure", runs: list[dict[str, float]]) -> None:
    """Seconds against neurons, both logarithmic, and a line in proportion through the largest."""
    neurons, seconds = (np.array([run[key] for run in runs]) for key in ("neurons", "seconds"))
    axes = figure.subplots()
    axes.loglog(neurons, seconds[-1] * neurons / neurons[-1], "--", color=style.MUTED, lw=1)
    axes.loglog(neurons, seconds, "o-", color=style.BLUE)
    for run in runs:
        axes.annotate(f"{run['seconds']:.1f} s", (run["neurons"], run["seconds"]), (0, 7),
                      textcoords="offset points", ha="right")  # fmt: skip
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("neurons (30 synapses each)")
    axes.set_ylabel("CPU time of one thread (s)")
    axes.grid(True)


def main() -> None:
    """Run what is missing, and write the files."""
    arguments = parser(__doc__)
    arguments.add_argument("--sides", type=int, nargs="+", default=[32, 100, 316])
    arguments.add_argument("--cells", type=Path, help="measurements, read and added to")
    arguments.add_argument("--figure", type=Path, help="SVG of seconds against neurons")
    options = arguments.parse_args()
    known = {}
    if options.cells and options.cells.exists():
        known = {run["neurons"]: run for run in json.loads(options.cells.read_text())}
    place(random_sheet(20), load_chip("loihi"), np.ones(400), effort=0.01)  # compiles
    for side in options.sides[:1] if options.quick else options.sides:
        if side**2 not in known:
            known[side**2] = measured(side)
            print(known[side**2], flush=True)
            if options.cells:
                options.cells.write_text(json.dumps(list(known.values()), indent=1))
    show("placing sheets", [
        Row(f"{run['neurons']:,} neurons, {run['synapses']:,} synapses", run["seconds"], None, None,
            None, None, "CPU s", f"peak of memory {run['GiB']:.2f} GiB") for run in known.values()
    ], options.json)  # fmt: skip
    if options.figure:
        runs = [known[n] for n in sorted(known)]
        drawn = picture.draw(4.6, 3.2, lambda figure: paint(figure, runs))
        options.figure.write_bytes(drawn.svg)


if __name__ == "__main__":
    main()

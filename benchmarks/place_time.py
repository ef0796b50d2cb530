"""Does the time grow with the network, without steps? CPU seconds and proposals by neurons.

    python benchmarks/place_time.py [--quick] [--kind block] [--neurons 100 200 ...]
                                    [--cells FILE] [--json FILE]

Networks of `networks.drawn` on square grids of 64 neurons per core, multicast. No larger network
may take less than 1 / 1.2 of what any smaller one takes.
"""

import json
import time
from pathlib import Path

import numpy as np
from common.networks import drawn
from common.rows import Row, parser, show
from place import lognormal, smallest

from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip

NEURONS = (100, 190, 210, 300, 490, 510, 1000, 1190, 1210, 1900, 4000, 10_000, 19_900, 20_100,
           49_900, 50_100)  # fmt: skip
QUICK = 600
"""Most neurons of the quick study."""
STEP = 1.2
"""Times by which a larger network may be faster than a smaller one."""


def measured(kind: str, n: int) -> dict[str, float]:
    """CPU seconds and proposals of one network."""
    network, chip = drawn(kind, n), smallest(load_chip("grid64"), n, 64)
    began = time.process_time()
    found = place(network, chip, lognormal(n)).measured or {}
    return {"neurons": n, "seconds": time.process_time() - began,
            "proposals": float(str(found["proposals"]))}  # fmt: skip


def main() -> None:
    """Run what is missing and print the table."""
    known = parser(__doc__)
    known.add_argument("--kind", default="block")
    known.add_argument("--neurons", type=int, nargs="+", default=list(NEURONS))
    known.add_argument("--cells", type=Path, help="measurements, read and added to")
    options = known.parse_args()
    if options.quick:
        options.neurons = [n for n in options.neurons if n <= QUICK]
    cells: dict[str, dict[str, float]] = {}
    if options.cells and options.cells.exists():
        cells = json.loads(options.cells.read_text())
    place(drawn("block", 100), smallest(load_chip("grid64"), 100, 16), np.ones(100), effort=0.01)
    rows, most = [], {"seconds": 0.0, "proposals": 0.0}
    for n in sorted(options.neurons):
        key = f"{options.kind} {n}"
        if key not in cells:
            cells[key] = measured(options.kind, n)
            print(key, cells[key], flush=True)
            if options.cells:
                options.cells.write_text(json.dumps(cells, indent=0))
        for what, unit in (("seconds", "s"), ("proposals", "")):
            ours, before = cells[key][what], most[what]
            met, note = before <= STEP * ours, "largest of the smaller networks"
            rows.append(Row(f"{what}, {key}", ours, before or None, before / ours, STEP, met, unit,
                            note))  # fmt: skip
            most[what] = max(before, ours)
    show("time by neurons", rows, options.json)


if __name__ == "__main__":
    main()

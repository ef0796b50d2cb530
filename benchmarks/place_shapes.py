"""Does the placer use the shape of the chip: links of unequal price, and boards of several chips?

    python benchmarks/place_shapes.py [--quick] [--seeds 3] [--label NAME --cells FILE]
                                      [--json FILE]

Every network is placed on every chip; the reference is Mt-KaHyPar and QAP on the block nearest to a
square. With --cells costs are also kept by label, so that a run of an earlier version (--label
before) can be compared: then the second reference is that. Needs mtkahypar.
"""

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common.networks import drawn
from common.place_peers import mtkahypar
from common.rows import Row, parser, show
from place import lognormal

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.search import Problem
from spiking_bimt.chip.traffic import flow
from spiking_bimt.data.chip import Chip
from spiking_bimt.simulation.build import random_sheet

NETWORKS = ("block 200", "hub 200", "bipartite 200", "sheet 361")
PER_CORE = 13
TARGET = 0.85
"""Most of an earlier version's cost that ours may have in geometric mean."""


def chips() -> dict[str, Chip]:
    """Chips larger than the networks, with dear links in one direction or between chips."""
    one = replace(
        load_chip("grid16"), width=16, height=16, cores_per_tile=1, neurons_per_core=PER_CORE,
        input_axons=None, output_axons=None, synapse_bits=None, hop_cost_x=1.0, hop_cost_y=1.0,
    )  # fmt: skip
    board: dict[str, Any] = {
        "width": 9,
        "height": 9,
        "chip_width": 3,
        "chip_height": 3,
        "chip_hop_cost": 10.0,
    }
    return {
        "hops of 1 and 10": replace(one, hop_cost_y=10.0),
        "hops of 3 and 1": replace(one, hop_cost_x=3.0),
        "board of 3 x 3": replace(one, **board),
        "board of 3 x 3, unicast": replace(one, **board, routing="unicast"),
        "board of 2 x 5": replace(one, width=8, height=10, chip_width=2, chip_height=5,
                                  chip_hop_cost=10.0),
    }  # fmt: skip


def measured(network: str, chip: Chip, seed: int) -> dict[str, float]:
    """Cost of ours and of the reference, CPU seconds of ours."""
    kind, size = network.split()
    n = int(size)
    net = random_sheet(math.isqrt(n), seed=0) if kind == "sheet" else drawn(kind, n)
    rates, graph = lognormal(n), axon_graph(net)
    began = time.process_time()
    ours = place(net, chip, rates, seed=seed).core
    seconds = time.process_time() - began
    problem = Problem(chip, graph, rates, net.positions, PER_CORE, 0, seed)
    other = mtkahypar(problem, start.compact_cores(chip, math.ceil(n / PER_CORE)), seed)
    costs = [flow(chip, graph, core, rates).cost(chip) for core in (ours, other)]
    return {"cost": costs[0], "Mt-KaHyPar + QAP": costs[1], "seconds": seconds}


def main() -> None:
    """Run what is missing and print the table."""
    known = parser(__doc__)
    known.add_argument("--seeds", type=int, default=3)
    known.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    known.add_argument("--chips", nargs="+", choices=chips(), default=list(chips()))
    known.add_argument("--label", default="ours")
    known.add_argument("--cells", type=Path, help="measurements, read and added to")
    options = known.parse_args()
    if options.quick:
        options.seeds, options.networks = 1, list(NETWORKS[:1])
    cells: dict[str, dict[str, float]] = {}
    if options.cells and options.cells.exists():
        cells = json.loads(options.cells.read_text())
    place(random_sheet(20), chips()["board of 3 x 3"], np.ones(400), effort=0.01)  # compiles
    rows: list[Row] = []
    logs: list[float] = []
    for name in options.chips:
        chip = chips()[name]
        for network in options.networks:
            keys = [f"{network}|{name}|{seed}" for seed in range(options.seeds)]
            for seed, key in enumerate(keys):
                if f"{options.label}|{key}" not in cells:
                    cells[f"{options.label}|{key}"] = measured(network, chip, seed)
                    if options.cells:
                        options.cells.write_text(json.dumps(cells, indent=0))
            mine = [cells[f"{options.label}|{key}"] for key in keys]
            ours, peer = (float(np.mean([cell[of] for cell in mine]))
                          for of in ("cost", "Mt-KaHyPar + QAP"))  # fmt: skip
            before = [cells[f"before|{key}"]["cost"] for key in keys if f"before|{key}" in cells]
            note = f"of Mt-KaHyPar + QAP; {np.mean([c['seconds'] for c in mine]):.1f} s of CPU"
            if len(before) == len(keys):
                logs.append(math.log(ours / np.mean(before)))
                note += f"; {ours / np.mean(before):.3f} of before"
            rows.append(Row(f"{network}, {name}", ours, peer, ours / peer, 1.01,
                            ours <= 1.01 * peer, "packets and hops", note))  # fmt: skip
    if logs:
        ratio = math.exp(np.mean(logs))
        rows.append(Row("geometric mean to before", None, None, ratio, TARGET, ratio <= TARGET, "",
                        f"{len(logs)} cells"))  # fmt: skip
    show("shapes of the block of cores", rows, options.json)


if __name__ == "__main__":
    main()

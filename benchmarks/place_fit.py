"""Does the placer find a placement where one is known to exist? Planted networks on tight chips.

    python benchmarks/place_fit.py [--quick] [--instances 200] [--seeds 1] [--cells FILE]
                                   [--json FILE]

Each network is made of groups that a known assignment puts on the cores of a grid or board; the
limits on neurons, input axons and synapse memory are what that assignment needs, plus 0, 5 or 20%.
Groups fill a core each, or several share one (bin packing, exact where there is no slack). Neurons
are numbered at random. The network is placed on that chip, and on one too small for it, whose
refusal must suggest the smallest square grid.
"""

import json
import math
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common.rows import Row, parser, show

from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.limits import least_cores, usage
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.errors import InputError
from spiking_bimt.simulation.build import from_coo

QUICK = 40
"""Instances of the quick study."""
SLACKS = (0.0, 0.05, 0.2)
GRIDS = ((2, 2), (3, 2), (3, 3), (4, 3), (4, 4), (5, 4))
BOARDS = ((4, 2, 2, 2), (4, 4, 2, 2), (6, 3, 3, 3))
"""Width and height of the board, of its chips."""


@dataclass(frozen=True)
class Planted:
    """A network, the chip that holds it, and the cores that the known assignment uses."""

    network: SpikingNetwork
    chip: Chip
    cores: int
    slack: float
    what: str


def planted(number: int) -> Planted:
    """The instance of that number; all that is random comes from it."""
    rng = np.random.default_rng([23, number])
    slack = SLACKS[number % 3]
    chip = replace(load_chip(str(rng.choice(["grid16", "loihi"]))), cores_per_tile=1,
                   output_axons=None)  # fmt: skip
    if rng.random() < 0.3:
        width, height, *one = BOARDS[rng.integers(len(BOARDS))]
        chip = replace(chip, width=width, height=height, chip_width=one[0], chip_height=one[1],
                       chip_hop_cost=10 * chip.hop_cost_x)  # fmt: skip
    else:
        width, height = GRIDS[rng.integers(len(GRIDS))]
        chip = replace(chip, width=width, height=height)
    several = rng.random() < 0.4
    group, core = groups(rng, width * height, several)
    source, target = synapses(rng, group, 0 if several else int(rng.integers(0, 3)))
    n = len(group)
    number_of = rng.permutation(n)
    network = from_coo(number_of[source], number_of[target], np.ones(len(source), np.float32), n)
    home = np.empty(n, np.int32)
    home[number_of] = core
    used = usage(chip, axon_graph(network), home)
    limits = {
        "neurons_per_core": used.neurons_per_core, "input_axons": used.input_axons,
        "synapse_bits": used.synapse_bits,
    }  # fmt: skip
    most = {name: math.ceil(int(value.max()) * (1 + slack)) for name, value in limits.items()}
    dropped = rng.integers(3)
    axons = None if dropped == 1 else most["input_axons"]
    bits = None if dropped == 2 else most["synapse_bits"]
    chip = replace(chip, neurons_per_core=most["neurons_per_core"], input_axons=axons,
                   synapse_bits=bits)  # fmt: skip
    # Loihi's formula depends on the neurons of a core: the planted assignment must still fit.
    again = usage(chip, axon_graph(network), home).synapse_bits.max()
    if chip.synapse_bits is not None:
        chip = replace(chip, synapse_bits=math.ceil(int(again) * (1 + slack)))
    what = f"{'board' if chip.chip_width else 'grid'}, {'several' if several else 'one'} a core"
    return Planted(network, chip, width * height, slack, what)


def groups(
    rng: np.random.Generator, cores: int, several: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(N,) group and core of each neuron."""
    room = int(rng.integers(8, 33))
    sizes, homes = [], []
    for core in range(cores):
        left = room if several else int(rng.integers(max(2, room - 4), room + 1))
        while left > 0:
            size = min(left, int(rng.integers(2, max(3, room // 2) + 1))) if several else left
            sizes.append(size)
            homes.append(core)
            left -= size
    return np.repeat(np.arange(len(sizes)), sizes), np.repeat(homes, sizes)


def synapses(
    rng: np.random.Generator, group: npt.NDArray[np.int64], outside: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Source and target of every synapse: within groups, and from `outside` other neurons each."""
    density = rng.uniform(0.3, 1.0)
    there = (group[:, None] == group) & (rng.random((len(group), len(group))) < density)
    for one in range(int(group.max()) + 1):
        members = np.flatnonzero(group == one)
        for source in rng.choice(len(group), outside * 2):
            there[source, members[rng.random(len(members)) < 0.6]] = True
    source, target = np.nonzero(there)
    return source, target


def narrower(chip: Chip) -> Chip:
    """The chip without its last column, of chips where it is a board."""
    return replace(chip, width=chip.width - (chip.chip_width or 1))


def squared(cores: int, chip: Chip) -> int:
    """Tiles along the side of the smallest square grid of so many cores, of whole chips."""
    one = chip.chip_width or 1
    return -(-(math.isqrt(max(cores, 1) - 1) + 1) // one) * one


def measured(number: int, seed: int) -> dict[str, Any]:
    """Whether the instance was placed, and what a chip too small for it was answered."""
    given = planted(number)
    began = time.process_time()
    n = given.network.n_neurons
    fits, said = True, ""
    try:
        place(given.network, given.chip, np.ones(n), seed=seed, effort=0.01)
    except InputError as error:
        fits, said = False, str(error)
    middle = time.process_time()
    chip = narrower(given.chip)
    try:
        place(given.network, chip, np.ones(n), seed=seed, effort=0.01)
        answer = "it fits"
    except InputError as error:
        answer = str(error)
    found = re.search(r"or use a (?:grid|board) of (\d+) x (\d+) such tiles, on which", answer)
    side = int(found.group(1)) if found else 0
    bound = least_cores(chip, axon_graph(given.network))
    return {
        "slack": given.slack, "what": given.what, "neurons": n, "fits": fits, "said": said,
        "seconds": middle - began, "refusing": time.process_time() - middle, "answer": answer,
        "side": side,
        "planted": squared(given.cores, chip), "bound": squared(bound, chip),
    }  # fmt: skip


def main() -> None:
    """Place all instances and print the table."""
    known = parser(__doc__)
    known.add_argument("--instances", type=int, default=200)
    known.add_argument("--seeds", type=int, default=1)
    known.add_argument("--cells", type=Path, help="measurements, read and added to")
    options = known.parse_args()
    if options.quick:
        options.instances = min(options.instances, QUICK)
    known_cells: dict[str, dict[str, Any]] = {}
    if options.cells and options.cells.exists():
        known_cells = json.loads(options.cells.read_text())
    cells = []
    for number in range(options.instances):
        for seed in range(options.seeds):
            key = f"{number}|{seed}"
            if key not in known_cells:
                known_cells[key] = measured(number, seed)
                if options.cells:
                    options.cells.write_text(json.dumps(known_cells, indent=0))
            one = known_cells[key]
            cells.append(one)
            if (
                not one["fits"]
                or one["side"] not in (0, one["planted"])
                or (one["side"] == 0 and one["answer"] != "it fits")
            ):
                print(number, seed, one, flush=True)
    rows = []
    for slack in SLACKS:
        fits = [one["fits"] for one in cells if one["slack"] == slack]
        refused, most = fits.count(False) / len(fits), 0.05 if slack == 0 else 0.0
        rows.append(Row(f"planted networks refused, slack {slack:.0%}", refused, None, None, most,
                        refused <= most, "share", f"{len(fits)} placements"))  # fmt: skip
    # A grid smaller than the planted one is better still.
    minimal = [0 < one["side"] <= one["planted"] for one in cells if one["answer"] != "it fits"]
    share = sum(minimal) / len(minimal)
    rows.append(Row("suggested grids minimal", share, None, None, 0.95, share >= 0.95, "share",
                    f"{len(minimal)} refusals"))  # fmt: skip
    for key, what in (("seconds", "placing"), ("refusing", "refusing")):
        most = max(one[key] for one in cells)
        rows.append(Row(f"CPU of {what}, largest", most, None, None, None, None, "s", ""))
    show("planted networks", rows, options.json)


if __name__ == "__main__":
    main()

"""Is the placer better than what others do? Needs pymetis and mtkahypar.

    python benchmarks/place.py [--quick] [--seeds 5] [--cells FILE] [--json FILE]

Every method places every network on every chip for every seed; what FILE of `--cells` holds already
is not run again, so that a long study can be stopped and go on. The last rows are the distance to
the lower bound on 4 x 4. `place_scale.py` and `place_time.py` measure the time, `place_shapes.py`
boards and links of unequal price, `place_fit.py` tight limits, `place_cores.py` what the bundled
networks cost.
"""

import argparse
import functools
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from common.networks import bundled, drawn
from common.place_peers import METHODS
from common.rows import Row, parser, show
from scipy.sparse import coo_array

from spiking_bimt.chip import start
from spiking_bimt.chip.graph import axon_graph
from spiking_bimt.chip.place import place
from spiking_bimt.chip.presets import load_chip
from spiking_bimt.chip.search import Problem
from spiking_bimt.chip.traffic import flow
from spiking_bimt.data.chip import Chip
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.build import from_sparse, random_sheet
from spiking_bimt.simulation.driven import drive

CHIPS = ("grid64", "loihi", "loihi-davies2018")
NETWORKS = ("bimt", "l1", "none", "cores", "sheet 1024", "sheet 4096", "sheet 99856",
            "small world 1000", "random 1000")  # fmt: skip
DRAWN = ("block 490", "block 510", "scale-free 500", "hub 500", "layered 1000", "bipartite 1000")
"""Networks that the placer's numbers were not chosen on (`networks.drawn`)."""
MESHES = {"12 x 4": ("loihi", 12, 4), "6 x 6": ("grid64", 6, 6)}
"""Chips for these: prices and routing of a preset, width, height."""
FILLED = 0.9
"""Share of their room that the network fills."""
QUICK = ("bimt", "sheet 1024", "small world 1000", "random 1000")
TRAINED = ("cores",)
"""Networks trained against a chip, which the means leave out: no other method knows their cores."""
TARGETS = {"energy": 0.95, "multicast hops": 0.90}
LESS = 0.05
"""Effort of "ours, less": about the time of the best other method, of which Mt-KaHyPar's parts are
the larger share."""
Cells = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Case:
    """A network and how many neurons a core gets."""

    name: str
    network: SpikingNetwork
    rates: npt.NDArray[np.float64]
    per_core: int


def lognormal(n: int) -> npt.NDArray[np.float64]:
    """Rates as cortex has them, a few times apart: mean 0.6 of an arbitrary unit."""
    return np.random.default_rng(1).lognormal(-1, 1, n)


def ring(n: int, neighbours: int, rewired: float) -> SpikingNetwork:
    """A ring whose neurons drive their next neighbours, a share of the synapses rewired."""
    rng = np.random.default_rng(0)
    source = np.repeat(np.arange(n), neighbours)
    target = source + np.tile(np.arange(1, neighbours + 1), n)
    random = rng.random(len(source)) < rewired
    target[random] = rng.integers(0, n, random.sum())
    matrix = coo_array((np.ones(len(source), np.float32), (source, target % n)), (n, n)).tocsr()
    return from_sparse(matrix)


@functools.cache
def case(name: str) -> Case:
    """A bundled network, a sheet, a small world or a random network."""
    kind, _, size = name.rpartition(" ")
    if name in DRAWN:
        return Case(name, drawn(kind, int(size)), lognormal(int(size)), 0)
    if kind == "sheet":
        n, side = int(size), math.isqrt(int(size))
        return Case(name, random_sheet(side, seed=0), lognormal(n), 256 if side > 64 else 64)
    if kind:
        return Case(name, ring(1000, 20, 0.1 if kind == "small world" else 1.0),
                    lognormal(1000), 64)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        network = bundled(name, Path(folder) / name)
        if network is None:
            raise RuntimeError(f"no bundled network {name}")
        activity = drive(network, stream="calibrate").recording
        return Case(name, network, activity.rates_hz, 128 if name == "none" else 16)


def smallest(chip: Chip, n: int, per_core: int) -> Chip:
    """The chip with the smallest square grid that holds n neurons at per_core a core."""
    side = math.ceil(math.sqrt(math.ceil(n / per_core)))
    return replace(
        chip, width=side, height=side, cores_per_tile=1, neurons_per_core=per_core,
        input_axons=None, output_axons=None, synapse_bits=None,
    )  # fmt: skip


def chip_for(given: Case, name: str) -> Chip:
    """The chip of that name, as large as the network needs; limits but that of neurons lifted."""
    n = given.network.n_neurons
    if name not in MESHES:
        return smallest(load_chip(name), n, given.per_core)
    preset, width, height = MESHES[name]
    room = math.ceil(n / (FILLED * width * height))
    return replace(
        load_chip(preset), width=width, height=height, cores_per_tile=1, neurons_per_core=room,
        input_axons=None, output_axons=None, synapse_bits=None,
    )  # fmt: skip


def pairs(networks: Sequence[str], chips: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Networks and the chips that they are placed on."""
    for network in networks:
        for chip in chips:
            if (network in DRAWN) == (chip in MESHES):
                yield network, chip


def measured(network: str, chip_name: str, method: str, seed: int) -> dict[str, float]:
    """Network energy (cost), multicast hops and CPU seconds of a method."""
    given = case(network)
    graph, n = axon_graph(given.network), given.network.n_neurons
    chip = chip_for(given, chip_name)
    room = chip.neurons_per_core
    problem = Problem(chip, graph, given.rates, given.network.positions, room, 0, seed)
    used = start.compact_cores(chip, math.ceil(n / room))
    began = time.process_time()
    if method in ("ours", "ours, less"):
        effort = 1.0 if method == "ours" else LESS
        core = place(given.network, chip, 1000 * given.rates, seed=seed, effort=effort).core
    else:
        core = METHODS[method](problem, used, seed)
    seconds = time.process_time() - began
    flows = flow(chip, graph, core, given.rates)
    hops = flows.tree_x + flows.tree_y
    return {"energy": flows.cost(chip), "multicast hops": hops, "seconds": seconds}


def fill(cells: Cells, options: argparse.Namespace) -> None:
    """Measure what is missing, and write the file after each."""
    for seed in range(options.seeds):
        for network, chip in pairs(options.networks, options.chips):
            for method in options.methods:
                key = f"{network}|{chip}|{method}|{seed}"
                if key in cells:
                    continue
                cells[key] = measured(network, chip, method, seed)
                print(key, {k: round(v, 3) for k, v in cells[key].items()}, flush=True)
                if options.cells:
                    new = options.cells.with_suffix(".new")
                    new.write_text(json.dumps(cells, indent=0))
                    new.replace(options.cells)


def means(cells: Cells, network: str, chip: str) -> dict[str, dict[str, float]]:
    """The mean over the seeds that every method has, by method; empty where ours has none."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    for key, values in cells.items():
        name, on, method, seed = key.split("|")
        if (name, on) == (network, chip):
            found.setdefault(method, {})[int(seed)] = values
    if "ours" not in found or len(found) == 1:
        return {}
    common = set.intersection(*(set(runs) for runs in found.values()))
    return {
        method: {k: float(np.mean([runs[s][k] for s in common])) for k in next(iter(runs.values()))}
        | {"seeds": len(common)}
        for method, runs in found.items()
        if common
    }


def quality_rows(cells: Cells) -> Iterator[Row]:
    """A row per network, chip and metric: ours against the best baseline; then geometric means."""
    logs: dict[tuple[str, str], list[float]] = {}
    for network, chip in pairs((*NETWORKS, *DRAWN), (*CHIPS, *MESHES)):
        mean = means(cells, network, chip)
        if not mean:
            continue
        ours, less = mean.pop("ours"), mean.pop("ours, less", None)
        for metric in TARGETS:
            best = min(mean, key=lambda m: mean[m][metric])
            reference = mean[best][metric]
            # The network trained against a chip has cores that send each other nothing.
            ratio = ours[metric] / reference if reference else 1.0 + ours[metric]
            note = (
                f"best of others: {best} ({mean[best]['seconds']:.1f} s of CPU; ours "
                f"{ours['seconds']:.1f} s); seeds: {ours['seeds']}"
            )
            if less is not None and reference:
                note += f"; in {less['seconds']:.1f} s {less[metric] / reference:.3f}"
            yield Row(f"{metric}, {network}, {chip}", ours[metric], reference, ratio, 1.01,
                      ratio <= 1.01, "a ms", note)  # fmt: skip
            if network not in TRAINED:
                for m in mean:
                    change = math.log(ours[metric] / mean[m][metric])
                    logs.setdefault((metric, m), []).append(change)
    most = max((len(values) for values in logs.values()), default=0)
    for metric, target in TARGETS.items():
        every = {m: values for (k, m), values in logs.items() if k == metric}
        ratios = {m: math.exp(np.mean(values)) for m, values in every.items()}
        for m, ratio in ratios.items():
            yield Row(f"{metric}, geometric mean", None, None, ratio, None, None, "",
                      f"to {m}, {len(every[m])} cells")  # fmt: skip
        full = [m for m in ratios if len(every[m]) == most]
        if full:
            best = max(full, key=ratios.__getitem__)
            yield Row(
                f"{metric}, geometric mean", None, None, ratios[best], target,
                ratios[best] <= target, "", f"to the best single baseline, {best}",
            )  # fmt: skip


def bound_row(name: str) -> Row:
    """How far above its lower bound a 4 x 4 grid ends."""
    given = case("sheet 1024")
    chip = smallest(load_chip(name), 1024, given.per_core)
    result = place(given.network, chip, 1000 * given.rates).measured or {}
    ours, bound = float(result["cost"]), float(result["lower_bound"]["cost"])  # type: ignore
    return Row(f"cost on 4 x 4, sheet 1024, {name}", ours, bound, ours / bound, 1.1,
               ours <= 1.1 * bound, "pJ a ms",
               "reference: the lower bound for its partition")  # fmt: skip


def main() -> None:
    """Run what is missing and print the table."""
    known = parser(__doc__)
    known.add_argument("--seeds", type=int, default=5)
    known.add_argument(
        "--networks", nargs="+", choices=(*NETWORKS, *DRAWN), default=[*NETWORKS, *DRAWN]
    )
    known.add_argument("--chips", nargs="+", choices=(*CHIPS, *MESHES), default=[*CHIPS, *MESHES])
    known.add_argument("--methods", nargs="+", default=[*METHODS, "ours", "ours, less"])
    known.add_argument("--cells", type=Path, help="measurements, read and added to")
    options = known.parse_args()
    if options.quick:
        options.seeds, options.networks = 1, list(QUICK)
    cells: Cells = {}
    if options.cells and options.cells.exists():
        cells = json.loads(options.cells.read_text())
    place(random_sheet(20), load_chip("loihi"), np.ones(400), effort=0.01)  # compiles
    fill(cells, options)
    rows = list(quality_rows(cells))
    if "ours" in options.methods:
        rows += [bound_row(name) for name in ("loihi", "loihi-davies2018")]
    show("placement", rows, options.json)


if __name__ == "__main__":
    main()

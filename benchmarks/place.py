"""Is the placer better than what others do, and does it scale? Needs pymetis and mtkahypar.

python benchmarks/place.py [--quick] [--json FILE]
"""

import math
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from networks import bundled
from place_peers import METHODS
from rows import Row, arguments, show
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
from spiking_bimt.stages.place import spikes

CHIPS = ("grid64", "loihi", "loihi-davies2018")


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


def cases(quick: bool, folder: Path) -> Iterator[Case]:
    """Bundled networks, sheets, a small world and a random network."""
    for name in ("bimt",) if quick else ("bimt", "l1", "none"):
        network = bundled(name, folder / name)
        if network is not None:
            counts, steps, _ = spikes(network, "calibrate", None)
            yield Case(name, network, counts / (steps * network.dt), 128 if name == "none" else 16)
    for side in (32,) if quick else (32, 64, 316):
        per_core = 256 if side > 64 else 64
        yield Case(f"sheet {side**2}", random_sheet(side, seed=0), lognormal(side**2), per_core)
    yield Case("small world 1000", ring(1000, 20, 0.1), lognormal(1000), 64)
    yield Case("random 1000", ring(1000, 20, 1.0), lognormal(1000), 64)


def smallest(chip: Chip, n: int, per_core: int) -> Chip:
    """The chip with the smallest square grid that holds n neurons at per_core a core."""
    side = math.ceil(math.sqrt(math.ceil(n / per_core)))
    return replace(
        chip, width=side, height=side, cores_per_tile=1, neurons_per_core=per_core,
        input_axons=None, output_axons=None, synapse_bits=None,
    )  # fmt: skip


def measured(case: Case, chip: Chip, seed: int) -> dict[str, dict[str, float]]:
    """Network energy (cost), multicast hops and CPU seconds of every method."""
    graph, n = axon_graph(case.network), case.network.n_neurons
    problem = Problem(chip, graph, case.rates, case.network.positions, case.per_core, 0, seed)
    used = start.compact_cores(chip, math.ceil(n / case.per_core))
    found = {}
    for name in (*METHODS, "ours"):
        began = time.process_time()
        if name == "ours":
            core = place(case.network, chip, case.rates, seed=seed).core
        else:
            core = METHODS[name](problem, used, seed)
        flows = flow(chip, graph, core, case.rates)
        found[name] = {
            "energy": flows.cost(chip), "multicast hops": flows.tree_x + flows.tree_y,
            "seconds": time.process_time() - began,
        }  # fmt: skip
    return found


def quality_rows(quick: bool, folder: Path) -> Iterator[Row]:
    """A row a network, chip and metric: ours against the best baseline; then geometric means."""
    seeds = range(1 if quick else 5)
    logs: dict[tuple[str, str], list[float]] = {}
    for case in cases(quick, folder):
        for name in CHIPS:
            chip = smallest(load_chip(name), case.network.n_neurons, case.per_core)
            runs = [measured(case, chip, seed) for seed in seeds]
            for metric in ("energy", "multicast hops"):
                mean = {m: float(np.mean([run[m][metric] for run in runs])) for m in runs[0]}
                best = min(METHODS, key=mean.__getitem__)
                ratio = mean["ours"] / mean[best]
                seconds = float(np.mean([run["ours"]["seconds"] for run in runs]))
                yield Row(
                    f"{metric}, {case.name}, {name}", mean["ours"], mean[best], ratio, 1.01,
                    ratio <= 1.01, "a ms", f"best of others: {best}; ours {seconds:.1f} s of CPU",
                )  # fmt: skip
                for m in METHODS:
                    logs.setdefault((metric, m), []).append(math.log(mean["ours"] / mean[m]))
    for metric, target in (("energy", 0.95), ("multicast hops", 0.90)):
        means = {m: math.exp(np.mean(logs[metric, m])) for m in METHODS}
        for m in METHODS:
            yield Row(f"{metric}, geometric mean", None, None, means[m], None, None, "", f"to {m}")
        best = max(METHODS, key=means.__getitem__)
        ratio = means[best]
        yield Row(
            f"{metric}, geometric mean", None, None, ratio, target, ratio <= target, "",
            f"to the best single baseline, {best}",
        )  # fmt: skip


def bound_row() -> Row:
    """How far above Gilmore and Lawler's bound a 4 x 4 grid ends."""
    case = Case("sheet", random_sheet(32, seed=0), lognormal(1024), 64)
    chip = smallest(load_chip("loihi-davies2018"), 1024, 64)
    result = place(case.network, chip, case.rates).measured or {}
    ours, bound = float(result["cost"]), float(result["lower_bound"]["cost"])  # type: ignore
    return Row("cost on 4 x 4, sheet 1024", ours, bound, ours / bound, 1.1, ours <= 1.1 * bound,
               "pJ a ms", "reference: the lower bound for its partition")  # fmt: skip


def scale_row(side: int, target: float | None) -> Row:
    """CPU seconds of a local sheet with 30 synapses a neuron on 256-neuron cores."""
    network, n = random_sheet(side, seed=0), side**2
    chip = smallest(load_chip("loihi"), n, 256)
    began = time.process_time()
    place(network, chip, lognormal(n))
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    met = None if target is None else seconds <= target
    return Row(f"placing {n:,} neurons", seconds, None, None, target, met, "s of CPU",
               f"{len(network.indices):,} synapses; {peak:.1f} GiB at most so far")  # fmt: skip


def main() -> None:
    """Run all and print the table."""
    options = arguments(__doc__ or "")
    place(random_sheet(20), load_chip("loihi"), np.ones(400), effort=0.01)  # compiles
    with tempfile.TemporaryDirectory() as name:
        rows = list(quality_rows(options.quick, Path(name)))
    rows.append(bound_row())
    sizes: dict[int, float | None] = {100: None}
    if not options.quick:
        sizes |= {316: 60.0, 1000: 600.0}
    rows += [scale_row(side, target) for side, target in sizes.items()]
    show("placement", rows, options.json)


if __name__ == "__main__":
    main()

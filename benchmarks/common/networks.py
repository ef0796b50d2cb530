"""Networks that several benchmarks measure."""

from importlib import resources
from pathlib import Path

import numpy as np

from spiking_bimt.data import store
from spiking_bimt.data.network import SpikingNetwork
from spiking_bimt.simulation.build import from_coo
from spiking_bimt.stages.convert import convert


def bundled(name: str, folder: Path) -> SpikingNetwork | None:
    """The bundled network of that name, converted to 8 bits; None where there is none."""
    source = resources.files("spiking_bimt.bundle") / f"{name}.h5"
    if not source.is_file():
        return None
    folder.mkdir()
    store.write_bytes(folder / "rate.h5", source.read_bytes())
    convert(folder, trials=1)
    return store.load(folder / "network.h5", SpikingNetwork).quantised()


def drawn(kind: str, n: int) -> SpikingNetwork:
    """A random network of n neurons whose structure the placer was not made for.

    block: ten groups, 80% of 20 targets within the own one; scale-free: 15 targets by a power law;
    hub: 10 targets, 30% of them among ten neurons; layered: four layers, 20 targets in the next;
    bipartite: 20 targets in the other half.
    """
    rng = np.random.default_rng(0)
    if kind == "block":
        source = np.repeat(np.arange(n), 20)
        target = rng.integers(0, n, len(source))
        own = rng.random(len(source)) < 0.8
        target[own] = (target[own] // 10 * 10 + source[own] % 10) % n
    elif kind == "scale-free":
        weight = (np.arange(n) + 1.0) ** -0.5
        source = np.repeat(np.arange(n), 15)
        target = rng.choice(n, len(source), p=weight / weight.sum())
    elif kind == "hub":
        source = np.repeat(np.arange(n), 10)
        target = rng.integers(0, n, len(source))
        to_hub = rng.random(len(source)) < 0.3
        target[to_hub] = rng.integers(0, 10, to_hub.sum())
    elif kind == "layered":
        source, layer = np.repeat(np.arange(3 * n // 4), 20), n // 4
        target = (source // layer + 1) * layer + rng.integers(0, layer, len(source))
    elif kind == "bipartite":
        source, half = np.repeat(np.arange(n), 20), n // 2
        target = np.where(source < half, half, 0) + rng.integers(0, half, len(source))
    else:
        raise ValueError(f"no such kind of network: {kind}")
    source, target = np.unique(np.stack([source, target]), axis=1)
    return from_coo(source, target, np.ones(len(source), np.float32), n)
